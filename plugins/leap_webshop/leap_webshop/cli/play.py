"""`leap webshop play`: visit the store in the terminal or in a browser."""

from __future__ import annotations

from pathlib import Path

import click

from leap_core import ConfigError, Observation
from leap_webshop.environment import WebshopEnvironment
from leap_webshop.episode import WebshopEpisode
from leap_webshop.options import WebshopOptions


@click.command("play")
@click.option("--split", default="test", show_default=True)
@click.option("--task", type=click.IntRange(min=0), default=0, show_default=True, help="Which one.")
@click.option(
    "--catalogue",
    type=click.Choice(["small", "full", "official"]),
    default="small",
    show_default=True,
)
@click.option("--data-dir", type=click.Path(path_type=Path), help="Official files or a store.")
@click.option("--goals", type=click.Choice(["human", "synthetic"]), default="human")
@click.option("--seed", type=int, default=0, show_default=True)
@click.option("--web", is_flag=True, help="Serve the store as a page for your browser.")
@click.option("--port", type=click.IntRange(0, 65535), default=8089, show_default=True)
def command(
    split: str,
    task: int,
    catalogue: str,
    data_dir: Path | None,
    goals: str,
    seed: int,
    web: bool,
    port: int,
) -> None:
    """Shop yourself: pages as an agent sees them.

    In the terminal, answer with the number of an action, with "search[words]" or "click[name]", or
    with plain words on the search page. "quit" leaves.
    """
    if data_dir is not None and catalogue != "official":
        raise ConfigError("--data-dir is for --catalogue official")
    given = {"catalogue": catalogue, "data_dir": data_dir, "goals": goals, "seed": seed}
    environment = WebshopEnvironment(WebshopOptions.model_validate(given))
    tasks = environment.tasks(split)
    if task >= len(tasks):
        raise ConfigError(f"split '{split}' has {len(tasks):,} tasks: --task 0 to {len(tasks) - 1}")
    if web:
        from leap_webshop.web import serve

        serve(environment, split, task, port, click.echo)
        return
    _play(environment.open(tasks[task], 0))


def _play(episode: WebshopEpisode) -> None:
    seen = episode.reset()
    for step in range(1, WebshopEnvironment.horizon + 1):
        action = _ask(seen, step)
        if action is None:
            return
        transition = episode.step(action)
        seen = transition.observation
        if transition.terminated:
            click.echo(f"\n{seen.text}")
            told = {"success": transition.success, "score": transition.score, **transition.info}
            for name, value in told.items():
                click.echo(f"{name}: {value}")
            return
    click.echo(f"{WebshopEnvironment.horizon} actions: the visit is over, nothing was bought")


def _ask(seen: Observation, step: int) -> str | None:
    """An action; None to leave."""
    click.echo(f"\n{seen.text}")
    for number, candidate in enumerate(seen.candidates, 1):
        click.echo(f"{number:3} {candidate}")
    for template in seen.templates:
        click.echo(f"    {template}")
    answer = str(click.prompt(f"action {step}")).strip()
    if answer == "quit":
        return None
    if answer.isdecimal() and 1 <= int(answer) <= len(seen.candidates):
        return seen.candidates[int(answer) - 1]
    if not seen.candidates and "[" not in answer:
        return f"search[{answer}]"
    return answer
