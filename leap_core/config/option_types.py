"""Declarations for the fields of options: shared checks, and what a resumed run may change."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pydantic import AfterValidator, BaseModel, Field

from leap_core.errors import unknown

_RESUMABLE = "resumable"


def resumable(default: Any = ..., **constraints: Any) -> Any:
    """Declare an option that may have another value when a run is resumed.

    For options that change speed, memory or reporting, never what is learned. Takes what pydantic's
    `Field` takes: `workers: int = resumable(4, gt=0)`.
    """
    return Field(default, json_schema_extra={_RESUMABLE: True}, **constraints)


def resumable_fields(options: type[BaseModel]) -> frozenset[str]:
    """Return the names of the fields that were declared with `resumable`."""
    return frozenset(
        name
        for name, field in options.model_fields.items()
        if isinstance(field.json_schema_extra, dict) and field.json_schema_extra.get(_RESUMABLE)
    )


def subset_of(what: str, names: Sequence[str]) -> AfterValidator:
    """Of a tuple of names: at least one, all of them known.

    task_types: Annotated[tuple[str, ...], some_of("task type", TASK_TYPES)] = TASK_TYPES
    """

    def check(given: tuple[str, ...]) -> tuple[str, ...]:
        if not given:
            raise ValueError(f"name at least one {what}")
        for name in given:
            _check(what, name, names)
        return given

    return AfterValidator(check)


def sizes_by_split(splits: Sequence[str]) -> AfterValidator:
    """Of a dictionary from splits to their sizes: known splits, none of them empty.

    split_sizes: Annotated[dict[str, int], sizes_of(SPLITS)] = Field(default_factory=dict)
    """

    def check(given: dict[str, int]) -> dict[str, int]:
        for split, size in given.items():
            _check("split", split, splits)
            if size < 1:
                raise ValueError(f"split '{split}' needs at least one task")
        return given

    return AfterValidator(check)


def _check(what: str, name: str, names: Sequence[str]) -> None:
    if name not in names:
        raise ValueError(unknown(what, name, names))
