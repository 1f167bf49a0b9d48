"""What privilege is worth: worlds with drawn homes, and what each level makes of them."""

from __future__ import annotations

import logging
from collections import Counter, defaultdict

import pytest

from leap_alfworld.demonstrations import REVEALING
from leap_alfworld.environment import AlfworldEnvironment, AlfworldOptions
from leap_alfworld.expert import Expert, Explorer
from leap_alfworld.homes import SHARES, counts, ranked, rooms
from leap_alfworld.memory import Memory, kind_of, read_goal
from leap_alfworld.privileged import SimulatorSource, SourceOptions
from leap_alfworld.search import LISTED, Search, decide, in_order, of_kinds_first
from leap_core import ConfigError, Task, Trajectory, play
from leap_core.config.load import validated
from leap_core.correction import history_text, leak_score

LEAKS = 0.5
SEARCHED = (
    "pick_and_place_simple",
    "pick_clean_then_place_in_recep",
    "pick_heat_then_place_in_recep",
    "pick_cool_then_place_in_recep",
)


def world(games: str = "small", search: str = "listed", seed: int = 0) -> AlfworldEnvironment:
    return AlfworldEnvironment(
        AlfworldOptions(
            games=games, homes="drawn", search=search, seed=seed, welcome=False, task_types=SEARCHED
        )
    )


def goal_places(environment, task: Task) -> tuple[str, list[str]]:
    """The kind of thing wanted, and the kinds of place that hide one."""
    game = environment.game(task)
    wanted = {i for i, t in enumerate(game.things) if t.kind == game.goal.object_kind}
    return game.goal.object_kind, [
        game.receptacles[r].kind
        for r, inside in enumerate(game.contents)
        for thing in inside
        if thing in wanted
    ]


def room_of(places) -> str:
    kinds = {kind_of(place) for place in places}
    return next(k for k in ("microwave", "toilet", "bed", "sofa") if k in kinds)


def table_of_kinds(environment, games: int) -> dict[tuple[str, str], list[str]]:
    """What somebody knows who has played many games: where things of each kind were."""
    seen: defaultdict[tuple[str, str], Counter[str]] = defaultdict(Counter)
    for task in environment.tasks("train")[-games:]:
        game = environment.game(task)
        thing, places = goal_places(environment, task)
        seen[thing, room_of(r.name for r in game.receptacles)].update(places)
    return {key: [kind for kind, _ in found.most_common()] for key, found in seen.items()}


# -- the worlds -----------------------------------------------------------------------------------


@pytest.mark.parametrize("games", ["small", "crowded", "full"])
def test_things_are_mostly_at_a_home_that_every_room_has(games):
    environment = world(games)
    at_home, count = 0, 0
    for task in environment.tasks("train")[:300]:
        game = environment.game(task)
        here = {r.kind for r in game.receptacles}
        room, thing = next(
            (room, thing)
            for room in rooms(games)
            if {piece.type.lower() for piece in room.furniture} >= here
            for thing in room.places
            if thing.lower() == game.goal.object_kind
        )
        home = ranked(room, thing, games, 0)[0].lower()
        assert home in here
        assert home != game.goal.receptacle_kind
        _, places = goal_places(environment, task)
        at_home += places.count(home)
        count += len(places)
    assert SHARES[0] / 100 - 0.1 < at_home / count < 0.95


def test_another_seed_has_other_homes_and_the_usual_world_none():
    kitchen = rooms("small")[0]
    homes = [[ranked(kitchen, t, "small", seed)[0] for t in kitchen.places] for seed in range(3)]
    assert homes[0] != homes[1] != homes[2]
    assert len(set(homes[0])) > 3


def test_crowded_kitchens_have_19_places_and_four_of_each_home():
    game = world("crowded").game(world("crowded").tasks("train")[0])
    kinds = Counter(r.kind for r in game.receptacles)
    assert len(game.receptacles) == 19
    assert sorted(kinds.values())[-3:] == [4, 4, 4]
    (kitchen,) = rooms("crowded")
    four = {f.type for f in kitchen.furniture if counts(f, "crowded")[0] == 4}
    assert {ranked(kitchen, t, "crowded", 5)[0] for t in kitchen.places} <= four


def test_games_of_drawn_homes_have_ids_of_their_own():
    assert world().tasks("train")[0].id == "small-drawn/train/000000"
    assert world(seed=7).tasks("train")[0].id == "small-drawn-seed7/train/000000"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"games": "crowded", "task_types": ["look_at_obj_in_light"]}, "has no look_at_obj"),
        ({"games": "official", "homes": "drawn"}, "of generated games"),
        ({"homes": "dranw"}, "homes"),
    ],
)
def test_worlds_that_cannot_be_made_are_refused(options, message):
    with pytest.raises(ConfigError, match=message):
        validated(AlfworldOptions, options, "environment.options")


def test_all_task_types_means_those_that_crowded_games_have():
    environment = AlfworldEnvironment(AlfworldOptions(games="crowded"))
    types = {task.task_type for task in environment.tasks("train")[:20]}
    assert "look_at_obj_in_light" not in types
    assert len(types) == 5


# -- the levels -----------------------------------------------------------------------------------


def explored(environment, task: Task, horizon: int = 8) -> Trajectory:
    """What a student that was cloned from the explorer does."""
    return play(environment, task, Explorer(LISTED), limit=horizon)


