"""`leap intercode replay`: recorded episodes of upstream's environment, played again here."""

from __future__ import annotations

import json
import re
from pathlib import Path

import click

from leap_core import ConfigError
from leap_intercode.backend_choice import choose
from leap_intercode.cli.common import backend_options
from leap_intercode.official import find_file
from leap_intercode.official_files import official_tree
from leap_intercode.official_trees import FILE_SYSTEMS
from leap_intercode.replay import Agreement, replay_file

_SYSTEM = re.compile(r"fs_[1-4]")


@click.command("replay")
@click.argument(
    "transcripts", nargs=-1, required=True, type=click.Path(path_type=Path, exists=True)
)
@backend_options
@click.option("--data-dir", type=click.Path(path_type=Path), help="Folder of official tasks.")
@click.option("--show", is_flag=True, help="Print the turns that differ.")
@click.option("--json", "as_json", is_flag=True, help="End with one JSON object.")
def command(
    transcripts: tuple[Path, ...],
    backend: str,
    rootfs: Path | None,
    image: str,
    data_dir: Path | None,
    show: bool,
    as_json: bool,
) -> None:
    """Replay TRANSCRIPTS (upstream's multi-turn logs, named after their file system: …fs_1.json).

    Prints, for each file, how many rewards and success verdicts are the same here.
    """
    chosen = choose(backend, rootfs, tmp=False, image=image)
    found: list[dict[str, object]] = []
    facts = ", ".join(f"{key} {value}" for key, value in chosen.facts().items())
    click.echo(facts)
    for path in transcripts:
        named = _SYSTEM.findall(path.stem)
        if not named or named[-1] not in FILE_SYSTEMS:
            raise ConfigError(f"'{path.name}' does not say which file system it is about (fs_1 …)")
        agreement = Agreement()
        tasks = find_file(data_dir, [f"nl2bash_{named[-1]}.json"])
        tree = official_tree(named[-1], data_dir, chosen)
        for turns in replay_file(chosen, path, tasks, tree):
            agreement.add(turns)
        click.echo(
            f"{path.name}: {agreement.equal} of {agreement.turns} rewards equal "
            f"({agreement.equal / max(1, agreement.turns):.1%}), {agreement.same_verdict} of "
            f"{agreement.episodes} verdicts ({agreement.same_verdict / agreement.episodes:.1%})"
        )
        if show:
            for turn in agreement.different:
                action = json.dumps(turn.action, ensure_ascii=True)  # a model wrote it
                click.echo(f"  {turn.task} {turn.recorded:.2f} → {turn.reward:.2f}: {action}")
        found.append({"file": path.name, **agreement.as_dict()})
    if as_json:
        click.echo(json.dumps({"backend": chosen.facts(), "files": found}))
