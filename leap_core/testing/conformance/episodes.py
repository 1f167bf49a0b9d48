"""Checks of single episodes: determinism, candidates, nonsense, the end, closing."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from pydantic import TypeAdapter

from leap_core.contracts.engine import Engine, Request
from leap_core.contracts.environment import Environment, Episode
from leap_core.errors import EnvironmentFailure
from leap_core.policy.reply import write_reply
from leap_core.rollout import roll_out
from leap_core.testing.conformance.check import Nonconformity, NotApplicable, check, expect, shown
from leap_core.testing.conformance.play import (
    FOREIGN,
    PlayedEpisode,
    at_random,
    by_list,
    ended,
    filled,
    play,
    walk,
)
from leap_core.testing.conformance.subjects import EnvironmentSubject
from leap_core.types import Observation, Task, Trajectory, Transition

_TRIED = 12
"""Candidates that are tried at one observation."""


@contextmanager
def _opened(environment: Environment, task: Task) -> Iterator[Episode]:
    episode = environment.open(task, 0)
    try:
        yield episode
    finally:
        episode.close()


def _course(subject: EnvironmentSubject, task: Task) -> list[str]:
    return ["xyzzy", *subject.actions(task)]


@check("environment", "observations")
def observations(subject: EnvironmentSubject) -> None:
    """Observations are text, candidates and templates; answers are of the declared types."""
    for task in subject.tasks:
        walked = subject.replay(task, _course(subject, task))
        for seen in walked.observations:
            _check_observation(seen)
        for transition in walked.transitions:
            _check_transition(transition)


def _check_observation(seen: Observation) -> None:
    expect(isinstance(seen, Observation), "a leap_core.Observation", seen)
    expect(isinstance(seen.text, str), "`Observation.text` to be a string", seen.text)
    for field in ("candidates", "templates"):
        value = getattr(seen, field)
        fits = isinstance(value, tuple) and all(isinstance(a, str) for a in value)
        expect(fits, f"`Observation.{field}` to be a tuple of strings", value)


def _check_transition(transition: Transition) -> None:
    expect(isinstance(transition, Transition), "a leap_core.Transition", transition)
    for field in ("terminated", "truncated"):
        value = getattr(transition, field)
        expect(isinstance(value, bool), f"`{field}` to be True or False", value)


@check("environment", "rewards")
def rewards(subject: EnvironmentSubject) -> None:
    """Rewards and scores are finite numbers."""
    for task in subject.tasks:
        for transition in subject.replay(task, _course(subject, task)).transitions:
            expect(_finite(transition.reward), "finite rewards", transition.reward)
            score = transition.score
            expect(score is None or _finite(score), "a finite `score`, or None", score)


def _finite(value: object) -> bool:
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return number and math.isfinite(value)  # type: ignore[arg-type]


@check("environment", "serialises")
def serialises(subject: EnvironmentSubject) -> None:
    """A trajectory with all that was observed survives being written as JSON and read again."""
    adapter = TypeAdapter(Trajectory)
    for task in subject.tasks:
        played = subject.replay(task, _course(subject, task)).trajectory(task)
        try:
            again = adapter.validate_json(adapter.dump_json(played))
        except Exception as error:
            raise Nonconformity(
                "a trajectory (observations and `info`) that can be written as JSON", str(error)
            ) from error
        same = again.steps == played.steps and again.final == played.final
        expect(same, "the same steps when read again", shown(again.steps))


@check("environment", "same-episode")
def same_episode(subject: EnvironmentSubject) -> None:
    """The same task, seed and actions give the same episode."""
    fresh = subject.build()
    for task in subject.tasks:
        course = _course(subject, task)
        for seed in (0, 7):
            first = subject.replay(task, course, seed)
            for environment in (subject.environment, fresh):
                different = first.difference(play(environment, task, by_list(course), seed))
                expect(
                    different is None,
                    f"task '{task.id}' with seed {seed} to be the same every time",
                    different or "",
                )


@check("environment", "reset-starts-over")
def reset_starts_over(subject: EnvironmentSubject) -> None:
    """Resetting in the middle, and after the end, gives the episode from its beginning."""
    for task in subject.tasks:
        course = _course(subject, task)
        whole = subject.replay(task, course)
        with _opened(subject.environment, task) as episode:
            for length in (len(course) // 2, len(course)):
                walk(episode, by_list(course[:length]), subject.environment.horizon)
                again = walk(episode, by_list(course), subject.environment.horizon)
                different = whole.difference(again)
                expect(
                    different is None,
                    f"task '{task.id}' to start over when reset after {length} steps",
                    different or "",
                )


@check("environment", "side-by-side")
def side_by_side(subject: EnvironmentSubject) -> None:
    """Episodes played in turns, of one task and of several, go as they go alone."""
    tasks = [*subject.tasks, subject.tasks[0]]
    courses = [_course(subject, task) for task in tasks]
    alone = [subject.replay(t, course) for t, course in zip(tasks, courses, strict=True)]
    episodes = [subject.environment.open(task, 0) for task in tasks]
    try:
        together = [PlayedEpisode(episode.reset()) for episode in episodes]
        for t in range(max(len(walked.transitions) for walked in alone)):
            for number, episode in enumerate(episodes):
                if t < len(alone[number].transitions) and not together[number].over:
                    together[number].steps.append(alone[number].steps[t])
                    together[number].transitions.append(episode.step(courses[number][t]))
    finally:
        for episode in episodes:
            episode.close()
    for task, single, one in zip(tasks, alone, together, strict=True):
        different = single.difference(one)
        expect(
            different is None,
            f"task '{task.id}' to go beside others as it goes alone",
            different or "",
        )


@check("environment", "candidates")
def candidates(subject: EnvironmentSubject) -> None:
    """Candidates are unique and not blank; an episode takes them, and not all as nonsense."""
    listed = 0
    for task in subject.tasks:
        course = subject.actions(task)
        walked = subject.replay(task, course)
        for seen in walked.observations:
            listed += bool(seen.candidates or seen.templates)
            _check_listed(seen)
        for t in sorted({0, len(walked.steps) // 2}):
            if t < len(walked.observations) and not (t == len(walked.steps) and walked.over):
                _try_candidates(subject.environment, task, course[:t], walked.observations[t])
    if not listed:
        raise NotApplicable("no candidates are listed: any action may be tried")


def _check_listed(seen: Observation) -> None:
    for field in ("candidates", "templates"):
        actions = getattr(seen, field)
        blank = [a for a in actions if not a.strip() or a != a.strip() or "\n" in a]
        expect(not blank, f"{field} of one line without spaces around them", blank)
        twice = sorted({a for a in actions if actions.count(a) > 1})
        expect(not twice, f"every one of the {field} once", twice)
    for template in seen.templates:
        expect(filled(template) != template, "templates with a free part such as <query>", template)
    for action in (*seen.candidates, *(filled(t) for t in seen.templates)):
        expect(seen.accepts(action), f"{action!r} to be accepted where it is listed", "it is not")


def _try_candidates(
    environment: Environment, task: Task, before: Sequence[str], seen: Observation
) -> None:
    actions = [*seen.candidates[:_TRIED], *(filled(t) for t in seen.templates)]
    if not actions:
        return
    nonsense = _answer(environment, task, before, "xyzzy plugh")
    answers = [_answer(environment, task, before, action) for action in actions]
    expect(
        any(_told(answer) != _told(nonsense) for answer in answers),
        "candidates that the episode understands",
        f"each of {shown(actions)} was answered like nonsense: {shown(nonsense.observation.text)}",
    )


def _told(transition: Transition) -> tuple[object, ...]:
    return transition.observation, transition.reward, ended(transition)


def _answer(environment: Environment, task: Task, before: Sequence[str], action: str) -> Transition:
    with _opened(environment, task) as episode:
        walk(episode, by_list(before), len(before))
        try:
            return episode.step(action)
        except Exception as error:
            raise Nonconformity(
                f"an answer to {action!r} after {shown(list(before))} in task '{task.id}'",
                f"{type(error).__name__}: {error}",
            ) from error


@check("environment", "foreign-actions")
def foreign_actions(subject: EnvironmentSubject) -> None:
    """Whatever a model writes is answered; nothing raises, and nonsense does not succeed."""
    for task in subject.tasks[:2]:
        for action in FOREIGN:
            answer = _answer(subject.environment, task, (), action)
            _check_observation(answer.observation)
            expect(
                not answer.success,
                f"nonsense such as {action[:40]!r} not to solve task '{task.id}'",
                shown(answer),
            )


@check("environment", "after-the-end")
def after_the_end(subject: EnvironmentSubject) -> None:
    """The end says whether it is a success; a step after it raises."""
    reached = False
    for task in subject.tasks:
        with _opened(subject.environment, task) as episode:
            course = by_list([*subject.actions(task)])
            walked = walk(episode, course, subject.environment.horizon)
            if not walked.over:
                continue
            reached = True
            last = walked.transitions[-1]
            if last.terminated:
                expect(isinstance(last.success, bool), "`success` at the end", last.success)
            _check_over(episode, walked.steps[-1].action)
    if not reached:
        raise NotApplicable("no episode came to an end within the horizon")


def _check_over(episode: Episode, action: str) -> None:
    expected = "a step after the end to raise leap_core.EnvironmentFailure"
    try:
        answer = episode.step(action)
    except EnvironmentFailure:
        return
    except Exception as error:
        raise Nonconformity(expected, f"{type(error).__name__}: {error}") from error
    raise Nonconformity(expected, f"the answer {shown(answer.observation.text)}")


class _Wanderer(Engine):
    """Does anything that is listed, nonsense now and then; never stops by itself."""

    def reply(self, requests: Sequence[Request]) -> Sequence[str]:
        return [write_reply("", self._choose(request)) for request in requests]

    def _choose(self, request: Request) -> str:
        turn = len(request.history)
        if turn % 3 == 0 or request.observation.open_ended:
            return "xyzzy"
        return at_random(turn)(request.history, request.observation) or "xyzzy"


@check("environment", "horizon")
def horizon(subject: EnvironmentSubject) -> None:
    """Rollouts last the horizon, no longer; whoever wanders about fails but breaks nothing."""
    environment, played = subject.environment, list[Trajectory]()
    roll_out(
        environment,
        _Wanderer(),
        subject.writer,
        subject.tasks,
        seed=0,
        in_flight=len(subject.tasks),
        on_trajectory=played.append,
    )
    for trajectory in played:
        where = f"task '{trajectory.task.id}'"
        expect(trajectory.outcome != "error", f"no error in {where}", str(trajectory.error))
        length = len(trajectory.steps)
        expect(length <= environment.horizon, f"at most {environment.horizon} steps", str(length))
    for shown_ in subject.demonstrations:
        length = len(shown_.steps)
        expect(
            length <= environment.horizon,
            f"the demonstration of '{shown_.task.id}' to fit in {environment.horizon} steps",
            f"{length} steps",
        )


@check("environment", "close")
def close(subject: EnvironmentSubject) -> None:
    """Closing twice, before the first observation, and in the middle does no harm."""
    task = subject.tasks[0]
    for steps in (None, 0, 1):
        episode = subject.environment.open(task, 0)
        if steps is not None:
            walk(episode, by_list(subject.actions(task)), steps)
        for times in ("once", "twice"):
            try:
                episode.close()
            except Exception as error:
                raise Nonconformity(
                    f"an episode that can be closed {times}", f"{type(error).__name__}: {error}"
                ) from error
