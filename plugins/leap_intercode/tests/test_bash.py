"""The environment `intercode-bash`: its contract, semantics, teaching, and that nothing leaks."""

from __future__ import annotations

import pickle
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

import leap_core
from leap_core import (
    Brief,
    ConfigError,
    DataError,
    EnvironmentFailure,
    Fact,
    Observation,
    Trajectory,
)
from leap_core.correction import history_text, leak_score, validate
from leap_core.plugins.manager import discover
from leap_core.policy.prompt import PromptRenderer
from leap_intercode.backend_choice import choose
from leap_intercode.backends import Backend
from leap_intercode.embedded import TASK_TYPES, TEMPLATES, make_task, understand
from leap_intercode.environment import BashEnvironment
from leap_intercode.episode import BashEpisode, shorten
from leap_intercode.expert import first_part
from leap_intercode.options import BashOptions
from leap_intercode.privileged import GoldSource, SourceOptions
from leap_intercode.testing import TREE


@pytest.fixture(scope="module")
def environment(backend) -> BashEnvironment:
    return BashEnvironment(BashOptions(backend="namespaces"))


def bash(environment: BashEnvironment, gold: str = "cat /area/a.txt", **options) -> BashEpisode:
    changed = BashOptions(backend="namespaces", **options)
    return BashEpisode("Print it.", gold, TREE, environment.runner, changed)


def play(environment, task, actions) -> Trajectory:
    """Return what a student does, as a trajectory."""
    left = iter(actions)

    def choose(steps, observation):
        action = next(left, None)
        return None if action is None else ("I try this.", action)

    return leap_core.play(environment, task, choose, limit=len(actions))


def test_the_plugin_registers_its_parts():
    registry = discover().registry
    assert {"intercode-bash", "intercode-sql"} <= set(registry.names("environment"))
    assert "intercode-gold" in registry.names("privileged source")
    assert registry.get("environment", "intercode-bash").load() is BashEnvironment


# -- tasks ----------------------------------------------------------------------------------------


def test_there_are_many_embedded_tasks_the_same_every_time():
    environment = BashEnvironment(BashOptions())
    tasks = {split: list(environment.tasks(split)) for split in environment.splits()}
    assert {split: len(found) for split, found in tasks.items()} == {
        "train": 240, "validation": 60, "test": 60,
    }  # fmt: skip
    everything = [task for found in tasks.values() for task in found]
    assert len({task.id for task in everything}) == 360
    assert [t.goal for t in everything] == [
        t.goal for s in environment.splits() for t in BashEnvironment(BashOptions()).tasks(s)
    ]
    assert {task.task_type for task in everything} == set(TASK_TYPES)
    golds = {environment.gold(task) for task in everything}
    assert not any(str(value) in golds for task in everything for value in task.data.values())


def test_every_template_is_read_back_and_gives_its_gold_command():
    for index in range(len(TEMPLATES) * 4):
        made = make_task(5, "train", index, TASK_TYPES)
        understood = understand(made.query)
        assert understood is not None
        template, parts = understood
        assert template.name == made.template
        assert template.command(parts, made.hidden) == made.gold


def test_the_sets_can_be_cut(environment):
    cut = BashEnvironment(BashOptions(task_types=("change",), split_sizes={"test": 7}, seed=3))
    tasks = cut.tasks("test")
    assert len(tasks) == 7
    assert {task.task_type for task in tasks} == {"change"}
    assert tasks[0].id not in {t.id for t in environment.tasks("test")}
    assert tasks[-1] == tasks[6]
    with pytest.raises(IndexError):
        tasks[7]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"task_types": ["cuont"]}, "did you mean 'count'"),
        ({"task_types": []}, "at least one"),
        ({"split_sizes": {"tran": 3}}, "did you mean 'train'"),
        ({"split_sizes": {"train": 0}}, "at least one task"),
        ({"backend": "none"}, "namespaces"),
        ({"quotes": "clean"}, "quotes"),
        ({"seconds": 0}, "greater than 0"),
    ],
)
def test_wrong_options_are_refused(options, said):
    with pytest.raises(ValidationError, match=said):
        BashOptions(**options)


def test_unknown_splits_and_missing_data_are_said(tmp_path, monkeypatch):
    monkeypatch.delenv("LEAP_DATA_DIR", raising=False)
    monkeypatch.delenv("INTERCODE_DATA", raising=False)
    with pytest.raises(ConfigError, match="did you mean 'train'"):
        BashEnvironment(BashOptions()).tasks("trian")
    official = BashEnvironment(BashOptions(tasks="official"))
    with pytest.raises(DataError, match="set the option 'data_dir'"):
        official.tasks("train")
    here = BashEnvironment(BashOptions(tasks="official", data_dir=tmp_path))
    with pytest.raises(DataError, match="holds no nl2bash_fs_1"):
        here.tasks("train")
    (tmp_path / "nl2bash_fs_1.json").write_text('[{"query": "x"}]')
    with pytest.raises(DataError, match="task 0: no text 'gold'"):
        here.tasks("fs_1")


