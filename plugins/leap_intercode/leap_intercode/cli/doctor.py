"""`leap intercode doctor`: which sandboxes work here, which programs they lack, who needs them."""

from __future__ import annotations

import re
from pathlib import Path

import click

from leap_core import DataError, LeapError
from leap_intercode.backend_choice import backends
from leap_intercode.backends import Backend
from leap_intercode.cli.common import backend_options
from leap_intercode.official import bash_tasks
from leap_intercode.tree import Tree

TOOLS = (
    "awk bc cal column compress convert cpio curl cut diff dig du file find git grep gzip hexdump "
    "hostname ifconfig ip jq md5sum more netstat od perl ping pstree python3 rename rev sed sort "
    "tar tree w wget who xargs xxd zcat"
).split()
"""Programs that official tasks call, or that models try."""
UPSTREAM_LACKS = frozenset("bc compress hexdump rename wget xxd md5deep file ip".split())
"""Of these, what upstream's image does not have either."""


class NothingWorks(LeapError):
    """No sandbox works here."""

    exit_code = 1


@click.command("doctor")
@backend_options
@click.option("--data-dir", type=click.Path(path_type=Path), help="Folder of official tasks.")
def command(backend: str, rootfs: Path | None, image: str, data_dir: Path | None) -> None:
    """Say which sandboxes work here, and which programs are missing for which official tasks."""
    known = backends(rootfs, tmp=False, image=image)
    if backend != "auto" and backend in known:
        known = {backend: known[backend]}
    working: list[Backend] = []
    for one in known.values():
        problem = one.problem()
        if problem is None:
            working.append(one)
            facts = ", ".join(f"{key} {value}" for key, value in one.facts().items())
            click.echo(f"{one.name}: works ({facts})")
        else:
            click.echo(f"{one.name}: does not work: {problem}")
            click.echo(f"  it needs {one.requirement()}")
    if not working:
        raise NothingWorks("no sandbox works here, and commands are never run without one")
    for one in working:
        _tell_tools(one, data_dir)


def _tell_tools(backend: Backend, data_dir: Path | None) -> None:
    missing = missing_tools(backend)
    if not missing:
        click.echo(f"{backend.name}: all programs are there that official tasks call")
        return
    for tool, tasks in touched(missing, data_dir).items():
        note = " (upstream's image lacks it, too)" if tool in UPSTREAM_LACKS else ""
        who = f"; gold commands that call it: {', '.join(tasks)}" if tasks else ""
        click.echo(f"{backend.name}: no {tool}{note}{who}")


def missing_tools(backend: Backend) -> list[str]:
    """Which of `TOOLS` a backend lacks."""
    box = backend.open(Tree("empty", ()), 0.0)
    try:
        script = (
            f"for tool in {' '.join(TOOLS)}; do command -v $tool >/dev/null || echo $tool; done"
        )
        return box.run(["/bin/bash", "-c", script], "/", 20.0).data.decode().split()
    finally:
        box.close()


def touched(tools: list[str], data_dir: Path | None) -> dict[str, list[str]]:
    """The official tasks whose gold commands call each tool; empty lists without the files."""
    try:
        tasks = [*bash_tasks(data_dir, "train"), *bash_tasks(data_dir, "test")]
    except DataError:
        tasks = []
    found: dict[str, list[str]] = {}
    for tool in tools:
        called = re.compile(rf"(?:^|[|;&(`]|xargs(?: -\S+)*|-exec)\s*{re.escape(tool)}\b")
        found[tool] = [
            t.id.removeprefix("nl2bash/") for t in tasks if called.search(str(t.data["gold"]))
        ]
    return found
