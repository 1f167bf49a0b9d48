"""The second, semantic pass of the leak audit, over what the rules leave open.

A pass gives opinions on corrections: a judge's word (`JudgePass`), or how much the student's
likelihood depends on the hidden state (`leap_core.stages.likelihood_pass`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from leap_core.contracts.teacher import Teacher
from leap_core.correction.history import history_text
from leap_core.errors import BudgetExceeded, TeacherError
from leap_core.types import Correction, PrivilegedState, Trajectory, Usage

JUDGED = 0.9
"""Score of a reason that the judge calls a leak, and that the rules did not find outright."""


@dataclass(frozen=True, slots=True)
class Opinion:
    """What a second pass makes of one correction.

    Attributes:
        score: the leak score from now on; None where the pass has no opinion, so that the score
            of the rules stands.
        why: what gave the leak away, or why there is no opinion.
        usage: what the opinion cost.
    """

    score: float | None
    why: str = ""
    usage: Usage = field(default_factory=Usage)


class SecondPass(Protocol):
    """Gives opinions on corrections of one trajectory."""

    async def opinions(
        self,
        trajectory: Trajectory,
        states: Sequence[PrivilegedState],
        corrections: Sequence[Correction],
    ) -> Sequence[Opinion]:
        """Return one opinion for each correction.

        Raises:
            leap_core.errors.BudgetExceeded: the budget does not allow the next question.
        """


@dataclass(frozen=True, slots=True)
class JudgePass:
    """Asks a model about each correction, with the history and the hidden state before it.

    An answer that cannot be read, and a question without an answer, are no opinion: they are
    counted, never taken for a verdict.
    """

    judge: Teacher

    async def opinions(
        self,
        trajectory: Trajectory,
        states: Sequence[PrivilegedState],
        corrections: Sequence[Correction],
    ) -> Sequence[Opinion]:
        """Ask about all corrections at once; every question is seen through."""
        asked = (self._opinion(trajectory, states[c.step], c) for c in corrections)
        found = await asyncio.gather(*asked, return_exceptions=True)
        for one in found:
            if isinstance(one, BaseException):
                raise one
        return [one for one in found if isinstance(one, Opinion)]

    async def _opinion(
        self, trajectory: Trajectory, state: PrivilegedState, correction: Correction
    ) -> Opinion:
        history = history_text(trajectory, correction.step)
        try:
            word = await self.judge.judge(history, state, correction.reason, correction.action)
        except BudgetExceeded:
            raise
        except TeacherError as error:
            return Opinion(None, f"the judge did not answer: {error}")
        if word.leaks is None:
            return Opinion(None, f"the judge's answer is no verdict: {word.why!r}", word.usage)
        return Opinion(JUDGED if word.leaks else 0.0, word.why, word.usage)
