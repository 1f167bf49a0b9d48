"""A model in this process, by transformers: answers in batches, and tells log-likelihoods.

Sampling is drawn row by row from seeds of the requests, and a batch is always made of the same
requests, so the same run gives the same answers.
"""

from __future__ import annotations

import asyncio
import math
import random
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any

from leap_core import Call, ConfigError, Ledger, MissingExtra, PolicyRef, TeacherError, Usage
from leap_teachers.model_io import Message, ModelAnswer, ModelRequest, digest
from leap_teachers.pricing import most_tokens

_UNKNOWN_CONTEXT = 4096


class LocalModel:
    """An open-weight model, or a student with its adapter. Loaded when first asked."""

    def __init__(self, policy: PolicyRef, ledger: Ledger, batch: int = 16, seed: int = 0) -> None:
        self.policy = policy
        self._ledger = ledger
        self._batch = batch
        self._seed = seed
        self._busy = asyncio.Lock()

    @cached_property
    def context_tokens(self) -> int:
        """How many tokens question and answer may have together."""
        config = self._loaded[0].config.get_text_config()
        return int(getattr(config, "max_position_embeddings", None) or _UNKNOWN_CONTEXT)

    async def ask(self, request: ModelRequest) -> ModelAnswer:
        """Answer one request.

        Raises:
            TeacherError: the model cannot generate.
        """
        return (await self.ask_all([request]))[0]

    async def ask_all(self, requests: Sequence[ModelRequest]) -> list[ModelAnswer]:
        """Answer several requests, `batch` at a time."""
        answers: list[ModelAnswer] = []
        async with self._busy:  # the model is one; others wait here, not inside a batch
            for part in _parts(requests, self._batch):
                answers += await self._answer(part)
        return answers

    async def log_likelihoods(
        self, messages: Sequence[Message], answers: Sequence[str]
    ) -> list[float]:
        """Natural log of the probability of each whole answer, its end included."""
        async with self._busy:
            began = time.monotonic()
            scores, tokens = await asyncio.to_thread(self._score, messages, answers)
            latency = round(time.monotonic() - began, 4)
        name = Path(self.policy.model).name
        self._ledger.record(Call("scoring", name, prompt_tokens=tokens, latency=latency))
        return scores

    async def aclose(self) -> None:
        """Free the model."""
        self.__dict__.pop("_loaded", None)

    # -- inside ----------------------------------------------------------------------------

    @cached_property
    def _loaded(self) -> tuple[Any, Any]:
        return load(self.policy)

    async def _answer(self, requests: Sequence[ModelRequest]) -> list[ModelAnswer]:
        """Generate one batch and enter it in the ledger; local tokens cost nothing."""
        began = time.monotonic()
        with ExitStack() as stack:
            rooms = [
                stack.enter_context(self._ledger.reserve_now(_most(request), 0.0))
                for request in requests
            ]
            rows = await asyncio.to_thread(self._generate, requests)
            latency = round((time.monotonic() - began) / len(requests), 4)
            name = Path(self.policy.model).name
            answers = []
            for request, room, (prompt, ids, complete) in zip(requests, rooms, rows, strict=True):
                call = Call(request.purpose, name, latency=latency)
                room.settle(replace(call, prompt_tokens=prompt, completion_tokens=len(ids)))
                text = str(self._loaded[1].decode(ids, skip_special_tokens=True))
                answers.append(
                    ModelAnswer(
                        text,
                        complete,
                        Usage(
                            calls=1,
                            cached_calls=0,
                            prompt_tokens=prompt,
                            completion_tokens=len(ids),
                            cost=0.0,
                        ),
                    )
                )
        return answers

    def _generate(self, requests: Sequence[ModelRequest]) -> list[tuple[int, list[int], bool]]:
        """Return (prompt length, answer ids, whether it ended by itself) for each request."""
        model, _ = self._loaded
        prompts = [self._prompt(request.messages) for request in requests]
        draws = [random.Random(f"{self._seed} {_key(request)}") for request in requests]
        decoder = _Decoder(model, self._ends)
        try:
            answers = decoder.run(prompts, requests, draws)
        except (RuntimeError, ValueError, IndexError) as error:
            raise TeacherError(f"'{self.policy.model}' cannot generate: {error}") from error
        return [(len(p), ids, ended) for p, (ids, ended) in zip(prompts, answers, strict=True)]

    def _score(
        self, messages: Sequence[Message], answers: Sequence[str]
    ) -> tuple[list[float], int]:
        """Score all answers over one pass of the prompt; return scores and tokens read."""
        import torch

        model, tokenizer = self._loaded
        prompt = self._prompt(messages)
        rows = [[*tokenizer.encode(a, add_special_tokens=False), self._ends[0]] for a in answers]
        width, device = max(map(len, rows)), model.device
        padded = torch.tensor([row + [0] * (width - len(row)) for row in rows], device=device)
        filled = torch.tensor([[1] * len(r) + [0] * (width - len(r)) for r in rows], device=device)
        with torch.inference_mode():
            first = model(input_ids=torch.tensor([prompt], device=device), use_cache=True)
            cache = first.past_key_values
            cache.batch_repeat_interleave(len(rows))
            seen = torch.ones((len(rows), len(prompt)), dtype=filled.dtype, device=device)
            places = torch.arange(len(prompt), len(prompt) + width, device=device)
            rest = model(
                input_ids=padded,
                attention_mask=torch.cat([seen, filled], 1),
                position_ids=places.expand(len(rows), -1),
                past_key_values=cache,
            ).logits
        start = first.logits[:, -1:].expand(len(rows), -1, -1)
        chances = torch.log_softmax(torch.cat([start, rest[:, :-1]], 1).double(), -1)
        each = chances.gather(2, padded[:, :, None])[:, :, 0] * filled
        return [float(value) for value in each.sum(1)], len(prompt) + int(filled.sum())

    def _prompt(self, messages: Sequence[Message]) -> list[int]:
        """Token ids of a conversation, up to where the answer begins."""
        tokenizer = self._loaded[1]
        if not getattr(tokenizer, "chat_template", None):
            text = "\n\n".join(m.content for m in messages) + "\n\n"
            return list(tokenizer.encode(text))
        turns = [{"role": m.role, "content": m.content} for m in messages]
        try:
            text = tokenizer.apply_chat_template(turns, tokenize=False, add_generation_prompt=True)
        except Exception:  # some templates know no system turn
            turns = [{"role": "user", "content": "\n\n".join(m.content for m in messages)}]
            text = tokenizer.apply_chat_template(turns, tokenize=False, add_generation_prompt=True)
        return list(tokenizer.encode(text, add_special_tokens=False))

    @cached_property
    def _ends(self) -> list[int]:
        """Ids that end an answer, the tokenizer's own first."""
        model, tokenizer = self._loaded
        more = model.generation_config.eos_token_id
        listed = more if isinstance(more, (list, tuple)) else [more]
        return [i for i in dict.fromkeys([tokenizer.eos_token_id, *listed]) if i is not None]


