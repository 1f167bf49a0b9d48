"""An episode on the native engine."""

from __future__ import annotations

from leap_alfworld.engine import WELCOME, World
from leap_alfworld.model import Game
from leap_alfworld.options import AlfworldOptions
from leap_core import EnvironmentFailure, Episode, Observation, Transition


class AlfworldEpisode(Episode):
    """One game on the native engine."""

    def __init__(self, game: Game, options: AlfworldOptions) -> None:
        self.world = World(game)
        self.options = options
        self.over = False

    def reset(self) -> Observation:
        """Start over."""
        self.over = False
        text = self.world.reset()
        return self._observe(text if self.options.welcome else text.removeprefix(WELCOME))

    def step(self, action: str) -> Transition:
        """Take a command; "Nothing happens." answers what is not one."""
        if self.over:
            raise EnvironmentFailure("the episode is over: reset it, or open another")
        text, won = self.world.step(self.options.command(action))
        self.over = won
        return Transition(
            observation=self._observe(text),
            reward=float(won),
            terminated=won,
            success=won,
            score=float(won),
        )

    def _observe(self, text: str) -> Observation:
        return Observation(text=text, candidates=self.options.listed(self.world.admissible()))
