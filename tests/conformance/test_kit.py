"""The kit finds every kind of defect, says so in words, and finds none where there is none."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from leap_core.plugins.registry import Kind
from leap_core.testing.conformance import (
    EnvironmentSubject,
    Part,
    Result,
    SourceSubject,
    Subject,
    TeacherSubject,
    UpdaterSubject,
    declared,
)
from leap_core.testing.conformance.subjects_by_name import CHECKED
from leap_core.testing.toy import ToyEnvironment, ToySource
from tests.conformance import broken
from tests.conftest import Leap, PluginSite
from tests.support.toy_run import TOY

ROOT = Path(__file__).resolve().parent.parent.parent
DOCS = ROOT / "docs" / "conformance.md"


@pytest.fixture(autouse=True)
def importable(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a fresh process import the broken parts."""
    monkeypatch.syspath_prepend(str(ROOT))


def environment(factory: type[ToyEnvironment] = ToyEnvironment) -> EnvironmentSubject:
    return EnvironmentSubject(Part("toy", factory))


def source(
    factory: type[ToySource] = ToySource, of: type[ToyEnvironment] = ToyEnvironment
) -> SourceSubject:
    return SourceSubject(Part("toy-coin", factory), environment(of))


def teacher(factory: Any = broken.Quiet) -> TeacherSubject:
    return TeacherSubject(Part("quiet", factory), source())


def updater(factory: Any = broken.Same) -> UpdaterSubject:
    return UpdaterSubject(Part("same", factory))


def run(subject: Subject, rule: str) -> Result:
    (found,) = [c for c in declared(subject.kind) if c.name == rule]
    return found.run(subject)


def cases(broken_parts: Mapping[Any, str]) -> Any:
    named = [pytest.param(part, rule, id=part.__name__) for part, rule in broken_parts.items()]
    return pytest.mark.parametrize(("part", "rule"), named)


def fails(result: Result, rule: str) -> None:
    assert result.state == "failed", result
    assert result.expected
    assert result.found
    assert result.docs == f"docs/conformance.md#{rule}"


@cases(broken.ENVIRONMENTS)
def test_a_broken_environment_is_found(part: type[ToyEnvironment], rule: str) -> None:
    fails(run(environment(part), rule), rule)


@cases(broken.SOURCES)
def test_a_broken_source_is_found(part: type[ToySource], rule: str) -> None:
    fails(run(source(part), rule), rule)


@cases(broken.EXPERTS)
def test_a_broken_expert_is_found(part: type[ToyEnvironment], rule: str) -> None:
    fails(run(source(of=part), rule), rule)


@cases(broken.TEACHERS)
def test_a_broken_teacher_is_found(part: Any, rule: str) -> None:
    fails(run(teacher(part), rule), rule)


@cases(broken.UPDATERS)
def test_a_broken_updater_is_found(part: Any, rule: str) -> None:
    pytest.importorskip("torch")
    fails(run(updater(part), rule), rule)


@pytest.mark.parametrize("kind", CHECKED)
def test_nothing_is_found_where_there_is_nothing(kind: Kind) -> None:
    if kind == "updater":
        pytest.importorskip("torch")
    subjects: dict[Kind, Subject] = {
        "environment": environment(), "privileged source": source(), "teacher": teacher(),
        "updater": updater(),
    }  # fmt: skip
    results = [rule.run(subjects[kind]) for rule in declared(kind)]
    assert [r for r in results if r.state != "passed"] == []


def test_every_rule_is_broken_by_some_part() -> None:
    lists = (broken.ENVIRONMENTS, broken.SOURCES, broken.EXPERTS, broken.TEACHERS, broken.UPDATERS)
    covered = {rule for parts in lists for rule in parts.values()}
    assert covered == {rule.name for kind in CHECKED for rule in declared(kind)}


def test_every_rule_has_its_section() -> None:
    sections = re.findall(r"^### (.+)$", DOCS.read_text(encoding="utf-8"), flags=re.M)
    assert sections == [rule.name for kind in CHECKED for rule in declared(kind)]


def test_what_is_found_is_said_in_words() -> None:
    told = run(environment(broken.RaisesForNonsense), "foreign-actions").describe()
    assert told.splitlines() == [
        "foreign-actions",
        "  expected: an answer to '' after [] in task 'train/0000'",
        "  found: ValueError: not enough values to unpack (expected at least 1, got 0)",
        "  see: docs/conformance.md#foreign-actions",
    ]


BROKEN = """
from leap_core.hookspecs import hookimpl
LEAP_API_VERSION = 2

@hookimpl
def leap_register_environments(register):
    register("broken", "tests.conformance.broken:RewardNaN", "rewards that are no numbers")
"""


def test_leap_check_passes_a_sound_plugin(leap: Leap, plugin_site: PluginSite) -> None:
    plugin_site.install("toy", TOY)
    done = leap("check", "toy", "--json")
    assert done.returncode == 0, done.stdout + done.stderr
    parts = json.loads(done.stdout)
    assert [(p["kind"], p["name"]) for p in parts] == [
        ("environment", "toy"),
        ("privileged source", "toy-coin"),
    ]
    assert {r["state"] for p in parts for r in p["results"]} == {"passed"}


def test_leap_check_shows_what_is_broken(leap: Leap, plugin_site: PluginSite) -> None:
    plugin_site.install("broken", BROKEN)
    path = f"{plugin_site.path}:{ROOT}"
    done = leap("check", "broken", env={"PYTHONPATH": path})
    assert done.returncode == 1
    assert "  passed  splits" in done.stdout.splitlines()
    at = done.stdout.splitlines().index("  failed  rewards")
    assert done.stdout.splitlines()[at + 1 : at + 4] == [
        "          expected: finite rewards",
        "          found: nan",
        "          see: docs/conformance.md#rewards",
    ]


def test_leap_check_says_what_it_could_not_check(leap: Leap, plugin_site: PluginSite) -> None:
    done = leap("check", "sequence")
    assert done.returncode == 1
    assert "all rules: options of 'sequence': key 'updaters' is missing" in done.stdout
    assert "0 passed, 0 failed, 1 skipped" in done.stdout
    unknown = leap("check", "sequense")
    assert unknown.returncode == 2
    assert "did you mean 'sequence'?" in unknown.stderr


PLUGIN_TEST = """
import pytest

@pytest.mark.conformance("environment", "broken")
def test_broken(conformance):
    conformance()

@pytest.mark.conformance("environment", "toy", tasks=2)
def test_toy(conformance):
    conformance()
"""


def test_a_plugin_tests_itself_with_one_test_a_rule(
    plugin_site: PluginSite, tmp_path: Path
) -> None:
    import os
    import subprocess
    import sys

    plugin_site.install("broken", BROKEN)
    test = tmp_path / "test_mine.py"
    test.write_text(PLUGIN_TEST)
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "--strict-markers", "-p", "no:cacheprovider", test],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": f"{plugin_site.path}:{ROOT}"},
        capture_output=True,
        text=True,
        timeout=120,
    )
    rules = len(declared("environment"))
    failed = re.findall(r"^FAILED test_mine.py::(\S+)", done.stdout, flags=re.M)
    assert failed == ["test_broken[rewards]", "test_broken[serialises]"], done.stdout
    assert f"2 failed, {2 * rules - 2} passed" in done.stdout
    assert "expected: finite rewards" in done.stdout
