"""WebShop for LEAP: shopping from instructions in a simulated store."""

__version__ = "0.1.0"
