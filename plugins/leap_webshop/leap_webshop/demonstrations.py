"""Demonstrations: a visit by one who knows what is wanted, or by one who does not."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from leap_core import Observation, Step, Task, Trajectory
from leap_webshop.environment import WebshopEnvironment
from leap_webshop.episode import WebshopEpisode
from leap_webshop.expert import advise
from leap_webshop.privileged import Appraiser
from leap_webshop.shopper import Shopper

Choose = Callable[[Sequence[Step], Observation], tuple[str, str]]


def demonstrate(environment: WebshopEnvironment, task: Task, kind: str) -> Trajectory:
    """Play a task as the expert of level 3 ("expert") or as the shopper does ("shopper")."""
    if kind == "expert":
        return play_expert(environment, task, 3)
    shopper = Shopper()
    episode = environment.open(task, 0)
    return _play(environment, task, episode, lambda past, seen: shopper.act(task, past, seen))


def play_expert(environment: WebshopEnvironment, task: Task, level: int) -> Trajectory:
    """Play a task by the advice of the expert of a level."""
    appraiser = Appraiser(environment, environment.goal(task))
    episode = environment.open(task, 0)

    def choose(history: Sequence[Step], seen: Observation) -> tuple[str, str]:
        facts = appraiser.facts(episode.session)
        return advise(task.goal, history, seen, facts, level)

    return _play(environment, task, episode, choose)


def _play(
    environment: WebshopEnvironment, task: Task, episode: WebshopEpisode, choose: Choose
) -> Trajectory:
    observation = episode.reset()
    taken: list[Step] = []
    info: dict[str, object] = {}
    while len(taken) < environment.horizon:
        reason, action = choose(taken, observation)
        transition = episode.step(action)
        taken.append(Step(observation, reason, action, transition.reward))
        observation = transition.observation
        if transition.terminated:
            info = dict(transition.info)
            break
    episode.close()
    return Trajectory(
        task=task,
        steps=tuple(taken),
        final=observation.text,
        outcome="success" if info.get("success") else "failure",
        score=taken[-1].reward,
        info=info,
    )
