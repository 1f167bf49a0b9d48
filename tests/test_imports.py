"""Who may import whom, and what a quick command may not import at all."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import leap_core

ROOT = Path(__file__).resolve().parent.parent
CORE = ROOT / "leap_core"
PLUGINS = sorted(path.parent for path in ROOT.glob("plugins/*/leap_*/__init__.py"))

# The floor plan from the bottom up: a part imports only parts before it.
ORDER = (
    "errors types evaluation config runs contracts hookspecs plugins policy correction examples "
    "rollout local training updaters stages loop analysis api report testing cli"
).split()

HEAVY = (
    "accelerate aiohttp datasets httpx litellm numpy openai pandas peft ray requests tokenizers "
    "torch transformers trl"
).split()


def imports(path: Path) -> Iterator[tuple[str, str | None]]:
    """Yield (module, name or None) for every import in a file, those for type checkers aside."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    typing_only = {
        id(inner)
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and ast.unparse(node.test).endswith("TYPE_CHECKING")
        for body in node.body
        for inner in ast.walk(body)
    }
    for node in ast.walk(tree):
        if id(node) in typing_only:
            continue
        if isinstance(node, ast.Import):
            yield from ((alias.name, None) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative imports hide where an arrow points"
            yield from ((node.module or "", alias.name) for alias in node.names)


def part_of(module: str) -> str | None:
    """The part of the core that a module belongs to; None outside it or for its public face."""
    package, _, rest = module.partition(".")
    return rest.split(".")[0] if package == "leap_core" and rest else None


def core_files() -> list[Path]:
    return [p for p in CORE.rglob("*.py") if p.parent != CORE or not p.name.startswith("__")]


def test_every_part_of_the_core_has_its_place_in_the_order() -> None:
    parts = {p.relative_to(CORE).parts[0].removesuffix(".py") for p in core_files()}
    assert parts == set(ORDER)


@pytest.mark.parametrize("path", core_files(), ids=lambda p: str(p.relative_to(CORE)))
def test_arrows_in_the_core_point_down(path: Path) -> None:
    here = ORDER.index(path.relative_to(CORE).parts[0].removesuffix(".py"))
    for module, name in imports(path):
        part = part_of(module) or (module == "leap_core" and part_of(f"leap_core.{name}")) or None
        if part in ORDER:
            assert ORDER.index(part) <= here, f"{path.relative_to(ROOT)} imports {part}"


@pytest.mark.parametrize("path", core_files(), ids=lambda p: str(p.relative_to(CORE)))
def test_the_core_imports_no_plugin(path: Path) -> None:
    plugins = {folder.name for folder in PLUGINS}
    assert not {module.split(".")[0] for module, _ in imports(path)} & plugins


@pytest.mark.parametrize("folder", PLUGINS, ids=lambda p: p.name)
def test_plugins_import_only_the_public_api_and_no_other_plugin(folder: Path) -> None:
    others = {other.name for other in PLUGINS if other != folder}
    for path in folder.rglob("*.py"):
        for module, name in imports(path):
            package = module.split(".")[0]
            assert package not in others, f"{path.relative_to(ROOT)} imports {module}"
            if package == "leap_core":
                where = f"{path.relative_to(ROOT)}: from {module} import {name}"
                assert module == "leap_core" and name in leap_core.__all__, where


def test_every_public_name_exists_and_none_is_listed_twice() -> None:
    assert len(leap_core.__all__) == len(set(leap_core.__all__))
    for name in leap_core.__all__:
        assert getattr(leap_core, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'Envronment'"):
        leap_core.Envronment  # noqa: B018


def modules_after(code: str) -> set[str]:
    """Names of all modules that a fresh process holds after running `code`."""
    report = "import json, sys; print(json.dumps(list(sys.modules)), file=sys.stderr)"
    command = [sys.executable, "-c", f"{code}\n{report}"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return set(json.loads(done.stderr.splitlines()[-1]))


def after_leap(*args: str) -> set[str]:
    return modules_after(f"from leap_core.cli.main import main; assert main({list(args)}) == 0")


@pytest.mark.parametrize(
    "args", [["--help"], ["--version"], ["list-plugins"], ["list-plugins", "--json"]], ids=" ".join
)
def test_quick_commands_import_nothing_heavy(args: list[str]) -> None:
    assert not after_leap(*args) & set(HEAVY)


@pytest.mark.parametrize("name", ["run", "evaluate", "report"])
def test_the_help_of_a_heavy_command_imports_nothing_heavy(name: str) -> None:
    assert not after_leap(name, "--help") & set(HEAVY)


def test_help_imports_no_command() -> None:
    loaded = {m for m in after_leap("--help") if m.startswith("leap_core.cli.")}
    assert loaded == {"leap_core.cli.main", "leap_core.cli.commands"}


def test_the_public_api_is_light() -> None:
    loaded = modules_after("import leap_core")
    assert not loaded & {*HEAVY, "click", "jinja2", "pydantic", "rich", "yaml"}
