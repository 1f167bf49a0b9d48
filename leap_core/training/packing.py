"""Prefix sharing: one trunk, many branches.

All rows of a trajectory repeat the same growing trunk. In a shared row the trunk stands once, and
every branch (with its reply) sees the trunk up to its own step, then itself; its positions continue
from there. Loss and gradients equal those of the separate rows, and tokens fall from O(T²) to O(T).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Literal

from leap_core.local.tokenization import PromptEncoder
from leap_core.types import Example, Prompt

Role = Literal["chosen", "rejected", "mismatched"]


@dataclass(frozen=True, slots=True)
class Branch:
    """One reply to one prompt, after the trunk.

    Attributes:
        tokens: the prompt's own branch, then the reply.
        reply: how many of the last tokens are the reply; the loss is on these. At least one token
            stands before them.
        visible: how many tokens of the trunk it sees; its positions go on from there.
        role: the reply to learn, the one to unlearn, or another example's (for estimates of KL).
    """

    tokens: tuple[int, ...]
    reply: int
    visible: int
    role: Role = "chosen"

    @property
    def length(self) -> int:
        """Tokens of the whole prompt and reply, as a row of its own."""
        return self.visible + len(self.tokens)


@dataclass(frozen=True, slots=True)
class TokenRow:
    """A trunk and its branches; what belongs together in training (such as a pair) is never split.

    Attributes:
        trunk: tokens that all branches may see.
        branches: in the order of their examples.
        examples: how many examples it holds.
    """

    trunk: tuple[int, ...]
    branches: tuple[Branch, ...]
    examples: int

    @property
    def shared_tokens(self) -> int:
        """Tokens through the model where the trunk is shared."""
        return len(self.trunk) + sum(len(b.tokens) for b in self.branches)

    @property
    def separate_tokens(self) -> int:
        """Tokens through the model where every branch is a row of its own, padding not counted."""
        return sum(b.length for b in self.branches)

    @property
    def longest(self) -> int:
        return max(b.length for b in self.branches)

    @property
    def replies(self) -> int:
        """Tokens to learn from."""
        return sum(b.reply for b in self.branches)

    def only(self, *roles: Role) -> TokenRow:
        """The row without branches of other roles."""
        return replace(self, branches=tuple(b for b in self.branches if b.role in roles))


@dataclass(frozen=True, slots=True)
class Target:
    """A reply to train on, and the prompt that it is trained after."""

    prompt: Prompt
    reply: str
    role: Role = "chosen"


Targets = Callable[[Example], Sequence[Target]]


def chosen(example: Example) -> list[Target]:
    """The one target of supervised fine-tuning: the demonstrated or corrected reply."""
    return [Target(example.prompt, example.reply)]


def separate_rows(
    examples: Iterable[Example], encoder: PromptEncoder, targets: Targets = chosen
) -> Iterator[TokenRow]:
    """One row an example."""
    for example in examples:
        yield _row([_encode(example, encoder, targets)])


def shared_rows(
    examples: Sequence[Example], encoder: PromptEncoder, budget: int, targets: Targets = chosen
) -> Iterator[TokenRow]:
    """One row a trajectory; a second one begins where `budget` tokens would be passed."""
    for _, group in groupby(examples, key=lambda e: e.trajectory):
        waiting: list[_Encoded] = []
        for example in group:
            encoded = _encode(example, encoder, targets)
            if waiting and _size([*waiting, encoded]) > budget:
                yield _row(waiting)
                waiting = []
            waiting.append(encoded)
        yield _row(waiting)


@dataclass(frozen=True, slots=True)
class _Encoded:
    """One example: its trunk, and a branch for each of its targets."""

    trunk: tuple[int, ...]
    branches: tuple[Branch, ...]


def _encode(example: Example, encoder: PromptEncoder, targets: Targets) -> _Encoded:
    wanted = targets(example)
    trunk = encoder.trunk(example.prompt)
    return _Encoded(tuple(trunk), tuple(_branch(t, trunk, encoder) for t in wanted))


def _branch(target: Target, trunk: list[int], encoder: PromptEncoder) -> Branch:
    before, reply = encoder.branch(target.prompt), encoder.reply(target.reply)
    visible = len(trunk)
    if not before:  # a reply is predicted from the token before it, which must be its neighbour
        visible -= 1
        before = trunk[visible:]
    return Branch((*before, *reply), len(reply), visible, target.role)


def _size(encoded: Sequence[_Encoded]) -> int:
    trunk = max(len(e.trunk) for e in encoded)
    return trunk + sum(len(b.tokens) for e in encoded for b in e.branches)


def _row(encoded: Sequence[_Encoded]) -> TokenRow:
    trunk = max((e.trunk for e in encoded), key=len)
    return TokenRow(trunk, tuple(b for e in encoded for b in e.branches), len(encoded))
