"""From failed trajectories to validated, leak-audited corrections."""

from leap_core.correction.annotate import (
    Described,
    Explained,
    describe_demonstrations,
    explain_demonstrations,
)
from leap_core.correction.corrector import (
    CorrectionOutcome,
    CorrectionSettings,
    correct_trajectories,
)
from leap_core.correction.history import History, history_of, history_text
from leap_core.correction.leaks import Leak, find_leaks, leak_score
from leap_core.correction.validate import Validated, snap, validate

__all__ = [
    "CorrectionOutcome",
    "CorrectionSettings",
    "Described",
    "Explained",
    "History",
    "Leak",
    "Validated",
    "correct_trajectories",
    "describe_demonstrations",
    "explain_demonstrations",
    "find_leaks",
    "history_of",
    "history_text",
    "leak_score",
    "snap",
    "validate",
]
