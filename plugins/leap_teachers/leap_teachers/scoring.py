"""Log-likelihoods of given answers, from a server that returns `prompt_logprobs` (vLLM does)."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from leap_core import TeacherError
from leap_teachers.client import Client
from leap_teachers.model_io import Message, ModelRequest


class ScoringClient(Client):
    """A client that also scores.

    The likelihood of an answer is that of the conversation with it over that of the conversation
    up to where it begins; the shared part cancels. What the chat template puts after an answer is
    counted with it, the same for every answer.
    """

    async def log_likelihoods(
        self, messages: Sequence[Message], answers: Sequence[str]
    ) -> list[float]:
        """Natural log of the probability of each whole answer, its end included.

        Raises:
            TeacherError: the server does not return `prompt_logprobs`.
        """
        before = tuple(messages)
        wholes = [(*before, Message("assistant", answer)) for answer in answers]
        start, *ends = await asyncio.gather(
            self._score(before, begins=True), *(self._score(w, begins=False) for w in wholes)
        )
        return [end - start for end in ends]

    async def _score(self, messages: tuple[Message, ...], begins: bool) -> float:
        more = {"prompt_logprobs": 0, "add_generation_prompt": begins}
        request = ModelRequest("scoring", messages, 1, 1.0, 1.0, more=more)
        score = (await self.ask(request)).prompt_log_likelihood
        if score is None:
            raise TeacherError(
                f"the server at {self.options.api_base} returns no 'prompt_logprobs', which the "
                "'constrained' teacher needs; use vLLM, or a model in this process"
            )
        return score
