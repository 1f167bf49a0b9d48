"""What is hidden: the state that a server tells besides its observations."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from leap_core import ConfigError, PrivilegedSource, PrivilegedState, Section, Trajectory
from leap_openenv.episode import OpenEnvEpisode


class OpenEnvStateOptions(Section):
    """Options of the source `openenv-state`.

    Attributes:
        fields: fields of the state that are told; by default all but the episode's id.
        secrets: what must not be said, with fields filled in: "key is in the {box} box".
    """

    fields: tuple[str, ...] = ()
    secrets: tuple[str, ...] = ()


class OpenEnvState(PrivilegedSource):
    """Plays a trajectory again in a session of its own, and asks for the state before each step."""

    Options = OpenEnvStateOptions
    options: OpenEnvStateOptions
    environments = ("openenv",)

    def states(self, trajectory: Trajectory) -> Sequence[PrivilegedState]:
        """One state before each step.

        Raises:
            ConfigError: the state has no such field, or a secret names none of them.
            EnvironmentFailure: the server does not answer.
        """
        if not trajectory.steps:
            return []
        episode = self.environment.open(trajectory.task, trajectory.seed)
        assert isinstance(episode, OpenEnvEpisode)
        found = []
        try:
            episode.reset()
            for step in trajectory.steps:
                found.append(self._told(episode.state()))
                if not episode.over:
                    episode.step(step.action)
        finally:
            episode.close()
        return found

    def _told(self, state: dict[str, Any]) -> PrivilegedState:
        fields = self.options.fields or tuple(sorted(state.keys() - {"episode_id"}))
        missing = [name for name in fields if name not in state]
        if missing:
            known = ", ".join(sorted(state))
            raise ConfigError(f"the server's state has no '{missing[0]}'; there is: {known}")
        facts = {name: state[name] for name in fields}
        text = "\n".join(f"{name}: {value}" for name, value in facts.items())
        try:
            secrets = tuple(secret.format(**facts) for secret in self.options.secrets)
        except (KeyError, IndexError) as error:
            raise ConfigError(f"a secret names {error}, which is no field of the state") from None
        return PrivilegedState(text=text, secrets=secrets, facts=facts)
