"""The official archives: pinned addresses and checksums, and how to unpack them."""

from __future__ import annotations

import zipfile
from pathlib import Path

from leap_core import DataError, PinnedFile

_RELEASES = "https://github.com/alfworld/alfworld/releases/download"
GAMES = PinnedFile(
    "json_2.1.3_tw-pddl.zip",
    f"{_RELEASES}/0.4.2/json_2.1.3_tw-pddl.zip",
    36_507_267,
    "5df77ea759f2211a4106082839ddbbb790f1ba4e7d097ed732cf453f72aa36cf",
)
"""The games, in the wording "move X to Y"."""
ANNOTATIONS = PinnedFile(
    "json_2.1.1_json.zip",
    f"{_RELEASES}/0.2.2/json_2.1.1_json.zip",
    72_018_818,
    "25171f16e20ad7b048c47275c45b0babf3aa1cbab29cec97387922350a9844bc",
)
"""The `traj_data.json` files: people's instructions for each game."""


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
