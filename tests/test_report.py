"""`leap report` says what happened, with the settings of every score, and escapes all of it."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest

from leap_core.config.schema import ComponentConfig, RunConfig, StudentConfig, TeacherConfig
from leap_core.evaluation import as_dict, evaluate
from leap_core.runs.folder import RunFolder
from leap_core.runs.ledger import Call, Ledger
from leap_core.runs.records import Records, write_json
from leap_core.types import (
    Correction,
    Observation,
    Rejection,
    Step,
    Task,
    TeacherRecord,
    Trajectory,
    Usage,
)
from tests.conftest import Leap, PluginSite
from tests.support.toy_run import CONFIG, TOY

EVIL = "<script>alert(1)</script>\n| `x` **y** [z](http://example.org)"
DECODING = {"temperature": 0.3, "top_p": 1.0, "max_new_tokens": 64}


def trajectories(wins: int, of: int) -> list[Trajectory]:
    steps = (Step(observation=Observation(text=f"You see {EVIL}"), reason=EVIL, action=EVIL),) * 3
    tasks = [Task(id=f"{EVIL}-{i}", split="train", goal=EVIL, task_type="find") for i in range(of)]
    won = [Trajectory(task=t, steps=steps, outcome="success", score=1.0) for t in tasks[:wins]]
    return won + [Trajectory(task=t, steps=steps) for t in tasks[wins:]]


def write_scores(folder: Path, name: str, split: str, wins: int) -> None:
    result = evaluate(
        trajectories(wins, 10), split=split, horizon=20, decoding=DECODING, seed=7, engine={}
    )
    write_json(folder / name, as_dict(result))


@pytest.fixture
def run(tmp_path: Path) -> RunFolder:
    """A run of two iterations, written with the run package's own writers."""
    config = RunConfig(
        name="evil",
        environment=ComponentConfig(name="toy"),
        student=StudentConfig(model="tiny"),
        teacher=TeacherConfig(name="litellm"),
        updater=ComponentConfig(name="sft"),
        iterations=2,
    )
    folder = RunFolder.prepare(tmp_path / "evil", config)
    for number, wins in enumerate((2, 9, 5)):
        path = folder.iteration(number).path
        write_scores(path, "evaluation.json", "valid_seen", wins)
        if number < 2:
            write_scores(path, "test.json", "valid_unseen", wins - 1)
        if number:
            write_corrections(path)
    ledger = Ledger(folder.path / "ledger.jsonl")
    ledger.record(Call("correction", "cheap", prompt_tokens=1000, completion_tokens=50, cost=0.25))
    ledger.record(Call("correction", "secret", prompt_tokens=2000, cost=None))
    ledger.close()
    write_json(folder.path / "result.json", {"best": 1, "iterations": 3})
    return folder


def write_corrections(path: Path) -> None:
    failed = trajectories(0, 4)
    Records(path / "rollouts.jsonl", Trajectory).replace([*failed[:3], trajectories(4, 4)[3]])
    one = Correction(
        task_id=failed[0].task.id,
        seed=0,
        step=1,
        student_reason=EVIL,
        student_action=EVIL,
        reason=f"better {EVIL}",
        action="look",
        teacher="litellm",
        level=3,
    )
    Records(path / "corrections.jsonl", Correction).replace([one, replace(one, step=2)])
    leaks = [
        Rejection(
            task_id="t", seed=0, step=1, reason="r", action="a", why=f"it leaks (score 0.{n})"
        )
        for n in (5, 6, 7)
    ]
    other = Rejection(task_id="t", seed=0, step=1, reason="r", action="a", why="no action is given")
    Records(path / "rejected.jsonl", Rejection).replace([*leaks, other])
    usage = Usage(calls=2, cached_calls=0, prompt_tokens=3000, completion_tokens=50, cost=None)
    answers = [
        TeacherRecord(
            task_id="t",
            seed=0,
            corrections=2,
            rejections=4,
            summary="",
            usage=usage,
            problems=(),
            error=None,
        ),
        TeacherRecord(
            task_id="u",
            seed=0,
            corrections=0,
            rejections=0,
            summary="",
            usage=Usage(),
            problems=(),
            error="!",
        ),
    ]
    Records(path / "teacher.jsonl", TeacherRecord).replace(answers)


def cells(markdown: str, first: str) -> list[str]:
    """The cells of the table row that begins with `first`."""
    line = next(line for line in markdown.splitlines() if line.startswith(f"| {first} |"))
    return [cell.strip() for cell in line.strip("|").split("|")]


def test_scores_are_shown_with_their_settings_and_the_best_is_marked(leap, run) -> None:
    done = leap("report", str(run.path))
    assert done.returncode == 0, done.stderr
    validation, test = done.stdout.split("## Scores on ")[1:3]
    for part, split in ((validation, "valid\\_seen"), (test, "valid\\_unseen")):
        assert f"{split}: 10 tasks, horizon 20, seed 7" in part
        assert "temperature 0.3, top\\_p 1.0, max\\_new\\_tokens 64" in part
    assert cells(validation, "π1 (best)") == [
        "π1 (best)", "90.0 %", "59.6 to 98.2 %", "4.7", "3.0", "0.900", "0", "0",
    ]  # fmt: skip
    assert cells(validation, "π2")[1] == "50.0 %"
    assert cells(test, "π0")[1] == "10.0 %"


def test_scores_made_in_different_ways_are_not_put_in_one_table(leap, run) -> None:
    changed = evaluate(
        trajectories(9, 10), split="valid_seen", horizon=50, decoding=DECODING, seed=7
    )
    write_json(run.iteration(2).path / "evaluation.json", as_dict(changed))
    sections = leap("report", str(run.path)).stdout.split("## ")
    parts = [s for s in sections if s.startswith("Scores on validation")]
    assert ["horizon 20" in p for p in parts] == [True, False]
    assert "π2" in parts[1] and "π2" not in parts[0]


