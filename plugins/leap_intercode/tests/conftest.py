"""Sandboxes to test with."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from leap_intercode.backends import NamespacesBackend
from leap_intercode.sandbox.client import Zygote


@pytest.fixture(scope="session")
def backend() -> NamespacesBackend:
    """The `namespaces` backend; the test is skipped where the system does not allow it."""
    found = NamespacesBackend()
    problem = found.problem()
    if problem is not None:
        pytest.skip(f"no sandbox here: {problem}; it needs {found.requirement()}")
    return found


@pytest.fixture
def zygote(backend: NamespacesBackend) -> Iterator[Zygote]:
    """A zygote of the test's own."""
    made = Zygote()
    yield made
    made.close()


@pytest.fixture(scope="session")
def intercode_data(data_dir: Path) -> Path:
    """The official data pack."""
    folder = data_dir / "intercode"
    if not folder.is_dir():
        pytest.skip(f"no folder 'intercode' in {data_dir}")
    return folder
