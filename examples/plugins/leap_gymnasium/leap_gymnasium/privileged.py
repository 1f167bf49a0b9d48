"""What is hidden: attributes of the environment that the student does not see."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from pydantic import Field

from leap_core import ConfigError, PrivilegedSource, PrivilegedState, Section, Trajectory
from leap_gymnasium.episode import GymnasiumEpisode


class GymnasiumStateOptions(Section):
    """Options of the source `gymnasium-state`.

    Attributes:
        attributes: names of attributes of the unwrapped environment.
        secrets: what must not be said, with attributes filled in: "key is in the {box} box".
    """

    attributes: tuple[str, ...] = Field(min_length=1)
    secrets: tuple[str, ...] = ()


class GymnasiumState(PrivilegedSource):
    """Plays a trajectory again, and reads the attributes before each step."""

    Options = GymnasiumStateOptions
    options: GymnasiumStateOptions
    environments = ("gymnasium",)

    def states(self, trajectory: Trajectory) -> Sequence[PrivilegedState]:
        """One state before each step.

        Raises:
            ConfigError: the environment has no such attribute, or a secret names none of them.
        """
        episode = self.environment.open(trajectory.task, trajectory.seed)
        assert isinstance(episode, GymnasiumEpisode)
        found = []
        try:
            episode.reset()
            for step in trajectory.steps:
                found.append(self._state(episode))
                if not episode.over:
                    episode.step(step.action)
        finally:
            episode.close()
        return found

    def _state(self, episode: GymnasiumEpisode) -> PrivilegedState:
        assert episode.env is not None
        bare = episode.env.unwrapped
        facts = {name: _plain(self._read(bare, name)) for name in self.options.attributes}
        text = "\n".join(f"{name}: {value}" for name, value in facts.items())
        try:
            secrets = tuple(secret.format(**facts) for secret in self.options.secrets)
        except (KeyError, IndexError) as error:
            raise ConfigError(f"a secret names {error}, which is none of 'attributes'") from None
        return PrivilegedState(text=text, secrets=secrets, facts=facts)

    def _read(self, bare: Any, name: str) -> Any:
        if not hasattr(bare, name):
            raise ConfigError(f"'{type(bare).__name__}' has no attribute '{name}'")
        return getattr(bare, name)


def _plain(value: Any) -> Any:
    """`value` as JSON knows it; NumPy's numbers and arrays as Python's."""
    return json.loads(
        json.dumps(value, default=lambda v: v.tolist() if hasattr(v, "tolist") else str(v))
    )
