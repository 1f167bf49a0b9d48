"""The `docker` backend, with a stand-in for the program that makes small containers of its own."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from leap_core import EnvironmentFailure
from leap_intercode.backend_choice import choose
from leap_intercode.containers import DEFAULT_IMAGE, DOCKERFILE, ContainerBackend
from leap_intercode.play import GoldRunner, Session
from leap_intercode.testing import TREE
from leap_intercode.tree import DAY

NOW = 1.7e9


@pytest.fixture
def state(backend, tmp_path, monkeypatch) -> Path:
    """Where the stand-in keeps its containers; it is the `docker` of the PATH."""
    if not (shutil.which("unshare") and shutil.which("nsenter")):
        pytest.skip("no unshare and nsenter here (util-linux)")
    programs, found = tmp_path / "bin", tmp_path / "state"
    programs.mkdir()
    found.mkdir()
    stand_in = Path(__file__).with_name("fake_docker.py")
    (programs / "docker").write_text(f'#!/bin/sh\nexec {sys.executable} {stand_in} "$@"\n')
    (programs / "docker").chmod(0o755)
    monkeypatch.setenv("FAKE_DOCKER", str(found))
    monkeypatch.setenv("PATH", f"{programs}:{os.environ['PATH']}")
    return found


@pytest.fixture
def docker(state) -> ContainerBackend:
    made = ContainerBackend("docker")
    made.build()
    return made


def containers(state: Path) -> list[str]:
    return sorted(path.name for path in state.iterdir() if path.is_dir())


def gone(state: Path) -> bool:
    for _ in range(300):
        if not containers(state):
            return True
        time.sleep(0.05)
    return False


def sh(box, command: str, seconds: float = 30.0, workdir: str = "/"):
    return box.run(["/bin/bash", "-c", command], workdir, seconds)


def test_without_its_image_the_backend_says_how_to_make_it(state):
    bare = ContainerBackend("docker")
    assert bare.problem() == f"'docker image' failed: Error: No such image: {DEFAULT_IMAGE}"
    assert "leap intercode image --program docker" in bare.requirement()
    bare.build()
    assert (state / "image").read_text() == DOCKERFILE
    chosen = choose("docker", None, tmp=False, image=DEFAULT_IMAGE)
    assert chosen.facts() | {"bash": "", "system": ""} == {
        "backend": "docker", "bash": "", "system": "", "version": "99.0", "image": "sha256:0123",
    }  # fmt: skip
    assert not containers(state)


def test_a_container_has_no_network_hardly_any_privileges_and_limits(docker, state):
    docker.open(TREE, NOW).close()
    lines = [json.loads(line) for line in (state / "log").read_text().splitlines()]
    (started,) = [line for line in lines if line[0] == "run"]
    assert {
        "--network=none", "--cap-drop=ALL", "--security-opt=no-new-privileges", "--pids-limit=128",
        f"--memory={1536 << 20}", f"--ulimit=fsize={64 << 20}", "--rm",
    } <= set(started)  # fmt: skip
    assert not any(word.startswith(("--privileged", "--volume", "--mount")) for word in started)


def test_commands_run_in_the_container_and_their_changes_are_seen(docker, state):
    box = docker.open(TREE, NOW)
    done = sh(box, "cat a.txt; id -u; echo bad >&2; exit 3", workdir="/area")
    assert (done.code, done.data) == (3, b"one\ntwo\n0\nbad\n")
    before = box.snapshot()
    assert [path for path, *_ in before] == [
        "area", "area/a.txt", "area/deep", "area/deep/b.log", "area/run.sh",
    ]  # fmt: skip
    sh(box, "rm /area/run.sh; ln -s /etc /l; mkfifo /p; printf x > $(printf '/\\377')")
    after = {path: kind for path, kind, *_ in box.snapshot()}
    assert "area/run.sh" not in after
    assert {p: after[p] for p in ("l", "p", "\udcff")} == {
        "l": "link", "p": "other", "\udcff": "file",
    }  # fmt: skip
    old = f"find /area -type f ! -newermt @{int(NOW - 10 * DAY)}"
    assert sh(box, old).data == b"/area/deep/b.log\n"
    box.close()
    box.close()
    assert not containers(state)


def test_at_its_limit_a_command_ends_with_all_it_started(docker):
    box = docker.open(TREE, NOW)
    try:
        done = sh(box, "echo begun; sleep 1000 & setsid sleep 1000 & sleep 1000", seconds=2.0)
        assert (done.timed_out, done.data) == (True, b"begun\n")
        assert sh(box, "pgrep -c sleep").data == b"0\n"
    finally:
        box.close()


def test_an_episode_is_rewarded_as_in_the_other_backends(docker, backend):
    gold = "sort -r /area/a.txt | tee /new.txt"
    actions = ("cd /area", "cat a.txt", "sort -r a.txt | tee /new.txt", "echo '", "touch b c")
    rewards = []
    for each in (docker, backend):
        session, runner = Session(each, TREE, "upstream", NOW), GoldRunner(each, "upstream")
        for action in actions:
            session.act(action)
            rewards.append(runner.score(session, TREE, gold, int(NOW)).reward)
        session.close()
    assert rewards[: len(actions)] == rewards[len(actions) :]
    assert rewards[2] == 1.0


def test_a_container_that_is_gone_is_an_error_of_one_episode(docker, state):
    box = docker.open(TREE, NOW)
    subprocess.run(["docker", "rm", "--force", containers(state)[0]], check=True)
    with pytest.raises(EnvironmentFailure, match="the container has ended"):
        sh(box, "true")
    box.close()


def test_a_container_that_does_not_start_says_why(state, monkeypatch):
    monkeypatch.setenv("FAKE_DOCKER", str(state / "missing"))
    with pytest.raises(EnvironmentFailure, match=r"'docker run' failed: FileNotFoundError"):
        ContainerBackend("docker").open(TREE, NOW)


def test_when_leap_is_killed_its_containers_end(docker, state, tmp_path):
    program = tmp_path / "leap_killed.py"
    program.write_text(
        "import time\n"
        "from leap_intercode.containers import ContainerBackend\n"
        "from leap_intercode.testing import TREE\n"
        "box = ContainerBackend('docker').open(TREE, 1.7e9)\n"
        "print('ready', flush=True)\n"
        "time.sleep(600)\n"
    )
    with subprocess.Popen([sys.executable, program], stdout=subprocess.PIPE, text=True) as leap:
        assert leap.stdout is not None
        assert leap.stdout.readline() == "ready\n"
        assert len(containers(state)) == 1
        leap.kill()
    assert gone(state)
