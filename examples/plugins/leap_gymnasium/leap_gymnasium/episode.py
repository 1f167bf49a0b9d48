"""One episode of a Gymnasium environment, in text."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import gymnasium
from gymnasium import spaces

from leap_core import ConfigError, EnvironmentFailure, Episode, Observation, Transition
from leap_gymnasium.options import GymnasiumOptions

NOT_POSSIBLE = "That is not possible."


def make(options: GymnasiumOptions) -> gymnasium.Env[Any, Any]:
    """Make the environment, and check that it can be played in text.

    Raises:
        ConfigError: Gymnasium does not know it, or its actions or observations are no text.
    """
    kwargs = dict(options.kwargs)
    if options.observation == "ansi":
        kwargs.setdefault("render_mode", "ansi")
    try:
        env = gymnasium.make(options.id, disable_env_checker=True, **kwargs)
    except (gymnasium.error.Error, ImportError, TypeError, ValueError) as error:
        raise ConfigError(f"Gymnasium cannot make '{options.id}': {error}") from error
    problem = _problem(options, env)
    if problem:
        env.close()
        raise ConfigError(f"'{options.id}' cannot be played so: {problem}")
    return env


def _problem(options: GymnasiumOptions, env: gymnasium.Env[Any, Any]) -> str | None:
    acts, seen = env.action_space, env.observation_space
    if options.actions:
        if not isinstance(acts, spaces.Discrete):
            return f"'actions' names discrete actions, and its action space is {acts}"
        if len(options.actions) != acts.n:
            return f"it has {acts.n} actions, and 'actions' names {len(options.actions)}"
    elif not isinstance(acts, spaces.Text):
        return f"its actions are no text ({acts}); name discrete ones with 'actions'"
    if options.observation == "ansi":
        return None
    if options.observation == "text":
        if isinstance(seen, spaces.Text):
            return None
        return f"its observations are no text ({seen}); set 'observation' to a key or to 'ansi'"
    known = list(seen.spaces) if isinstance(seen, spaces.Dict) else []
    if options.observation not in known:
        return f"its observations have no '{options.observation}'; there is: {known or 'no key'}"
    return None


class GymnasiumEpisode(Episode):
    """A seed being played. Every episode has an environment of its own."""

    def __init__(self, options: GymnasiumOptions, task_seed: int) -> None:
        self.options, self.task_seed = options, task_seed
        self.env: gymnasium.Env[Any, Any] | None = None
        self.over, self.score = True, 0.0
        self.now = Observation(text="")

    def reset(self) -> Observation:
        """Make the environment anew: nothing is left of what was played before."""
        self.close()
        self.env = make(self.options)
        self.over, self.score = False, 0.0
        seen, info = self.env.reset(seed=self.task_seed)
        self.now = self._observe(seen, info)
        return self.now

    def step(self, action: str) -> Transition:
        """Take an action. One that the action space does not hold changes nothing."""
        if self.env is None or self.over:
            raise EnvironmentFailure("the episode is over: reset it, or open another")
        taken = self._action(action)
        if taken is None:
            same = Observation(text=NOT_POSSIBLE, candidates=self.now.candidates)
            return Transition(observation=same)
        seen, reward, terminated, truncated, info = self.env.step(taken)
        self.score += float(reward)
        self.over = bool(terminated or truncated)
        self.now = self._observe(seen, info)
        enough = bool(terminated) and self.score >= self.options.success_from
        return Transition(
            observation=self.now,
            reward=float(reward),
            terminated=bool(terminated),
            truncated=bool(truncated),
            success=enough if self.over else None,
            score=self.score,
        )

    def close(self) -> None:
        """Close the environment."""
        if self.env is not None:
            self.env.close()
        self.env, self.over = None, True

    def _action(self, action: str) -> Any:
        """What Gymnasium is given for `action`; None if it cannot be done."""
        assert self.env is not None
        if self.options.actions:
            names = self.options.actions
            return names.index(action) if action in names else None
        if self.now.candidates and action not in self.now.candidates:
            return None
        return action if self.env.action_space.contains(action) else None

    def _observe(self, seen: Any, info: Mapping[str, Any]) -> Observation:
        assert self.env is not None
        if self.options.observation == "ansi":
            drawn: Any = self.env.render()
            text = str(drawn)
        else:
            text = str(
                seen if self.options.observation == "text" else seen[self.options.observation]
            )
        if self.over:
            return Observation(text=text)
        if self.options.candidates is not None:
            return Observation(
                text=text, candidates=tuple(map(str, info.get(self.options.candidates, ())))
            )
        return Observation(text=text, candidates=self.options.actions)
