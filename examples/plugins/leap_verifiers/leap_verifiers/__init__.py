"""Environments of verifiers, for LEAP."""
