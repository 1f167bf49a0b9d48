"""InterCode for LEAP: bash and SQL tasks with execution feedback."""

__version__ = "0.1.0"
