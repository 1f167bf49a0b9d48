"""What changed in a tree, told from two snapshots of it, is what real git says.

Random trees, changed at random: files, folders, links (dangling, looping, out of the tree), pipes,
permissions, files that become folders and folders that become files, repositories in the tree,
ignored names. A thousand of them with LEAP_FULL=1.
"""

from __future__ import annotations

import os
import random
import shutil
import subprocess
from pathlib import Path

import pytest

from leap_intercode.sandbox.snapshot import IGNORED, take
from leap_intercode.status import Snapshot, status_text

STATES = 1000 if os.environ.get("LEAP_FULL") else 60
NAMES = [
    "a",
    "b.txt",
    "c c",
    "d",
    'q"q',
    "é",
    "tmp",
    "bin",
    "etc",
    "x.log",
    "back\\slash",
    "-",
    "A",
]
CONTENTS = ["", "1\n", "2\n", "one two\n" * 40]
TARGETS = ["a", "nowhere", "..", "/etc", "loop", "me", "../a", "d/../me", "x" * 300]


def git(folder: Path, *arguments: str) -> str:
    """Run git without anybody's settings."""
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": "/nonexistent",
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CEILING_DIRECTORIES": str(folder.parent),
    }
    identity = ["-c", "user.name=t", "-c", "user.email=t@t", "-c", "safe.directory=*"]
    done = subprocess.run(
        ["git", *identity, *arguments],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout


def snapshot(folder: Path) -> Snapshot:
    """The state of a folder as a box's is taken."""
    taken = take(str(folder), 20_000, lambda: None)
    assert taken["complete"]
    return Snapshot.of(taken["entries"])


def places(folder: Path) -> list[Path]:
    """All folders of the tree but what belongs to a repository."""
    found = [folder]
    for place, folders, _ in os.walk(folder):
        folders[:] = [name for name in folders if name != ".git"]
        found += [Path(place) / name for name in folders if not (Path(place) / name).is_symlink()]
    return found


def put(path: Path, chance: random.Random) -> None:
    """Make something there, whatever was there before."""
    if not path.is_symlink() and path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
    kind = chance.choices(
        ["file", "dir", "link", "pipe", "repository", "broken repository", "git file"],
        [8, 5, 3, 1, 1, 1, 1],
    )[0]
    if kind == "file":
        path.write_text(chance.choice(CONTENTS))
        path.chmod(chance.choice([0o644, 0o644, 0o755, 0o600, 0o611]))
    elif kind == "link":
        path.symlink_to(chance.choice(TARGETS))
    elif kind == "pipe":
        os.mkfifo(path)
    else:
        path.mkdir()
        if kind == "git file":
            (path / ".git").write_text(chance.choice(["gitdir: nowhere\n", "no such thing\n"]))
        elif kind != "dir":
            (path / ".git").mkdir()
            (path / ".git" / "HEAD").write_text("ref: refs/heads/master\n")
            (path / ".git" / "objects").mkdir()
        if kind == "repository":
            (path / ".git" / "refs").mkdir()


def change(folder: Path, chance: random.Random) -> None:
    """Change one thing in the tree."""
    inside = [p for p in places(folder) if ".git" not in p.parts[len(folder.parts) :]]
    place = chance.choice(inside)
    existing = [p for p in place.iterdir() if p.name not in (".git", ".gitignore")]
    what = chance.random()
    if existing and what < 0.25:
        victim = chance.choice(existing)
        if not victim.is_symlink() and victim.is_dir():
            shutil.rmtree(victim)
        else:
            victim.unlink()
    elif existing and what < 0.35:
        victim = chance.choice(existing)
        target = place / f"moved {chance.randrange(3)}"
        if not os.path.lexists(target):
            victim.rename(target)
    elif existing and what < 0.6:
        put(chance.choice(existing), chance)
    else:
        put(place / chance.choice(NAMES), chance)


def random_state(folder: Path, chance: random.Random) -> tuple[str, str]:
    """(what is said here, what git says) of a tree, committed and then changed."""
    (folder / ".gitignore").write_text("".join(f"{name}\n" for name in sorted(IGNORED)))
    git(folder, "init", "-q")
    for _ in range(chance.randrange(25)):
        change(folder, chance)
    for inner in list(folder.rglob(".git")):  # upstream's tree holds no repository but its own
        if inner != folder / ".git":
            shutil.rmtree(inner) if inner.is_dir() else inner.unlink()
    git(folder, "add", "-A")
    git(folder, "commit", "-qm", "x")
    git(folder, "clean", "-qfdx")
    before = snapshot(folder)
    for _ in range(chance.randrange(12)):
        change(folder, chance)
    return status_text(before, snapshot(folder)), git(folder, "status", "--short")


@pytest.mark.timeout(1200)
@pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")
@pytest.mark.parametrize("part", range(4))
def test_the_status_of_random_states_is_gits(tmp_path, part):
    different = []
    for number in range(part, STATES, 4):
        folder = tmp_path / str(number)
        folder.mkdir()
        ours, gits = random_state(folder, random.Random(number))
        if ours != gits:
            different.append((number, ours, gits))
        else:
            shutil.rmtree(folder)
    assert not different, f"{len(different)} of {STATES // 4}: {different[:3]}"
