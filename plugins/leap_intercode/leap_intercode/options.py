"""Options of the bash environment, as a configuration gives them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from leap_core import Section, sizes_by_split, subset_of
from leap_intercode.backends import BackendName
from leap_intercode.commands import SECONDS, Quoting
from leap_intercode.containers import DEFAULT_IMAGE
from leap_intercode.embedded import SPLITS, TASK_TYPES

Scoring = Literal["submit", "every_turn"]


class BashOptions(Section):
    """Options of the environment `intercode-bash`.

    Attributes:
        tasks: "embedded" (ours, generated) or "official" (see `data_dir`).
        data_dir: folder of the official tasks; else the environment variable INTERCODE_DATA.
        split_sizes: how many tasks an embedded split has; others keep the default.
        task_types: of embedded tasks: "count", "read", "search", "change".
        seed: of embedded tasks; another seed is another world.
        backend: where commands run; "auto" takes the first that passes its self-test.
        rootfs: root folder for the backend "rootfs".
        image: image for the backends "docker" and "podman".
        quoting: "upstream" (an action's own double quotes are used up) or "clean".
        scoring: reward on `submit`, or after every turn as upstream's evaluation does (then an
            episode ends as soon as the reward is 1, and its score is its best).
        seconds: how long a command may take.
        shown: characters of an output that the student is shown; the reward sees all of it.
        tmp: whether /tmp exists; upstream's reset removes it.
    """

    tasks: Literal["embedded", "official"] = "embedded"
    data_dir: Path | None = None
    split_sizes: Annotated[dict[str, int], sizes_by_split(SPLITS)] = Field(default_factory=dict)
    task_types: Annotated[tuple[str, ...], subset_of("task type", TASK_TYPES)] = TASK_TYPES
    seed: int = 0
    backend: BackendName = "auto"
    rootfs: Path | None = None
    image: str = DEFAULT_IMAGE
    quoting: Quoting = "upstream"
    scoring: Scoring = "submit"
    seconds: float = Field(SECONDS, gt=0, le=600)
    shown: int = Field(2000, ge=100)
    tmp: bool = False
