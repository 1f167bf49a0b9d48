"""Playing tasks with a policy: many episodes in flight, wherever they run."""

from leap_core.rollout.episode_log import EpisodeLog
from leap_core.rollout.executors.build import build_executor
from leap_core.rollout.privileged_states import PrivilegedStateWorkers, privileged_state_workers
from leap_core.rollout.scheduler import Assignment, Scheduler, assignments, roll_out

__all__ = [
    "Assignment",
    "EpisodeLog",
    "PrivilegedStateWorkers",
    "Scheduler",
    "assignments",
    "build_executor",
    "privileged_state_workers",
    "roll_out",
]
