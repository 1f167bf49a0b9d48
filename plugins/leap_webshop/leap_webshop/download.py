"""Fetch the official files: pinned addresses and checksums, resumable."""

from __future__ import annotations

import hashlib
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from leap_core import DataError

_BLOCK = 1 << 18
_PATIENCE = 60


@dataclass(frozen=True, slots=True)
class RemoteFile:
    """A file of the official data."""

    name: str
    size: int
    sha256: str
    url: str = ""

    def address(self) -> str:
        """Where it is fetched from."""
        return self.url or f"{MIRROR}/{self.name}"


# Upstream's own copies are on Google Drive, which serves large files to browsers only. This mirror
# holds the same bytes; sizes and checksums are those of upstream's files.
MIRROR = (
    "https://huggingface.co/datasets/YWZBrandon/webshop-data/resolve/"
    "ce990fff5aee388db2706f07820c578ab68e0453"
)
HUMAN = RemoteFile(
    "items_human_ins.json",
    5_137_548,
    "cf78667548a71786e1d9049c24b802e48e1084ad4bb021cae56ce1f6d96954a3",
)
SMALL = (
    RemoteFile(
        "items_shuffle_1000.json",
        4_467_013,
        "30a4765c3a327af72d9a9a95a6b2486d516f0fa1d3ecd83681901ce82a21b269",
    ),
    RemoteFile(
        "items_ins_v2_1000.json",
        147_099,
        "f88a36314a397b53b3d9c3fa5878e5f7b26d35019a51ec83fbedeca61a948f6f",
    ),
    HUMAN,
)
"""The first 1,000 products."""
FULL = (
    RemoteFile(
        "items_shuffle.json",
        5_479_720_229,
        "2ef591d65df3af89e972ab72468eb82cbf124d876552d9f3678667edd620a6c8",
    ),
    RemoteFile(
        "items_ins_v2.json",
        186_295_270,
        "1d36af476bdb8f82a5da62bd8acdabe54cd8de2fa84010d37da5c4890feb447e",
    ),
    HUMAN,
)
"""All 1,181,430 products."""


def fetch(file: RemoteFile, folder: Path, progress: Callable[[int], None]) -> Path:
    """Download a file into a folder, going on where an earlier attempt stopped.

    Raises:
        DataError: it cannot be fetched, or is not what was pinned.
    """
    folder.mkdir(parents=True, exist_ok=True)
    done, part = folder / file.name, folder / f"{file.name}.part"
    if done.exists() and _digest(done) == file.sha256:
        progress(file.size)
        return done
    address = file.address()
    try:
        _receive(file, part, progress)
    except urllib.error.HTTPError as error:
        raise DataError(f"'{address}' answers {error.code} {error.reason}") from error
    except OSError as error:
        got = part.stat().st_size if part.exists() else 0
        raise DataError(
            f"download of '{address}' broke off after {got:,} of {file.size:,} bytes "
            f"({getattr(error, 'reason', error)}); the same command goes on from there"
        ) from error
    found = _digest(part)
    if found != file.sha256:
        part.unlink()
        raise DataError(
            f"'{address}' is not what was expected: sha256 {found} instead of {file.sha256}; the "
            "download was removed"
        )
    return part.replace(done)


def _receive(file: RemoteFile, part: Path, progress: Callable[[int], None]) -> None:
    have = part.stat().st_size if part.exists() else 0
    if have >= file.size:
        progress(have)
        return
    request = urllib.request.Request(file.address())  # noqa: S310 - the address is pinned, https
    if have:
        request.add_header("Range", f"bytes={have}-")
    with urllib.request.urlopen(request, timeout=_PATIENCE) as answer:  # noqa: S310
        resumed = answer.status == 206
        with part.open("ab" if resumed else "wb") as target:
            have = have if resumed else 0
            progress(have)
            while block := answer.read(_BLOCK):
                target.write(block)
                have += len(block)
                progress(have)
    if have < file.size:
        raise OSError("the connection closed early")


def _digest(path: Path) -> str:
    state = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            state.update(block)
    return state.hexdigest()
