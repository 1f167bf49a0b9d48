"""The scripted expert: what each level may know, do and say."""

from __future__ import annotations

import random
import re
from dataclasses import replace

import pytest

from leap_alfworld.environment import AlfworldEnvironment, AlfworldOptions
from leap_alfworld.expert import Expert
from leap_alfworld.memory import Memory, kind_of
from leap_alfworld.privileged import SimulatorSource, SourceOptions
from leap_alfworld.search import LIKELY, LISTED, in_order, own_choice_first, tour
from leap_core import Observation, PrivilegedState, Step, Task, Trajectory
from leap_core.correction import history_text, leak_score, validate

OPTIONS = [
    {},
    {"wording": "put", "welcome": False},
    {"games": "full", "hide": ("help", "look", "inventory", "examine")},
]
LEAKS = 0.5
SEARCHES = {"likely": LIKELY, "listed": LISTED}


@pytest.fixture(params=OPTIONS, ids=["small", "put", "full"])
def environment(request) -> AlfworldEnvironment:
    return AlfworldEnvironment(AlfworldOptions(**request.param))


def stray(environment, task: Task, rng: random.Random, horizon: int = 25) -> Trajectory:
    """A student that errs: random actions, some of them nonsense."""
    episode = environment.open(task, 0)
    observation, steps = episode.reset(), []
    for _ in range(horizon):
        action = rng.choice(observation.candidates) if rng.random() < 0.9 else "go to moon 1"
        steps.append(Step(observation=observation, reason="I wander.", action=action))
        transition = episode.step(action)
        observation = transition.observation
        if transition.terminated:
            break
    return Trajectory(task=task, steps=tuple(steps), final=observation.text)


def cases(environment, count: int = 24):
    rng = random.Random(5)
    source = SimulatorSource(SourceOptions(), environment)
    for task in environment.tasks("train")[:count]:
        trajectory = stray(environment, task, rng)
        yield trajectory, source.states(trajectory)


def leaks(trajectory, states, proposal) -> bool:
    text = f"{proposal.reason}\n{proposal.action}"
    known = history_text(trajectory, proposal.step)
    return leak_score(text, states[proposal.step].secrets, known) >= LEAKS


@pytest.mark.parametrize("level", [1, 2, 3, 4, 5])
def test_every_proposal_can_be_executed(environment, level):
    for trajectory, states in cases(environment):
        for search in SEARCHES.values():
            proposals = Expert(search).correct(trajectory, states, level)
            found = validate(trajectory, proposals, teacher="oracle", level=level)
            assert not found.rejections
            assert found.corrections or level == 2


@pytest.mark.parametrize("level", [1, 2, 3])
def test_constrained_levels_pass_the_leak_audit(environment, level):
    for trajectory, states in cases(environment):
        for search in SEARCHES.values():
            for proposal in Expert(search).correct(trajectory, states, level):
                assert not leaks(trajectory, states, proposal), proposal


def test_free_levels_fail_the_leak_audit(environment):
    leaked = {4: 0, 5: 0}
    games = 0
    for trajectory, states in cases(environment):
        games += 1
        for level in leaked:
            proposals = Expert().correct(trajectory, states, level)
            leaked[level] += any(leaks(trajectory, states, p) for p in proposals)
    assert leaked[5] == games
    assert 0 < leaked[4] <= games


@pytest.mark.parametrize("search", SEARCHES)
def test_what_level_4_tells_is_true(environment, search):
    count = 0
    for trajectory, states in cases(environment):
        for proposal in Expert(SEARCHES[search]).correct(trajectory, states, 4):
            found = re.fullmatch(r"The (\w+) is in the (.+), so I look there\.", proposal.reason)
            if found:
                thing, place = found.groups()
                locations = states[proposal.step].facts["locations"]
                assert any(kind_of(t) == thing and place in locations[t] for t in locations)
                assert proposal.action == f"go to {place}"
                count += 1
    assert count


def told(states, locations=None):
    """The same states with other hidden facts."""
    lies = {"plan": ["go to moon 1"], "dead_end": True, "reason": "It is on the moon."}
    if locations is not None:
        lies = {"locations": locations}
    return [replace(state, text="", facts={**state.facts, **lies}) for state in states]


@pytest.mark.parametrize("search", SEARCHES)
def test_level_1_never_sees_the_state(environment, search):
    expert = Expert(SEARCHES[search])
    for trajectory, states in cases(environment, 12):
        proposals = expert.correct(trajectory, states, 1)
        assert len(proposals) == len(trajectory.steps)
        assert proposals == expert.correct(trajectory, told(states), 1)


@pytest.mark.parametrize("search", SEARCHES)
def test_level_3_uses_no_more_than_the_kind_of_the_hidden_place(environment, search):
    """Where the thing lies in another place of the same kind, nothing changes."""
    expert = Expert(SEARCHES[search])
    for trajectory, states in cases(environment, 12):
        moved = [
            told([state], {t: [f"{kind_of(p)} 99" for p in places]
                           for t, places in state.facts["locations"].items()})[0]
            for state in states
        ]  # fmt: skip
        for t, step in enumerate(trajectory.steps):
            if any(r in step.observation.text for r in states[t].facts["locations"]):
                break  # seen, so no longer hidden: moving it would be a lie about what is shown
            so_far = Trajectory(task=trajectory.task, steps=trajectory.steps[: t + 1])
            ours, theirs = (expert.correct(so_far, f[: t + 1], 3) for f in (states, moved))
            assert ours == theirs


def test_following_level_3_wins(environment):
    won = 0
    tasks = environment.tasks("valid_seen")[:30]
    for task in tasks:
        trajectory = follow(environment, task, level=3)
        won += trajectory.succeeded
    assert won >= 28


