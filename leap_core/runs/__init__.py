"""A run on disk: folder, records, stages, ledger, progress."""