@pytest.fixture(scope="module")
def proposals():
    """Proposals of every level for the explorer's way through 100 tasks, by search."""
    found = {}
    for search in ("listed", "likely"):
        environment = world(search=search)
        source = SimulatorSource(SourceOptions(), environment)
        cases = [
            (shown, source.states(shown))
            for shown in (explored(environment, t) for t in environment.tasks("train")[:100])
        ]
        found[search] = (
            cases,
            {
                level: [environment.expert().correct(t, states, level) for t, states in cases]
                for level in range(1, 6)
            },
        )
    return found


@pytest.mark.parametrize("search", ["listed", "likely"])
@pytest.mark.parametrize("level", [1, 2, 3, 4])
def test_each_level_proposes_otherwise_than_the_next(proposals, search, level):
    _, by_level = proposals[search]
    pairs = zip(by_level[level], by_level[level + 1], strict=True)
    assert sum(ours != theirs for ours, theirs in pairs) >= 25


@pytest.mark.parametrize("search", ["listed", "likely"])
def test_the_share_of_leaks_rises_with_the_level(proposals, search):
    cases, by_level = proposals[search]
    share = {}
    for level, proposed in by_level.items():
        share[level] = sum(
            any(leak_score(f"{p.reason}\n{p.action}", states[p.step].secrets,
                           history_text(shown, p.step)) >= LEAKS for p in ours)
            for (shown, states), ours in zip(cases, proposed, strict=True)
        )  # fmt: skip
    assert share[1] == share[2] == share[3] == 0
    assert 20 <= share[4] < share[5] == 100


def test_without_the_state_the_teacher_is_the_explorer(proposals):
    cases, by_level = proposals["listed"]
    for (shown, _), proposed in zip(cases, by_level[1], strict=True):
        assert [p.action for p in proposed] == [s.action for s in shown.steps]
        assert [p.reason for p in proposed] == [s.reason for s in shown.steps]


def test_level_3_gives_the_rule_at_the_first_move_and_then_goes_round(proposals):
    cases, by_level = proposals["listed"]
    for (shown, states), proposed in zip(cases, by_level[3], strict=True):
        first = proposed[0]
        hiding = [p for places in states[0].facts["locations"].values() for p in places]
        place = first.action.removeprefix("go to ")
        assert kind_of(place) in {kind_of(p) for p in hiding}
        kind = read_goal(shown.task.goal).object_kind
        a, an = ("an" if word[0] in "aeiou" else "a" for word in (kind, kind_of(place)))
        assert f"{a.capitalize()} {kind} is often in {an} {kind_of(place)}" in first.reason
        assert all("is often in" not in p.reason for p in proposed[1:])


@pytest.mark.parametrize("games", ["small", "crowded"])
def test_a_table_of_kinds_repeats_level_3_from_history_alone(games):
    """What level 3 does is learnable: a student with counts of earlier games does the same."""
    environment = world(games)
    table = table_of_kinds(environment, 1000)
    source = SimulatorSource(SourceOptions(), environment)
    same, count = 0, 0
    for task in environment.tasks("train")[:100]:
        shown = explored(environment, task)
        goal, memory, action = read_goal(task.goal), Memory(), ""
        steps = zip(
            shown.steps, Expert(LISTED).correct(shown, source.states(shown), 3), strict=True
        )
        for step, proposal in steps:
            memory.note(action, step.observation.text)
            action = step.action
            search = LISTED
            if not memory.visits:
                known = table.get((goal.object_kind, room_of(memory.places)), [])
                search = Search(of_kinds_first(in_order, known))
            decision = decide(goal, memory, step.observation.candidates, search)
            same += decision.action == proposal.action
            count += 1
    assert same / count > 0.95


# -- demonstrations -------------------------------------------------------------------------------


def told_by(environment, kind: str, tasks: int = 60) -> float:
    """The share of demonstrations with a reason that tells something hidden."""
    source = SimulatorSource(SourceOptions(), environment)
    telling = 0
    for shown in environment.demonstrations(environment.tasks("train")[:tasks], kind):
        states = source.states(shown)
        telling += any(
            leak_score(step.reason, state.secrets, history_text(shown, t)) >= LEAKS
            for t, (step, state) in enumerate(zip(shown.steps, states, strict=True))
        )
    return telling / tasks


@pytest.mark.parametrize("kind", ["explorer", "privileged"])
def test_demonstrations_of_these_kinds_tell_nothing_hidden(kind, caplog):
    with caplog.at_level(logging.WARNING):
        assert told_by(world(), kind) == 0
        assert told_by(AlfworldEnvironment(AlfworldOptions(games="full")), kind) == 0
    assert not caplog.records


@pytest.mark.parametrize("kind", REVEALING)
def test_kinds_that_say_hidden_things_are_warned_about(kind, caplog):
    with caplog.at_level(logging.WARNING):
        assert told_by(world(), kind) == 1
    assert f"'{kind}' say where hidden objects are" in caplog.text


def test_privileged_demonstrations_walk_as_straight_as_the_planner():
    environment = world()
    tasks = environment.tasks("train")[:20]
    pairs = zip(
        environment.demonstrations(tasks, "privileged"),
        environment.demonstrations(tasks, "planner"),
        strict=True,
    )
    for general, telling in pairs:
        assert general.succeeded
        assert [s.action for s in general.steps] == [s.action for s in telling.steps]


def test_the_explorers_own_play_is_a_scripted_policy():
    environment = world()
    (task,) = environment.tasks("train")[:1]
    (shown,) = environment.demonstrations([task], "explorer")
    policy = environment.scripted_policy("explorer")
    observation = environment.open(task, 0).reset()
    assert policy.act(task, (), observation) == (shown.steps[0].reason, shown.steps[0].action)
