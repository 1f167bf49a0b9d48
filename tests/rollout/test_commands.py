"""`leap evaluate`, `leap rollout` and `leap serve`, from their command lines."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import pytest

from leap_core.cli.main import main
from leap_core.plugins.manager import load_plugins
from leap_core.testing.provider import Provider, ProviderReply
from tests.conftest import PluginSite
from tests.support.server_replies import search
from tests.support.toy_run import TOY

Here: TypeAlias = "Callable[..., Done]"

TOY_TRAIN = ("--environment", "toy", "--split", "train")


@dataclass
class Done:
    """How a command ended."""

    returncode: int
    stdout: str
    stderr: str


@pytest.fixture
def folder(
    tmp_path: Path, plugin_site: PluginSite, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Path]:
    """The folder that commands run in; the toy environment is installed."""
    plugin_site.install("toy", TOY)
    path = tmp_path / "cwd"
    path.mkdir(exist_ok=True)
    monkeypatch.chdir(path)
    monkeypatch.syspath_prepend(plugin_site.path)
    load_plugins.cache_clear()
    yield path
    load_plugins.cache_clear()
    sys.modules.pop("toy_plugin", None)


@pytest.fixture
def here(folder: Path, capfd: pytest.CaptureFixture[str]) -> Callable[..., Done]:
    """Run `leap ARGS` in this process."""

    def run(*args: str) -> Done:
        code = main(args)
        captured = capfd.readouterr()
        return Done(code, captured.out, captured.err)

    return run


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_rollout_keeps_every_task_once_and_in_order(here: Here, folder: Path) -> None:
    command = ("rollout", *TOY_TRAIN, "--policy", "scripted:search", "--limit", "10", "--seeds",
               "2", "--seed", "5")  # fmt: skip
    local = here(*command, "--out", "a.jsonl")
    assert local.returncode == 0, local.stderr
    assert local.stdout == "20 episodes in a.jsonl: 20 succeeded, 0 failed, 0 errored\n"
    spread = here(*command, "--out", "b.jsonl", "--executor", "processes", "--workers", "2",
                  "--in-flight", "4")  # fmt: skip
    assert spread.returncode == 0, spread.stderr
    assert "episodes/s" in spread.stderr
    assert (folder / "a.jsonl").read_text() == (folder / "b.jsonl").read_text()
    played = [(t["task"]["id"], t["seed"]) for t in lines(folder / "a.jsonl")]
    assert played == [(f"train/{20 * i:04d}", seed) for seed in (5, 6) for i in range(10)]


def test_without_a_configuration_the_test_split_is_played(here: Here) -> None:
    bare = ("evaluate", "--environment", "toy", "--policy", "scripted:search", "--json")
    done = here(*bare, "--limit", "3")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["split"] == "test"
    for wrong in ("--split", "tset"), ("--set", "splits.validation=tset"):
        refused = here(*bare, *wrong)
        assert refused.returncode != 0
        assert "unknown split 'tset'; did you mean 'test'?" in refused.stderr


def test_rollout_goes_on_where_it_was_killed(here: Here, folder: Path) -> None:
    command = ("rollout", *TOY_TRAIN, "--policy", "scripted:search", "--limit", "30")
    assert here(*command, "--out", "whole.jsonl").returncode == 0
    slow = (*command, "--out", "cut.jsonl", "--executor", "processes", "--workers", "2",
            "--set", "environment.options.step_seconds=0.03", "--in-flight", "6")  # fmt: skip
    environment = {**os.environ, "PYTHONPATH": str(folder.parent / "site")}
    run = subprocess.Popen([sys.executable, "-m", "leap_core", *slow], cwd=folder, env=environment)
    cut = folder / "cut.jsonl"
    while run.poll() is None and (not cut.exists() or cut.read_bytes().count(b"\n") < 5):
        time.sleep(0.02)
    run.kill()
    run.wait()
    recorded = cut.read_bytes().rpartition(b"\n")[0].splitlines()
    assert 5 <= len(recorded) < 30
    again = here(*slow)
    assert again.returncode == 0, again.stderr
    assert cut.read_text() == (folder / "whole.jsonl").read_text()
    assert cut.read_bytes().splitlines()[: len(recorded)] == recorded
    assert not list(folder.glob(".cut*"))


def test_a_file_of_another_play_is_refused_and_untouched(here: Here, folder: Path) -> None:
    command = ("rollout", *TOY_TRAIN, "--out", "a.jsonl", "--policy")
    assert here(*command, "scripted:search", "--limit", "3").returncode == 0
    before = (folder / "a.jsonl").read_text()
    refused = here(*command, "scripted:first-box", "--limit", "3")
    assert refused.returncode == 2
    assert "holds episodes of another play (it differs in: policy)" in refused.stderr
    (folder / "notes.txt").write_text("mine")
    mine = here("rollout", *TOY_TRAIN, "--policy", "scripted:search", "--out", "notes.txt")
    assert mine.returncode == 2 and "was not written by leap" in mine.stderr
    assert (folder / "a.jsonl").read_text() == before
    assert (folder / "notes.txt").read_text() == "mine"


@pytest.mark.parametrize("retries", [0, 2])
def test_every_task_is_accounted_for_whatever_its_environment_does(
    here: Here, folder: Path, retries: int
) -> None:
    command = ("rollout", *TOY_TRAIN, "--policy", "scripted:search", "--limit", "12", "--out")
    assert here(*command, "well.jsonl").returncode == 0
    well = lines(folder / "well.jsonl")
    bad = {kind: well[place]["task"]["id"] for kind, place in
           (("failing", 2), ("crashing", 5), ("hanging", 8))}  # fmt: skip
    mishaps = [f"environment.options.{kind}=[{name}]" for kind, name in bad.items()]
    if retries:  # each of them only once
        (folder / "mishaps").mkdir()
        mishaps.append(f"environment.options.mishaps={folder / 'mishaps'}")
    settings = [f"rollouts.retries={retries}", "rollouts.executor.timeout=1", *mishaps]
    done = here(*command, "ill.jsonl", "--executor", "processes", "--workers", "2", "--in-flight",
                "6", *(part for one in settings for part in ("--set", one)))  # fmt: skip
    assert done.returncode == 0, done.stderr
    errored = 0 if retries else 3
    assert f"12 episodes in ill.jsonl: {12 - errored} succeeded, 0 failed, {errored} errored" in (
        done.stdout
    )
    ill = lines(folder / "ill.jsonl")
    assert [t["task"]["id"] for t in ill] == [t["task"]["id"] for t in well]
    assert [t for t in ill if t["outcome"] == "success"] == [
        t for t in well if retries or t["task"]["id"] not in bad.values()
    ]
    assert [t["error"] for t in ill if t["outcome"] == "error"] == (
        []
        if retries
        else [
            "the toy broke",
            "the worker process died (SIGKILL)",
            "the environment gave no answer within 1 s",
        ]
    )


def test_a_server_that_goes_stops_the_command_and_the_same_command_goes_on(
    here: Here, folder: Path
) -> None:
    command = ("rollout", *TOY_TRAIN, "--limit", "12", "--in-flight", "3", "--policy")
    assert here(*command, "scripted:search", "--out", "well.jsonl").returncode == 0
    answered = []

    def going(request: dict[str, Any]) -> str | ProviderReply:
        answered.append(request)
        return search(request) if len(answered) < 20 else ProviderReply("no", status=503)

    with Provider(going) as provider:
        port = provider.port
        asking = (*command, f"{provider.base_url}#test", "--set", "server.patience=1", "--out",
                  "asked.jsonl")  # fmt: skip
        stopped = here(*asking)
    assert stopped.returncode == 2
    assert "run the same command again to go on" in stopped.stderr.splitlines()[-1]
    recorded = (folder / "asked.jsonl").read_text()
    with Provider(search, port=port):
        assert here(*asking).returncode == 0
    assert (folder / "asked.jsonl").read_text() == (folder / "well.jsonl").read_text()
    assert 0 < recorded.count("\n") < 12
    assert (folder / "well.jsonl").read_text().startswith(recorded)
    assert not list(folder.glob(".asked*"))


def test_evaluate_prints_intervals_for_every_task_type_and_seed(here: Here, folder: Path) -> None:
    command = ("evaluate", *TOY_TRAIN, "--policy", "scripted:first-box", "--seeds", "2")
    done = here(*command, "--limit", "10")
    assert done.returncode == 0, done.stderr
    scores = json.loads(here(*command, "--limit", "10", "--json").stdout)
    groups = {**scores["by_type"], "seed 0": scores["by_seed"]["0"],
              "seed 1": scores["by_seed"]["1"], "all": scores["overall"]}  # fmt: skip
    assert set(groups) >= {"low", "high"}
    rows = [[cell.strip() for cell in line.strip("│┃").split("│")]
            for line in done.stdout.splitlines() if "│" in line]  # fmt: skip
    shown = {row[0]: row[1:4] for row in rows}
    assert shown == {
        name: [str(g["tasks"]), f"{100 * g['success']:.1f}",
               "{:.1f}-{:.1f}".format(*(100 * bound for bound in g["interval"]))]
        for name, g in groups.items()
    }  # fmt: skip
    assert scores["overall"]["tasks"] == 20 == sum(g["tasks"] for g in scores["by_type"].values())
    two = here(*command, "--task", "train/0007", "--task", "train/0003", "--json")
    assert json.loads(two.stdout)["overall"]["tasks"] == 4


def test_evaluate_on_a_server_with_several_seeds(here: Here, folder: Path) -> None:
    with Provider(search) as provider:
        done = here("evaluate", *TOY_TRAIN, "--policy", f"{provider.base_url}#test", "--limit", "4",
                    "--seeds", "3", "--temperature", "0.7", "--json")  # fmt: skip
    assert done.returncode == 0, done.stderr
    scores = json.loads(done.stdout)
    assert scores["overall"]["tasks"] == 12 and scores["overall"]["success"] == 1.0
    assert list(scores["by_seed"]) == ["0", "1", "2"]
    assert scores["decoding"]["temperature"] == 0.7
    assert {e.request["temperature"] for e in provider.log if e.request} == {0.7}
    assert set(scores["by_type"]) <= {"low", "high"}


def test_evaluate_a_model_by_api_costs_nothing_twice(here: Here, folder: Path) -> None:
    pytest.importorskip("leap_teachers")
    with Provider(
        lambda r: ProviderReply(search(r), prompt_tokens=100, completion_tokens=10)
    ) as provider:
        command = (
            "evaluate", *TOY_TRAIN, "--policy", "litellm:hosted_vllm/test", "--limit", "3",
            "--temperature", "0", "--in-flight", "1",
            "--set", f"student.options.api_base={provider.base_url}",
            "--set", "student.options.prices={input: 1, output: 2}",
        )  # fmt: skip
        first = here(*command, "--json")
        assert first.returncode == 0, first.stderr
        assert json.loads(first.stdout)["overall"]["success"] == 1.0
        assert "model calls: " in first.stderr and "$0.0" in first.stderr
        asked = provider.answered
        assert asked > 0
        second = here(*command)
        assert "model calls: 0 (" in second.stdout
        assert provider.answered == asked
        spent = here(*command, "--set", "budget.tokens=10", "--task", "train/0007")
        assert spent.returncode == 2
    taken = here(*command, "--set", "student.options.max_tokens=3")
    assert taken.returncode == 2 and "student.generation" in taken.stderr


@pytest.mark.parametrize(
    ("more", "sentence"),
    [
        (("--policy", "litelm:gpt-4o"), "unknown policy engine 'litelm'"),
        (("--policy", "http://me:pw@host/v1"), "holds a password"),
        (("--policy", "scripted:search", "--task", "train/00"), "unknown task of split 'train'"),
        (("--policy", "scripted:search", "--workers", "3"), "'local' has no use for workers"),
        (("--policy", "scripted:search", "--iteration", "1"), "leave it out with --policy"),
        (("--policy", "scripted:search", "--limit", "2", "--task", "x"), "exclude each other"),
    ],
)
def test_a_command_line_that_cannot_be_played_is_one_sentence(
    more: tuple[str, ...], sentence: str, here: Here, folder: Path
) -> None:
    refused = here("evaluate", *TOY_TRAIN, *more)
    assert refused.returncode == 2
    assert sentence in refused.stderr
    assert refused.stderr.count("\n") == 1
    assert "pw@" not in refused.stderr


FAKE = """
import json, os, sys, time
from http.server import BaseHTTPRequestHandler, HTTPServer

