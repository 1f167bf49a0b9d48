"""From demonstrations and corrections to training rows."""

from leap_core.examples.aggregate import aggregate
from leap_core.examples.build import examples_from_corrections, examples_from_demonstrations

__all__ = ["aggregate", "examples_from_corrections", "examples_from_demonstrations"]
