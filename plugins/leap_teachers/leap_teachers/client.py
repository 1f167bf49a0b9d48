"""The client: asks a model by API, keeps within limits and budget, and loses no paid answer.

What litellm offers for retries, caching and cost is not used: see `docs/teachers.md` for why.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from leap_core import Call, ConfigError, Ledger, Reservation, TeacherError, Usage
from leap_teachers.asking import Answer, Request, digest
from leap_teachers.cache import AnswerCache
from leap_teachers.failures import Failure, read_failure
from leap_teachers.keys import api_key, check_key
from leap_teachers.limits import RateLimits
from leap_teachers.litellm_setup import load_litellm
from leap_teachers.options import ClientOptions
from leap_teachers.pricing import Pricing, find_pricing, most_tokens, table_entry

_UNKNOWN_CONTEXT = 32_768
_HOPELESS = {401, 403, 404}
"""Statuses that speak of the key or the model, not of this request."""


@dataclass(frozen=True, slots=True)
class _Received:
    """An answer as it is cached."""

    text: str
    complete: bool
    prompt_tokens: int
    completion_tokens: int
    cost: float | None
    prompt_log_likelihood: float | None = None

    def answer(self, usage: Usage) -> Answer:
        return Answer(self.text, self.complete, usage, self.prompt_log_likelihood)


class Client:
    """Answers requests by litellm. Used inside one event loop.

    Each attempt reserves its worst case in the ledger's budget before it is sent, and is recorded
    there when it ends. An answer is on disk before it is handed over, so the same request is
    answered from there for ever after, at no cost. Making a client writes and sends nothing.

    Raises:
        ConfigError: the key is missing, or there is a budget in money and no known price.
    """

    def __init__(self, options: ClientOptions, ledger: Ledger, cache_dir: Path) -> None:
        self.options = options
        self._ledger = ledger
        self._cache_dir = cache_dir
        self._key = api_key(options)
        self._slots = asyncio.Semaphore(options.concurrency)
        self._limits = RateLimits(options.requests_per_minute, options.tokens_per_minute)
        self._under_way: dict[str, asyncio.Future[_Received]] = {}
        self._draw = random.Random()
        self._any_answer = False
        check_key(options)
        if ledger.budget.money is not None and self.pricing.prices is None:
            raise ConfigError(
                f"there is a budget in money, but the price of model '{options.model}' is unknown; "
                "state it as 'prices: {input: …, output: …}' (dollars per million tokens) in the "
                "teacher's options, or set a budget in tokens instead"
            )

    @cached_property
    def _cache(self) -> AnswerCache:
        return AnswerCache(self._cache_dir)

    @cached_property
    def _litellm(self) -> Any:
        return load_litellm()

    @cached_property
    def pricing(self) -> Pricing:
        """Prices of the model."""
        return find_pricing(self.options, self._litellm)

    @cached_property
    def context_tokens(self) -> int:
        """How many tokens question and answer may have together."""
        if self.options.context_tokens is not None:
            return self.options.context_tokens
        if self.options.api_base is not None:
            return _UNKNOWN_CONTEXT
        known = table_entry(self.options.model, self._litellm).get("max_input_tokens")
        return int(known) if known else _UNKNOWN_CONTEXT

    async def ask(self, request: Request) -> Answer:
        """Answer from the cache, or ask the model.

        Raises:
            TeacherError: no answer after all attempts, or a refusal that will not heal.
            ConfigError: the provider refuses the key or the model.
            BudgetExceeded: the next attempt might pass the budget.
        """
        key = self.key(request)
        stored = self._cache.get(key)
        if stored is not None:
            return self._hit(request, key, _Received(**stored))
        shared = self._under_way.get(key)
        if shared is not None:
            return self._hit(request, key, await asyncio.shield(shared))
        future = self._under_way[key] = asyncio.get_running_loop().create_future()
        try:
            received = await self._try(request, key)
        except BaseException as error:
            future.set_exception(_unheard(error))
            future.exception()  # mark it as seen: often nobody else waits
            raise
        finally:
            del self._under_way[key]
        future.set_result(received)
        usage = Usage(1, 0, received.prompt_tokens, received.completion_tokens, received.cost)
        return received.answer(usage)

    async def ask_all(self, requests: Sequence[Request]) -> list[Answer]:
        """Answer several at once; every one is seen through before an error is raised."""
        answers = await asyncio.gather(*map(self.ask, requests), return_exceptions=True)
        for answer in answers:
            if isinstance(answer, BaseException):
                raise answer
        return [answer for answer in answers if isinstance(answer, Answer)]

    def key(self, request: Request) -> str:
        """Hash of all that the answer depends on."""
        options = self.options
        return digest(
            {
                "model": options.model,
                "api_base": options.api_base,
                "messages": request.wire(),
                "max_tokens": request.max_tokens,
                "temperature": request.temperature,
                "top_p": request.top_p,
                "schema": request.schema if self._holds_to_schema else None,
                "parameters": {**options.parameters, **request.more},
                "sample": request.sample,
            }
        )

    def count_tokens(self, request: Request) -> int:
        """Tokens of a prompt by the model's tokenizer, or one like it; nothing is sent."""
        counter = self._litellm.token_counter
        return int(counter(model=self.options.model, messages=request.wire()))

    async def aclose(self) -> None:
        """Close connections and the cache; may be called twice."""
        if "_cache" in self.__dict__:
            self._cache.close()
        if "_litellm" in self.__dict__:
            await self._litellm.close_litellm_async_clients()

    # -- inside ----------------------------------------------------------------------------

    @cached_property
    def _holds_to_schema(self) -> bool:
        if self.options.structured != "auto":
            return self.options.structured == "on"
        if self.options.api_base is not None:
            return False
        return bool(self._litellm.supports_response_schema(self.options.model))

    def _hit(self, request: Request, key: str, received: _Received) -> Answer:
        self._ledger.record(Call(request.purpose, self.options.model, cached=True, key=key))
        return received.answer(Usage(cached_calls=1))

    async def _try(self, request: Request, key: str) -> _Received:
        failure: Failure | None = None
        for attempt in range(self.options.attempts):
            if failure is not None:
                await self._back_off(failure, attempt)
            outcome = await self._attempt(request, key, attempt)
            if isinstance(outcome, _Received):
                return outcome
            failure = outcome
            if not failure.again:
                break
        assert failure is not None
        raise self._give_up(failure, attempt + 1)

    async def _back_off(self, failure: Failure, attempt: int) -> None:
        wait = failure.retry_after or 0.0
        if wait > self.options.longest_wait:
            raise TeacherError(
                f"model '{self.options.model}' asks to wait {wait:.0f} s, longer than "
                f"'longest_wait' ({self.options.longest_wait:.0f} s): {failure.words}"
            )
        if wait:
            self._limits.pause(wait)
        await asyncio.sleep(failure.pause(attempt - 1, self.options.longest_wait, self._draw))

    async def _attempt(self, request: Request, key: str, attempt: int) -> _Received | Failure:
        schema_size = len(str(request.schema)) if request.schema else 0
        most = most_tokens(request.size() + schema_size, len(request.messages), request.max_tokens)
        likely = request.size() // 4 + request.max_tokens
        async with self._slots:
            await self._limits.enter(likely)
            room = await self._ledger.reserve(sum(most), self.pricing.cost(*most))
            call = Call(request.purpose, self.options.model, attempt=attempt, key=key)
            began = time.monotonic()
            with room:
                try:
                    response = await self._send(request)
                except BaseException as error:
                    failure = read_failure(error, self._key)
                    call = replace(call, latency=round(time.monotonic() - began, 4))
                    self._settle_failure(room, call, failure)
                    if not isinstance(error, Exception):
                        raise
                    return failure
                received = self._receive(response)
                # On disk first: from here on nothing can lose it.
                self._cache.put(key, self.options.model, asdict(received))
                call = replace(call, latency=round(time.monotonic() - began, 4))
                self._settle_answer(room, call, received)
        self._any_answer = True
        self._limits.give_back(likely - received.prompt_tokens - received.completion_tokens)
        return received

    async def _send(self, request: Request) -> Any:
        options = self.options
        more: dict[str, Any] = dict(options.parameters)
        if request.more:
            more["extra_body"] = {**more.get("extra_body", {}), **request.more}
        if request.schema is not None and self._holds_to_schema:
            more["response_format"] = {
                "type": "json_schema",
                "json_schema": {"name": "answer", "strict": True, "schema": request.schema},
            }
        return await self._litellm.acompletion(
            model=options.model,
            api_base=options.api_base,
            api_key=self._key,
            messages=request.wire(),
            max_tokens=request.max_tokens,
            temperature=request.temperature,
            top_p=request.top_p,
            timeout=options.timeout,
            num_retries=0,
            max_retries=0,
            drop_params=True,
            **more,
        )

    def _receive(self, response: Any) -> _Received:
        choice = response.choices[0]
        usage = getattr(response, "usage", None)
        prompt = int(getattr(usage, "prompt_tokens", 0) or 0)
        completion = int(getattr(usage, "completion_tokens", 0) or 0)
        cost = self.pricing.cost(prompt, completion) if prompt or completion else None
        return _Received(
            choice.message.content or "",
            choice.finish_reason != "length",
            prompt,
            completion,
            cost,
            _prompt_log_likelihood(response),
        )

    def _settle_answer(self, room: Reservation, call: Call, received: _Received) -> None:
        unknown_use = not received.prompt_tokens and not received.completion_tokens
        room.settle(
            replace(
                call,
                prompt_tokens=received.prompt_tokens,
                completion_tokens=received.completion_tokens,
                cost=received.cost,
                at_most_tokens=room.tokens if unknown_use else 0,
                at_most_cost=room.cost if unknown_use else 0.0,
            )
        )

    def _settle_failure(self, room: Reservation, call: Call, failure: Failure) -> None:
        room.settle(
            replace(
                call,
                status="lost" if failure.lost else "error",
                cost=None if failure.lost else 0.0,
                error=failure.words,
                at_most_tokens=room.tokens if failure.lost else 0,
                at_most_cost=room.cost if failure.lost else 0.0,
            )
        )

    def _give_up(self, failure: Failure, attempts: int) -> TeacherError | ConfigError:
        model, words = self.options.model, failure.words
        if failure.status == 401 or (failure.status in _HOPELESS and not self._any_answer):
            what = "has no such model" if failure.status == 404 else "refuses the API key"
            return ConfigError(f"the provider of '{model}' {what} ({failure.status}): {words}")
        unreachable = failure.status is None and not failure.lost and failure.again
        if unreachable and not self._any_answer:
            where = self.options.api_base or "its provider"
            return ConfigError(f"cannot reach {where} for model '{model}': {words}")
        return TeacherError(f"no answer from '{model}' after {attempts} attempt(s): {words}")


def _prompt_log_likelihood(response: Any) -> float | None:
    """Sum of vLLM's `prompt_logprobs`: None for the first token, then an object for each."""
    listed = getattr(response, "prompt_logprobs", None)
    if not listed:
        return None
    return float(sum(next(iter(each.values()))["logprob"] for each in listed if each))


def _unheard(error: BaseException) -> Exception:
    """What those who wait for the same answer are told when it does not come."""
    if isinstance(error, Exception):
        return error
    return TeacherError(f"the request was given up: {type(error).__name__}")
