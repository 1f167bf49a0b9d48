"""Playing tasks with a policy: many episodes in flight, wherever they run."""

from leap_core.rollout.episode_log import EpisodeLog
from leap_core.rollout.executors.build import build_executor
from leap_core.rollout.privileged_states import Replays, replays
from leap_core.rollout.scheduler import Assignment, Scheduler, assignments, roll_out

__all__ = [
    "Assignment",
    "EpisodeLog",
    "Replays",
    "Scheduler",
    "assignments",
    "build_executor",
    "replays",
    "roll_out",
]
