"""What a configuration says of an OpenEnv server."""

from typing import Annotated, Any

from pydantic import Field

from leap_core import Section

SIZES = {"train": 200, "validation": 40, "test": 40}


class OpenEnvOptions(Section):
    """Options of the environment `openenv`.

    Attributes:
        base_url: address of the server, such as http://localhost:8000.
        goal: what the student is told to do.
        action: field of the action that takes the student's words.
        action_extra: further fields of every action.
        observation: field of the observation that is shown to the student.
        candidates: field of the observation that lists the actions that can be taken.
        success_from: return (sum of rewards) from which an episode is a success.
        splits: names of the splits and how many tasks each has. A task is a seed for the server.
        timeout: seconds that an answer may take.
    """

    base_url: str = Field(pattern=r"^(https?|wss?)://")
    goal: str = ""
    action: str = "message"
    action_extra: dict[str, Any] = Field(default_factory=dict)
    observation: str = "text"
    candidates: str | None = None
    success_from: float = 1.0
    splits: dict[str, Annotated[int, Field(gt=0)]] = Field(
        default_factory=lambda: dict(SIZES), min_length=1
    )
    timeout: float = Field(60.0, gt=0)
