"""`leap intercode …`, as a user runs it."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from click.testing import CliRunner

from leap_core import ConfigError
from leap_core.testing.files import FileServer
from leap_intercode import download
from leap_intercode.cli import data as data_command
from leap_intercode.cli.doctor import touched
from leap_intercode.cli.group import command
from leap_intercode.environment import BashEnvironment
from leap_intercode.official_trees import FILE_SYSTEMS
from leap_intercode.options import BashOptions


def leap_intercode(*arguments: object, typed: str | None = None):
    return CliRunner().invoke(command, [str(a) for a in arguments], input=typed)


def test_the_doctor_says_what_works_and_what_is_missing(backend):
    done = leap_intercode("doctor")
    assert done.exit_code == 0, done.output
    assert "namespaces: works (backend namespaces, bash " in done.output
    assert "docker:" in done.output
    assert "podman:" in done.output


def test_the_doctor_names_tasks_that_lack_a_program(intercode_data):
    found = touched(["tree", "cal", "nonesuch"], intercode_data)
    assert {"fs_2/2", "fs_2/3", "fs_3/54"} <= set(found["tree"])
    assert found["nonesuch"] == []


def test_a_person_plays_an_episode(backend):
    environment = BashEnvironment(BashOptions())
    gold = environment.gold(environment.tasks("train")[0])
    typed = f"\nls /\n{gold}\nsubmit\n"
    done = leap_intercode("shell", "train/0", "--backend", "namespaces", "--gold", typed=typed)
    assert done.exit_code == 0, done.output
    assert environment.tasks("train")[0].goal in done.output
    assert "score 1.00" in done.output
    assert f"gold command: {gold}" in done.output


def test_a_person_may_leave(backend):
    done = leap_intercode("shell", "train/0", "--backend", "namespaces", typed="ls /\n")
    assert "left without submitting" in done.output


@pytest.mark.parametrize("task", ["train/x", "train", "train/999", "trian/1"])
def test_a_task_that_is_none_is_said(backend, task):
    done = leap_intercode("shell", task, "--backend", "namespaces")
    assert isinstance(done.exception, ConfigError)


def test_a_replay_tells_the_agreement(backend, intercode_data, tmp_path):
    import json

    name = "ic_bash_multiturn_gpt-4_10_turns_fs_2.json"
    recorded = json.loads((intercode_data / "transcripts" / name).read_text())
    few = tmp_path / "few_fs_2.json"
    few.write_text(json.dumps({k: recorded[k] for k in ("0", "11", "14")}))
    options = ("--backend", "namespaces", "--data-dir", intercode_data)
    done = leap_intercode("replay", few, *options, "--show")
    assert done.exit_code == 0, done.output
    assert "few_fs_2.json: " in done.output
    assert "3 of 3 verdicts (100.0%)" in done.output
    told = json.loads(leap_intercode("replay", few, *options, "--json").stdout)
    assert told["file"] == "few_fs_2.json"
    assert told["episodes"] == told["same_verdict"] == 3
    unnamed = tmp_path / "few.json"
    unnamed.write_text("{}")
    assert isinstance(leap_intercode("replay", unnamed, *options).exception, ConfigError)


def test_the_image_is_shown():
    done = leap_intercode("image", "--show")
    assert done.output.startswith("FROM ubuntu")


def test_a_root_folder_is_not_made_over_another(tmp_path):
    (tmp_path / "x").touch()
    done = leap_intercode("rootfs", tmp_path, "--yes")
    assert isinstance(done.exception, ConfigError)


# -- download -------------------------------------------------------------------------------------


def test_files_are_fetched_when_asked_and_only_then(tmp_path, monkeypatch):
    (tmp_path / "tasks.json").write_text("[]")
    out = tmp_path / "out"
    with FileServer(tmp_path) as server:
        monkeypatch.setattr(data_command, "FILES", (server.pin("tasks.json"),))
        assert leap_intercode("data", out, "--no-rootfs", typed="n\n").exit_code == 1
        assert not server.asked
        done = leap_intercode("data", out, "--no-rootfs", typed="y\n")
    assert done.exit_code == 0, done.output
    assert (out / "tasks.json").read_text() == "[]"
    assert "INTERCODE_DATA=" in done.output


@pytest.mark.parametrize(
    ("why", "arguments", "typed", "built"),
    [
        (None, ["--yes"], None, True),
        (None, [], "y\ny\n", True),
        (None, [], "y\nn\n", False),
        (None, ["--yes", "--no-rootfs"], None, False),
        ("no debootstrap", ["--yes"], None, False),
    ],
)
def test_a_root_folder_is_made_where_it_can_be(tmp_path, monkeypatch, why, arguments, typed, built):
    made: list[Path] = []
    monkeypatch.setattr(data_command, "cannot_build", lambda: why)
    monkeypatch.setattr(data_command, "build_rootfs", made.append)
    (tmp_path / "tasks.json").write_text("[]")
    with FileServer(tmp_path) as server:
        monkeypatch.setattr(data_command, "FILES", (server.pin("tasks.json"),))
        done = leap_intercode("data", tmp_path / "out", *arguments, typed=typed)
    assert done.exit_code == 0, done.output
    assert made == ([tmp_path / "out" / "rootfs"] if built else [])
    assert (why or "") in done.output
    assert "namespaces: " in done.output
    assert "of verdicts" in done.output


def test_a_root_folder_that_is_there_is_kept(tmp_path, monkeypatch):
    monkeypatch.setattr(data_command, "FILES", ())
    monkeypatch.setattr(data_command, "build_rootfs", None)
    (tmp_path / "rootfs" / "bin").mkdir(parents=True)
    done = leap_intercode("data", tmp_path, "--yes", "--rootfs")
    assert "is there already" in done.output


def test_the_pins_are_those_of_the_pack(intercode_data):
    there = [file for file in download.FILES if (intercode_data / file.name).is_file()]
    assert {file.name.rpartition(".")[2] for file in there} >= {"json", "sql"}
    for file in there:
        content = (intercode_data / file.name).read_bytes()
        assert (len(content), hashlib.sha256(content).hexdigest()) == (file.size, file.sha256)


def test_each_file_system_is_fetched_with_what_makes_it():
    names = {file.name for file in download.FILES}
    for system in FILE_SYSTEMS:
        assert {f"nl2bash_{system}.json", f"setup_nl2b_{system}.sh", "docker.gitignore"} <= names


def test_leap_data_finds_the_plugin():
    from leap_core.cli.data import command as data

    assert isinstance(data.get_command(None, "intercode"), type(data_command.command))  # type: ignore[arg-type, attr-defined]
    assert Path(download.__file__).exists()
