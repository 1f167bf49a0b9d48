"""Checks of what an environment shows (demonstrations, prompts, policies) and what it hides."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

from leap_core.errors import ConfigError
from leap_core.testing.conformance.check import Nonconformity, NotApplicable, check, expect, shown
from leap_core.testing.conformance.play import PlayedEpisode, by_list, by_policy, play
from leap_core.testing.conformance.subjects import EnvironmentSubject
from leap_core.types import Prompt, Task, Trajectory

CANARY = "canary-7f3a91"


def _demonstrated(subject: EnvironmentSubject) -> list[Trajectory]:
    if not subject.environment.demonstration_kinds():
        raise NotApplicable("it offers no demonstrations")
    return subject.demonstrations


@check("environment", "demonstrations")
def demonstrations(subject: EnvironmentSubject) -> None:
    """Every kind shows each task, in order; the default succeeds; unknown kinds are errors."""
    _demonstrated(subject)
    default, *others = subject.environment.demonstration_kinds()
    outcomes = {trajectory.outcome for trajectory in _checked_demonstrations(subject, default)}
    expect(outcomes == {"success"}, f"every '{default}' demonstration to succeed", outcomes)
    for kind in others:
        given = _checked_demonstrations(subject, kind)
        expect(any(t.succeeded for t in given), f"a '{kind}' demonstration to succeed", "none")
    _check_unknown_kind(subject)


def _checked_demonstrations(subject: EnvironmentSubject, kind: str) -> list[Trajectory]:
    given = list(subject.environment.demonstrations(subject.tasks, kind))
    wanted, found = [task.id for task in subject.tasks], [t.task.id for t in given]
    expect(found == wanted, f"a '{kind}' demonstration for each of {wanted}, in order", found)
    for trajectory in given:
        expect(trajectory.steps, f"steps shown of '{trajectory.task.id}' ('{kind}')", "none")
    return given


def _check_unknown_kind(subject: EnvironmentSubject) -> None:
    known = subject.environment.demonstration_kinds()
    try:
        list(subject.environment.demonstrations(subject.tasks[:1], "no-such-kind"))
    except ConfigError as error:
        expect(known[0] in str(error), f"an error that names the kinds {known}", str(error))
    else:
        raise Nonconformity("a ConfigError for the kind 'no-such-kind'", "none was raised")


@check("environment", "gold-wins")
def gold_wins(subject: EnvironmentSubject) -> None:
    """A demonstration, played again action by action, is observed as it was and succeeds."""
    for trajectory in _demonstrated(subject):
        task = trajectory.task
        actions = [step.action for step in trajectory.steps]
        walked = play(subject.environment, task, by_list(actions), trajectory.seed)
        for t, (step, seen) in enumerate(zip(trajectory.steps, walked.observations, strict=False)):
            expect(
                step.observation == seen,
                f"step {t} of the demonstration of '{task.id}' to observe {shown(seen)}, as when "
                "it is played",
                shown(step.observation),
            )
        won = walked.trajectory(task).succeeded
        expect(
            won and walked.over,
            f"the demonstration of '{task.id}' to end in success when it is played again",
            f"it ends {'in success' if won else 'without'} after {len(walked.steps)} steps: "
            f"{shown(walked.observations[-1].text)}",
        )


@check("environment", "trunk")
def trunk(subject: EnvironmentSubject) -> None:
    """The prompt's trunk only grows, is the same every time, and tells all that was observed."""
    for task in subject.tasks:
        walked = subject.replay(task, subject.actions(task))
        prompts = _prompts(subject, task, walked)
        expect(
            prompts == _prompts(subject, task, walked),
            "a layout that writes the same prompt every time",
            "it changes from one time to the next",
        )
        for t, (before, after) in enumerate(pairwise(prompts)):
            old, new = "".join(before.trunk), "".join(after.trunk)
            expect(new.startswith(old), f"the trunk of step {t + 1} to begin with step {t}'s", new)
            added = new[len(old) :]
            for what, text in (
                ("action", walked.steps[t].action),
                ("observation", walked.transitions[t].observation.text),
            ):
                told = " ".join(text.split()) in " ".join(added.split())
                expect(told, f"the turn of step {t} to tell the {what} {shown(text)}", shown(added))
        if prompts:
            opening = "".join(prompts[0].trunk)
            for what, text in (("goal", task.goal), ("first observation", walked.first.text)):
                told = " ".join(text.split()) in " ".join(opening.split())
                expect(told, f"the opening to tell the {what} {shown(text)}", shown(opening))


def _prompts(subject: EnvironmentSubject, task: Task, walked: PlayedEpisode) -> list[Prompt]:
    """The prompt before each step, each written from scratch."""
    return [
        subject.writer.prompt(task, walked.steps[:t], walked.observations[t])
        for t in range(len(walked.steps))
    ]


@check("environment", "task-data-hidden")
def task_data_hidden(subject: EnvironmentSubject) -> None:
    """`Task.data` never reaches the student: a canary planted in it is nowhere to be seen."""
    for task in subject.tasks:
        planted = replace(task, data={**task.data, CANARY: f"{CANARY} value"})
        walked = subject.replay(planted, ["xyzzy", *subject.actions(task)])
        seen = "\n".join(p.text for p in _prompts(subject, planted, walked))
        for observation in walked.observations:
            seen += "\n".join((observation.text, *observation.candidates, *observation.templates))
        expect(
            CANARY not in seen,
            f"nothing of the data of '{task.id}' in observations and prompts",
            _around(seen),
        )


def _around(text: str) -> str:
    start = max(0, text.find(CANARY) - 40)
    return shown(text[start : start + 120])


@check("environment", "scripted-policies")
def scripted_policies(subject: EnvironmentSubject) -> None:
    """Scripted policies do the same without `Task.data`: they see what a student sees, no more."""
    environment = subject.environment
    names = environment.scripted_policies()
    if not names:
        raise NotApplicable("it ships no scripted policies")
    nobody = environment.scripted_policy("no-such-policy")
    expect(nobody is None, "None for the policy 'no-such-policy'", nobody)
    for name in names:
        for task in subject.tasks:
            walks = []
            for known in (task, replace(task, data={})):
                policy = environment.scripted_policy(name)
                expect(policy is not None, f"a scripted policy '{name}', as listed", "None")
                assert policy is not None
                walks.append(play(environment, task, by_policy(policy, known)))
            different = walks[0].difference(walks[1])
            expect(
                different is None,
                f"the policy '{name}' to play '{task.id}' as well without its `data`",
                different or "",
            )
