"""Playing tasks with a policy."""

from leap_core.rollout.scheduler import roll_out

__all__ = ["roll_out"]
