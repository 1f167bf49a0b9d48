"""LEAP: train language-model agents by learning from teachers that see privileged state.

This is the public API, the only part of the core that plugins import. Importing it is cheap: heavy
libraries are imported when a run first needs them.
"""

from leap_core.environment import (
    Environment,
    Episode,
    Layout,
    ScriptedExpert,
    ScriptedPolicy,
)
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
from leap_core.privileged import PrivilegedSource
from leap_core.teacher import Brief, Teacher, TeacherContext, TeacherReply
from leap_core.types import (
    Correction,
    Example,
    Observation,
    Outcome,
    PolicyRef,
    PrivilegedState,
    Prompt,
    Proposal,
    Rejection,
    Step,
    Task,
    Trajectory,
    Transition,
    Usage,
)
from leap_core.updater import UpdateContext, Updater

__version__ = "0.1.0"

__all__ = [
    "API_VERSION",
    "Brief",
    "BudgetExceeded",
    "ConfigError",
    "Correction",
    "DataError",
    "Environment",
    "EnvironmentFailure",
    "Episode",
    "Example",
    "Layout",
    "LeapError",
    "MissingExtra",
    "Observation",
    "Outcome",
    "PluginError",
    "PolicyError",
    "PolicyRef",
    "PrivilegedSource",
    "PrivilegedState",
    "Prompt",
    "Proposal",
    "Register",
    "Rejection",
    "RunFolderError",
    "ScriptedExpert",
    "ScriptedPolicy",
    "Step",
    "Task",
    "Teacher",
    "TeacherContext",
    "TeacherError",
    "TeacherReply",
    "Trajectory",
    "Transition",
    "UpdateContext",
    "UpdateError",
    "Updater",
    "Usage",
    "__version__",
    "hookimpl",
    "unknown",
]
