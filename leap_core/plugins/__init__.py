"""Plugins: how they are discovered, loaded in isolation, and asked for by name."""
