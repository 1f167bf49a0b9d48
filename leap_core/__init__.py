"""LEAP: train language-model agents by learning from teachers that see privileged state.

This is the public API, the only part of the core that plugins import. Importing it is cheap: heavy
libraries are imported when a run first needs them, and the names in `_LAZY` at their first use.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from leap_core.contracts.environment import (
    Environment,
    EnvironmentContext,
    Episode,
    Layout,
    LazyTasks,
    ScriptedExpert,
    ScriptedPolicy,
)
from leap_core.contracts.play import play
from leap_core.contracts.privileged import PrivilegedSource
from leap_core.contracts.teacher import Brief, Judgement, Teacher, TeacherContext, TeacherReply
from leap_core.contracts.updater import RolloutStep, UpdateContext, Updater
from leap_core.errors import (
    BudgetExceeded,
    ConfigError,
    DataError,
    EnvironmentFailure,
    LeapError,
    MissingExtra,
    PluginError,
    PolicyError,
    RunFolderError,
    TeacherError,
    UpdateError,
    unknown,
)
from leap_core.hookspecs import API_VERSION, Register, hookimpl
from leap_core.types import (
    Correction,
    Example,
    Fact,
    Metrics,
    Observation,
    Outcome,
    PolicyRef,
    PrivilegedState,
    Prompt,
    Proposal,
    Rejection,
    Step,
    Task,
    TeacherRecord,
    Trajectory,
    Transition,
    Usage,
)

if TYPE_CHECKING:
    from leap_core.api.evaluate import evaluate
    from leap_core.api.run import RunSummary, run
    from leap_core.config.multi_environment import MultiEnvironmentConfig
    from leap_core.config.option_types import resumable, sizes_by_split, subset_of
    from leap_core.config.schema import GenerationConfig, RunConfig, Section
    from leap_core.contracts.async_engine import AsyncEngine
    from leap_core.contracts.engine import Engine, PolicyContext, Refusal, Request
    from leap_core.correction import snap
    from leap_core.evaluation import Evaluation, GroupScores
    from leap_core.hookspecs import IterationEvent
    from leap_core.loop import RunResult
    from leap_core.runs.download import PinnedFile, fetch_all
    from leap_core.runs.folder import RunFolder, open_run
    from leap_core.runs.iteration import IterationFolder
    from leap_core.runs.ledger import Call, Ledger, Reservation, SpendingLimit, Totals
    from leap_core.runs.records import Records
    from leap_core.runs.stage import Stage

__version__ = "0.1.0"

_LAZY = {
    "MultiEnvironmentConfig": "leap_core.config.multi_environment",
    "Stage": "leap_core.runs.stage",
    "RunResult": "leap_core.loop",
    "RunSummary": "leap_core.api.run",
    "evaluate": "leap_core.api.evaluate",
    "run": "leap_core.api.run",
    "GenerationConfig": "leap_core.config.schema",
    "RunConfig": "leap_core.config.schema",
    "SpendingLimit": "leap_core.runs.ledger",
    "Totals": "leap_core.runs.ledger",
    "GroupScores": "leap_core.evaluation",
    "AsyncEngine": "leap_core.contracts.async_engine",
    "Call": "leap_core.runs.ledger",
    "Engine": "leap_core.contracts.engine",
    "Evaluation": "leap_core.evaluation",
    "IterationFolder": "leap_core.runs.iteration",
    "Records": "leap_core.runs.records",
    "RunFolder": "leap_core.runs.folder",
    "IterationEvent": "leap_core.loop",
    "Ledger": "leap_core.runs.ledger",
    "PinnedFile": "leap_core.runs.download",
    "PolicyContext": "leap_core.contracts.engine",
    "Refusal": "leap_core.contracts.engine",
    "Request": "leap_core.contracts.engine",
    "Reservation": "leap_core.runs.ledger",
    "Section": "leap_core.config.schema",
    "open_run": "leap_core.runs.folder",
    "fetch_all": "leap_core.runs.download",
    "resumable": "leap_core.config.option_types",
    "sizes_by_split": "leap_core.config.option_types",
    "snap": "leap_core.correction",
    "subset_of": "leap_core.config.option_types",
}

__all__ = [
    "API_VERSION",
    "AsyncEngine",
    "Brief",
    "BudgetExceeded",
    "Call",
    "ConfigError",
    "Correction",
    "DataError",
    "Engine",
    "Environment",
    "EnvironmentContext",
    "EnvironmentFailure",
    "Episode",
    "Evaluation",
    "Example",
    "Fact",
    "GenerationConfig",
    "GroupScores",
    "IterationEvent",
    "IterationFolder",
    "Judgement",
    "Layout",
    "LazyTasks",
    "LeapError",
    "Ledger",
    "Metrics",
    "MissingExtra",
    "MultiEnvironmentConfig",
    "Observation",
    "Outcome",
    "PinnedFile",
    "PluginError",
    "PolicyContext",
    "PolicyError",
    "PolicyRef",
    "PrivilegedSource",
    "PrivilegedState",
    "Prompt",
    "Proposal",
    "Records",
    "Refusal",
    "Register",
    "Rejection",
    "Request",
    "Reservation",
    "RolloutStep",
    "RunConfig",
    "RunFolder",
    "RunFolderError",
    "RunResult",
    "RunSummary",
    "ScriptedExpert",
    "ScriptedPolicy",
    "Section",
    "SpendingLimit",
    "Stage",
    "Step",
    "Task",
    "Teacher",
    "TeacherContext",
    "TeacherError",
    "TeacherRecord",
    "TeacherReply",
    "Totals",
    "Trajectory",
    "Transition",
    "UpdateContext",
    "UpdateError",
    "Updater",
    "Usage",
    "__version__",
    "evaluate",
    "fetch_all",
    "hookimpl",
    "open_run",
    "play",
    "resumable",
    "run",
    "sizes_by_split",
    "snap",
    "subset_of",
    "unknown",
]


def __getattr__(name: str) -> Any:
    if name in _LAZY:
        return getattr(import_module(_LAZY[name]), name)
    raise AttributeError(f"module 'leap_core' has no attribute '{name}'")


def __dir__() -> list[str]:
    return __all__