def test_official_tasks_are_the_papers_split(intercode_data):
    official = BashEnvironment(BashOptions(tasks="official", data_dir=intercode_data))
    assert len(official.tasks("train")) == 113
    assert len(official.tasks("test")) == 87
    assert {t.task_type for t in official.tasks("test")} == {"fs_3", "fs_4"}
    assert official.tasks("fs_2")[0].id == "nl2bash/fs_2/0"
    assert "gold" not in official.tasks("train")[0].data


# -- play -----------------------------------------------------------------------------------------


def test_an_episode_is_scored_on_submit(environment):
    episode = bash(environment)
    assert episode.reset() == Observation(text="Print it.")
    shown = episode.step("cat /area/a.txt")
    assert (shown.observation.text, shown.reward, shown.terminated) == ("one\ntwo\n", 0.0, False)
    done = episode.step("submit")
    assert (done.reward, done.terminated) == (1.0, True)
    assert done.success
    assert done.score == 1.0
    with pytest.raises(EnvironmentFailure, match="over"):
        episode.step("ls")
    assert episode.reset().text == "Print it."
    assert episode.step("submit").success is False
    episode.close()
    episode.close()


def test_a_needless_change_costs(environment):
    episode = bash(environment)
    episode.reset()
    episode.step("touch /area/extra.txt")
    episode.step("cat /area/a.txt")
    parts = episode.step("submit").info["parts"]
    assert parts["file_diff"] == 0.05
    assert parts["reward"] == pytest.approx(0.72)


def test_every_turn_can_be_scored_as_upstreams_evaluation_does(environment):
    episode = bash(environment, scoring="every_turn")
    episode.reset()
    first = episode.step("echo nothing of the kind")
    assert first.reward == pytest.approx(0.67)
    assert not first.terminated
    assert first.score == pytest.approx(0.67)
    done = episode.step("cat /area/a.txt")
    assert done.terminated
    assert done.success


def test_skip_ends_without_a_score(environment):
    episode = bash(environment)
    episode.reset()
    episode.step("cat /area/a.txt")
    done = episode.step("skip")
    assert done.observation.text == "skipped"
    assert (done.reward, done.terminated, done.success) == (0.0, True, False)


def test_upstreams_messages(environment):
    episode = bash(environment, seconds=0.4)
    episode.reset()
    assert episode.step('echo "').observation.text == "Malformed command"
    assert episode.step("printf '\\377'").observation.text == "Malformed command"
    assert episode.step("sleep 5").observation.text == "Command timed out"
    assert episode.step("cd /area").observation.text == ""
    assert episode.step("ls").observation.text == "a.txt\ndeep\nrun.sh\n"
    assert episode.step("cd nowhere").observation.text.endswith("No such file or directory\n")
    assert episode.step("pwd").observation.text == "/area\n"
    assert episode.step("cd /area && ls").observation.text == "a.txt\ndeep\nrun.sh\n"
    assert 'chdir to cwd ("/area && ls")' in episode.step("pwd").observation.text
    episode.close()


def test_the_gold_command_runs_on_another_host(environment):
    episode = bash(environment, gold="env")
    episode.reset()
    episode.step("env")
    assert episode.step("submit").reward == pytest.approx(0.99)


def test_output_over_the_limit_is_cut_at_a_character(environment):
    episode = bash(environment)
    episode.reset()
    assert "漢" in episode.step("python3 -c 'print(chr(28450)*400000)'").observation.text
    assert episode.session is not None
    assert set(episode.session.output) == {"漢"}
    assert len(episode.session.output) == (1 << 20) // 3
    episode.close()


def test_late_output_is_waited_for_as_a_container_engine_does(environment):
    episode = bash(environment)
    episode.reset()
    assert episode.step("(sleep 1; echo late) & echo now").observation.text == "now\nlate\n"
    assert episode.step("(sleep 60; echo late) & echo now").observation.text == "now\n"
    episode.close()


def test_a_file_that_becomes_a_folder_is_deleted_to_git(environment):
    made = "rm /area/a.txt; mkdir /area/a.txt; touch /area/a.txt/x"
    episode = bash(environment, gold="rm /area/a.txt; mkdir /area/a.txt")
    episode.reset()
    episode.step(made)
    assert episode.step("submit").reward == pytest.approx(1.0)


def test_quotes_are_upstreams_unless_told_otherwise(environment):
    for quoting, shown in (("upstream", "a\n"), ("clean", "a  b\n")):
        episode = bash(environment, quoting=quoting)
        episode.reset()
        assert episode.step('echo "a  b"').observation.text == shown
        episode.close()


