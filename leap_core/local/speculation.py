"""Guesses at how a reply goes on, from replies that were written before.

An agent says much the same again and again. The engine feeds a guess together with the token before
it and draws from the model's own logits at every place; up to the first token that is drawn
otherwise, that is what it would have written anyway, so guesses change the time and nothing else.
"""

from __future__ import annotations

from collections.abc import Sequence

MOST = 5
"""Tokens of a guess: what a pass costs beyond one token is then still small."""
_CONTEXTS = (8, 4)
_ROOM = 200_000
_OPENING = (-1,) * max(_CONTEXTS)
_RECENT = 2000
_WORTH = 0.3


class NGramSpeculator:
    """Guesses what came after the same few tokens the last time.

    While fewer than three in ten of the tokens guessed lately were right, only the beginning of a
    reply is guessed: wrong guesses cost time.

    Attributes:
        guessed, right: how many tokens were guessed lately, and how many of them were drawn.
    """

    def __init__(self, stop: Sequence[int]) -> None:
        self.stop = frozenset(stop)
        self.guessed = self.right = 0.0
        self._next: dict[tuple[int, ...], int] = {}

    def learn(self, reply: Sequence[int], guessed: int, right: int) -> None:
        """Remember a finished reply, and how the guesses at it went."""
        if len(self._next) > _ROOM:
            self._next.clear()
        ids = [*_OPENING, *reply]
        for at in range(len(_OPENING), len(ids)):
            for length in _CONTEXTS:
                self._next[tuple(ids[at - length : at])] = ids[at]
        self.guessed += guessed
        self.right += right
        if self.guessed > _RECENT:
            self.guessed, self.right = self.guessed / 2, self.right / 2

    def guess(self, reply: Sequence[int], most: int) -> list[int]:
        """At most `most` tokens, and no more than MOST, that may follow an unfinished reply."""
        if len(reply) > 1 and self.right < _WORTH * self.guessed:
            return []
        ids = [*_OPENING, *reply[-len(_OPENING) :]]
        found: list[int] = []
        while len(found) < min(most, MOST):
            token = self._after(ids)
            if token is None or token in self.stop:
                break
            found.append(token)
            ids.append(token)
        return found

    def _after(self, ids: list[int]) -> int | None:
        for length in _CONTEXTS:
            token = self._next.get(tuple(ids[-length:]))
            if token is not None:
                return token
        return None
