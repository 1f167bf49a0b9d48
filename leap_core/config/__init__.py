"""Configuration of a run: its schema, how it is read, and what identifies a run."""
