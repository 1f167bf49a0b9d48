"""Teachers for LEAP: scripted experts, any model behind an API, the student itself."""

__version__ = "0.1.0"
