"""One episode of an environment of verifiers, which runs until it wants the student's turn."""

from __future__ import annotations

import asyncio
import functools
import queue
import threading
from collections.abc import Coroutine
from concurrent.futures import Future
from typing import Any

import verifiers.v1 as vf

from leap_core import EnvironmentFailure, Episode, Observation, Transition
from leap_verifiers.agent import StudentAgent, Turns
from leap_verifiers.options import VerifiersOptions


@functools.cache
def loop() -> asyncio.AbstractEventLoop:
    """The event loop of all episodes of this process, in a thread of its own.

    One for all: environments that seed a random generator of the whole process, as verifiers' own
    do, are not disturbed by another one between two of their lines.
    """
    running = asyncio.new_event_loop()
    threading.Thread(target=running.run_forever, name="leap-verifiers", daemon=True).start()
    return running


class VerifiersEpisode(Episode):
    """A task being played."""

    def __init__(self, env: vf.Env[Any], task: Any, options: VerifiersOptions) -> None:
        self.env, self.task, self.options = env, task, options
        self.playing: Future[float] | None = None

    def reset(self) -> Observation:
        """Let the environment run until it wants the student's first turn."""
        self.close()
        self.events: queue.Queue[str | None] = queue.Queue()
        self.turns = Turns(self.events.put)
        self.playing = _start(self._play())
        self.playing.add_done_callback(lambda _: self.events.put(None))
        said = self._wait()
        if said is None:
            score = self.playing.result()
            self.playing = None
            raise EnvironmentFailure(f"it is over before the student says anything ({score})")
        return Observation(text=said)

    def step(self, action: str) -> Transition:
        """Answer, and let the environment run until the next turn or its end."""
        if self.playing is None:
            raise EnvironmentFailure("the episode is over: reset it, or open another")
        loop().call_soon_threadsafe(self.turns.answers.put_nowait, action)
        said = self._wait()
        if said is not None:
            return Transition(observation=Observation(text=said))
        score = self.playing.result()
        self.playing = None
        return Transition(
            observation=Observation(text="That was all."),
            reward=score,
            terminated=True,
            success=score >= self.options.success_from,
            score=score,
        )

    def close(self) -> None:
        """Stop the environment where it waits."""
        if self.playing is not None and not self.playing.done():
            self.playing.cancel()
        self.playing = None

    async def _play(self) -> float:
        """Run the environment to its end; the reward of the student's exchange."""
        agents = vf.Agents(self.env.config, lambda _, config: StudentAgent(config, self.turns))
        await self.env.setup(agents)
        await self.env.run(self.task, agents)
        traces = [trace for agent in agents._agents.values() for trace in agent.traces]
        return float(sum(trace.reward for trace in traces))

    def _wait(self) -> str | None:
        """What the environment says next; None when it is over.

        Raises:
            EnvironmentFailure: it failed, or takes too long.
        """
        assert self.playing is not None
        try:
            said = self.events.get(timeout=self.options.timeout)
        except queue.Empty:
            self.close()
            raise EnvironmentFailure(
                f"'{self.options.taskset}' says nothing for {self.options.timeout:g} s"
            ) from None
        error = self.playing.exception() if said is None else None
        if error is not None:
            self.playing = None
            told = str(error) or type(error).__name__
            raise EnvironmentFailure(f"'{self.options.taskset}' failed: {told}") from error
        return said


def _start(coroutine: Coroutine[Any, Any, float]) -> Future[float]:
    return asyncio.run_coroutine_threadsafe(coroutine, loop())
