"""Replay episodes that upstream's own environment recorded, and compare rewards turn by turn."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from leap_core import DataError
from leap_intercode.backends import Backend
from leap_intercode.carried import Containers
from leap_intercode.play import episode_time
from leap_intercode.reward import score
from leap_intercode.tree import Tree

CLOSE = 0.006
"""Rewards closer than this are equal: their parts are rounded to two digits."""


@dataclass(frozen=True, slots=True)
class Turn:
    """One recorded turn beside ours."""

    task: str
    action: str
    recorded: float
    reward: float
    recorded_output: str
    output: str

    @property
    def equal(self) -> bool:
        return abs(self.recorded - self.reward) < CLOSE


@dataclass(slots=True)
class Agreement:
    """How many turns and episodes agree."""

    turns: int = 0
    equal: int = 0
    same_output: int = 0
    episodes: int = 0
    all_equal: int = 0
    same_verdict: int = 0
    different: list[Turn] = field(default_factory=list)

    def as_dict(self) -> dict[str, int]:
        """The counts."""
        return {
            "turns": self.turns,
            "equal": self.equal,
            "episodes": self.episodes,
            "same_verdict": self.same_verdict,
        }

    def add(self, turns: list[Turn]) -> None:
        """Count one episode."""
        self.turns += len(turns)
        self.equal += sum(t.equal for t in turns)
        self.same_output += sum(t.output == t.recorded_output for t in turns)
        self.episodes += 1
        self.all_equal += all(t.equal for t in turns)
        won = max((t.recorded for t in turns), default=0.0) > 1 - CLOSE
        self.same_verdict += won == (max((t.reward for t in turns), default=0.0) > 1 - CLOSE)
        self.different += [t for t in turns if not t.equal]


def replay_file(
    backend: Backend, transcripts: Path, tasks: Path, tree: Tree
) -> Iterator[list[Turn]]:
    """Replay every episode of a file of transcripts on its tree; `tasks` holds the gold commands.

    Raises:
        DataError: a file is not what it should be.
    """
    golds = [task["gold"] for task in _read(tasks)]
    containers = Containers(backend, tree, episode_time())
    for episode in _read(transcripts).values():
        index = int(episode["task_id"])
        history = episode["turn_history"]
        yield _replay(
            containers,
            f"{tree.name}/{index}",
            golds[index],
            zip(history["actions"], history["observations"], history["rewards"], strict=False),
        )


def _replay(
    containers: Containers,
    name: str,
    gold: str,
    recorded: Iterable[tuple[str, str, float]],
) -> list[Turn]:
    session = containers.open()
    turns = []
    try:
        for action, output, reward in recorded:
            shown = session.act(action)
            ours = score(session.outcome(), containers.run_gold(gold)).reward
            turns.append(Turn(name, action, float(reward), ours, output, shown))
        containers.end(session)
    finally:
        session.close()
    return turns


def _read(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise DataError(f"'{path}' cannot be read: {error}") from error
