"""Episodes that upstream's own environment recorded, played again here.

The whole recordings take minutes: set LEAP_FULL=1.
"""

from __future__ import annotations

import os
from itertools import islice
from pathlib import Path

import pytest

from leap_intercode.backends import Backend
from leap_intercode.carried import Containers
from leap_intercode.official_files import official_tree
from leap_intercode.play import episode_time
from leap_intercode.replay import Agreement, Turn, replay_file
from leap_intercode.testing import TREE

MODELS = ("gpt-4", "gpt-3.5", "text-davinci-003", "chat-bison-001", "starchat")
full = pytest.mark.skipif(not os.environ.get("LEAP_FULL"), reason="takes minutes: LEAP_FULL=1")


def replay(backend: Backend, data: Path, model: str, most: int | None = None) -> Agreement:
    agreement = Agreement()
    for system in ("fs_1", "fs_2"):
        name = f"ic_bash_multiturn_{model}_10_turns_{system}.json"
        if not (data / "transcripts" / name).is_file():
            continue  # of GPT-3.5 there is one
        tasks = data / f"nl2bash_{system}.json"
        tree = official_tree(system, data, backend)
        episodes = replay_file(backend, data / "transcripts" / name, tasks, tree)
        for turns in islice(episodes, most):
            agreement.add(turns)
    return agreement


def of_a_newer_bash(turn: Turn) -> bool:
    """Whether a turn differs only in a second line of an error, which bash has not since 5.2."""
    lines = turn.recorded_output.splitlines(keepends=True)
    first = "".join(x for x in lines if not x.endswith("syntax error: unexpected end of file\n"))
    return turn.output == first != turn.recorded_output


def test_agreement_is_counted():
    agreement = Agreement()
    agreement.add([Turn("a", "ls", 0.67, 0.67, "x", "x"), Turn("a", "ls", 1.0, 1.0, "x", "y")])
    agreement.add([Turn("b", "ls", 1.0, 0.67, "x", "x")])
    assert (agreement.turns, agreement.equal, agreement.same_output) == (3, 2, 2)
    assert (agreement.episodes, agreement.all_equal, agreement.same_verdict) == (2, 1, 1)
    assert [t.task for t in agreement.different] == ["b"]


def test_what_a_gold_command_changes_is_new_afterwards(backend):
    """Upstream's reset brings files back, but not their dates: old files are deleted only once."""
    containers = Containers(backend, TREE, episode_time())
    delete = "find /area -type f -mtime +30 -delete; ls /area"
    assert ("area/deep/b.log" in containers.run_gold(delete).after.files) is False
    assert "area/deep/b.log" in containers.run_gold(delete).after.files
    assert containers.run_gold("cat /area/deep/b.log").output == "three\n"
    assert containers.agent == TREE
    session = containers.open()
    session.act("touch -d @86400 /area/a.txt; chmod 711 /area/run.sh; rm -r /area/deep; touch /new")
    containers.end(session)
    session.close()
    entries = {entry.path: entry for entry in containers.agent.entries}
    assert set(entries) == {entry.path for entry in TREE.entries}
    assert entries["/area/a.txt"].days > 5000
    assert entries["/area/run.sh"].mode == 0o711
    assert entries["/area/deep/b.log"].days <= 0


def test_a_sample_of_the_recordings_is_rewarded_alike(backend, intercode_data):
    agreement = replay(backend, intercode_data, "gpt-4", most=5)
    assert agreement.episodes == 10
    newer = sum(of_a_newer_bash(turn) for turn in agreement.different)
    assert agreement.equal / (agreement.turns - newer) >= 0.83
    assert agreement.same_verdict >= 9


@full
@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_gpt4_on_the_hosts_programs(backend, intercode_data):
    agreement = replay(backend, intercode_data, "gpt-4")
    assert (agreement.turns, agreement.episodes) == (711, 113)
    assert agreement.equal / agreement.turns >= 0.83
    assert agreement.same_verdict / agreement.episodes >= 0.94


@full
@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_all_recordings_on_a_debian_of_its_own(rootfs, intercode_data):
    counts = {"turns": 0, "equal": 0, "episodes": 0, "same_verdict": 0}
    for model in MODELS:
        found = replay(rootfs, intercode_data, model).as_dict()
        counts = {name: counts[name] + found[name] for name in counts}
    assert (counts["turns"], counts["episodes"]) == (2979, 508)
    assert counts["equal"] / counts["turns"] >= 0.92
    assert counts["same_verdict"] / counts["episodes"] >= 0.96


@full
@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_a_root_folder_is_writable_as_a_whole_and_never_changed(rootfs):
    assert rootfs.rootfs is not None
    before = (rootfs.rootfs / "etc" / "passwd").read_bytes()
    box = rootfs.open(TREE, 1.7e9)
    command = (
        "echo x >> /etc/passwd; rm -r /usr/share; mkdir /usr/share; ls /usr/share; cat /area/a.txt"
    )
    done = box.run(["/bin/bash", "-c", command], "/", 20)
    assert (done.code, done.data) == (0, b"one\ntwo\n")
    box.close()
    assert (rootfs.rootfs / "etc" / "passwd").read_bytes() == before
    assert (rootfs.rootfs / "usr" / "share").is_dir()
    fresh = rootfs.open(TREE, 1.7e9)
    assert fresh.run(["/bin/bash", "-c", "ls /usr/share | wc -l"], "/", 20).data != b"0\n"
    fresh.close()
