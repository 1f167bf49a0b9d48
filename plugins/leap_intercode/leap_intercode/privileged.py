"""What is true and hidden: the gold command, what it prints, and where the student stands.

For teachers and for the leak audit, never for a student.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from leap_core import (
    Environment,
    PluginError,
    PrivilegedSource,
    PrivilegedState,
    Section,
    Trajectory,
)
from leap_intercode.environment import BashEnvironment
from leap_intercode.episode import is_won, shorten
from leap_intercode.hidden_facts import bash_secrets
from leap_intercode.play import Session, episode_time
from leap_intercode.reward import Outcome, Score, score
from leap_intercode.sql.environment import SqlEnvironment
from leap_intercode.sql.privileged import sql_states

_SHOWN = 1500


class SourceOptions(Section):
    """The source has no options."""


class GoldSource(PrivilegedSource):
    """`intercode-gold`: the gold command (or query) and its result, at every step."""

    Options = SourceOptions
    environments: ClassVar[Sequence[str]] = ("intercode-bash", "intercode-sql")

    def __init__(self, options: SourceOptions, environment: Environment) -> None:
        super().__init__(options, environment)
        if not isinstance(environment, BashEnvironment | SqlEnvironment):
            raise PluginError("intercode-gold serves the environments of leap-intercode only")

    def states(self, trajectory: Trajectory) -> Sequence[PrivilegedState]:
        """Replay the student's actions and say where it stood before each."""
        if isinstance(self.environment, SqlEnvironment):
            return sql_states(self.environment, trajectory)
        assert isinstance(self.environment, BashEnvironment)
        return bash_states(self.environment, trajectory)


def bash_states(environment: BashEnvironment, trajectory: Trajectory) -> list[PrivilegedState]:
    """The privileged state before each step."""
    task = trajectory.task
    tree, gold = environment.tree(task), environment.gold(task)
    now = episode_time()
    reference = environment.runner.outcome(tree, gold, now)
    session = Session(environment.backend, tree, environment.options.quoting, now)
    states = []
    try:
        for number, step in enumerate(trajectory.steps):
            if session.output is None:
                session.output = task.goal
            stands = score(session.outcome(), reference)
            states.append(_state(environment, trajectory, gold, reference, stands, number))
            if not step.action.startswith("submit"):
                session.act(step.action, environment.options.seconds)
    finally:
        session.close()
    return states


def _state(
    environment: BashEnvironment,
    trajectory: Trajectory,
    gold: str,
    reference: Outcome,
    stands: Score,
    number: int,
) -> PrivilegedState:
    output = reference.output or ""
    hidden = environment.hidden(trajectory.task)
    facts: dict[str, Any] = {
        "gold": gold,
        "output": shorten(output, _SHOWN),
        "solved": is_won(stands.reward) and number > 0,
        "dead_end": bool(stands.extra),
        "hidden": hidden,
        "reward": stands.reward,
    }
    text = "\n".join(
        [
            "**Task:**",
            trajectory.task.goal,
            "**Gold command:**",
            gold,
            "**Its output:**",
            shorten(output, _SHOWN) or "(nothing)",
            "**Its changes to files, and the student's so far:**",
            _changes("still missing", stands.missing),
            _changes("not asked for", stands.extra),
            "**Where the student stands:**",
            f"submitting now would score {stands.reward:.2f}",
        ]
    )
    secrets = bash_secrets(gold, hidden, output, trajectory.task.goal, number)
    return PrivilegedState(text=text, secrets=tuple(secrets), facts=facts)


def _changes(title: str, changes: Sequence[tuple[str, str]]) -> str:
    listed = ", ".join(f"{status} {path}" for path, status in changes[:20])
    return f"- {title}: {listed or 'none'}"
