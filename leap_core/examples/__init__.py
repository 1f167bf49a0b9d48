"""From demonstrations and corrections to training rows."""

from leap_core.examples.aggregate import aggregate, balanced
from leap_core.examples.build import (
    examples_from_corrections,
    examples_from_demonstrations,
    seen_steps,
)

__all__ = [
    "aggregate",
    "balanced",
    "examples_from_corrections",
    "examples_from_demonstrations",
    "seen_steps",
]