class _Decoder:
    """Samples a left-padded batch with a key-value cache."""

    def __init__(self, model: Any, ends: Sequence[int]) -> None:
        self.model = model
        self.ends = frozenset(ends)

    def run(
        self,
        prompts: Sequence[list[int]],
        requests: Sequence[ModelRequest],
        draws: Sequence[random.Random],
    ) -> list[tuple[list[int], bool]]:
        import torch

        width, device = max(map(len, prompts)), self.model.device
        ids = torch.tensor([[0] * (width - len(p)) + p for p in prompts], device=device)
        mask = torch.tensor([[0] * (width - len(p)) + [1] * len(p) for p in prompts], device=device)
        positions = (mask.cumsum(-1) - 1).clamp(min=0)
        answers: list[list[int]] = [[] for _ in prompts]
        ended = [False] * len(prompts)
        longest = max(r.max_tokens for r in requests)
        cache = None
        with torch.inference_mode():
            for _ in range(longest):
                out = self.model(
                    input_ids=ids, attention_mask=mask, position_ids=positions,
                    past_key_values=cache, use_cache=True, logits_to_keep=1,
                )  # fmt: skip
                cache = out.past_key_values
                nexts = self._step(out.logits[:, -1], requests, draws, answers, ended)
                if all(e or len(a) >= r.max_tokens for a, e, r in zip(
                    answers, ended, requests, strict=True
                )):  # fmt: skip
                    break
                ids = torch.tensor(nexts, device=device)[:, None]
                mask = torch.cat([mask, torch.ones_like(ids)], 1)
                positions = positions[:, -1:] + 1
        return list(zip(answers, ended, strict=True))

    def _step(
        self,
        logits: Any,
        requests: Sequence[ModelRequest],
        draws: Sequence[random.Random],
        answers: list[list[int]],
        ended: list[bool],
    ) -> list[int]:
        """Choose each row's next token; rows that are done are fed anything."""
        nexts = []
        for row, request in enumerate(requests):
            token = 0
            if not ended[row] and len(answers[row]) < request.max_tokens:
                token = _choose(logits[row].double().cpu(), request, draws[row])
                if token in self.ends:
                    ended[row] = True
                else:
                    answers[row].append(token)
            nexts.append(token)
        return nexts


def _choose(logits: Any, request: ModelRequest, draw: random.Random) -> int:
    import torch

    if request.temperature == 0:
        return int(logits.argmax())
    chances, order = torch.softmax(logits / request.temperature, -1).sort(descending=True)
    sums = chances.cumsum(0)
    kept = min(int((sums < request.top_p).sum()) + 1, len(sums))
    place = int(torch.searchsorted(sums[:kept], draw.random() * float(sums[kept - 1])))
    return int(order[min(place, kept - 1)])


def load(policy: PolicyRef) -> tuple[Any, Any]:
    """Load (model, tokenizer) of a student or any local model; an adapter is merged in.

    Raises:
        MissingExtra: transformers is not installed.
        ConfigError: there is no such model.
    """
    try:
        import torch
        from transformers import AutoModelForCausalLM, AutoTokenizer
        from transformers.utils import logging
    except ImportError as error:
        raise MissingExtra("a teacher in this process", error.name or "transformers",
                           "leap-teachers[local]") from error  # fmt: skip
    logging.disable_progress_bar()
    try:
        model = AutoModelForCausalLM.from_pretrained(policy.model, dtype="auto")
        tokenizer = AutoTokenizer.from_pretrained(policy.model)
        if policy.adapter is not None:
            from peft import PeftModel

            model = PeftModel.from_pretrained(model, policy.adapter).merge_and_unload()
    except Exception as error:
        reason = " ".join(str(error).split())[:300]
        raise ConfigError(f"the model '{policy.model}' cannot be loaded: {reason}") from error
    return model.to("cuda" if torch.cuda.is_available() else "cpu").eval(), tokenizer


def _key(request: ModelRequest) -> str:
    drawn = [request.max_tokens, request.temperature, request.top_p, request.sample]
    return digest([*request.wire(), *drawn])


def _most(request: ModelRequest) -> int:
    return sum(most_tokens(request.size(), len(request.messages), request.max_tokens))


def _parts(requests: Sequence[ModelRequest], size: int) -> Iterator[Sequence[ModelRequest]]:
    for part in range(math.ceil(len(requests) / size)):
        yield requests[part * size : (part + 1) * size]
