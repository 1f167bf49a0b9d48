"""Prefix sharing: one trunk, many branches, in one sequence.

All rows of a trajectory repeat the same growing trunk. Packed, the trunk is encoded once and every
branch (with its reply) sees the trunk up to its own step, then itself; its positions continue from
there. Loss and gradients equal those of the separate rows, and tokens fall from O(T^2) to O(T).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from leap_core.policy.encoding import PromptEncoder
from leap_core.types import Example

IGNORED = -100


@dataclass(frozen=True, slots=True)
class PackedRow:
    """A trunk followed by branches.

    Attributes:
        input_ids, labels, position_ids: one entry per token; labels are -100 outside replies.
        trunk: number of trunk tokens.
        branches: per branch (start, end, visible): its tokens are [start, end), and it sees the
            trunk's first `visible` tokens.
    """

    input_ids: list[int]
    labels: list[int]
    position_ids: list[int]
    trunk: int
    branches: list[tuple[int, int, int]]


def separate_rows(
    examples: Iterable[Example], encoder: PromptEncoder
) -> Iterator[dict[str, list[int]]]:
    """One {"input_ids", "labels"} row per example; loss on the reply only."""
    for example in examples:
        prompt = encoder.trunk(example.prompt) + encoder.branch(example.prompt)
        reply = encoder.reply(example.reply)
        yield {"input_ids": prompt + reply, "labels": [IGNORED] * len(prompt) + reply}


def packed_rows(
    examples: Sequence[Example], encoder: PromptEncoder, max_length: int
) -> Iterator[PackedRow]:
    """Rows of examples that share a trunk; a new row begins where `max_length` would be passed."""
    for _, group in groupby(examples, key=lambda e: (e.environment, e.trajectory)):
        waiting: list[Example] = []
        longest = 0
        for example in group:
            size = len(encoder.branch(example.prompt)) + len(encoder.reply(example.reply))
            trunk = len(encoder.trunk(example.prompt))
            if waiting and max(longest, trunk) + size + _sizes(waiting, encoder) > max_length:
                yield _pack(waiting, encoder)
                waiting, longest = [], 0
            waiting.append(example)
            longest = max(longest, trunk)
        yield _pack(waiting, encoder)


def _sizes(examples: Sequence[Example], encoder: PromptEncoder) -> int:
    return sum(len(encoder.branch(e.prompt)) + len(encoder.reply(e.reply)) for e in examples)


def _pack(examples: Sequence[Example], encoder: PromptEncoder) -> PackedRow:
    trunk = max((encoder.trunk(e.prompt) for e in examples), key=len)
    ids, labels = list(trunk), [IGNORED] * len(trunk)
    positions = list(range(len(trunk)))
    branches = []
    for example in examples:
        visible = len(encoder.trunk(example.prompt))
        branch, reply = encoder.branch(example.prompt), encoder.reply(example.reply)
        start = len(ids)
        ids += branch + reply
        labels += [IGNORED] * len(branch) + reply
        positions += range(visible, visible + len(branch) + len(reply))
        branches.append((start, len(ids), visible))
    return PackedRow(ids, labels, positions, len(trunk), branches)
