"""Recorded SQL episodes, played again on a store."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from leap_core import DataError
from leap_intercode.replay import Turn
from leap_intercode.sql.answer import Store
from leap_intercode.sql.reward import reward

_SECONDS = 60.0
NO_STATEMENT = "No SQL code was found"
"""How an observation begins where upstream's script found no statement to run."""


def replay_sql(
    store: Store, transcripts: Path, tasks: Sequence[Mapping[str, str]]
) -> Iterator[list[Turn]]:
    """Yield the turns of every recorded episode beside ours; `tasks` have the keys db and gold.

    A reply in which upstream's script found no statement left no rows behind, and leaves none here.

    Raises:
        DataError: the file holds no recordings of these tasks.
    """
    try:
        episodes = json.loads(transcripts.read_text(encoding="utf-8")).values()
    except (OSError, ValueError, AttributeError) as error:
        raise DataError(f"'{transcripts}' holds no recordings: {error}") from error
    golds: dict[int, Any] = {}
    for episode in episodes:
        try:
            number, history = int(episode["task_id"]), episode["turn_history"]
            columns = [history[key] for key in ("actions", "observations", "rewards")]
            task = tasks[number]
        except (KeyError, TypeError, ValueError, IndexError) as error:
            raise DataError(f"'{transcripts}': an episode without {error}") from error
        if number not in golds:
            golds[number] = store.run(task["db"], task["gold"], _SECONDS).observation
        turns = []
        for action, shown, recorded in zip(*columns, strict=False):
            if str(shown).startswith(NO_STATEMENT):
                ours: Any = str(shown)
            else:
                ours = store.run(task["db"], action, _SECONDS).observation
            scored = reward(ours, golds[number])
            turns.append(
                Turn(
                    f"{task['db']}/{number}", action, float(recorded), scored, str(shown), str(ours)
                )
            )
        yield turns