@pytest.mark.parametrize(
    "action", ["", "\n", "\0", "x" * 200_000, "é" * 9, "\ud800", "$(", "cdx", "cd", "'", "#"]
)
def test_nonsense_is_answered(environment, action):
    episode = bash(environment)
    episode.reset()
    assert isinstance(episode.step(action).observation.text, str)
    assert episode.step("echo on").observation.text == "on\n"
    episode.close()


def test_long_outputs_are_shortened_for_the_student_only(environment):
    episode = bash(environment, gold="seq 5000", shown=200)
    episode.reset()
    text = episode.step("seq 5000").observation.text
    assert len(text) < 300
    assert "characters left out" in text
    assert episode.step("submit").success


@given(st.text(max_size=50), st.integers(2, 30))
def test_shortening_keeps_short_texts(text, most):
    shown = shorten(text, most)
    assert shown == text or ("left out" in shown and len(text) > most)


def test_an_environment_can_be_pickled(environment):
    copy = pickle.loads(pickle.dumps(environment))
    assert copy.options == environment.options
    assert copy.tasks("test")[0] == environment.tasks("test")[0]


def test_the_fingerprint_names_the_backend_and_its_versions(environment):
    facts = environment.fingerprint()
    assert facts["backend"] == "namespaces"
    assert facts["quoting"] == "upstream"
    assert facts["bash"]
    assert facts["kernel"]


# -- backends ---------------------------------------------------------------------


class Broken(Backend):
    name = "broken"

    def open(self, tree, now):
        raise EnvironmentFailure("it is broken")

    def requirement(self):
        return "luck"


def test_without_a_sandbox_nothing_runs(monkeypatch):
    monkeypatch.setattr(
        "leap_intercode.backend_choice.backends", lambda *a, **k: {"broken": Broken()}
    )
    for name in ("auto", "broken"):
        with pytest.raises(ConfigError, match=r"never run without one.*it is broken.*luck"):
            choose(name, None, tmp=False, image="x")


def test_a_root_folder_has_to_be_one(tmp_path):
    with pytest.raises(ConfigError, match="needs the option 'rootfs'"):
        choose("rootfs", None, tmp=False, image="x")
    with pytest.raises(ConfigError, match="has no bin/bash"):
        choose("rootfs", tmp_path, tmp=False, image="x")


@pytest.mark.parametrize("program", ["docker", "podman"])
def test_a_container_does_the_same(program):
    from leap_intercode.containers import ContainerBackend

    backend = ContainerBackend(program)
    problem = backend.problem()
    if problem is not None:
        pytest.skip(f"{program}: {problem}")
    box = backend.open(TREE, 1.7e9)
    try:
        assert box.run(["/bin/bash", "-c", "cat /area/a.txt"], "/", 10).data == b"one\ntwo\n"
        assert "area/a.txt" in [path for path, *_ in box.snapshot()]
        assert box.run(["/bin/bash", "-c", "sleep 60"], "/", 1).timed_out
    finally:
        box.close()


# -- teaching ---------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["expert", "gold", "explorer"])
def test_demonstrations_succeed(environment, kind):
    tasks = environment.tasks("test")[:18]
    for trajectory in environment.demonstrations(tasks, kind):
        assert trajectory.succeeded, trajectory
        assert all(step.reason for step in trajectory.steps)
    with pytest.raises(ConfigError, match="did you mean 'expert'"):
        list(environment.demonstrations(tasks, "expret"))


def test_states_say_where_the_student_stands(environment):
    task = environment.tasks("train")[4]
    gold = environment.gold(task)
    source = GoldSource(SourceOptions(), environment)
    trajectory = play(environment, task, ["ls /", gold, "touch /oops.txt", "submit"])
    states = source.states(trajectory)
    assert len(states) == 4
    assert [s.facts["solved"] for s in states] == [False, False, True, False]
    assert [s.facts["dead_end"] for s in states] == [False, False, False, True]
    assert gold in states[0].text
    assert Fact(kind="name", value=(environment.hidden(task),)) in states[0].secrets
    assert gold in states[0].secrets
    assert gold not in states[1].secrets


def corrections(environment, trajectory, level):
    states = GoldSource(SourceOptions(), environment).states(trajectory)
    proposals = environment.expert().correct(trajectory, states, level)
    found = validate(trajectory, proposals, teacher="oracle", level=level)
    assert not found.rejections
    return states, {c.step: c for c in found.corrections}


