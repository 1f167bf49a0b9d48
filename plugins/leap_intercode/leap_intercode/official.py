"""The official tasks: where their files are, and what is in them."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from leap_core import DataError, Task

DATA_VARIABLE = "INTERCODE_DATA"
PACKS_VARIABLE = "LEAP_DATA_DIR"
FILE_SYSTEM_SPLITS = {
    "train": ("fs_1", "fs_2"),
    "test": ("fs_3", "fs_4"),
    "fs_1": ("fs_1",),
    "fs_2": ("fs_2",),
    "fs_3": ("fs_3",),
    "fs_4": ("fs_4",),
}
"""The paper trains on file systems 1 and 2 and tests on 3 and 4; each is a split as well."""
_PLACES = (
    "",
    "data/nl2bash",
    "data/bash/nl2bash",
    "data/spider",
    "data/sql/spider",
    "data/sql",
    "docker",
    "docker/bash_scripts",
)


def find_file(data_dir: Path | None, names: Sequence[str]) -> Path:
    """The first of `names` in the data folder, or where upstream's repository keeps it.

    Raises:
        DataError: there is no such folder or file.
    """
    folder = data_folder(data_dir)
    for place in _PLACES:
        for name in names:
            path = folder / place / name
            if path.is_file():
                return path
    raise DataError(
        f"'{folder}' holds no {names[0]}; 'leap intercode data FOLDER' fetches the official files"
    )


def data_folder(data_dir: Path | None) -> Path:
    """`data_dir`, else $INTERCODE_DATA, else the pack `intercode` of $LEAP_DATA_DIR.

    Raises:
        DataError: none of them is set, or the folder does not exist.
    """
    given = data_dir or os.environ.get(DATA_VARIABLE)
    packs = os.environ.get(PACKS_VARIABLE)
    if not given and packs:
        given = Path(packs) / "intercode"
    if not given:
        raise DataError(
            "official tasks need their folder: set the option 'data_dir' or the environment "
            f"variable {DATA_VARIABLE}; 'leap intercode data FOLDER' fetches them"
        )
    folder = Path(given).expanduser()
    if not folder.is_dir():
        raise DataError(f"the folder of official tasks '{folder}' does not exist")
    return folder


def read_list(path: Path, keys: Sequence[str]) -> list[dict[str, Any]]:
    """Read a JSON list of objects that have these keys.

    Raises:
        DataError: it is something else.
    """
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise DataError(f"'{path}' cannot be read: {error}") from error
    if not isinstance(found, list):
        raise DataError(f"'{path}' is no list of tasks")
    for number, item in enumerate(found):
        missing = [
            k for k in keys if not isinstance(item, dict) or not isinstance(item.get(k), str)
        ]
        if missing:
            raise DataError(f"'{path}', task {number}: no text '{missing[0]}'")
    return found


def bash_tasks(data_dir: Path | None, split: str) -> list[Task]:
    """The official tasks of a split; their ids are those of their file systems."""
    tasks = []
    for name in FILE_SYSTEM_SPLITS[split]:
        items = read_list(find_file(data_dir, [f"nl2bash_{name}.json"]), ("query", "gold"))
        tasks += [
            Task(
                id=f"nl2bash/{name}/{i}",
                split=split,
                goal=item["query"],
                task_type=name,
                data={"gold": item["gold"]},
            )
            for i, item in enumerate(items)
        ]
    return tasks


def digest(path: Path) -> str:
    """A short hash of a file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()[:16]
