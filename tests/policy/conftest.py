"""One trained student for all tests of decoding."""

from __future__ import annotations

import pytest

from leap_core.types import PolicyRef
from tests.support.students import trained_student


@pytest.fixture(scope="session")
def student(tmp_path_factory: pytest.TempPathFactory) -> PolicyRef:
    return trained_student(tmp_path_factory.mktemp("student"))
