"""`leap export RUN OUT`: a policy, or the training examples, for use elsewhere."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from leap_core.cli.main import Settings

if TYPE_CHECKING:
    from leap_core.runs.folder import RunFolder


@click.command()
@click.argument("run", type=click.Path(path_type=Path))
@click.argument("out", type=click.Path(path_type=Path))
@click.option(
    "--iteration",
    type=click.IntRange(min=0),
    help="Iteration (default: the best; for examples, all).",
)
@click.option("--adapter", "adapter_only", is_flag=True, help="The adapter alone, not merged.")
@click.option("--push", "repository", metavar="NAME", help="Upload it to the hub as well, private.")
@click.option("--examples", "kind", type=click.Choice(["sft", "preference", "kto"]),
              help="The examples of all iterations so far, as rows for TRL (JSONL).")  # fmt: skip
@click.pass_obj
def command(
    settings: Settings, run: Path, out: Path, iteration: int | None, adapter_only: bool,
    repository: str | None, kind: str | None,
) -> None:  # fmt: skip
    """Write a policy of RUN to the folder OUT, or its training examples to the file OUT."""
    from leap_core.errors import ConfigError
    from leap_core.runs.folder import open_run

    folder = open_run(run)
    folder.config()
    if kind is not None:
        if repository or adapter_only:
            raise ConfigError("--push and --adapter are for policies, not for --examples")
        count = _write_examples(folder, iteration, kind, out)
        click.echo(f"{count} rows for TRL: {out}")
        return
    if iteration is None:
        iteration = folder.best
    if iteration is None:
        raise ConfigError(f"the run '{run}' has not ended; say which --iteration to export")
    from leap_core.stages.engines import engine_of

    policy = folder.iteration(iteration).policy
    engine_of(policy).export(policy, out, merge=not adapter_only)
    click.echo(f"policy of iteration {iteration}: {out}")
    if repository:
        from leap_core.runs.hub import push

        click.echo(f"pushed to {push(out, repository)}")


def _write_examples(folder: RunFolder, last: int | None, kind: str, out: Path) -> int:
    """Rows of all iterations up to `last`; returns how many."""
    from leap_core.errors import ConfigError
    from leap_core.examples.trl import FORMATS
    from leap_core.runs.records import write_aside

    examples = (
        example
        for iteration in folder.iterations()
        if last is None or iteration.number <= last
        for example in iteration.examples
    )
    rows = list(FORMATS[kind](examples))
    if not rows:
        raise ConfigError(f"the run '{folder.path}' has no examples of this kind (yet)")
    out.parent.mkdir(parents=True, exist_ok=True)
    write_aside(out, "".join(json.dumps(row) + "\n" for row in rows).encode())
    return len(rows)
