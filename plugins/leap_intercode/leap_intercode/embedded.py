"""Bash tasks of our own over generated file trees: the same on every machine.

One table of templates drives all: how a task is worded, its gold command, and how someone who
reads the wording (the explorer) works out a command. A template with a `{path}` in its gold command
names a file whose folder has to be found out first.
"""

from __future__ import annotations

import random
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from leap_intercode.tree import Entry, Tree, folders_first

SPLITS = ("train", "validation", "test")
DEFAULT_SIZES = {"train": 240, "validation": 60, "test": 60}
TASK_TYPES = ("count", "read", "search", "change")

_ROOTS = ("/project", "/archive", "/shop", "/garden", "/library", "/workshop", "/office", "/lab")
_FOLDERS = (
    "docs",
    "data",
    "old",
    "tools",
    "reports",
    "images",
    "notes",
    "drafts",
    "backup",
    "mail",
)
_STEMS = (
    "apple birch cedar delta ember falcon grape harbor iris jasper kettle lemon maple nectar "
    "olive pepper quartz river saddle tulip"
).split()
_EXTENSIONS = ("txt", "log", "csv", "sh", "md", "tmp")
_WORDS = (
    "red green blue north south east west open closed ready late early paid lost found new used "
    "round sharp quiet"
).split()


@dataclass(frozen=True, slots=True)
class Template:
    """A kind of task. `{path}` in `gold`: the folder of `{name}` is not told."""

    name: str
    task_type: str
    query: str
    gold: str

    @property
    def hidden(self) -> bool:
        """Whether the task asks to find a file."""
        return "{path}" in self.gold

    def read(self, query: str) -> dict[str, str] | None:
        """The parts of a query of this kind; None if it is of another."""
        pattern = re.sub(r"\\{(\w+)\\}", r"(?P<\1>\\S+)", re.escape(self.query))
        found = re.fullmatch(pattern, query)
        return found.groupdict() if found else None

    def command(self, parts: dict[str, str], path: str = "") -> str:
        """The command that answers a query with these parts."""
        text = self.gold
        for name, value in {**parts, "path": path}.items():
            text = text.replace("{" + name + "}", value)
        return text


TEMPLATES = (
    Template(
        "count-files", "count",
        "Count the files with the extension .{extension} in {root} and all its subfolders.",
        "find {root} -type f -name '*.{extension}' | wc -l",
    ),
    Template(
        "count-folders", "count",
        "Count the folders below {root} , not {root2} itself.",
        "find {root} -mindepth 1 -type d | wc -l",
    ),
    Template(
        "count-lines", "count",
        "Count the lines of the file {name} , which is somewhere under {root} .",
        "wc -l < {path}",
    ),
    Template(
        "count-word", "count",
        "Count the lines that hold the word {word} in all files under {root} .",
        "grep -rhw {word} {root} | wc -l",
    ),
    Template(
        "first-line", "read",
        "Print the first line of the file {name} , which is somewhere under {root} .",
        "head -n 1 {path}",
    ),
    Template(
        "last-line", "read",
        "Print the last line of the file {name} , which is somewhere under {root} .",
        "tail -n 1 {path}",
    ),
    Template(
        "sorted-lines", "read",
        "Print the lines of the file {name} in alphabetical order; it is somewhere under {root} .",
        "sort {path}",
    ),
    Template(
        "column-sum", "read",
        "Add up the second column of the comma-separated file {name} , somewhere under {root} .",
        "cut -d, -f2 {path} | awk '{s += $1} END {print s}'",
    ),
    Template(
        "files-with-word", "search",
        "List the paths of the files under {root} that hold the word {word} , sorted.",
        "grep -rlw {word} {root} | sort",
    ),
    Template(
        "largest-file", "search",
        "Print the path of the largest file under {root} .",
        "find {root} -type f -printf '%s %p\\n' | sort -n | tail -n 1 | cut -d' ' -f2",
    ),
    Template(
        "old-files", "search",
        "List the paths of the files under {root} last changed more than {days} days ago, sorted.",
        "find {root} -type f -mtime +{days} | sort",
    ),
    Template(
        "empty-files", "search",
        "List the paths of the empty files under {root} , sorted.",
        "find {root} -type f -empty | sort",
    ),
    Template(
        "new-file", "change",
        "Create an empty file called {new} in the folder {folder} .",
        "touch {folder}/{new}",
    ),
    Template(
        "delete-files", "change",
        "Delete all files with the extension .{extension} under {root} .",
        "find {root} -type f -name '*.{extension}' -delete",
    ),
    Template(
        "copy-file", "change",
        "Copy the file {name} , which is somewhere under {root} , to {folder}/{new} .",
        "cp {path} {folder}/{new}",
    ),
    Template(
        "move-file", "change",
        "Move the file {name} , which is somewhere under {root} , to {folder}/{new} .",
        "mv {path} {folder}/{new}",
    ),
    Template(
        "make-executable", "change",
        "Make the script {name} executable; it is somewhere under {root} .",
        "chmod +x {path}",
    ),
    Template(
        "write-word", "change",
        "Write the word {word} into a new file {folder}/{new} .",
        "echo {word} > {folder}/{new}",
    ),
)  # fmt: skip


