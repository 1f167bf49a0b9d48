"""Constrained actions: the reply's ACTION part is decoded among what can be executed.

The reason is written freely. From `ACTION:` on, tokens are chosen along a trie of the candidates
and of the templates' fixed parts; a template's free part is free again, but never blank and never
longer than a line. A reply that would end without an action is given the mark `ACTION:` first, so
every reply ends in an action that the observation accepts.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property, lru_cache

import torch

from leap_core.local.tokenization import PromptEncoder
from leap_core.types import Observation

_MARK = re.compile(r"^[ \t]*ACTION:", re.MULTILINE | re.IGNORECASE)
_PLACEHOLDER = re.compile(r"<[^<>]+>")
_WORD = "ACTION:"


class ReplyState:
    """One reply as it is written, without constraints.

    Attributes:
        ids: tokens so far; `room` is the most that there can be.
    """

    def __init__(self, encoder: PromptEncoder, limit: int) -> None:
        self.encoder, self.limit = encoder, limit
        self.room = limit
        self.ids: list[int] = []

    def restrict(self, logits: torch.Tensor) -> torch.Tensor:
        """The logits [vocabulary] with what must not come next at minus infinity."""
        return logits

    def take(self, drawn: int) -> int | None:
        """Accept a drawn token; the token to feed to the model, or None when the reply is done."""
        if drawn in self.encoder.stop:
            return None
        self.ids.append(drawn)
        return drawn if len(self.ids) < self.limit else None

    def text(self) -> str:
        """The reply."""
        return self.encoder.decode(self.ids)


@dataclass
class _Node:
    """A place in the trie. `action` is what is complete here, `template` what opens here."""

    next: dict[int, _Node] = field(default_factory=dict)
    action: str | None = None
    template: list[str] | None = None

    def add(self, ids: Sequence[int]) -> _Node:
        node = self
        for token in ids:
            node = node.next.setdefault(token, _Node())
        return node

    def only(self) -> str | None:
        """The one action that can still be meant, if it is one."""
        node = self
        while node.action is None and node.template is None and len(node.next) == 1:
            node = next(iter(node.next.values()))
        return node.action if not node.next and node.template is None else None


class ActionGrammar:
    """Makes writers whose actions can be executed; knows the tokenizer's vocabulary."""

    def __init__(self, encoder: PromptEncoder) -> None:
        self.encoder = encoder
        self.ids = lru_cache(maxsize=16384)(encoder.ids)
        self.show = lru_cache(maxsize=None)(lambda token: encoder.decode([token]))

    def writer(self, observation: Observation, limit: int) -> ReplyState:
        """A writer for one turn; an unconstrained one where any action may be tried."""
        listed = observation.candidates
        candidates = [c for c in listed if c.strip() == c and len(c.splitlines()) == 1]
        templates = [_PLACEHOLDER.split(t) for t in observation.templates
                     if len(t.splitlines()) == 1]  # fmt: skip
        templates = [parts for parts in templates if len(parts) > 1]
        if not candidates and not templates:
            return ReplyState(self.encoder, limit)
        return ConstrainedReplyState(self, candidates, templates, limit)

    @cached_property
    def never(self) -> torch.Tensor:
        """Tokens that must not stand in a free part: line breaks and the tokenizer's own marks."""
        return torch.tensor([t for t in self._vocabulary if self.breaks(t)], dtype=torch.long)

    @cached_property
    def blank(self) -> torch.Tensor:
        """Tokens that a free part must not begin with."""
        return torch.tensor([t for t in self._vocabulary if not self.show(t).strip()],
                            dtype=torch.long)  # fmt: skip

    def breaks(self, token: int) -> bool:
        """Whether a token ends a line, or shows nothing at all."""
        text = self.show(token)
        return not text or len((text + "|").splitlines()) > 1

    @cached_property
    def _vocabulary(self) -> range:
        return range(len(self.encoder.tokenizer))


