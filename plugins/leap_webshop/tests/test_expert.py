"""How far the scripted expert and the shopper get, and what corrections look like."""

from __future__ import annotations

import pytest

from leap_core import ConfigError, Observation, Step, Trajectory
from leap_core.correction.validate import validate
from leap_webshop.appraiser import Appraiser
from leap_webshop.demonstrations import play_expert
from leap_webshop.environment import WebshopEnvironment, WebshopOptions
from leap_webshop.expert import PATIENCE, Expert
from leap_webshop.privileged import GoalSource, SourceOptions
from leap_webshop.reading import keywords, limit, offers, option_groups, page_kind
from leap_webshop.shopper import query


def mean_score(trajectories) -> float:
    scores = [t.score for t in trajectories]
    return 100 * sum(scores) / len(scores)


@pytest.fixture(scope="module")
def shopper_score(embedded):
    return mean_score(embedded.demonstrations(embedded.tasks("test"), "shopper"))


def test_level_5_gets_nearly_everything(embedded):
    tasks = embedded.tasks("test")
    assert len(tasks) == 200
    assert (
        mean_score(
            play_expert(embedded, Appraiser(embedded, embedded.goal(task)), task, 5)
            for task in tasks
        )
        >= 95
    )


def test_level_3_is_clearly_better_than_the_shopper(embedded, shopper_score):
    score = mean_score(embedded.demonstrations(embedded.tasks("test"), "expert"))
    assert score >= shopper_score + 10
    assert 70 <= shopper_score <= 90


def test_level_1_knows_no_more_than_the_shopper(embedded, shopper_score):
    played = [
        play_expert(embedded, Appraiser(embedded, embedded.goal(task)), task, 1)
        for task in embedded.tasks("test")
    ]
    assert mean_score(played) == pytest.approx(shopper_score)


@pytest.mark.parametrize("options", [{"observation": "text"}, {"repeat_instruction": False}])
def test_other_pages_make_no_difference(options, shopper_score):
    environment = WebshopEnvironment(WebshopOptions(**options))
    tasks = environment.tasks("test")[:60]
    assert mean_score(environment.demonstrations(tasks, "shopper")) >= shopper_score - 10
    assert mean_score(environment.demonstrations(tasks, "expert")) >= 95


def test_official_pages_are_read_as_well(official):
    tasks = official.tasks("test")[:60]
    shopper = mean_score(official.demonstrations(tasks, "shopper"))
    assert mean_score(official.demonstrations(tasks, "expert")) >= max(90, shopper + 10)


@pytest.mark.parametrize("level", [1, 2, 3, 4, 5])
def test_corrections_can_be_executed(embedded, level):
    source = GoalSource(SourceOptions(), embedded)
    corrections = 0
    for shown in embedded.demonstrations(embedded.tasks("train")[:60], "shopper"):
        proposals = Expert().correct(shown, source.states(shown), level)
        found = validate(shown, proposals, teacher="oracle", level=level)
        assert not found.rejections
        corrections += len(found.corrections)
    assert (corrections == 0) == (level <= 2), "up to level 2 it is the shopper: nothing to add"


def test_a_good_visit_is_confirmed(embedded):
    """What brings as much as the expert would have is repeated as it was, and not corrected."""
    source = GoalSource(SourceOptions(), embedded)
    for shown in embedded.demonstrations(embedded.tasks("train")[:60], "expert"):
        if shown.succeeded:
            proposals = Expert().correct(shown, source.states(shown), 3)
            found = validate(shown, proposals, teacher="oracle", level=3)
            assert not found.corrections
            assert found.confirmed == tuple(range(len(shown.steps)))


def test_another_search_that_finds_as_much_is_confirmed(embedded):
    """Which of several good searches to make cannot be foreseen; one that finds less is wrong."""
    source = GoalSource(SourceOptions(), embedded)
    task = embedded.tasks("train")[0]
    words = query(task.goal)
    for search, good in ((f"{words} {words}", True), ("qqq", False)):
        episode = embedded.open(task, 0)
        first = Step(observation=episode.reset(), reason="", action=f"search[{search}]")
        second = Step(
            observation=episode.step(first.action).observation,
            reason="",
            action="click[back to search]",
        )
        trajectory = Trajectory(task=task, steps=(first, second))
        proposal = Expert().correct(trajectory, source.states(trajectory), 3)[0]
        assert (proposal.action == first.action) == good


def test_indecision_ends(embedded):
    """A student that goes to and fro is told to buy once its patience is over."""
    task = embedded.tasks("train")[0]
    episode = embedded.open(task, 0)
    seen, steps = episode.reset(), []
    episode_actions = [f"search[{query(task.goal)}]"]
    for t in range(PATIENCE + 6):
        if t < len(episode_actions):
            action = episode_actions[t]
        elif page_kind(seen) == "results":
            action = offers(seen)[-1].action
        else:
            action = "click[< prev]"
        steps.append(Step(observation=seen, reason="", action=action))
        seen = episode.step(action).observation
    trajectory = Trajectory(task=task, steps=tuple(steps))
    states = GoalSource(SourceOptions(), embedded).states(trajectory)
    late = {p.step: p.action for p in Expert().correct(trajectory, states, 3) if p.step >= PATIENCE}
    assert late
    for t, action in late.items():
        if page_kind(steps[t].observation) == "item":
            assert action != "click[< prev]"
        else:
            assert action.startswith("click[item - ")


def test_a_demonstration_of_an_unknown_kind_is_refused(embedded):
    with pytest.raises(ConfigError, match="unknown kind"):
        embedded.demonstrations(embedded.tasks("test")[:1], "human")


# -- reading ------------------------------------------------------------------------------------


def test_an_instruction_is_read():
    text = "i need a 4.2 ounce gluten free matiz sardine, and price lower than 50.00 dollars"
    assert keywords(text) == ["4.2", "ounce", "gluten", "free", "matiz", "sardine"]
    assert limit(text) == 50
    assert limit("anything") == float("inf")


def test_pages_are_read_in_both_modes():
    for mode in ("text_rich", "text"):
        environment = WebshopEnvironment(WebshopOptions(observation=mode))
        episode = environment.open(environment.tasks("test")[0], 0)
        seen = episode.step("search[dried fruit]").observation
        shown = episode.session.shown()
        assert [o.title for o in offers(seen)] == [p.title for p in shown]
        assert [o.price for o in offers(seen)] == [p.pricing[0] for p in shown]
        item = episode.step(offers(seen)[0].action).observation
        assert option_groups(item) == {k: list(v) for k, v in shown[0].options.items()}


def test_an_empty_page_is_read():
    assert offers(Observation(text="", candidates=("click[back to search]", "click[next >]"))) == []
    assert page_kind(Observation(text="")) == "done"