def understand(query: str) -> tuple[Template, dict[str, str]] | None:
    """The template and the parts of a query, if it is one of ours."""
    for template in TEMPLATES:
        parts = template.read(query)
        if parts is not None:
            return template, parts
    return None


@dataclass(frozen=True, slots=True)
class EmbeddedTask:
    """A task with its tree. `hidden` is the path that has to be found out ("" if none)."""

    query: str
    gold: str
    task_type: str
    template: str
    tree: Tree
    hidden: str = ""


@lru_cache(maxsize=512)
def world(seed: int, split: str, index: int) -> Tree:
    """A generated file tree: one root folder, some folders in it, about 25 files."""
    name = f"embedded-{seed}-{split}-{index}"
    chance = random.Random(name)
    root = chance.choice(_ROOTS)
    folders = [f"{root}/{folder}" for folder in chance.sample(_FOLDERS, 4)]
    folders.append(f"{folders[0]}/{chance.choice(_FOLDERS)}")
    folders.append(f"{folders[1]}/{chance.choice(_FOLDERS)}")
    names = [f"{stem}.{ext}" for stem in _STEMS for ext in _EXTENSIONS]
    files = []
    for number, file in enumerate(chance.sample(names, 24)):
        folder = folders[number % len(folders)] if number < 18 else chance.choice([root, *folders])
        content = b"" if chance.random() < 0.1 else _content(chance, file)
        days = chance.choice((2, 5, 9, 20, 45, 100)) + 0.5
        mode = 0o755 if file.endswith(".sh") and chance.random() < 0.3 else 0o644
        files.append(Entry(f"{folder}/{file}", "file", content, mode, days))
    return Tree(name, folders_first(files, 3.5))


def _content(chance: random.Random, file: str) -> bytes:
    count = chance.randint(2, 9)
    if file.endswith(".csv"):
        lines = [f"{chance.choice(_STEMS)},{chance.randint(1, 99)}" for _ in range(count)]
    elif file.endswith(".sh"):
        lines = ["#!/bin/sh", *(f"echo {chance.choice(_WORDS)}" for _ in range(count))]
    else:
        lines = [" ".join(chance.sample(_WORDS, chance.randint(2, 5))) for _ in range(count)]
    return "".join(f"{line}\n" for line in lines).encode()


def make_task(seed: int, split: str, index: int, task_types: Sequence[str]) -> EmbeddedTask:
    """Task `index` of a split: kinds take turns, and so do trees (a new one every 12 tasks)."""
    kinds = [template for template in TEMPLATES if template.task_type in task_types]
    template = kinds[index % len(kinds)]
    tree = world(seed, split, index // 12)
    chance = random.Random(f"{seed}/{split}/{index}")
    parts, path = _fill(template, tree, chance)
    query = template.query
    for name, value in parts.items():
        query = query.replace("{" + name + "}", value)
    gold = template.command(parts, path)
    return EmbeddedTask(query, gold, template.task_type, template.name, tree, path)


def _fill(template: Template, tree: Tree, chance: random.Random) -> tuple[dict[str, str], str]:
    """Choose a template's parts so that there is something to do."""
    files = sorted(tree.files(), key=lambda e: e.path)
    folders = [e.path for e in tree.entries if e.kind == "dir"]
    root = folders[0]
    target = chance.choice(_targets(template.name, files))
    folder = chance.choice(folders[1:])
    unused = [s for s in _STEMS if not any(f"/{s}." in e.path for e in files)] or _STEMS
    words = sorted({w for e in files for w in e.content.decode().split() if w in _WORDS})
    values = {
        "root": root,
        "root2": root,
        "extension": target.path.rpartition(".")[2],
        "name": target.path.rpartition("/")[2],
        "word": chance.choice(words or _WORDS),
        "days": str(chance.choice((3, 7, 14, 30))),
        "folder": folder,
        "new": f"{chance.choice(unused)}.{chance.choice(('txt', 'md', 'log'))}",
    }
    used = set(re.findall(r"{(\w+)}", template.query))
    return {name: value for name, value in values.items() if name in used}, target.path


def _targets(name: str, files: Sequence[Entry]) -> Sequence[Entry]:
    """Files that a task of this kind can be about; all of them where none fits well."""
    wanted = {
        "column-sum": [e for e in files if e.path.endswith(".csv") and e.content],
        "make-executable": [e for e in files if e.path.endswith(".sh") and e.mode == 0o644],
        "delete-files": [e for e in files if e.path.endswith((".tmp", ".log"))],
    }.get(name, [e for e in files if e.content])
    return wanted or files
