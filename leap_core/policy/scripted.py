"""Engine over a policy that an environment ships as a program."""

from __future__ import annotations

from collections.abc import Sequence

from leap_core.contracts.engine import Engine, Request
from leap_core.contracts.environment import Environment, ScriptedPolicy
from leap_core.errors import ConfigError, unknown
from leap_core.policy.reply import write_reply


class ScriptedEngine(Engine):
    """Asks a `ScriptedPolicy`; it sees what a student sees, no more."""

    def __init__(self, policy: ScriptedPolicy) -> None:
        self.policy = policy

    def reply(self, requests: Sequence[Request]) -> Sequence[str]:
        turns = [self.policy.act(r.task, r.history, r.observation) for r in requests]
        return [write_reply(reason, action) for reason, action in turns]


def scripted_engine(environment: Environment, name: str) -> ScriptedEngine:
    """The engine of the environment's scripted policy `name`.

    Raises:
        ConfigError: the environment ships no such policy.
    """
    policy = environment.scripted_policy(name)
    if policy is None:
        raise ConfigError(unknown("scripted policy", name, environment.scripted_policies()))
    return ScriptedEngine(policy)
