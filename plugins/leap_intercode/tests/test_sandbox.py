"""The sandbox does what a container does, and leaves nothing."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from leap_intercode.backends import HOSTNAME
from leap_intercode.sandbox.client import Box, Limits, Output, SandboxError, Zygote, open_box
from leap_intercode.testing import TREE, children, gone, marked, spec
from leap_intercode.tree import Tree


def sh(box: Box, command: str, seconds: float = 10.0, workdir: str = "/") -> Output:
    return box.run(["/bin/bash", "-c", command], workdir, seconds)


@pytest.fixture
def box(zygote):
    made = zygote.open(spec())
    yield made
    made.close()


def test_output_and_errors_come_in_order_with_the_exit_status(box):
    done = sh(box, "echo one; echo two >&2; echo three; exit 3")
    assert (done.code, done.data) == (3, b"one\ntwo\nthree\n")
    assert sh(box, "kill -TERM $$").code == -signal.SIGTERM


def test_a_command_is_root_alone_on_a_named_host_without_input(box):
    assert sh(box, "id -u; hostname; cat; tty").data.decode().split("\n")[:2] == ["0", HOSTNAME]
    processes = sh(box, "ps -e -o pid=,ppid=,comm=").data.decode().split("\n")[:-1]
    listed = [line.split() for line in processes]
    assert listed[0] == ["1", "0", "bash"]
    # As with `docker exec`: what is started from outside has no parent in the box.
    assert listed[1][1] == "0"
    assert len(listed) <= 3


def test_the_tree_is_there_with_its_modes_and_ages(zygote):
    now = int(time.time())
    box = zygote.open(spec(now))
    shown = sh(box, "stat -c '%n %a %s' /area/a.txt /area/run.sh; /area/run.sh").data.decode()
    assert shown == "/area/a.txt 644 8\n/area/run.sh 755 19\nran\n"
    old = sh(box, "find /area -type f -mtime +30; find /area -type f -mtime -2").data
    assert old == b"/area/deep/b.log\n"
    box.close()


def test_the_snapshot_lists_what_git_would_look_at(box):
    before = box.snapshot()
    assert [path for path, *_ in before] == [
        "area", "area/a.txt", "area/deep", "area/run.sh", "area/deep/b.log",
    ]  # fmt: skip
    sh(box, "echo more >> /area/a.txt; rm /area/run.sh; ln -s /etc l; mkfifo p; touch ~/x /new")
    after = {path: rest for path, *rest in box.snapshot()}
    assert set(after) == {"area", "area/a.txt", "area/deep", "area/deep/b.log", "l", "p", "new"}
    assert after["l"] == ["link", False, "/etc"]
    assert after["p"][0] == "other"
    assert after["area/a.txt"] != {p: r for p, *r in before}["area/a.txt"]


def test_a_command_that_hangs_is_ended_with_all_it_started(box):
    done = sh(box, "sleep 1000 & (setsid sleep 1000 &) ; sleep 1000", seconds=0.5)
    assert done.timed_out
    assert sh(box, "pgrep -c sleep").data == b"0\n"


def test_a_background_job_does_not_hold_the_answer_up(box):
    wait = "until [ -s {} ]; do sleep 0.02; done"
    done = sh(box, f"({wait.format('/go')}; echo late > /late) & echo now")
    assert (done.data, done.timed_out) == (b"now\n", False)
    assert sh(box, f"echo > /go; {wait.format('/late')}; cat /late").data == b"late\n"


def test_what_cannot_be_started_says_which_step_failed(box):
    assert sh(box, "true", workdir="/nowhere").failed == "chdir"
    assert box.run(["no-such-program"], "/", 5).failed == "exec"
    assert box.run(["/bin/bash", "-c", "x" * 300_000], "/", 5).failed == "exec"


def test_bytes_that_are_no_text_come_through(box):
    assert sh(box, "printf '\\377\\000\\201'").data == b"\xff\x00\x81"


def test_output_over_the_limit_is_cut_and_said(zygote):
    box = zygote.open(spec(limits=Limits(output=1000)))
    done = sh(box, "head -c 5000 /dev/zero; exit 5")
    assert (len(done.data), done.cut, done.code) == (1000, True, 5)
    box.close()


def test_boxes_are_separate(zygote):
    boxes = [zygote.open(spec()) for _ in range(8)]
    for number, one in enumerate(boxes):
        sh(one, f"echo {number} > /mine")
    assert [sh(one, "cat /mine").data for one in boxes] == [b"%d\n" % n for n in range(8)]
    for one in boxes:
        one.close()


def test_a_closed_box_takes_its_processes_along(zygote):
    box = zygote.open(spec(LEAP_TEST_MARK="closing"))
    sh(box, "setsid sleep 1000 & sleep 1000 & sleep 1000 &")
    assert marked("closing")
    box.close()
    assert gone("closing")


def test_a_box_that_is_gone_is_an_error_of_one_episode(zygote):
    box = zygote.open(spec(LEAP_TEST_MARK="killed"))
    assert sh(box, "true").code == 0
    for pid in marked("killed"):
        os.kill(pid, signal.SIGKILL)
    time.sleep(0.1)
    with pytest.raises(SandboxError, match="ended"):
        sh(box, "true")
    other = zygote.open(spec())
    assert sh(other, "echo fine").data == b"fine\n"
    other.close()


def test_when_leap_is_killed_nothing_of_its_boxes_stays(backend, tmp_path):
    program = tmp_path / "leap_killed.py"
    program.write_text(
        "from leap_intercode.testing import spec\n"
        "from leap_intercode.sandbox.client import open_box\n"
        "box = open_box(spec(LEAP_TEST_MARK='orphan'))\n"
        "box.run(['/bin/bash', '-c', 'setsid sleep 1000 & sleep 1000 &'], '/', 5)\n"
        "print('ready', flush=True)\n"
        "box.run(['/bin/bash', '-c', 'sleep 1000'], '/', 500)\n"
    )
    with subprocess.Popen([sys.executable, program], stdout=subprocess.PIPE, text=True) as leap:
        assert leap.stdout is not None
        assert leap.stdout.readline() == "ready\n"
        assert marked("orphan")
        leap.kill()
    assert gone("orphan")


def test_ctrl_c_in_leap_does_not_end_boxes(zygote):
    box = zygote.open(spec())
    os.kill(zygote.process.pid, signal.SIGINT)
    assert sh(box, "echo on").data == b"on\n"
    again = zygote.open(spec())
    again.close()
    box.close()


def test_a_zygote_that_died_is_replaced(backend):
    import leap_intercode.sandbox.client as client

    open_box(spec()).close()
    assert client._zygote is not None
    client._zygote.process.kill()
    client._zygote.process.wait()
    box = open_box(spec())
    assert sh(box, "echo again").data == b"again\n"
    box.close()


def test_many_boxes_leave_no_process_and_no_mount(zygote):
    mounts = Path("/proc/self/mounts").read_text()
    files = len(list(Path("/proc/self/fd").iterdir()))
    for _ in range(40):
        box = zygote.open(spec(LEAP_TEST_MARK="many"))
        sh(box, "sleep 100 > /dev/null 2>&1 &")
        box.close()
    assert gone("many")
    assert Path("/proc/self/mounts").read_text() == mounts
    assert len(list(Path("/proc/self/fd").iterdir())) == files
    assert not children(zygote.process.pid)


def test_an_empty_tree_and_a_tree_with_links():
    assert Tree("none", ()).planted(0.0) == []
    assert [row[0] for row in TREE.planted(0.0)][:2] == ["/area", "/area/a.txt"]


def test_zygotes_end_with_their_socket(backend):
    made = Zygote()
    made.open(spec()).close()
    made.close()
    assert made.process.returncode == 0
