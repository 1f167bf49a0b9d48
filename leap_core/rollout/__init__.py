"""Playing tasks with a policy: many episodes in flight, wherever they run."""

from leap_core.rollout.executors import build_executor
from leap_core.rollout.log import EpisodeLog
from leap_core.rollout.scheduler import Assignment, Scheduler, assignments, roll_out

__all__ = ["Assignment", "EpisodeLog", "Scheduler", "assignments", "build_executor", "roll_out"]
