"""From failed trajectories to validated, leak-audited corrections."""

from leap_core.correction.correct import (
    CorrectionOutcome,
    CorrectionSettings,
    correct_trajectories,
)
from leap_core.correction.leaks import history_text, leak_score
from leap_core.correction.validate import Validated, snap, validate

__all__ = [
    "CorrectionOutcome",
    "CorrectionSettings",
    "Validated",
    "correct_trajectories",
    "history_text",
    "leak_score",
    "snap",
    "validate",
]
