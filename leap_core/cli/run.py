"""`leap run CONFIG`: Algorithm 1 from a configuration, or on from where it stopped."""

from __future__ import annotations

from pathlib import Path

import click

from leap_core.cli.main import Settings


@click.command()
@click.argument("config", type=click.Path(path_type=Path))
@click.option("--set", "overrides", multiple=True, metavar="KEY=VALUE",
              help="Override a key, such as rollouts.tasks=40. May be repeated.")  # fmt: skip
@click.option("--name", help="Name of the run (default: the config's own, or its file name).")
@click.option("--runs", "runs_dir", type=click.Path(path_type=Path), default=Path("runs"),
              show_default=True, help="Folder that holds runs.")  # fmt: skip
@click.pass_obj
def command(
    settings: Settings, config: Path, overrides: tuple[str, ...], name: str | None, runs_dir: Path
) -> None:
    """Train a student by Algorithm 1.

    CONFIG is a YAML file, or the name of a configuration that a plugin ships. A run that was
    interrupted goes on where it stopped when it is started again.
    """
    from leap_core.config.multi_environment import load_run
    from leap_core.loop import run_leap
    from leap_core.plugins.packaged_configs import packaged_config
    from leap_core.report.console import print_result
    from leap_core.runs.progress import Screen

    path = config if config.exists() else packaged_config(str(config)) or config
    more = (f"name={name}",) if name else ()
    resolved = load_run(path, (*overrides, *more))
    for result in run_leap(resolved, runs_dir / resolved.name, Screen(settings.quiet)):
        print_result(result)
