"""Teachers for LEAP: scripted experts and language models by API."""

__version__ = "0.1.0"
