"""One episode on an OpenEnv server: a session of its own, over a WebSocket."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from openenv.core.generic_client import GenericEnvClient

from leap_core import EnvironmentFailure, Episode, Observation, Transition
from leap_openenv.options import OpenEnvOptions

NOT_POSSIBLE = "That is not possible."
T = TypeVar("T")


class OpenEnvEpisode(Episode):
    """A seed being played. The server keeps a session for each open episode."""

    def __init__(self, options: OpenEnvOptions, task_seed: int) -> None:
        self.options, self.task_seed = options, task_seed
        self.client: Any = None
        self.over, self.score = True, 0.0
        self.now = Observation(text="")

    def reset(self) -> Observation:
        """Open a session, if there is none, and start over.

        Raises:
            EnvironmentFailure: the server cannot be reached, or has no room for another session.
        """
        if self.client is None:
            timeout = self.options.timeout
            base_url = self.options.base_url
            client = GenericEnvClient(base_url, timeout, timeout, mode="simulation")
            self.client = client.sync()
            self._ask("opens no session", self.client.connect)
        result = self._ask("cannot reset", lambda: self.client.reset(seed=self.task_seed))
        self.over, self.score = bool(result.done), 0.0
        self.now = self._observe(result.observation)
        return self.now

    def step(self, action: str) -> Transition:
        """Send an action; one that is not listed, where actions are listed, changes nothing."""
        if self.client is None or self.over:
            raise EnvironmentFailure("the episode is over: reset it, or open another")
        if self.now.candidates and action not in self.now.candidates:
            return Transition(
                observation=Observation(text=NOT_POSSIBLE, candidates=self.now.candidates)
            )
        sent = {**self.options.action_extra, self.options.action: action}
        result = self._ask("cannot take a step", lambda: self.client.step(sent))
        reward = float(result.reward or 0.0)
        self.score += reward
        self.over = bool(result.done)
        self.now = self._observe(result.observation)
        success = self.score >= self.options.success_from if self.over else None
        return Transition(
            observation=self.now,
            reward=reward,
            terminated=self.over,
            success=success,
            score=self.score,
        )

    def state(self) -> dict[str, Any]:
        """What the server tells of the session besides observations."""
        return dict(self._ask("tells no state", self.client.state))

    def close(self) -> None:
        """End the session."""
        if self.client is not None:
            self.client.close()
        self.client, self.over = None, True

    def _ask(self, what: str, call: Callable[[], T]) -> T:
        try:
            return call()
        except (OSError, RuntimeError, TimeoutError, ValueError) as error:
            raise self._failure(what, error) from error
        except Exception as error:
            # The WebSocket library's own errors, such as ConnectionClosed, have no common base.
            if type(error).__module__.startswith("websockets"):
                raise self._failure(what, error) from error
            raise

    def _failure(self, what: str, error: Exception) -> EnvironmentFailure:
        told = str(error) or type(error).__name__
        return EnvironmentFailure(f"the OpenEnv server {self.options.base_url} {what}: {told}")

    def _observe(self, seen: Mapping[str, Any]) -> Observation:
        field = self.options.observation
        if field not in seen:
            known = ", ".join(sorted(seen)) or "nothing"
            raise EnvironmentFailure(
                f"the observations of {self.options.base_url} have no field '{field}'; "
                f"there is: {known}. Set the environment's option 'observation'"
            )
        listed = (
            ()
            if self.over or self.options.candidates is None
            else seen.get(self.options.candidates, ())
        )
        return Observation(text=str(seen[field]), candidates=tuple(map(str, listed)))
