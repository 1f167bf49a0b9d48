"""The contracts that plugins implement."""
