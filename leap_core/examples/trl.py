"""Examples in TRL's conversational formats: what any of its trainers takes as it is.

The user's turn is the whole prompt as text. LEAP's own updaters do not go through this: they
tokenise trunks and branches by themselves.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from leap_core.types import Example

Row = dict[str, Any]


def sft_rows(examples: Iterable[Example]) -> Iterator[Row]:
    """{"prompt", "completion"}: every example."""
    for e in examples:
        yield {"prompt": _asked(e), "completion": _said(e.reply), **_origin(e)}


def preference_rows(examples: Iterable[Example]) -> Iterator[Row]:
    """{"prompt", "chosen", "rejected"}: corrections that differ from what the student did."""
    for e in examples:
        if e.rejected is not None and e.rejected != e.reply:
            yield {"prompt": _asked(e), "chosen": _said(e.reply), "rejected": _said(e.rejected),
                   **_origin(e)}  # fmt: skip


def unpaired_rows(examples: Iterable[Example]) -> Iterator[Row]:
    """{"prompt", "completion", "label"}: each reply, and whether it is desirable."""
    for e in examples:
        yield {"prompt": _asked(e), "completion": _said(e.reply), "label": True, **_origin(e)}
        if e.rejected is not None and e.rejected != e.reply:
            yield {"prompt": _asked(e), "completion": _said(e.rejected), "label": False,
                   **_origin(e)}  # fmt: skip


FORMATS: dict[str, Callable[[Iterable[Example]], Iterator[Row]]] = {
    "sft": sft_rows,
    "preference": preference_rows,
    "kto": unpaired_rows,
}


def _asked(example: Example) -> list[dict[str, str]]:
    return [{"role": "user", "content": example.prompt.text}]


def _said(reply: str) -> list[dict[str, str]]:
    return [{"role": "assistant", "content": reply}]


def _origin(e: Example) -> dict[str, Any]:
    return {"task_id": e.task_id, "seed": e.seed, "step": e.step, "iteration": e.iteration,
            "source": e.source}  # fmt: skip