port, name, model = int(sys.argv[1]), sys.argv[2], sys.argv[3]
print("loading", model, flush=True)
if "broken" in model:
    for n in range(30):
        print("line", n, flush=True)
    sys.exit("CUDA out of memory")
if len(sys.argv) > 4:
    with open(os.path.join(sys.argv[4], "asked"), "w") as file:
        json.dump(sys.argv[3:], file)
time.sleep(0.5)

class Handler(BaseHTTPRequestHandler):
    def log_message(self, *arguments):
        print(*arguments, flush=True)
    def say(self, value):
        body = json.dumps(value).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def do_GET(self):
        self.say({"data": [{"id": name}]})
    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        self.say({"choices": [{"message": {"content": "REASON: x\\nACTION: open box 1"}}]})

HTTPServer(("127.0.0.1", port), Handler).serve_forever()
"""


@pytest.fixture
def fake(tmp_path: Path) -> str:
    """A command line that starts a small server."""
    script = tmp_path / "fake_server.py"
    script.write_text(FAKE)
    return f"{{python}} {script} {{port}} {{name}} {{model}}"


def test_a_run_may_play_its_policies_on_servers_that_it_starts(
    here: Here, folder: Path, fake: str
) -> None:
    (folder / "model").mkdir()
    (folder / "model" / "config.json").write_text("{}")
    command = fake.replace("{python}", sys.executable)
    done = here("evaluate", *TOY_TRAIN, "--policy", "./model", "--limit", "3", "--json",
                "--set", f"server.command={command}")  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["overall"]["tasks"] == 3
    failed = here("evaluate", *TOY_TRAIN, "--policy", "./model", "--limit", "3",
                  "--set", f"server.command={sys.executable} -c exit(1)")  # fmt: skip
    assert failed.returncode == 2
    assert "the model server ended with exit code 1; its log is empty" in failed.stderr


def test_serve_prints_its_address_and_stops_what_it_started(
    here: Here, folder: Path, fake: str
) -> None:
    command = ["serve", "some/model", "--command", fake, "--python", sys.executable,
               "--log", "server.log"]  # fmt: skip
    environment = {**os.environ, "PYTHONPATH": str(folder.parent / "site")}
    serving = subprocess.Popen(
        [sys.executable, "-m", "leap_core", *command],
        cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert serving.stdout is not None
    line = serving.stdout.readline()
    assert line.startswith("serving some/model at http://127.0.0.1:"), serving.communicate()
    address = line.split()[-1]
    played = here("evaluate", *TOY_TRAIN, "--policy", address, "--limit", "3", "--json")
    assert json.loads(played.stdout)["overall"]["tasks"] == 3
    serving.send_signal(signal.SIGINT)
    assert serving.wait(30) == 130
    gone = here("evaluate", *TOY_TRAIN, "--policy", address, "--limit", "3")
    assert gone.returncode == 2 and f"no model server answers at {address}" in gone.stderr
    assert "loading some/model" in (folder / "server.log").read_text()


def test_an_adapter_goes_to_a_server_that_asks_for_it(here: Here, folder: Path, fake: str) -> None:
    """It is not merged then (there are no weights that could be)."""
    for place, name in (("base", "config.json"), ("over", "adapter_config.json")):
        (folder / place).mkdir()
        (folder / place / name).write_text("{}")
    command = f"{fake.replace('{model}', '{base}')} {{adapter}}".replace("{python}", sys.executable)
    done = here("evaluate", *TOY_TRAIN, "--policy", "./base", "--adapter", "./over", "--limit", "2",
                "--json", "--set", f"server.command={command}")  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["overall"]["tasks"] == 2
    assert json.loads((folder / "over" / "asked").read_text()) == ["./base", "./over"]


@pytest.mark.parametrize(
    ("model", "line", "timeout", "sentence"),
    [
        ("broken", None, "60", "the model server ended with exit code 1; its log ends: "),
        ("slow", "sleep 60", "0.3", "was not ready within 0.3 s; its log is empty"),
        ("any", "no-such-program", "60", "'no-such-program': No such file or directory"),
        ("any", "vlm", "60", "unknown server command 'vlm'"),
        ("any", "serve {modle}", "60", "unknown placeholder 'modle'"),
    ],
)
def test_a_server_that_does_not_come_up_is_explained(
    model: str, line: str | None, timeout: str, sentence: str, here: Here, folder: Path, fake: str
) -> None:
    done = here("serve", model, "--command", line or fake, "--python", sys.executable,
                "--ready-timeout", timeout)  # fmt: skip
    assert done.returncode == 2
    assert sentence in done.stderr.splitlines()[-1]
    if model == "broken":
        assert done.stderr.splitlines()[-2] == "CUDA out of memory"
        assert "line 29" in done.stderr and "line 3\n" not in done.stderr