def test_corrections_rejections_and_cost_are_counted(leap, run) -> None:
    text = leap("report", str(run.path)).stdout
    corrections = text.split("## Corrections")[1]
    assert cells(corrections, "1") == [
        "1", "4", "1", "0", "2", "1", "2", "4", "0", "3,000", "50", "unknown",
    ]  # fmt: skip
    assert cells(text, "it leaks") == ["it leaks", "3", "3"]
    assert cells(text, "no action is given") == ["no action is given", "1", "1"]
    assert cells(text, "correction")[1:3] == ["cheap", "1"]
    assert cells(text, "correction")[-1] == "$0.2500"
    secret = next(line for line in text.splitlines() if "| secret |" in line)
    assert secret.endswith("| unknown |")


class Page(HTMLParser):
    """What a browser would load or run, and the text it would show."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.links: list[str] = []
        self.shown = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.links += [v or "" for k, v in attrs if k in ("href", "src") or k.startswith("on")]

    def handle_data(self, data: str) -> None:
        self.shown += data


def test_the_page_stands_alone_and_nothing_that_a_model_wrote_becomes_markup(leap, run) -> None:
    assert leap("report", str(run.path)).returncode == 0
    text = (run.path / "report.html").read_text()
    page = Page(text)
    assert {"svg", "table", "article"} <= page.tags
    assert not {"script", "img", "link", "iframe"} & page.tags
    assert page.links == []
    assert "http" not in text.replace("http-equiv", "").replace("http://example.org", "")
    assert page.shown.count(f"better {EVIL}") == 4
    assert "π1 on valid_seen: 90.0 %, 95 % interval 59.6 to 98.2 %, 10 tasks" in page.shown


def test_the_curve_puts_higher_success_higher(leap, run) -> None:
    leap("report", str(run.path))
    text = (run.path / "report.html").read_text()
    group = text.split('<g class="series validation">')[1].split("</g>")[0]
    heights = [float(y) for y in re.findall(r'cy="([\d.]+)"', group)]
    assert heights[1] < heights[2] < heights[0]
    assert group.count('class="best"') == 1


def test_markdown_cells_hold_whatever_models_and_providers_wrote(leap, run) -> None:
    bad = Rejection(task_id="t", seed=0, step=1, reason="r", action="a", why=EVIL)
    Records(run.iteration(1).path / "rejected.jsonl", Rejection).replace([bad])
    text = leap("report", str(run.path)).stdout
    (line,) = [line for line in text.splitlines() if "alert(1)" in line]
    assert line.startswith("| &lt;script&gt;alert(1)&lt;/script&gt; \\| \\`x\\`")
    assert len(re.findall(r"(?<!\\)\|", line)) == 4


def test_a_run_that_is_still_going_on_is_shown_as_far_as_it_is(leap, run) -> None:
    (run.path / "result.json").unlink()
    (run.iteration(2).path / "evaluation.json").unlink()
    with (run.iteration(2).path / "corrections.jsonl").open("ab") as file:
        file.write(b'{"task_id": "to')
    done = leap("report", str(run.path))
    assert done.returncode == 0, done.stderr
    assert "not finished: 2 policies scored so far" in done.stdout


def test_a_run_that_has_only_begun_has_a_page(leap, tmp_path) -> None:
    config = RunConfig(environment=ComponentConfig(name="toy"), student=StudentConfig(model="tiny"),
                       updater=ComponentConfig(name="sft"))  # fmt: skip
    run = RunFolder.prepare(tmp_path / "new", config)
    assert leap("report", str(run.path)).returncode == 0
    assert "Nothing has been scored yet" in (run.path / "report.html").read_text()


@pytest.mark.parametrize("damage", ["missing", "no config", "torn config", "torn record"])
def test_an_unreadable_run_folder_is_one_sentence_and_writes_nothing(damage, leap, run) -> None:
    path = run.path
    if damage == "missing":
        path = path.parent / "nothing-here"
    elif damage == "no config":
        run.config_path.unlink()
    elif damage == "torn config":
        run.config_path.write_text("name: [")
    else:
        (run.iteration(1).path / "corrections.jsonl").write_text('{"task_id": 3}\n')
    done = leap("report", str(path))
    assert done.returncode == 2
    (line,) = done.stderr.splitlines()
    assert line.startswith("leap: ") and str(path) in line
    assert not (path / "report.html").exists()


def test_a_real_run_is_reported(leap: Leap, plugin_site: PluginSite, tmp_path: Path) -> None:
    plugin_site.install("toy", TOY)
    (tmp_path / "cwd" / "toy.yaml").write_text(json.dumps(CONFIG))
    assert leap("run", "toy.yaml").returncode == 0
    done = leap("report", "runs/toy")
    assert done.returncode == 0, done.stderr
    assert "valid: 5 tasks, horizon 8, seed 0, scripted" in done.stdout
    rollouts = (tmp_path / "cwd/runs/toy/iterations/01/rollouts.jsonl").read_text().splitlines()
    corrections = (tmp_path / "cwd/runs/toy/iterations/01/corrections.jsonl").read_text()
    row = cells(done.stdout.split("## Corrections")[1], "1")
    assert row[1] == str(len(rollouts))
    assert row[6] == str(len(corrections.splitlines()))
    page = Page((tmp_path / "cwd/runs/toy/report.html").read_text())
    assert "corrected by oracle, level 3" in page.shown


def test_quiet_says_only_the_report(leap, run) -> None:
    assert leap("report", str(run.path), "--quiet").stderr == ""
