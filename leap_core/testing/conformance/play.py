"""Plays episodes for the checks: by a list of actions, by a policy, or at random."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from leap_core.contracts.environment import Environment, Episode, ScriptedPolicy
from leap_core.contracts.play import trajectory_of
from leap_core.types import Observation, Step, Task, Trajectory, Transition

Choose = Callable[[Sequence[Step], Observation], "str | None"]
"""Says what to do after some steps at an observation; None stops."""

FOREIGN = (
    "",
    " ",
    "xyzzy plugh",
    "XYZZY\tPLUGH",
    "an action\nin two lines",
    "{{ 7 * 7 }} {% raw %} [bold]",
    "\\ ' \" ` $( <placeholder>",
    "przejdź do 台所 🍳",
    "\x00\x1b[31m\ufffe",
    "go to nowhere " * 500,
)
"""What a model may write that is no action anywhere."""


@dataclass
class PlayedEpisode:
    """What happened in one episode: the first observation, then a step and answer at a time."""

    first: Observation
    steps: list[Step] = field(default_factory=list)
    transitions: list[Transition] = field(default_factory=list)

    @property
    def over(self) -> bool:
        return bool(self.transitions) and ended(self.transitions[-1])

    @property
    def observations(self) -> list[Observation]:
        return [self.first, *(t.observation for t in self.transitions)]

    def trajectory(self, task: Task, seed: int = 0) -> Trajectory:
        """The walk as a trajectory."""
        last = self.transitions[-1] if self.transitions else None
        return trajectory_of(task, self.steps, last, seed=seed, final=self.first.text)

    def difference(self, other: PlayedEpisode) -> str | None:
        """Where two walks part, in words; None if they are the same."""
        if self.first != other.first:
            return _two("first observation", self.first, other.first)
        for t, (mine, theirs) in enumerate(zip(self.transitions, other.transitions, strict=False)):
            if _essence(mine) != _essence(theirs):
                action = self.steps[t].action
                return _two(f"answer to step {t} ({action!r})", _essence(mine), _essence(theirs))
        if len(self.transitions) != len(other.transitions):
            return _two("number of steps", len(self.transitions), len(other.transitions))
        return None


def ended(transition: Transition) -> bool:
    """Whether an episode is over."""
    return transition.terminated or transition.truncated


def walk(episode: Episode, choose: Choose, limit: int) -> PlayedEpisode:
    """Reset the episode and play it until it is over, `choose` stops or `limit` steps are made."""
    done = PlayedEpisode(episode.reset())
    while len(done.steps) < limit and not done.over:
        observation = done.observations[-1]
        action = choose(done.steps, observation)
        if action is None:
            break
        transition = episode.step(action)
        done.steps.append(
            Step(observation=observation, reason="", action=action, reward=transition.reward)
        )
        done.transitions.append(transition)
    return done


def play(environment: Environment, task: Task, choose: Choose, seed: int = 0) -> PlayedEpisode:
    """Open a task, walk through it, close it."""
    episode = environment.open(task, seed)
    try:
        return walk(episode, choose, environment.horizon)
    finally:
        episode.close()


def by_list(actions: Iterable[str]) -> Choose:
    """Take these actions, one after the other."""
    left = iter(list(actions))
    return lambda steps, observation: next(left, None)


def by_policy(policy: ScriptedPolicy, task: Task) -> Choose:
    """Do what a scripted policy does."""
    return lambda steps, observation: policy.act(task, tuple(steps), observation)[1]


def at_random(seed: int) -> Choose:
    """Take any action that is listed; words where none is."""
    chance = random.Random(seed)

    def choose(steps: Sequence[Step], observation: Observation) -> str:
        listed = [*observation.candidates, *(filled(t) for t in observation.templates)]
        return chance.choice(listed or ["help", "look", "1"])

    return choose


def filled(template: str) -> str:
    """A template with a word in every free part."""
    return re.sub(r"<[^<>]+>", "thing", template)


def _essence(transition: Transition) -> tuple[object, ...]:
    """Return all of an answer but `info`, which may hold timings and the like."""
    told = (transition.success, transition.score)
    reward = repr(transition.reward)  # two NaN are the same here; another rule refuses them
    return (transition.observation, reward, *_flags(transition), told)


def _flags(transition: Transition) -> tuple[bool, bool]:
    return transition.terminated, transition.truncated


def _two(what: str, one: object, other: object) -> str:
    from leap_core.testing.conformance.check import shown

    return f"{what} was {shown(one)}, then {shown(other)}"


_SAMPLE = 16


def sample(environment: Environment, split: str) -> list[Task]:
    """Some tasks of a split, evenly spread, the first and the last among them."""
    tasks = environment.tasks(split)
    count = len(tasks)
    places = sorted({i * (count - 1) // max(1, _SAMPLE - 1) for i in range(_SAMPLE)})
    return [tasks[i] for i in places if i < count]


def listing(environment: Environment) -> dict[str, tuple[int, list[str]]]:
    """Size and some ids of every split."""
    return {
        split: (len(environment.tasks(split)), [t.id for t in sample(environment, split)])
        for split in environment.splits()
    }
