"""The official file systems: tables of ours, contents from the official data."""

from __future__ import annotations

import base64
import hashlib
import json
import shutil
from pathlib import Path

import pytest

from leap_core import DataError
from leap_intercode import official_files
from leap_intercode.environment import BashEnvironment
from leap_intercode.official_files import official_tree
from leap_intercode.official_trees import FILE_SYSTEMS, Listed
from leap_intercode.options import BashOptions

SETUP = """#!/bin/bash
mkdir -p /things/deep
echo -e 'one\\ntwo' > "/things/two words.txt"
printf '\\x00\\xff' > /things/deep/bytes
touch /things/empty
touch -t never /things/not_there
"""
MADE = {
    "/things/two words.txt": b"one\ntwo\n",
    "/things/deep/bytes": b"\0\xff",
    "/things/empty": b"",
}


def entry_of(path: str, content: bytes) -> Listed:
    return Listed(path, hashlib.sha256(content).hexdigest()[:16])


@pytest.fixture
def scripted(tmp_path, monkeypatch) -> Path:
    """A data folder laid out as upstream's repository, with a file system of the test's own."""
    table = (entry_of("/.gitignore", b"bin\n"), *(entry_of(p, c) for p, c in MADE.items()))
    monkeypatch.setattr(official_files, "FILE_SYSTEMS", {"fs_1": table})
    monkeypatch.setattr("leap_intercode.official_trees.FILE_SYSTEMS", {"fs_1": table})
    scripts = tmp_path / "docker" / "bash_scripts"
    scripts.mkdir(parents=True)
    (scripts / "setup_nl2b_fs_1.sh").write_text(SETUP)
    (tmp_path / "docker" / "docker.gitignore").write_text("bin\n")
    return tmp_path


@pytest.mark.parametrize("name", FILE_SYSTEMS)
def test_a_tree_is_as_the_recorded_one(intercode_data, backend, name):
    listed = json.loads((intercode_data / f"{name}_manifest.json").read_text())
    theirs = {item["path"]: item for item in listed}
    ours = {entry.path: entry for entry in official_tree(name, intercode_data, backend).entries}
    assert set(ours) == set(theirs)
    for path, item in theirs.items():
        entry = ours[path]
        assert entry.kind == item["type"]
        assert oct(entry.mode) == item["mode"]
        if item["type"] == "file":
            text = item.get("text")
            content = base64.b64decode(item["base64"]) if text is None else text.encode()
            assert entry.content == content


@pytest.mark.parametrize("name", FILE_SYSTEMS)
def test_trees_are_planted_folders_first(intercode_data, backend, name):
    seen = {"/"}
    for path, kind, *_ in official_tree(name, intercode_data, backend).planted(0.0):
        assert str(Path(path).parent) in seen
        if kind == "dir":
            seen.add(path)


def test_a_set_up_script_is_run_in_the_sandbox(scripted, backend):
    tree = official_tree("fs_1", scripted, backend)
    made = {entry.path: entry.content for entry in tree.files()}
    assert made == {**MADE, "/.gitignore": b"bin\n"}
    assert not Path("/things").exists()


def test_another_content_is_refused(scripted, backend):
    script = scripted / "docker" / "bash_scripts" / "setup_nl2b_fs_1.sh"
    script.write_text(SETUP.replace("one", "eins"))
    with pytest.raises(DataError, match=r"'/things/two words\.txt' has another content"):
        official_tree("fs_1", scripted, backend)


def test_a_file_that_is_not_made_is_named(scripted, backend):
    script = scripted / "docker" / "bash_scripts" / "setup_nl2b_fs_1.sh"
    script.write_text(SETUP.replace("touch /things/empty", ""))
    with pytest.raises(DataError, match="makes no '/things/empty'"):
        official_tree("fs_1", scripted, backend)


@pytest.mark.parametrize("text", ["{", "[1]", '[{"path": "/a", "type": "file", "base64": "?"}]'])
def test_a_torn_manifest_is_one_sentence(scripted, backend, text):
    (scripted / "fs_1_manifest.json").write_text(text)
    with pytest.raises(DataError, match=r"fs_1_manifest\.json' cannot be read"):
        official_tree("fs_1", scripted, backend)


def test_without_either_the_way_to_get_them_is_told(scripted, backend):
    shutil.rmtree(scripted / "docker")
    with pytest.raises(DataError, match=r"holds no setup_nl2b_fs_1\.sh; 'leap intercode data"):
        official_tree("fs_1", scripted, backend)


def test_tasks_without_their_files_are_refused_before_anything_is_played(intercode_data, tmp_path):
    shutil.copy(intercode_data / "nl2bash_fs_1.json", tmp_path)
    environment = BashEnvironment(BashOptions(tasks="official", data_dir=tmp_path))
    with pytest.raises(DataError, match=r"holds no setup_nl2b_fs_1\.sh; 'leap intercode data"):
        environment.tasks("fs_1")
