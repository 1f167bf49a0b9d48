"""What a configuration says of a Gymnasium environment."""

from typing import Annotated, Any

from pydantic import Field

from leap_core import Section

SIZES = {"train": 200, "validation": 40, "test": 40}


class GymnasiumOptions(Section):
    """Options of the environment `gymnasium`.

    Attributes:
        id: the environment's id, such as FrozenLake-v1; `package.module:Name-v0` imports the module
            that registers it first.
        kwargs: what it is made with, as in `gymnasium.make(id, **kwargs)`.
        goal: what the student is told to do.
        observation: `text` where observations are strings; the key of the text where they are
            dictionaries; `ansi` for environments that draw themselves as text.
        actions: names of the discrete actions, in their order; none where actions are text.
        candidates: key of `info` under which the environment lists the actions that can be taken.
        success_from: return (sum of rewards) from which an episode is a success.
        splits: names of the splits and how many tasks each has. A task is a seed.
    """

    id: str
    kwargs: dict[str, Any] = Field(default_factory=dict)
    goal: str = ""
    observation: str = "text"
    actions: tuple[str, ...] = ()
    candidates: str | None = None
    success_from: float = 1.0
    splits: dict[str, Annotated[int, Field(gt=0)]] = Field(
        default_factory=lambda: dict(SIZES), min_length=1
    )
