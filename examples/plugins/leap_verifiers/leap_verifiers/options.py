"""What a configuration says of an environment of verifiers."""

from typing import Annotated, Any

from pydantic import Field

from leap_core import Section

SIZES = {"train": 200, "validation": 40, "test": 40}


class VerifiersOptions(Section):
    """Options of the environment `verifiers`.

    Attributes:
        taskset: id of an installed taskset, as `eval` of verifiers takes it.
        config: its own options.
        env: id of an environment to play it in; by default the taskset's own.
        env_config: that environment's own options.
        success_from: reward from which an episode is a success.
        splits: names of the splits and how many tasks each has, from the taskset's first on.
        timeout: seconds that the environment may take between two turns.
    """

    taskset: str = Field(min_length=1)
    config: dict[str, Any] = Field(default_factory=dict)
    env: str = ""
    env_config: dict[str, Any] = Field(default_factory=dict)
    success_from: float = 1.0
    splits: dict[str, Annotated[int, Field(gt=0)]] = Field(
        default_factory=lambda: dict(SIZES), min_length=1
    )
    timeout: float = Field(60.0, gt=0)
