"""Sandboxes to test with."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from leap_core import ConfigError, DataError
from leap_intercode.backends import NamespacesBackend
from leap_intercode.rootfs import build_rootfs
from leap_intercode.sandbox.client import Zygote


@pytest.fixture(scope="session")
def backend() -> NamespacesBackend:
    """The `namespaces` backend; the test is skipped where the system does not allow it."""
    found = NamespacesBackend()
    problem = found.problem()
    if problem is not None:
        pytest.skip(f"no sandbox here: {problem}; it needs {found.requirement()}")
    return found


@pytest.fixture(scope="session")
def rootfs(backend: NamespacesBackend) -> Iterator[NamespacesBackend]:
    """The `rootfs` backend: LEAP_ROOTFS names a root folder, else debootstrap makes one."""
    given = os.environ.get("LEAP_ROOTFS")
    scratch = Path(tempfile.mkdtemp(prefix="leap-rootfs-"))
    scratch.chmod(0o755)
    folder = Path(given) if given else scratch / "debian"
    try:
        if not given:
            build_rootfs(folder)
        found = NamespacesBackend(folder)
        problem = found.problem()
        if problem is not None:
            pytest.skip(f"the root folder cannot be used: {problem}")
        yield found
    except (ConfigError, DataError) as error:
        pytest.skip(f"no root folder: {error}")
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


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
