"""What teachers see; that students never do."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from leap_core import PluginError, Trajectory
from leap_core.correction import find_leaks, history_text
from leap_core.examples import examples_from_demonstrations
from leap_core.policy.prompt import PromptRenderer
from leap_core.policy.reply import write_reply
from leap_core.testing.toy import ToyEnvironment, ToyOptions
from leap_webshop.appraiser import Appraiser
from leap_webshop.environment import WebshopEnvironment, WebshopOptions
from leap_webshop.expert import Expert
from leap_webshop.privileged import GoalSource, SourceOptions


@pytest.fixture
def source(embedded) -> GoalSource:
    return GoalSource(SourceOptions(), embedded)


def shopped(environment: WebshopEnvironment, count: int) -> list[Trajectory]:
    return list(environment.demonstrations(environment.tasks("train")[:count], "shopper"))


def test_the_state_agrees_with_the_episode(embedded, source):
    """The limit in the instruction is that of the goal, and what a product is worth is so."""
    for shown in shopped(embedded, 60):
        states = source.states(shown)
        assert len(states) == len(shown.steps)
        goal = embedded.goal(shown.task)
        limit = re.search(r"lower than (\d+\.\d\d) dollars", shown.task.goal)
        assert states[0].facts["price_upper"] == (float(limit[1]) if limit else None)
        assert f"{goal.price_upper:.2f} dollars" in states[0].text or not limit
        last = states[-1].facts
        assert last["now"] == shown.score
        assert last["reachable"] >= last["now"]


def test_the_text_tells_all_of_the_goal(embedded, source):
    (shown,) = shopped(embedded, 1)
    goal = embedded.goal(shown.task)
    text = source.states(shown)[0].text
    for told in (goal.instruction, goal.title, goal.asin, *goal.attributes):
        assert told in text


def test_the_example_product_brings_everything(embedded):
    for task in embedded.tasks("test"):
        goal = embedded.goal(task)
        assert Appraiser(embedded, goal).worth(goal.asin) == 1.0


def test_states_do_not_depend_on_how_the_student_writes(embedded, source):
    (shown,) = shopped(embedded, 1)
    loud = [replace(s, action=f" {s.action.replace('item', 'Item')} ") for s in shown.steps]
    assert source.states(replace(shown, steps=tuple(loud))) == source.states(shown)


def test_a_wandering_student_is_followed(embedded, source):
    """States can be had for any trajectory, whatever was written in it."""
    (shown,) = shopped(embedded, 1)
    actions = ["", "x" * 9999, "click[next >]", "search[<r>]", "click[reviews]", "click[buy now]"]
    steps = [*shown.steps[:3], *(replace(shown.steps[0], action=a) for a in actions)]
    assert len(source.states(replace(shown, steps=tuple(steps)))) == len(steps)


def test_the_source_serves_webshop_only():
    with pytest.raises(PluginError, match="webshop"):
        GoalSource(SourceOptions(), ToyEnvironment(ToyOptions()))


@pytest.mark.parametrize("mode", ["text_rich", "text"])
def test_the_goal_is_in_no_prompt_before_it_was_seen(mode):
    """Canary: asin and title of the example product, in all that a student reads or learns from.

    Corrections of level 3 are part of it: a search for the title would show here.
    """
    environment = WebshopEnvironment(WebshopOptions(observation=mode))
    source, expert = GoalSource(SourceOptions(), environment), Expert()
    writer = PromptRenderer(environment.layout(), environment.horizon)
    checked = 0
    for kind in environment.demonstration_kinds():
        tasks = environment.tasks("train")[:60]
        for shown in environment.demonstrations(tasks, kind):
            goal = environment.goal(shown.task)
            secrets = {goal.asin.lower(), goal.title.lower()}
            proposals = {
                p.step: write_reply(p.reason, p.action)
                for p in expert.correct(shown, source.states(shown), 3)
            }
            (*examples,) = examples_from_demonstrations([shown], writer, "webshop")
            assert len(examples) == len(shown.steps)
            seen = shown.task.goal.lower()
            for t, (step, example) in enumerate(zip(shown.steps, examples, strict=True)):
                seen += "\n".join((step.observation.text, *step.observation.candidates)).lower()
                hidden = {secret for secret in secrets if secret not in seen}
                checked += len(hidden)
                for text in (example.prompt.text, example.reply, proposals.get(t, "")):
                    assert not any(secret in text.lower() for secret in hidden)
    assert checked > 100


def test_level_3_passes_the_leak_audit_and_level_5_does_not(embedded, source):
    told = {3: 0, 5: 0}
    trajectories = shopped(embedded, 80)
    for level in told:
        for shown in trajectories:
            states = source.states(shown)
            for proposal in Expert().correct(shown, states, level):
                text = f"{proposal.reason} {proposal.action}"
                secrets = states[proposal.step].secrets
                told[level] += bool(find_leaks(text, secrets, history_text(shown, proposal.step)))
    assert told[3] == 0
    assert told[5] >= len(trajectories)
