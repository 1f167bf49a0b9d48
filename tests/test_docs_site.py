"""The documentation site: built whole, without a broken link, and in step with the code."""

from __future__ import annotations

import ast
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from leap_core import hookspecs
from leap_core.cli.main import cli
from leap_core.config.load import validated
from leap_core.config.schema import RunConfig
from leap_core.plugins.build import CONTRACTS
from leap_core.plugins.manager import load_plugins

ROOT = Path(__file__).resolve().parent.parent
DOCS = ROOT / "docs"
PAGES = sorted(DOCS.rglob("*.md"))


@pytest.fixture(scope="module")
def reference() -> dict[str, str]:
    """The pages that are written from the code; in a process of its own, as MkDocs does it."""
    pytest.importorskip("mkdocs")
    code = "import json, pages; print(json.dumps(pages.reference()))"
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, cwd=DOCS / "_generate", capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    pages: dict[str, str] = json.loads(done.stdout)
    return pages


def names(reference: dict[str, str], folder: str) -> set[str]:
    prefix = f"reference/{folder}/"
    return {a.removeprefix(prefix)[:-3] for a in reference if a.startswith(prefix)}


def test_every_command_has_a_page_with_all_its_options(reference: dict[str, str]) -> None:
    import click

    context = click.Context(cli, info_name="leap")
    assert names(reference, "commands") == set(cli.list_commands(context))
    for name in cli.list_commands(context):
        command = cli.get_command(context, name)
        page = reference[f"reference/commands/{name}.md"]
        inner = command.commands.values() if isinstance(command, click.Group) else [command]
        for one in inner:
            for option in (o for param in one.params for o in param.opts if o.startswith("--")):
                assert option in page, f"leap {name}: {option}"


def test_every_hook_has_a_page(reference: dict[str, str]) -> None:
    assert names(reference, "hooks") == {n for n in vars(hookspecs) if n.startswith("leap_")}


def test_every_section_of_the_configuration_has_a_page(reference: dict[str, str]) -> None:
    assert names(reference, "configuration") >= {
        "index",
        "student",
        "student.generation",
        "teacher",
    }
    for field in RunConfig.model_fields:
        assert f"| `{field}` |" in reference["reference/configuration/index.md"]
    teacher = reference["reference/configuration/teacher.md"]
    assert "| `level` | whole number ≥ 1, ≤ 5 | `3` |" in teacher


def test_every_part_has_a_page_with_all_its_options(reference: dict[str, str]) -> None:
    entries = [e for e in load_plugins().registry.entries() if e.kind in CONTRACTS]
    expected = {f"{e.kind.replace(' ', '-')}-{e.name}": e for e in entries}
    assert names(reference, "options") == set(expected)
    for name, entry in expected.items():
        for option in entry.load().Options.model_fields:
            assert f"| `{option}` |" in reference[f"reference/options/{name}.md"]


@pytest.mark.slow
def test_the_site_is_built_without_a_broken_link(tmp_path: Path) -> None:
    pytest.importorskip("mkdocs")
    build = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", tmp_path / "site"]
    done = subprocess.run(build, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert (tmp_path / "site" / "reference" / "commands" / "run" / "index.html").exists()
    start = (tmp_path / "site" / "index.html").read_text(encoding="utf-8")
    assert "floor-plan.svg" in start
    fetched = re.findall(r"<(?:script|link|img)[^>]+(?:src|href)=\"?(https?://[^\" >]+)", start)
    assert fetched == [], "a page that is read fetches nothing from elsewhere"


def test_broken_links_and_anchors_fail_the_build(tmp_path: Path) -> None:
    """Of a small site with this one's rules."""
    pytest.importorskip("mkdocs")
    (tmp_path / "docs").mkdir()
    rules = yaml.safe_load((ROOT / "mkdocs.yml").read_text(encoding="utf-8"))["validation"]
    settings = {"site_name": "x", "validation": rules, "plugins": []}
    (tmp_path / "mkdocs.yml").write_text(yaml.safe_dump(settings))
    text = "# Here\n\n[a](index.md#here) [b](index.md#nowhere) [c](gone.md) [d](/absolute.md)\n"
    (tmp_path / "docs" / "index.md").write_text(text)
    build = [sys.executable, "-m", "mkdocs", "build", "--strict"]
    done = subprocess.run(build, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 1
    warnings = [line for line in done.stderr.splitlines() if line.startswith("WARNING")]
    for broken in ("#nowhere", "gone.md", "/absolute.md"):
        assert any(broken in warning for warning in warnings), done.stderr
    assert not any("#here" in warning for warning in warnings)


def blocks(page: Path, language: str) -> Iterator[str]:
    yield from re.findall(
        rf"^```{language}[^\n]*\n(.*?)^```$", page.read_text("utf-8"), re.S | re.M
    )


def whole_configurations() -> list[Any]:
    found = []
    for page in [ROOT / "README.md", *PAGES]:
        for number, text in enumerate(blocks(page, "yaml")):
            data = yaml.safe_load(text)
            if isinstance(data, dict) and {"environment", "updater"} <= data.keys():
                found.append(pytest.param(data, id=f"{page.stem}-{number}"))
    return found


# Parts that the readers of tutorials make, and those of packages in examples/plugins.
MADE_BY_READERS = {
    *("signpost", "treasure", "treasure-state"),
    *("gymnasium", "gymnasium-state", "openenv", "openenv-state", "verifiers", "verifiers-data"),
}


@pytest.mark.parametrize("data", whole_configurations())
def test_configurations_in_the_documentation_are_valid(data: dict[str, Any]) -> None:
    config = validated(RunConfig, data, "the page")
    registry = load_plugins().registry
    chosen = {
        "environment": config.environment,
        "privileged source": config.privileged,
        "teacher": config.teacher,
        "updater": config.updater,
    }
    for kind, choice in chosen.items():
        if choice is not None and choice.name not in MADE_BY_READERS:
            options = registry.get(kind, choice.name).load().Options
            validated(options, choice.options, kind)


def texts_of_the_code() -> str:
    """All strings in the sources, what is filled in replaced by the sign …"""
    found = []
    for path in [*ROOT.glob("leap_core/**/*.py"), *ROOT.glob("plugins/*/leap_*/**/*.py")]:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.JoinedStr):
                parts = [v.value if isinstance(v, ast.Constant) else "…" for v in node.values]
                found.append("".join(map(str, parts)))
            elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                found.append(node.value)
    return "\n".join(found).replace("%s", "…")


def test_errors_in_the_faq_are_those_of_the_code() -> None:
    text = (DOCS / "faq.md").read_text(encoding="utf-8").partition("## Results")[0]
    messages = re.findall(r"^### (.*)$", text, re.M)
    assert len(messages) > 12
    sources = texts_of_the_code()
    for message in messages:
        for part in re.split(r"'?…'?", message):
            assert part.strip(" :;,") in sources, f"no error says: {part!r}"
