"""Environments served by OpenEnv, for LEAP."""
