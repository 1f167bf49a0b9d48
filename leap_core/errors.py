"""Everything LEAP raises on purpose.

A `LeapError` carries one sentence for the user: what is wrong, where, and what to do.
The command line prints that sentence and exits with `exit_code`; tracebacks need `--debug`.
"""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches


class LeapError(Exception):
    """Base of every error that LEAP raises on purpose."""

    exit_code = 2


class ConfigError(LeapError):
    """The configuration, or a command's arguments, cannot be used as they are."""


class PluginError(LeapError):
    """A plugin could not be loaded, or breaks the contract of `leap_core.hookspecs`."""


class DataError(LeapError):
    """Data that an environment needs is missing, unreadable or not what it should be."""


class RunFolderError(LeapError):
    """A run folder is unreadable, in use, or belongs to another configuration."""


class EnvironmentFailure(LeapError):
    """An environment failed while an episode was running: data about one task, not a crash."""

    exit_code = 1


class TeacherError(LeapError):
    """A teacher could not answer, after whatever retries it makes."""

    exit_code = 1


class BudgetExceeded(TeacherError):
    """The next model call would pass the budget; the run can be resumed with a larger one."""


class PolicyError(LeapError):
    """A student model could not be loaded, or could not generate."""


class UpdateError(LeapError):
    """An update could not produce a policy; the previous policy is untouched."""

    exit_code = 1


class MissingExtra(LeapError):
    """An optional dependency is needed for what was asked."""

    def __init__(self, purpose: str, package: str, extra: str) -> None:
        super().__init__(
            f"{purpose} needs the package '{package}', which is not installed; "
            f'install it with: pip install "{extra}"'
        )
        self.package = package

    def __reduce__(self) -> tuple[object, ...]:
        return (LeapError, self.args)


def unknown(kind: str, name: str, known: Iterable[str], where: str = "") -> str:
    """One sentence for an unknown name: what it may have been, and what there is.

    >>> unknown("environment", "webshp", ["alfworld", "webshop"])
    "unknown environment 'webshp'; did you mean 'webshop'? installed: alfworld, webshop"
    """
    names = sorted(known)
    close = get_close_matches(name, names, n=1, cutoff=0.6)
    place = f" in {where}" if where else ""
    hint = f"; did you mean '{close[0]}'?" if close else ";"
    return f"unknown {kind} '{name}'{place}{hint} installed: {', '.join(names) or 'none'}"
