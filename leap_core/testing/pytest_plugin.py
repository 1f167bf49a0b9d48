"""The pytest plugin that comes with leap-core: one test for every rule of the conformance kit.

    @pytest.mark.conformance("environment", "kitchen", options={"cupboards": 3})
    def test_kitchen(conformance):
        conformance()

Loaded by every pytest where leap-core is installed, so it imports nothing until it is asked.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, cast

import pytest

if TYPE_CHECKING:
    from leap_core.plugins.registry import Kind
    from leap_core.testing.conformance import Check, Subject

MARK = "conformance"
_SECTIONS = {
    "environment": "environment",
    "privileged source": "privileged",
    "teacher": "teacher",
    "updater": "updater",
}


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line(
        "markers",
        f"{MARK}(kind, name, options=…, environment=…, privileged=…, tasks=…): run every rule of "
        "LEAP's conformance kit on a registered part; the test calls its fixture `conformance`",
    )


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    mark = metafunc.definition.get_closest_marker(MARK)
    if mark is None or MARK not in metafunc.fixturenames:
        return
    from leap_core.testing.conformance import declared

    kind = mark.args[0] if mark.args else ""
    if kind not in _SECTIONS or len(mark.args) != 2:
        raise pytest.UsageError(
            f"{metafunc.definition.nodeid}: write @pytest.mark.{MARK}(kind, name) with a kind of "
            f"{', '.join(_SECTIONS)}"
        )
    rules = declared(cast("Kind", kind))
    metafunc.parametrize(MARK, rules, ids=[rule.name for rule in rules], indirect=True)


@pytest.fixture(scope="session")
def _conformance_subjects() -> dict[str, Subject]:
    """What is checked, built once a session."""
    return {}


@pytest.fixture
def conformance_choice() -> Mapping[str, Any]:
    """What parts are checked with, where only a test run knows it: override it in your tests.

    The keys are those of the mark: `environment`, `privileged`, `teacher`, `updater`, `tasks`.
    """
    return {}


@pytest.fixture
def conformance(
    request: pytest.FixtureRequest,
    conformance_choice: Mapping[str, Any],
    _conformance_subjects: dict[str, Subject],
) -> Callable[[], None]:
    """One rule of the kit: call it. The test fails with what was expected and what was found."""
    mark = request.node.get_closest_marker(MARK)
    rule: Check = request.param
    chosen = {**conformance_choice, **mark.kwargs}
    key = f"{mark.args} {sorted(chosen.items())}"

    def run() -> None:
        __tracebackhide__ = True
        if key not in _conformance_subjects:
            _conformance_subjects[key] = _subject(*mark.args, **chosen)
        result = rule.run(_conformance_subjects[key])
        if result.state == "skipped":
            pytest.skip(result.found)
        if result.state == "failed":
            pytest.fail(result.describe(), pytrace=False)

    return run


def _subject(kind: Any, name: str, options: Any = None, **more: Any) -> Subject:
    from leap_core.config.load import validated
    from leap_core.testing.conformance import Choice, subject_of

    if options is not None:
        more[_SECTIONS[kind]] = {"options": options}
    return subject_of(kind, name, validated(Choice, more, f"@pytest.mark.{MARK}"))
