"""Official data is fetched when asked for, from where a broken attempt stopped, and checked."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from leap_core import DataError, PinnedFile, fetch_all
from leap_core.runs.download import fetch
from leap_core.testing.files import FileServer

CONTENT = bytes(range(256)) * 4000


@pytest.fixture
def server(tmp_path: Path) -> Iterator[FileServer]:
    folder = tmp_path / "served"
    folder.mkdir()
    (folder / "games.zip").write_bytes(CONTENT)
    with FileServer(folder) as served:
        yield served


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "a" / "new" / "folder"


def test_a_file_is_fetched_once(server: FileServer, out: Path) -> None:
    file, seen = server.pin("games.zip"), list[int]()
    path = fetch(file, out, seen.append)
    assert path.read_bytes() == CONTENT
    assert (seen[0], seen[-1]) == (0, len(CONTENT))
    assert seen == sorted(seen)
    assert fetch(file, out, seen.append) == path
    assert server.asked == [("/games.zip", None)], "what is there is not fetched again"
    assert list(out.iterdir()) == [path]


def test_a_file_that_was_spoilt_is_fetched_anew(server: FileServer, out: Path) -> None:
    path = fetch(server.pin("games.zip"), out, lambda _: None)
    path.write_bytes(b"spoilt")
    assert fetch(server.pin("games.zip"), out, lambda _: None).read_bytes() == CONTENT


def test_a_connection_that_breaks_off_loses_nothing(server: FileServer, out: Path) -> None:
    file, seen = server.pin("games.zip"), list[int]()
    server.lose = 24_000
    with pytest.raises(DataError, match="broke off after 1,000,000 of 1,024,000 bytes"):
        fetch(file, out, seen.append)
    assert [p.name for p in out.iterdir()] == ["games.zip.part"], "half a file is none"
    server.lose = 0
    seen.clear()
    assert fetch(file, out, seen.append).read_bytes() == CONTENT
    assert server.asked[-1] == ("/games.zip", "bytes=1000000-")
    assert seen[0] == 1_000_000


@pytest.mark.parametrize("spoil", ["longer", "changed", "the part"])
def test_what_is_not_what_was_pinned_is_removed(server: FileServer, out: Path, spoil: str) -> None:
    file = server.pin("games.zip")
    if spoil == "the part":
        out.mkdir(parents=True)
        (out / "games.zip.part").write_bytes(b"x" * 2_000_000)
    else:
        changed = b"x" + (CONTENT * 3 if spoil == "longer" else CONTENT[1:])
        (server.folder / "games.zip").write_bytes(changed)
    seen = list[int]()
    with pytest.raises(DataError, match="not what was expected"):
        fetch(file, out, seen.append)
    assert not list(out.iterdir())
    assert max(seen) <= file.size, "no more is taken than was pinned"


def test_a_server_that_says_no_and_one_that_is_not_there(server: FileServer, out: Path) -> None:
    with pytest.raises(DataError, match=r"other\.zip' answers 404"):
        fetch(PinnedFile("games.zip", server.url("other.zip"), 1, ""), out, lambda _: None)
    with pytest.raises(DataError, match="goes on from there"):
        fetch(PinnedFile("x", "http://127.0.0.1:9/x", 1, ""), out, lambda _: None)


def test_the_user_is_told_and_asked(server: FileServer, out: Path) -> None:
    file = server.pin("games.zip")

    def run(ask: bool, typed: str = "") -> str:
        command = click.Command("data", callback=lambda: fetch_all([file], out, ask) and None)
        return CliRunner().invoke(command, [], input=typed).output

    told = run(True, "n\n")
    assert file.url in told
    assert file.sha256 in told
    assert "1.0 MB" in told
    assert not server.asked
    assert not out.exists()
    run(True, "y\n")
    assert len(server.asked) == 1
    (out / "games.zip").unlink()
    assert "Download" not in run(False)
    assert (out / "games.zip").read_bytes() == CONTENT


def test_every_file_is_named_when_one_fails(server: FileServer, out: Path) -> None:
    good = server.pin("games.zip")
    with pytest.raises(DataError, match="answers 404"):
        fetch_all([good, replace(good, name="b", url=server.url("b"))], out, ask=False)
    assert (out / "games.zip").is_file()