class ConstrainedReplyState(ReplyState):
    """One reply whose action is one of `candidates`, or fills one of `templates`.

    A template is the list of its fixed parts: `search[<query>]` is ["search[", "]"].
    """

    def __init__(
        self,
        guide: ActionGrammar,
        candidates: Sequence[str],
        templates: Sequence[Sequence[str]],
        limit: int,
    ) -> None:
        super().__init__(guide.encoder, limit)
        self.guide, self.candidates, self.templates = guide, candidates, templates
        self._forced: deque[int] = deque()
        self._node: _Node | None = None  # in the trie, once the mark is written
        self._fixed: list[str] = []  # of the template that is being filled: parts still to come
        self._fill: list[int] | None = None  # tokens of the free part that is being written
        self._action = ""
        self._reason = ""
        fixed = max((len(guide.ids(" " + c)) for c in candidates), default=0)
        fixed = max([fixed, *(sum(len(guide.ids(p)) for p in t) + 1 for t in templates)])
        self._reserve = fixed + len(guide.ids("\n" + _WORD)) + 1
        self.room = limit + 2 * self._reserve

    # -- what may come next -----------------------------------------------------------------------

    def restrict(self, logits: torch.Tensor) -> torch.Tensor:
        if self._forced or (self._node is None and self._fill is None):
            return logits
        logits = logits.clone()
        if self._fill is not None:
            kept = logits[list(self.encoder.stop)].clone()
            logits[self.guide.never.to(logits.device)] = float("-inf")
            if not self._filled().strip():
                logits[self.guide.blank.to(logits.device)] = float("-inf")
                kept.fill_(float("-inf"))
            logits[list(self.encoder.stop)] = kept
            return logits
        assert self._node is not None
        allowed = list(self._node.next)
        if self._node.action is not None:
            allowed += self.encoder.stop
        closed = torch.full_like(logits, float("-inf"))
        closed[allowed] = logits[allowed]
        return closed

    # -- what came --------------------------------------------------------------------------------

    def take(self, drawn: int) -> int | None:
        if self._forced:
            return self._feed(self._forced.popleft())
        if self._fill is not None:
            return self._take_free(drawn)
        if self._node is not None:
            return self._take_fixed(drawn)
        return self._take_reason(drawn)

    def text(self) -> str:
        return f"{self._reason}{_WORD} {self._action}"

    def _feed(self, token: int) -> int:
        self.ids.append(token)
        return token

    def _take_reason(self, drawn: int) -> int | None:
        if drawn in self.encoder.stop or len(self.ids) + self._reserve >= self.limit:
            return self._force_mark()
        if ":" not in self.guide.show(drawn):
            return self._feed(drawn)
        text = self.encoder.decode([*self.ids, drawn])
        found = _MARK.search(text)
        if found is None:
            return self._feed(drawn)
        after = text[found.end() :]
        if after.strip(" \t"):  # the token has more than the mark: write the mark alone
            return self._force_mark()
        self._begin(text[: found.start()], "" if after else " ")
        return self._feed(drawn) if self._action == "" else None

    def _force_mark(self) -> int | None:
        text = self.encoder.decode(self.ids)
        begun = text.rpartition("\n")[2].lstrip(" \t")
        if begun and _WORD.startswith(begun.upper()):
            missing = _WORD[len(begun) :]
            reason = text[: len(text) - len(begun)]
        else:
            missing = ("\n" if begun else "") + _WORD
            reason = text + ("\n" if begun else "")
        self._begin(reason, " ")
        self._forced.extend(self.guide.ids(missing))
        return self.take(0) if self._action == "" else None

    def _begin(self, reason: str, space: str) -> None:
        self._reason, root = reason, _Node()
        for candidate in self.candidates:
            root.add(self.guide.ids(space + candidate)).action = candidate
        for parts in self.templates:
            first = space + parts[0] if parts[0] else ""
            node = root.add(self.guide.ids(first))
            node.template = node.template or list(parts)
        self._enter(root)

    def _enter(self, node: _Node) -> None:
        """Go on from a node of the trie; sets the action where only one is left."""
        self._node = node
        if node.template is not None:
            self._action_parts = [node.template[0]]
            self._fixed, self._fill, self._node = list(node.template[1:]), [], None
        else:
            self._action = node.only() or ""

    def _take_fixed(self, drawn: int) -> int | None:
        assert self._node is not None
        if drawn not in self._node.next:  # a stop token: allowed only where an action is complete
            self._action = self._node.action or ""
            return None
        self._enter(self._node.next[drawn])
        return None if self._action else self._feed(drawn)

    def _take_free(self, drawn: int) -> int | None:
        assert self._fill is not None
        ended = drawn in self.encoder.stop or self.guide.breaks(drawn)
        if not ended:
            self._fill.append(drawn)
        filled = self._filled()
        closing = self._fixed[0]
        at = filled.find(closing, 1) if closing else -1
        closed = at > 0 and filled[:at].strip() != ""
        if not (ended or closed or len(self.ids) + 1 >= self.limit):
            return self._feed(drawn)
        fill = filled[:at] if closed else filled
        self._action_parts += [fill.strip() or "?", self._fixed.pop(0)]
        if not self._fixed:
            self._action = "".join(self._action_parts).strip()
            return None
        self._fill = []
        if closed:
            return self._feed(drawn)
        if not ended:
            self._forced.append(drawn)
        self._forced.extend(self.guide.ids(closing))
        return self.take(0) if self._forced else self._feed(drawn)

    def _filled(self) -> str:
        return " ".join(self.encoder.decode(self._fill or []).splitlines())