def test_following_level_5_is_as_short_as_the_plan(environment):
    for task in environment.tasks("valid_seen")[:12]:
        trajectory = follow(environment, task, level=5)
        assert trajectory.succeeded
        (shown,) = environment.demonstrations([task], "planner")
        assert len(trajectory.steps) == len(shown.steps)


def follow(environment, task: Task, level: int) -> Trajectory:
    """A student that does what the expert says at each step."""
    source = SimulatorSource(SourceOptions(), environment)
    episode = environment.open(task, 0)
    observation, steps = episode.reset(), []
    for _ in range(environment.horizon):
        now = Trajectory(
            task=task, steps=(*steps, Step(observation=observation, reason="", action="look"))
        )
        states = source.states(now)
        proposal = next(p for p in Expert().correct(now, states, level) if p.step == len(steps))
        steps.append(Step(observation=observation, reason=proposal.reason, action=proposal.action))
        transition = episode.step(proposal.action)
        observation = transition.observation
        if transition.terminated:
            return Trajectory(
                task=task, steps=tuple(steps), final=observation.text, outcome="success", score=1.0
            )
    return Trajectory(task=task, steps=tuple(steps), final=observation.text)


@pytest.mark.parametrize("level", [1, 2, 3, 4, 5])
def test_reasons_are_short_sentences(environment, level):
    for trajectory, states in cases(environment, 12):
        for proposal in Expert().correct(trajectory, states, level):
            assert len(proposal.reason.split()) <= 34
            assert proposal.reason.endswith(".")
            assert proposal.reason[0].isupper()


def test_level_3_restates_where_it_has_not_looked_yet():
    goal = "put a mug in shelf."
    room = "you see a cabinet 1, a desk 1, a drawer 1, and a shelf 1."
    opening = f"Looking quickly around you, {room}\n\nYour task is to: {goal}"
    here = ("go to cabinet 1", "go to drawer 1", "go to shelf 1", "examine desk 1")
    steps = (
        Step(
            observation=Observation(text=opening, candidates=("go to desk 1",)),
            reason="",
            action="go to desk 1",
        ),
        Step(
            observation=Observation(
                text="You arrive at desk 1. On the desk 1, you see a pen 1.", candidates=here
            ),
            reason="",
            action="look",
        ),
    )
    task = Task(id="t", split="train", goal=goal)
    state = PrivilegedState(
        text="", secrets=(), facts={"dead_end": False, "plan": [], "locations": {}}
    )
    found = Expert().correct(Trajectory(task=task, steps=steps), [state, state], 3)[1]
    assert found.reason.startswith(
        "I need a mug. I have not looked in cabinet 1, drawer 1, shelf 1. Next I look in the "
    )
    assert found.action in here


def test_a_tour_goes_on_from_where_one_stands():
    memory = Memory()
    room = "you see a bed 1, a desk 2, a desk 1, and a shelf 1."
    memory.note("", f"Looking quickly around you, {room}\n")
    assert tour(memory) == ("bed 1", "desk 2", "desk 1", "shelf 1")
    memory.note("go to desk 2", "You arrive at desk 2. On the desk 2, you see nothing.")
    assert tour(memory) == ("desk 1", "shelf 1", "bed 1")


def test_a_search_as_listed_says_which_place_comes_next(environment):
    expert = Expert(SEARCHES["listed"])
    said = []
    for trajectory, states in cases(environment, 12):
        for proposal in expert.correct(trajectory, states, 3):
            found = re.search(r"After the (.+?) comes the (.+?), so", proposal.reason)
            if found:
                here, place = found.groups()
                opening = trajectory.steps[0].observation.text
                listed = re.findall(r"a (\w+ \d+)", opening.split("Your task")[0])
                assert listed[(listed.index(here) + 1) % len(listed)] == place
                assert proposal.action == f"go to {place}"
                said.append(proposal)
    assert said


def test_a_search_as_listed_begins_where_the_student_likes_where_nothing_is_known(environment):
    expert = Expert(LISTED)
    (task,) = environment.tasks("train")[:1]
    first = environment.open(task, 0).reset()
    for action in [c for c in first.candidates if c.startswith("go to ")]:
        trajectory = Trajectory(
            task=task, steps=(Step(observation=first, reason="", action=action),)
        )
        states = SimulatorSource(SourceOptions(), environment).states(trajectory)
        assert expert.correct(trajectory, told(states, {}), 3)[0].action == action


def test_a_place_that_the_student_chose_itself_is_as_good():
    memory = Memory(places=("bed 1", "desk 1", "shelf 1"))
    order = own_choice_first(in_order, "go to shelf 1")
    assert order("mug", ["bed 1", "desk 1", "shelf 1"], memory)[0] == "shelf 1"
    assert order("mug", ["bed 1", "desk 1"], memory)[0] == "bed 1"


def test_nothing_is_proposed_after_a_dead_end():
    step = Step(
        observation=Observation(text="You see nothing.", candidates=("look",)),
        reason="",
        action="look",
    )
    state = PrivilegedState(
        text="", secrets=(), facts={"dead_end": True, "plan": None, "locations": {}}
    )
    trajectory = Trajectory(
        task=Task(id="t", split="train", goal="put a mug in shelf."), steps=(step,)
    )
    assert Expert().correct(trajectory, [state], 3) == []


def test_a_task_in_other_words_is_left_alone():
    step = Step(
        observation=Observation(text="You see nothing.", candidates=("look",)),
        reason="",
        action="look",
    )
    state = PrivilegedState(text="", secrets=(), facts={"dead_end": False})
    trajectory = Trajectory(task=Task(id="t", split="train", goal="tidy up."), steps=(step,))
    assert Expert().correct(trajectory, [state], 3) == []
