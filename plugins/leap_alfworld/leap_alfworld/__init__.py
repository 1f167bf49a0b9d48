"""ALFWorld for LEAP: household tasks in text."""

__version__ = "0.1.0"
