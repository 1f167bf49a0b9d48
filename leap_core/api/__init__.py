"""LEAP from Python: `leap_core.run` and `leap_core.evaluate`, as scripts and notebooks use them."""
