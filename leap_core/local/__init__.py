"""Models in this process (torch): engine, tokenization, decoding, adapters, export."""
