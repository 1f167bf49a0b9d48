"""`leap intercode shell TASK`: a person plays an episode."""

from __future__ import annotations

from pathlib import Path

import click

from leap_core import ConfigError, Task, unknown
from leap_intercode.cli.common import backend_options
from leap_intercode.environment import BashEnvironment
from leap_intercode.options import BashOptions


@click.command("shell")
@click.argument("task")
@backend_options
@click.option("--data-dir", type=click.Path(path_type=Path), help="Folder of official tasks.")
@click.option("--quoting", type=click.Choice(["upstream", "clean"]), default="upstream")
@click.option("--gold", is_flag=True, help="Show the gold command at the end.")
def command(
    task: str,
    backend: str,
    rootfs: Path | None,
    image: str,
    data_dir: Path | None,
    quoting: str,
    gold: bool,
) -> None:
    """Play TASK by hand, in its sandbox: type commands, then `submit`.

    TASK is `train/7` (embedded: split and number) or `fs_1/12` (official).
    """
    split, _, number = task.partition("/")
    options = BashOptions.model_validate(
        {
            "tasks": "official" if split.startswith("fs_") else "embedded",
            "data_dir": data_dir,
            "backend": backend,
            "rootfs": rootfs,
            "image": image,
            "quoting": quoting,
        }
    )
    environment = BashEnvironment(options)
    chosen = _task(environment, split, number)
    episode = environment.open(chosen, 0)
    try:
        click.echo(f"{chosen.id} ({environment.backend.name})\n{episode.reset().text}")
        while True:
            action = click.prompt("$", prompt_suffix=" ", default="", show_default=False)
            if not action.strip():
                continue
            transition = episode.step(action)
            if transition.terminated:
                break
            click.echo(transition.observation.text.rstrip("\n"))
    except click.Abort:
        click.echo("\nleft without submitting")
        return
    finally:
        episode.close()
    parts = transition.info.get("parts", {})
    told = ", ".join(f"{name} {value:g}" for name, value in parts.items() if name != "plain")
    click.echo(f"score {transition.score:.2f}" + (f" ({told})" if told else ""))
    if gold:
        click.echo(f"gold command: {environment.gold(chosen)}")


def _task(environment: BashEnvironment, split: str, number: str) -> Task:
    tasks = environment.tasks(split)
    if not number.isdigit():
        raise ConfigError(f"'{split}/{number}' is no task; write SPLIT/NUMBER, such as train/7")
    if int(number) >= len(tasks):
        known = [f"{split}/{len(tasks) - 1}"]
        raise ConfigError(unknown("task", f"{split}/{number}", known))
    return tasks[int(number)]
