"""Following a page of the documentation word for word: its files written, its commands run."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

BLOCK = re.compile(
    r'^```(?P<language>\w+)(?: title="(?P<file>[^"]+)")?\n(?P<text>.*?)^```$', re.S | re.M
)
_COMMAND = re.compile(r"^\$ (?P<line>.*)\n(?P<shown>(?:(?!\$ ).*\n)*)", re.M)
# Runs a line, then writes down where the shell is and what its environment holds.
_STEP = 'eval "$1"; status=$?; pwd > "$2/folder"; env -0 > "$2/environment"; exit $status'


@dataclass
class Shell:
    """A shell that remembers its folder and environment from line to line."""

    folder: Path
    environment: Mapping[str, str]
    notes: Path

    def run(self, line: str) -> str:
        """What `line` prints, on both streams; it has to succeed."""
        done = subprocess.run(
            ["bash", "-c", _STEP, "bash", line, self.notes],
            cwd=self.folder,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        assert done.returncode == 0, f"$ {line}\n{done.stdout}"
        self.folder = Path((self.notes / "folder").read_text(encoding="utf-8").rstrip("\n"))
        entries = (self.notes / "environment").read_text(encoding="utf-8").split("\0")
        self.environment = dict(entry.split("=", 1) for entry in entries if "=" in entry)
        return done.stdout


@dataclass
class Reader:
    """A reader who does what a page says, and compares what comes with what it shows."""

    shell: Shell
    printed: dict[str, str] = field(default_factory=dict)

    def follow(self, page: Path) -> None:
        """Write each titled block to its file, and run each `$` line of the console blocks."""
        for block in BLOCK.finditer(page.read_text(encoding="utf-8")):
            if block["file"]:
                path = self.shell.folder / block["file"]
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(block["text"], encoding="utf-8")
                continue
            assert block["language"] == "console", f"what is to be done with {block.group()}?"
            for command in _COMMAND.finditer(block["text"]):
                came = self.shell.run(command["line"])
                self.printed[command["line"]] = came
                compare(command["line"], command["shown"].splitlines(), came)


def compare(command: str, shown: list[str], came: str) -> None:
    """Each shown line came, whole and in this order; lines between them may be left out.

    The sign … stands for anything. In lines that tell of success, figures stand for any: what a
    student learns differs from processor to processor.
    """
    lines = iter(came.splitlines())
    for line in shown:
        pattern = _pattern(line)
        assert any(pattern.fullmatch(one.rstrip()) for one in lines), (
            f"$ {command}\nshould show (after the lines before it): {line}\nbut printed:\n{came}"
        )


def _pattern(line: str) -> re.Pattern[str]:
    text = re.escape(line.rstrip()).replace("…", ".*")
    if " %" in line or "success" in line:
        text = re.sub(r"\d+(?:\\\.\d+)?", r"\\d+(?:\\.\\d+)?", text)
    return re.compile(text)
