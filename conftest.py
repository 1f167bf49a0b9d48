"""What all tests share: one thread per process, and where benchmark data is found.

`LEAP_DATA_DIR` names a folder of unpacked data packs. Where it is unset and the packs lie beside
this repository, they are unpacked once into the user's cache folder. Tests ask for the fixture
`data_dir` and are skipped where there is no data.
"""

from __future__ import annotations

import os
import signal
import subprocess
from pathlib import Path

import pytest
from hypothesis import settings

# The models here are tiny: more threads than one only wait for each other.
os.environ.setdefault("OMP_NUM_THREADS", "1")

# A shell starts its background jobs with Ctrl-C ignored, and their children inherit that: the tests
# that press Ctrl-C would wait for ever.
if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# How long an example takes says more of the machine than of the code.
settings.register_profile("leap", deadline=None)
settings.load_profile("leap")

UNPACK = Path(__file__).resolve().parent.parent / "shared" / "data" / "unpack"


def pytest_configure(config: pytest.Config) -> None:
    if "LEAP_DATA_DIR" in os.environ or not UNPACK.exists():
        return
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "leap" / "test-data"
    done = subprocess.run([UNPACK, cache], capture_output=True, text=True)
    if done.returncode:
        raise pytest.UsageError(f"cannot unpack the data packs to {cache}: {done.stderr.strip()}")
    os.environ["LEAP_DATA_DIR"] = str(cache)


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """The folder of unpacked data packs; the test is skipped where there is none."""
    if "LEAP_DATA_DIR" not in os.environ:
        pytest.skip("LEAP_DATA_DIR is not set: no benchmark data here")
    path = Path(os.environ["LEAP_DATA_DIR"])
    if not path.is_dir():
        pytest.skip(f"LEAP_DATA_DIR={path} is no folder")
    return path
