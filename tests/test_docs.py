"""The pages about the command line say what the command line does."""

from __future__ import annotations

import importlib
import re
from pathlib import Path

import click
import pytest

from leap_core.cli.commands import COMMANDS

DOCS = Path(__file__).resolve().parent.parent / "docs"
EVERYWHERE = {"--quiet", "--debug", "--help"}


def options_of(name: str) -> set[str]:
    command: click.Command = importlib.import_module(COMMANDS[name][0]).command
    names = {name for param in command.params for name in param.opts}
    return {name for name in names if name.startswith("--")} - EVERYWHERE


def sections() -> dict[str, str]:
    text = (DOCS / "cli.md").read_text(encoding="utf-8")
    parts = re.split(r"^## leap (\S+)$", text, flags=re.M)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def test_every_built_in_command_has_its_section() -> None:
    assert list(sections()) == list(COMMANDS)


@pytest.mark.parametrize("name", COMMANDS)
def test_a_section_names_the_options_that_there_are(name: str) -> None:
    assert set(re.findall(r"--[a-z][a-z-]*", sections()[name])) == options_of(name)


@pytest.mark.parametrize("page", sorted(DOCS.glob("**/*.md")), ids=lambda p: p.name)
def test_links_between_pages_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\((?!https?:)([^)#]+)", page.read_text(encoding="utf-8")):
        written_from_the_code = target.startswith("reference/")  # the site's build checks those
        assert written_from_the_code or (page.parent / target).exists(), target


def test_every_page_can_be_reached_from_the_index() -> None:
    index = (DOCS / "index.md").read_text(encoding="utf-8")
    for page in DOCS.glob("*.md"):
        assert page.name == "index.md" or f"({page.name})" in index
