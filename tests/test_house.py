"""The house stays in order: circles, rooms, heavy imports, names, file names, public types."""

from __future__ import annotations

import ast
import dataclasses
import inspect
import re
import typing
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

import leap_core
from leap_core.runs import files

ROOT = Path(__file__).resolve().parent.parent
CORE = ROOT / "leap_core"
PACKAGES = {
    "leap_core": CORE,
    **{p.parent.name: p.parent for p in ROOT.glob("plugins/*/leap_*/__init__.py")},
}
TORCH = {"torch", "transformers", "peft", "trl", "datasets", "accelerate"}
ROOT_MODULES = {
    "__init__", "__main__", "errors", "evaluation", "hookspecs", "loop", "types",
}  # fmt: skip


def modules() -> dict[str, Path]:
    """Return every module of the core and the plugins by its dotted name."""
    found = {}
    for package, folder in PACKAGES.items():
        for path in folder.rglob("*.py"):
            if "{{" in str(path) or "/tests/" in str(path.relative_to(folder.parent)):
                continue
            parts = [package, *path.relative_to(folder).with_suffix("").parts]
            if parts[-1] == "__init__":
                parts.pop()
            found[".".join(parts)] = path
    return found


MODULES = modules()


def imported(path: Path) -> Iterator[tuple[str, str | None]]:
    """Yield (module, name) for every import, lazy ones and those for type checkers included."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from ((alias.name, None) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield from ((node.module, alias.name) for alias in node.names)


def arrows() -> dict[str, set[str]]:
    """Return what each module imports, of the core and the plugins."""
    found: dict[str, set[str]] = {}
    for module, path in MODULES.items():
        targets = set()
        for name, attribute in imported(path):
            inner = f"{name}.{attribute}"
            target = inner if inner in MODULES else name if name in MODULES else None
            if target and target != module and not module.startswith(target + "."):
                targets.add(target)
        found[module] = targets
    return found


def circles(graph: dict[str, set[str]]) -> list[list[str]]:
    """Return the strongly connected groups of two or more (Tarjan 1972)."""
    index: dict[str, int] = {}
    low: dict[str, int] = {}
    stack: list[str] = []
    found: list[list[str]] = []

    def visit(node: str) -> None:
        index[node] = low[node] = len(index)
        stack.append(node)
        for other in graph.get(node, ()):
            if other not in index:
                visit(other)
                low[node] = min(low[node], low[other])
            elif other in stack:
                low[node] = min(low[node], index[other])
        if low[node] == index[node]:
            group = stack[stack.index(node) :]
            del stack[stack.index(node) :]
            if len(group) > 1:
                found.append(sorted(group))

    for node in graph:
        if node not in index:
            visit(node)
    return found


def test_no_import_goes_round_in_a_circle() -> None:
    assert circles({"a": {"b"}, "b": {"c"}, "c": {"a"}, "d": {"a"}}) == [["a", "b", "c"]]
    assert circles(arrows()) == []


def test_the_root_of_the_core_holds_what_everybody_needs_first() -> None:
    assert {path.stem for path in CORE.glob("*.py")} == ROOT_MODULES


def test_torch_and_its_friends_stay_in_their_rooms() -> None:
    outside = {
        module
        for module, path in MODULES.items()
        if module.startswith("leap_core.")
        and not module.startswith(("leap_core.local.", "leap_core.training."))
        and {name.split(".")[0] for name, _ in imported(path)} & TORCH
    }
    assert outside == set()


def test_local_and_training_are_reached_through_the_registry() -> None:
    rooms = ("leap_core.local", "leap_core.training")
    allowed = (*rooms, "leap_core.updaters", "leap_core.testing")
    outside = {
        f"{module} -> {target}"
        for module, targets in arrows().items()
        if not module.startswith(allowed)
        for target in targets
        if target.startswith(rooms)
    }
    assert outside == set()


def test_each_file_name_of_a_run_folder_is_written_once() -> None:
    names = {
        value
        for key, value in vars(files).items()
        if key.isupper() and value.endswith((".jsonl", ".json", ".html", ".cache"))
    }
    # A training job's folder, a model's folder and a user's own --out have files of their own.
    others = {"examples.jsonl", "rollouts.jsonl", "metrics.jsonl", "result.json"}
    where: dict[str, set[str]] = {}
    for module, path in MODULES.items():
        if not module.startswith("leap_core") or module == files.__name__:
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant) and node.value in names:
                if module.startswith("leap_core.training.") and node.value in others:
                    continue
                where.setdefault(str(node.value), set()).add(module)
    allowed = {"leap_core.stages.engines", "leap_core.contracts.engine"}  # a default for engines
    allowed |= {"leap_core.contracts.environment"}
    assert {n: m - allowed for n, m in where.items() if m - allowed} == {}


def test_no_class_of_the_core_has_the_name_of_another() -> None:
    counts: Counter[str] = Counter()
    for module, path in MODULES.items():
        if module.startswith("leap_core"):
            tree = ast.parse(path.read_text(encoding="utf-8"))
            counts.update(
                node.name
                for node in tree.body
                if isinstance(node, ast.ClassDef) and not node.name.startswith("_")
            )
    assert {name: count for name, count in counts.items() if count > 1} == {}


def types_in(annotation: object) -> Iterator[type]:
    """Yield the classes that a type annotation names."""
    if isinstance(annotation, type) and not typing.get_args(annotation):
        yield annotation
    for part in typing.get_args(annotation):
        yield from types_in(part)


def signatures(value: object) -> Iterator[object]:
    """Yield the annotations of a public class's methods and fields, or of a function."""
    if inspect.isfunction(value):
        yield from typing.get_type_hints(value).values()
        return
    if not inspect.isclass(value):
        return
    if dataclasses.is_dataclass(value):
        yield from typing.get_type_hints(value).values()
    for name, member in vars(value).items():
        function = getattr(member, "__func__", getattr(member, "fget", member))
        if inspect.isfunction(function) and (not name.startswith("_") or name == "__init__"):
            yield from typing.get_type_hints(function).values()


@pytest.mark.parametrize("name", [n for n in leap_core.__all__ if n != "__version__"])
def test_types_in_public_signatures_are_public(name: str) -> None:
    public = {id(getattr(leap_core, n)) for n in leap_core.__all__}
    hidden = {
        f"{kind.__module__}.{kind.__qualname__}"
        for annotation in signatures(getattr(leap_core, name))
        for kind in types_in(annotation)
        if kind.__module__.startswith("leap_core") and id(kind) not in public
    }
    assert hidden == set()


def test_files_are_short() -> None:
    lengths = sorted(
        (len(path.read_text(encoding="utf-8").splitlines()), module)
        for module, path in MODULES.items()
    )
    assert lengths[len(lengths) // 2][0] <= 150
    assert lengths[-1][0] <= 400, lengths[-1]


def test_modules_of_tests_share_helpers_through_support() -> None:
    for path in (ROOT / "tests").rglob("*.py"):
        for module, name in imported(path):
            whole = f"{module}.{name}"
            taken = re.search(r"\btests\.(?:\w+\.)?test_\w+", whole)
            assert taken is None, f"{path.name} imports {whole}"


def test_no_test_module_imports_litellm_to_be_collected() -> None:
    for path in [*(ROOT / "tests").rglob("*.py"), *ROOT.glob("plugins/*/tests/**/*.py")]:
        tree = ast.parse(path.read_text(encoding="utf-8"))
        for node in tree.body:
            names = [a.name for a in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            assert not any(n.split(".")[0] == "litellm" for n in names), path
