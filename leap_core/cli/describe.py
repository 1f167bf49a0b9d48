"""`leap describe CONFIG`: privileged state from demonstrations, for where no simulator tells it."""

from __future__ import annotations

from pathlib import Path

import click

from leap_core.cli.main import Settings


@click.command()
@click.argument("config", type=click.Path(path_type=Path))
@click.option("--out", type=click.Path(path_type=Path), required=True,
              help="JSON Lines file to write, or to go on with.")  # fmt: skip
@click.option("--set", "overrides", multiple=True, metavar="KEY=VALUE",
              help="Override a key, such as teacher.options.model=NAME.")  # fmt: skip
@click.option("--split", help="Split whose tasks are described (default: the training split).")
@click.option("--limit", type=click.IntRange(min=1), help="Describe this many tasks.")
@click.pass_obj
def command(
    settings: Settings, config: Path, out: Path, overrides: tuple[str, ...], split: str | None,
    limit: int | None,
) -> None:  # fmt: skip
    """Have the teacher sum up demonstrations as privileged state.

    Each task's demonstration becomes one line of OUT: the task, the essential objects, the critical
    locations, the best actions. The privileged source 'recorded' reads it. Calls are recorded in a
    ledger beside OUT, under the configuration's budget; tasks that OUT already has are left alone.
    """
    from leap_core.analysis.describe import describe
    from leap_core.config.load import load_config
    from leap_core.plugins.packaged_configs import packaged_config
    from leap_core.runs.progress import Screen

    path = config if config.exists() else packaged_config(str(config)) or config
    done, errors = describe(load_config(path, overrides), out, split, limit, Screen(settings.quiet))
    click.echo(f"{done} tasks are described in {out}")
    for error in errors[:3]:
        click.echo(f"  not described: {error}", err=True)
    if errors:
        click.echo(f"{len(errors)} tasks could not be described; run again to retry", err=True)
