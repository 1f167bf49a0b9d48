"""What is hidden: fields of a task's data that the student does not see."""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import Field

from leap_core import ConfigError, PrivilegedSource, PrivilegedState, Section, Trajectory
from leap_verifiers.environment import VerifiersEnvironment


class VerifiersDataOptions(Section):
    """Options of the source `verifiers-data`.

    Attributes:
        fields: fields of the task's data, such as `answer`.
        secrets: what must not be said, with fields filled in: "the word is {answer}".
    """

    fields: tuple[str, ...] = Field(min_length=1)
    secrets: tuple[str, ...] = ()


class VerifiersData(PrivilegedSource):
    """Evaluation criteria: the same before every step."""

    Options = VerifiersDataOptions
    options: VerifiersDataOptions
    environments = ("verifiers",)

    def states(self, trajectory: Trajectory) -> Sequence[PrivilegedState]:
        """One state before each step.

        Raises:
            ConfigError: the data has no such field, or a secret names none of them.
        """
        assert isinstance(self.environment, VerifiersEnvironment)
        task = self.environment.theirs[trajectory.task.data["number"]]
        data = task.data.model_dump(mode="json")
        for name in self.options.fields:
            if name not in data:
                raise ConfigError(f"the data of '{type(task).__name__}' has no field '{name}'")
        facts = {name: data[name] for name in self.options.fields}
        text = "\n".join(f"{name}: {value}" for name, value in facts.items())
        try:
            secrets = tuple(secret.format(**facts) for secret in self.options.secrets)
        except (KeyError, IndexError) as error:
            raise ConfigError(f"a secret names {error}, which is none of 'fields'") from None
        return [PrivilegedState(text=text, secrets=secrets, facts=facts)] * len(trajectory.steps)
