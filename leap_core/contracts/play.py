"""The one way to play an episode: reset, act until it is over, make a trajectory of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from leap_core.contracts.environment import Environment, ScriptedPolicy
from leap_core.errors import PluginError
from leap_core.types import Observation, Outcome, Step, Task, Trajectory, Transition

Choose = Callable[[Sequence[Step], Observation], "tuple[str, str] | None"]
"""Takes the steps so far and the observation; returns (reason, action), or None to stop."""


def play(
    environment: Environment,
    task: Task,
    policy: ScriptedPolicy | Choose,
    *,
    seed: int = 0,
    limit: int | None = None,
) -> Trajectory:
    """Play `task` from its first observation until it is over, and close the episode.

    `policy` is a scripted policy, or a function of (steps so far, observation) that returns a
    reason and an action, or None to stop. At most `limit` steps are taken; None means the
    environment's horizon.

    Raises:
        leap_core.errors.PluginError: the episode ends without saying whether it succeeded.
    """
    act = getattr(policy, "act", None)
    steps: list[Step] = []
    transition: Transition | None = None
    episode = environment.open(task, seed)
    try:
        observation = episode.reset()
        most = environment.horizon if limit is None else limit
        while len(steps) < most:
            chosen = act(task, steps, observation) if act else policy(steps, observation)  # type: ignore[operator]
            if chosen is None:
                break
            reason, action = chosen
            transition = episode.step(action)
            steps.append(
                Step(
                    observation=observation,
                    reason=reason,
                    action=action,
                    reward=transition.reward,
                )
            )
            observation = transition.observation
            if transition.terminated or transition.truncated:
                break
    finally:
        episode.close()
    check_end(environment, transition)
    return trajectory_of(task, steps, transition, seed=seed, final=observation.text)


def trajectory_of(
    task: Task,
    steps: Sequence[Step],
    last: Transition | None,
    *,
    seed: int = 0,
    final: str | None = None,
    malformed: int = 0,
) -> Trajectory:
    """Return the trajectory of an episode that ended, or was stopped, at the transition `last`.

    An episode that was stopped before its end has failed. A score that the environment does not
    give is 1 for a success, else 0.
    """
    succeeded = last is not None and last.success is True
    outcome: Outcome = "success" if succeeded else "failure"
    score = last.score if last is not None else None
    return Trajectory(
        task=task,
        steps=tuple(steps),
        final=(final or "") if last is None else last.observation.text,
        outcome=outcome,
        score=float(succeeded) if score is None else float(score),
        seed=seed,
        malformed=malformed,
        info=dict(last.info) if last is not None else {},
    )


def check_end(environment: Environment, transition: Transition | None) -> None:
    """Check that a transition that ends an episode says whether it succeeded.

    Raises:
        leap_core.errors.PluginError: it does not, naming the environment.
    """
    if transition is not None and transition.terminated and transition.success is None:
        kind = type(environment)
        raise PluginError(
            f"environment {kind.__module__}.{kind.__qualname__} ended an episode without saying "
            "whether it succeeded: set `success` on the Transition that has `terminated`"
        )
