"""An episode: one visit to the store."""

from __future__ import annotations

from collections.abc import Callable

from leap_core import EnvironmentFailure, Episode, Observation, Transition
from leap_webshop.candidates import OTHER_OPTION, SEARCH, clicks, shortened
from leap_webshop.options import WebshopOptions
from leap_webshop.pages import Node, Page
from leap_webshop.reward import Reward
from leap_webshop.session import Session


class WebshopEpisode(Episode):
    """A visit with one instruction.

    `session` is the state behind it; `key` fixes what is drawn by lot.
    """

    def __init__(self, visit: Callable[[], Session], options: WebshopOptions, key: str) -> None:
        self.visit, self.options, self.key = visit, options, key
        self.session = visit()
        self.steps = 0

    def reset(self) -> Observation:
        """Start over, at the search page."""
        self.session = self.visit()
        self.steps = 0
        return self._observe()

    def step(self, action: str) -> Transition:
        """Search or click; anything else changes nothing, as upstream has it."""
        if self._receipt() is not None:
            raise EnvironmentFailure("the episode is over: reset it, or open another")
        self.session.act(self.command(action))
        self.steps += 1
        receipt = self._receipt()
        if receipt is None:
            return Transition(observation=self._observe())
        return Transition(
            observation=self._observe(),
            reward=receipt.total,
            terminated=True,
            success=receipt.total == 1.0,
            score=receipt.total,
            info={
                **receipt.parts(),
                "noun_rule": self.options.nouns,
                "bought": self.session.asin,
            },
        )

    def _receipt(self) -> Reward | None:
        return self.session.receipt

    def command(self, action: str) -> str:
        """What the store gets for an action: `click[item - TITLE]` becomes the product's id."""
        action = action.strip()
        return clicks(self.session, self.options.item_names).get(action.lower(), action)

    def _observe(self) -> Observation:
        session, options = self.session, self.options
        page = session.page
        if not options.repeat_instruction and session.at not in ("search", "done"):
            page = _without_instruction(page)
        text = page.text(options.observation)
        if session.at == "search":
            return Observation(text=text, candidates=(), templates=(SEARCH,))
        named = clicks(session, options.item_names)
        shown = shortened(named, options.most_candidates, f"{self.key} {self.steps}")
        cut = len(shown) < len(named)
        return Observation(text=text, candidates=shown, templates=(OTHER_OPTION,) if cut else ())


def _without_instruction(page: Page) -> Page:
    """A page less its first two pieces, which repeat the instruction."""
    assert page.nodes[0] == Node("text", "Instruction:")
    return Page(page.nodes[2:])
