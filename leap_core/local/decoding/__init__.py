"""Decoding batches of prompts that share and keep prefixes."""
