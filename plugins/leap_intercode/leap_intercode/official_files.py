"""What is in the files of the official file systems: from the official data, never from LEAP.

Upstream makes them with a script for each system. Where the data folder holds that script, it is
run in a sandbox, never outside; a manifest (a list of paths with their texts) does as well.
"""

from __future__ import annotations

import base64
import hashlib
import json
from pathlib import Path

from leap_core import DataError
from leap_intercode.backends import Backend
from leap_intercode.official import data_folder, find_file
from leap_intercode.official_trees import FILE_SYSTEMS, Listed, tree_of
from leap_intercode.tree import Entry, Tree

_SCRIPT = "/set-up.sh"
_IGNORED = "/.gitignore"
_SECONDS = 60.0
# Archives are made anew, with members of a fixed date, so that two builds do not differ by theirs.
_ARCHIVES = {
    "/system/folder2.tar.gz": "/system/folder2",
    "/workspace/archive.tar.gz": "/workspace/dir2/foo.txt",
}
_PACK = 'tar -czf "$0" --sort=name --mtime=2023-06-01 "$1"'
_READ = 'for file; do if [ -f "$file" ]; then base64 -w0 "$file"; echo; else echo -; fi; done'


def official_tree(name: str, data_dir: Path | None, backend: Backend) -> Tree:
    """The file system `name` (fs_1 to fs_4); a set-up script runs in a sandbox of `backend`.

    Raises:
        DataError: the data folder lacks what it takes, or gives other files than upstream's.
    """
    source = tree_source(name, data_dir)
    if source.suffix == ".json":
        found = _listed(source)
    else:
        ignored = find_file(data_dir, ["docker.gitignore"])
        found = {**_built(name, source, backend), _IGNORED: ignored.read_bytes()}
    for file in FILE_SYSTEMS[name]:
        _check(file, found.get(file.path), source)
    return tree_of(name, found)


def tree_source(name: str, data_dir: Path | None) -> Path:
    """Where the files of a file system come from: its manifest, or its set-up script.

    Raises:
        DataError: the data folder holds neither.
    """
    manifest = data_folder(data_dir) / f"{name}_manifest.json"
    return manifest if manifest.is_file() else find_file(data_dir, [f"setup_nl2b_{name}.sh"])


def _check(file: Listed, content: bytes | None, source: Path) -> None:
    if content is None:
        raise DataError(f"'{source}' does not give upstream's files: it makes no '{file.path}'")
    if file.digest and hashlib.sha256(content).hexdigest()[:16] != file.digest:
        raise DataError(
            f"'{source}' does not give upstream's files: '{file.path}' has another content"
        )


def _listed(manifest: Path) -> dict[str, bytes]:
    """Contents that a manifest holds: a JSON list of {path, type, text or base64}."""
    try:
        items = json.loads(manifest.read_text(encoding="utf-8"))
        return {
            item["path"]: base64.b64decode(item["base64"], validate=True)
            if item.get("text") is None
            else item["text"].encode()
            for item in items
            if item["type"] == "file"
        }
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise DataError(f"'{manifest}' cannot be read: {error}") from error


def _built(name: str, script: Path, backend: Backend) -> dict[str, bytes]:
    """Run a set-up script in a sandbox; the contents that it leaves, of the files that count."""
    paths = [file.path for file in FILE_SYSTEMS[name] if file.path != _IGNORED]
    box = backend.open(Tree(name, (Entry(_SCRIPT, "file", script.read_bytes()),)), 0.0)
    try:
        # Some of its lines fail everywhere; what it leaves is what counts.
        box.run(["/bin/bash", _SCRIPT], "/", _SECONDS)
        for archive in set(_ARCHIVES) & set(paths):
            box.run(["/bin/bash", "-c", _PACK, archive, _ARCHIVES[archive]], "/", _SECONDS)
        told = box.run(["/bin/bash", "-c", _READ, "read", *paths], "/", _SECONDS)
    finally:
        box.close()
    lines = told.data.split(b"\n")[: len(paths)]
    try:
        return {
            path: base64.b64decode(line, validate=True)
            for path, line in zip(paths, lines, strict=True)
            if line != b"-"
        }
    except ValueError as error:
        raise DataError(f"'{script}' ran in a sandbox, but what it left was not read") from error
