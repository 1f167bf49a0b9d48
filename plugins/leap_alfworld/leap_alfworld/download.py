"""Fetch official archives: pinned address, pinned checksum, resumable."""

from __future__ import annotations

import hashlib
import urllib.error
import urllib.request
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from leap_core import DataError

_BLOCK = 1 << 18
_PATIENCE = 60


@dataclass(frozen=True, slots=True)
class Archive:
    """A file of a release."""

    url: str
    size: int
    sha256: str

    @property
    def name(self) -> str:
        """The file's name."""
        return self.url.rpartition("/")[2]


_RELEASES = "https://github.com/alfworld/alfworld/releases/download"
GAMES = Archive(
    f"{_RELEASES}/0.4.2/json_2.1.3_tw-pddl.zip",
    36_507_267,
    "5df77ea759f2211a4106082839ddbbb790f1ba4e7d097ed732cf453f72aa36cf",
)
"""The games, in the wording "move X to Y"."""
ANNOTATIONS = Archive(
    f"{_RELEASES}/0.2.2/json_2.1.1_json.zip",
    72_018_818,
    "25171f16e20ad7b048c47275c45b0babf3aa1cbab29cec97387922350a9844bc",
)
"""The `traj_data.json` files: people's instructions for each game."""


def fetch(archive: Archive, folder: Path, progress: Callable[[int], None]) -> Path:
    """Download an archive into a folder, going on where an earlier attempt stopped.

    Raises:
        DataError: it cannot be fetched, or is not what was pinned.
    """
    folder.mkdir(parents=True, exist_ok=True)
    done, part = folder / archive.name, folder / f"{archive.name}.part"
    if done.exists() and _digest(done) == archive.sha256:
        progress(archive.size)
        return done
    try:
        _receive(archive, part, progress)
    except urllib.error.HTTPError as error:
        raise DataError(f"'{archive.url}' answers {error.code} {error.reason}") from error
    except OSError as error:
        got = part.stat().st_size if part.exists() else 0
        raise DataError(
            f"download of '{archive.url}' broke off after {got:,} of {archive.size:,} bytes "
            f"({getattr(error, 'reason', error)}); the same command goes on from there"
        ) from error
    found = _digest(part)
    if found != archive.sha256:
        part.unlink()
        raise DataError(
            f"'{archive.url}' is not what was expected: sha256 {found} instead of "
            f"{archive.sha256}; the download was removed"
        )
    return part.rename(done)


def unpack(path: Path, folder: Path) -> None:
    """Unpack an archive into a folder.

    Raises:
        DataError: it is damaged, or would write outside of the folder.
    """
    root = folder.resolve()
    try:
        with zipfile.ZipFile(path) as archive:
            for name in archive.namelist():
                if not (root / name).resolve().is_relative_to(root):
                    raise DataError(f"'{path}' would write outside of '{folder}': {name}")
            archive.extractall(root)
    except zipfile.BadZipFile as error:
        raise DataError(f"'{path}' is damaged: {error}") from error


def _receive(archive: Archive, part: Path, progress: Callable[[int], None]) -> None:
    have = part.stat().st_size if part.exists() else 0
    if have >= archive.size:
        progress(have)
        return
    request = urllib.request.Request(archive.url)  # noqa: S310 - the address is pinned, https
    if have:
        request.add_header("Range", f"bytes={have}-")
    with urllib.request.urlopen(request, timeout=_PATIENCE) as answer:  # noqa: S310
        resumed = answer.status == 206
        with part.open("ab" if resumed else "wb") as file:
            have = have if resumed else 0
            progress(have)
            while block := answer.read(_BLOCK):
                file.write(block)
                have += len(block)
                progress(have)
    if have < archive.size:
        raise OSError("the connection closed early")


def _digest(path: Path) -> str:
    state = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            state.update(block)
    return state.hexdigest()
