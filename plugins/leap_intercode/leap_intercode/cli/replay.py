"""`leap intercode replay`: recorded episodes of upstream's environment, played again here."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import click

from leap_core import ConfigError
from leap_intercode.backend_choice import choose
from leap_intercode.backends import Backend
from leap_intercode.cli.common import backend_options, store_options
from leap_intercode.official import find_file, read_list
from leap_intercode.official_files import official_tree
from leap_intercode.official_trees import FILE_SYSTEMS
from leap_intercode.replay import Agreement, replay_file
from leap_intercode.sql.answer import Store
from leap_intercode.sql.choice import TASK_FILES, chosen_store
from leap_intercode.sql.recordings import replay_sql

_SYSTEM = re.compile(r"fs_[1-4]")


@click.command("replay")
@click.argument(
    "transcripts", nargs=-1, required=True, type=click.Path(path_type=Path, exists=True)
)
@backend_options
@store_options
@click.option("--sql", is_flag=True, help="The recordings are of SQL episodes; see --store.")
@click.option("--show", is_flag=True, help="Print the turns that differ.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object for each file.")
def command(
    transcripts: tuple[Path, ...],
    backend: str,
    rootfs: Path | None,
    image: str,
    store: str,
    url: str | None,
    data_dir: Path | None,
    sql: bool,
    show: bool,
    as_json: bool,
) -> None:
    """Replay TRANSCRIPTS: upstream's multi-turn logs of bash episodes, or with --sql of SQL ones.

    Logs of bash episodes are named after their file system (…fs_1.json). Prints, for each file, how
    many rewards and success verdicts are the same here.
    """
    if sql:
        _replay_sql(transcripts, chosen_store(store, url, data_dir), data_dir, show, as_json)
    else:
        _replay_bash(
            transcripts, choose(backend, rootfs, tmp=False, image=image), data_dir, show, as_json
        )


def _replay_sql(
    transcripts: tuple[Path, ...], store: Store, data_dir: Path | None, show: bool, as_json: bool
) -> None:
    tasks = read_list(find_file(data_dir, TASK_FILES), ("gold", "db"))
    try:
        facts = store.facts()
        for path in transcripts:
            agreement = Agreement()
            for turns in replay_sql(store, path, tasks):
                agreement.add(turns)
            _tell(path, agreement, facts, show, as_json)
    finally:
        store.close()


def _replay_bash(
    transcripts: tuple[Path, ...],
    backend: Backend,
    data_dir: Path | None,
    show: bool,
    as_json: bool,
) -> None:
    for path in transcripts:
        named = _SYSTEM.findall(path.stem)
        if not named or named[-1] not in FILE_SYSTEMS:
            raise ConfigError(f"'{path.name}' does not say which file system it is about (fs_1 …)")
        agreement = Agreement()
        tasks = find_file(data_dir, [f"nl2bash_{named[-1]}.json"])
        tree = official_tree(named[-1], data_dir, backend)
        for turns in replay_file(backend, path, tasks, tree):
            agreement.add(turns)
        _tell(path, agreement, backend.facts(), show, as_json)


def _tell(
    path: Path, agreement: Agreement, facts: dict[str, Any], show: bool, as_json: bool
) -> None:
    """Print how far a file's episodes agree."""
    if as_json:
        counts = ("turns", "equal", "same_output", "episodes", "all_equal", "same_verdict")
        found = {key: getattr(agreement, key) for key in counts}
        click.echo(json.dumps({"file": path.name, **facts, **found}))
    else:
        click.echo(", ".join(f"{key} {value}" for key, value in facts.items()))
        click.echo(
            f"{path.name}: {agreement.equal} of {agreement.turns} rewards equal "
            f"({agreement.equal / max(1, agreement.turns):.1%}), {agreement.same_verdict} of "
            f"{agreement.episodes} verdicts "
            f"({agreement.same_verdict / max(1, agreement.episodes):.1%})"
        )
    if show:
        for turn in agreement.different:
            action = json.dumps(turn.action, ensure_ascii=True)  # a model wrote it
            click.echo(
                f"  {turn.task} {turn.recorded:.2f} → {turn.reward:.2f}: {action}", err=as_json
            )