def test_level_three_looks_first_and_never_leaks(environment):
    for task in environment.tasks("train")[:18]:
        trajectory = play(environment, task, ["ls /", "pwd", "ls /", "submit"])
        states, found = corrections(environment, trajectory, 3)
        assert 0 in found
        assert found[0].action != environment.gold(task)
        for step, correction in found.items():
            text = f"{correction.reason}\n{correction.action}"
            history = history_text(trajectory, step)
            assert leak_score(text, states[step].secrets, history) < 0.7, (task.goal, text)


def test_level_five_gives_the_gold_command_at_once_and_leaks(environment):
    task = environment.tasks("train")[4]
    trajectory = play(environment, task, ["ls /", "pwd", "submit"])
    states, found = corrections(environment, trajectory, 5)
    assert found[0].action == environment.gold(task)
    history = history_text(trajectory, 0)
    assert leak_score(found[0].action, states[0].secrets, history) == 1.0


def test_level_two_spares_all_but_decisive_steps(environment):
    task = environment.tasks("train")[4]
    _, found = corrections(environment, play(environment, task, ["ls /", "pwd", "submit"]), 2)
    assert set(found) == {2}


def test_what_is_right_is_left_alone(environment):
    task = environment.tasks("train")[0]
    gold = environment.gold(task)
    trajectory = play(environment, task, ["ls /", gold, "ls /", "submit"])
    _, found = corrections(environment, trajectory, 3)
    assert 1 not in found
    assert found[2].action == "submit"


def test_level_one_knows_nothing(environment):
    """With other hidden facts and the same history, the proposals are the same."""
    task = environment.tasks("train")[4]
    trajectory = play(environment, task, ["ls /", "submit"])
    states = GoldSource(SourceOptions(), environment).states(trajectory)
    other = [replace(s, facts={**s.facts, "gold": "rm -rf /", "hidden": "/x/y"}) for s in states]
    expert = environment.expert()
    assert expert.correct(trajectory, states, 1) == expert.correct(trajectory, other, 1)


def test_the_expert_corrects_official_tasks(environment, intercode_data):
    official = BashEnvironment(
        BashOptions(tasks="official", data_dir=intercode_data, backend="namespaces")
    )
    for task in official.tasks("fs_1")[17:22]:
        _, found = corrections(official, play(official, task, ["pwd", "ls", "submit"]), 3)
        assert found


def test_guidance_reaches_a_teachers_brief(environment):
    assert "Discover first" in environment.guidance
    assert Brief.__name__ == "Brief"


@pytest.mark.parametrize(
    ("command", "first"),
    [
        ("find / | wc -l", "find /"),
        ("a 'x | y' | b | c", "a 'x | y' | b"),
        ("ls", ""),
        ("a | b > c", ""),
        ("a && b | c", ""),
        ("awk '{print $1}' x | sort", "awk '{print $1}' x"),
        ('echo "a | b', ""),
    ],
)
def test_the_first_part_of_a_pipeline(command, first):
    assert first_part(command) == first


def test_a_canary_in_the_gold_command_never_reaches_a_student(environment, monkeypatch):
    """Nothing of the gold command, its output or its changes is in any prompt of the student."""
    task = environment.tasks("train")[0]
    canary = "canary-7f3a"
    monkeypatch.setattr(
        environment, "gold", lambda _: f"echo {canary}; echo {canary} > /{canary}.txt"
    )
    writer = PromptRenderer(environment.layout(), environment.horizon)
    for scoring in ("submit", "every_turn"):
        changed = environment.options.model_copy(update={"scoring": scoring})
        monkeypatch.setattr(environment, "options", changed)
        episode = environment.open(task, 0)
        observation = episode.reset()
        prompts = [writer.opening(task, observation) + writer.branch(observation)]
        for action in ("ls /", "env", "cat /proc/*/cmdline", "find / -name '*canary*'", "submit"):
            transition = episode.step(action)
            prompts.append(writer.turn(action.replace("canary", "…"), transition.observation))
            assert canary not in str(transition.info)
            if transition.terminated:
                break
        assert canary not in "".join(prompts)
        assert canary not in str(task)
        episode.close()


def test_the_layout_only_grows(environment):
    task = environment.tasks("train")[0]
    writer = PromptRenderer(environment.layout(), environment.horizon)
    trajectory = play(environment, task, ["ls /", "pwd", "submit"])
    last = trajectory.steps[2]
    whole = writer.prompt(task, trajectory.steps[:2], last.observation)
    part = writer.prompt(task, trajectory.steps[:1], trajectory.steps[1].observation)
    assert whole.trunk[: len(part.trunk)] == part.trunk
    assert task.goal in whole.trunk[0]


def test_no_box_stays_open(environment):
    before = len(list(Path("/proc/self/fd").iterdir()))
    for task in environment.tasks("train")[:5]:
        play(environment, task, ["ls /", "submit"])
    assert len(list(Path("/proc/self/fd").iterdir())) == before
