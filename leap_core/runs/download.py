"""Fetch official data: pinned addresses, sizes and checksums; resumable; never unasked."""

from __future__ import annotations

import hashlib
import http.client
import urllib.error
import urllib.request
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from leap_core.errors import DataError

_BLOCK = 1 << 18
_PATIENCE = 60


@dataclass(frozen=True, slots=True)
class PinnedFile:
    """A file as its makers published it.

    Attributes:
        name: what it is called here.
        url: where it is fetched from.
        size: bytes.
        sha256: its checksum, in hexadecimal digits.
    """

    name: str
    url: str
    size: int
    sha256: str


def fetch_all(files: Sequence[PinnedFile], folder: Path, ask: bool) -> list[Path]:
    """Download files into a folder, saying which and from where, and showing how far it is.

    Args:
        ask: whether the user must confirm first.

    Raises:
        click.Abort: the user said no; nothing was fetched.
        DataError: a file cannot be fetched, or is not what was pinned.
    """
    import click

    for file in files:
        click.echo(f"{file.url}\n  {file.size:,} bytes, sha256 {file.sha256}")
    if ask:
        size = sum(file.size for file in files) / 1e6
        click.confirm(f"Download {size:,.1f} MB to {folder}?", abort=True)
    paths = []
    for file in files:
        with click.progressbar(length=file.size, label=file.name) as bar:
            paths.append(fetch(file, folder, lambda done, bar=bar: bar.update(done - bar.pos)))  # type: ignore[misc]
    return paths


def fetch(file: PinnedFile, folder: Path, progress: Callable[[int], None]) -> Path:
    """Download a file into a folder, going on where an earlier attempt stopped.

    `progress` is told how many bytes there are. A file that is there is not fetched again.

    Raises:
        DataError: it cannot be fetched, or is not what was pinned.
    """
    folder.mkdir(parents=True, exist_ok=True)
    done, part = folder / file.name, folder / f"{file.name}.part"
    if done.is_file() and _digest(done) == file.sha256:
        progress(file.size)
        return done
    try:
        _receive(file, part, progress)
    except urllib.error.HTTPError as error:
        raise DataError(f"'{file.url}' answers {error.code} {error.reason}") from error
    except (OSError, http.client.HTTPException) as error:
        raise DataError(
            f"download of '{file.url}' broke off after {_size(part):,} of {file.size:,} bytes "
            f"({getattr(error, 'reason', error)}); the same command goes on from there"
        ) from error
    found = _digest(part)
    if found != file.sha256:
        part.unlink()
        raise DataError(
            f"'{file.url}' is not what was expected: sha256 {found} instead of {file.sha256}; the "
            "download was removed"
        )
    return part.replace(done)


def _receive(file: PinnedFile, part: Path, progress: Callable[[int], None]) -> None:
    """Write what is missing of a file, and not a byte more than its size."""
    have = _size(part)
    progress(min(have, file.size))
    if have >= file.size:
        return
    request = urllib.request.Request(file.url)  # noqa: S310 - the address is pinned
    if have:
        request.add_header("Range", f"bytes={have}-")
    with urllib.request.urlopen(request, timeout=_PATIENCE) as answer:  # noqa: S310
        resumed = answer.status == http.client.PARTIAL_CONTENT
        have = have if resumed else 0
        with part.open("ab" if resumed else "wb") as target:
            while have < file.size and (block := answer.read(min(_BLOCK, file.size - have))):
                target.write(block)
                have += len(block)
                progress(have)
    if have < file.size:
        raise OSError("the connection closed early")


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def _digest(path: Path) -> str:
    state = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            state.update(block)
    return state.hexdigest()
