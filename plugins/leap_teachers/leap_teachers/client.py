"""The client: asks a model by API, keeps within limits and budget, and loses no paid answer.

What litellm offers for retries, caching and cost is not used: see `docs/teachers.md` for why.
"""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path

from leap_core import Call, ConfigError, Ledger, Reservation, TeacherError, Usage
from leap_teachers.cache import AnswerCache, Received
from leap_teachers.failures import Failure, RefusedRequest
from leap_teachers.keys import api_key, check_key
from leap_teachers.limits import RateLimits
from leap_teachers.litellm_setup import load_litellm
from leap_teachers.model_io import ModelAnswer, ModelRequest
from leap_teachers.options import ClientOptions
from leap_teachers.pricing import Pricing, find_pricing, most_tokens, table_entry
from leap_teachers.request_format import call_arguments, request_key
from leap_teachers.sender_process import Attempt, SenderProcess

log = logging.getLogger(__name__)

_PICKED_UP: set[str] = set()
"""Ledgers whose earlier sittings this process has seen to."""
_UNKNOWN_CONTEXT = 32_768
_HOPELESS = {401, 403, 404}
"""Statuses that speak of the key or the model, not of this request."""


class Client:
    """Answers requests by litellm. Used inside one event loop.

    Each attempt reserves its worst case in the ledger's budget before it is sent, and is recorded
    there when it ends. An answer is on disk before it is handed over, so the same request is
    answered from there for ever after, at no cost. The sending is done by a courier, which sees
    to the requests under way even if this process is killed; the next client with the same ledger
    waits for them and records them. Making a client writes and sends nothing.

    Raises:
        ConfigError: the key is missing, or there is a budget in money and no known price.
    """

    def __init__(self, options: ClientOptions, ledger: Ledger, cache_dir: Path) -> None:
        self.options = options
        self._ledger = ledger
        self._cache_dir = cache_dir.resolve()  # the courier may stand in another folder
        self._owner = None if ledger.path is None else str(ledger.path.resolve())
        self._key = api_key(options)
        self._picking_up = asyncio.Lock()
        self._slots = asyncio.Semaphore(options.concurrency)
        self._limits = RateLimits(options.requests_per_minute, options.tokens_per_minute)
        self._under_way: dict[str, asyncio.Future[Received]] = {}
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
    def pricing(self) -> Pricing:
        """Prices of the model."""
        return find_pricing(self.options)

    @cached_property
    def context_tokens(self) -> int:
        """How many tokens question and answer may have together."""
        if self.options.context_tokens is not None:
            return self.options.context_tokens
        if self.options.api_base is not None:
            return _UNKNOWN_CONTEXT
        known = table_entry(self.options.model).get("max_input_tokens")
        return int(known) if known else _UNKNOWN_CONTEXT

    async def ask(self, request: ModelRequest) -> ModelAnswer:
        """Answer from the cache, or ask the model.

        Raises:
            TeacherError: no answer after all attempts, or a refusal that will not heal.
            ConfigError: the provider refuses the key or the model.
            BudgetExceeded: the next attempt might pass the budget.
        """
        await self._pick_up()
        key = self.key(request)
        stored = self._cache.get(key)
        if stored is not None:
            return self._hit(request, key, stored)
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
        usage = Usage(
            calls=1,
            cached_calls=0,
            prompt_tokens=received.prompt_tokens,
            completion_tokens=received.completion_tokens,
            cost=received.cost,
        )
        return _answer(received, usage)

    async def ask_all(self, requests: Sequence[ModelRequest]) -> list[ModelAnswer]:
        """Answer several at once; every one is seen through before an error is raised."""
        answers = await asyncio.gather(*map(self.ask, requests), return_exceptions=True)
        for answer in answers:
            if isinstance(answer, BaseException):
                raise answer
        return [answer for answer in answers if isinstance(answer, ModelAnswer)]

    def key(self, request: ModelRequest) -> str:
        """Hash of all that the answer depends on."""
        return request_key(self.options, request, self._holds_to_schema)

    def count_tokens(self, request: ModelRequest) -> int:
        """Tokens of a prompt by the model's tokenizer, or one like it; nothing is sent."""
        count = load_litellm().token_counter
        return int(count(model=self.options.model, messages=request.wire()))

    async def aclose(self) -> None:
        """Close the cache; may be called twice."""
        if "_cache" in self.__dict__:
            self._cache.close()

    # -- inside ----------------------------------------------------------------------------

    @cached_property
    def _holds_to_schema(self) -> bool:
        if self.options.structured != "auto":
            return self.options.structured == "on"
        if self.options.api_base is not None:
            return False
        return bool(load_litellm().supports_response_schema(self.options.model))

    def _hit(self, request: ModelRequest, key: str, received: Received) -> ModelAnswer:
        self._ledger.record(Call(request.purpose, self.options.model, cached=True, key=key))
        return _answer(received, Usage(cached_calls=1))

    async def _try(self, request: ModelRequest, key: str) -> Received:
        failure: Failure | None = None
        for attempt in range(self.options.attempts):
            if failure is not None:
                await self._back_off(failure, attempt)
            outcome = await self._attempt(request, key, attempt)
            if isinstance(outcome, Received):
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

    async def _attempt(self, request: ModelRequest, key: str, attempt: int) -> Received | Failure:
        schema_size = len(str(request.schema)) if request.schema else 0
        size = request.size()
        most = most_tokens(size + schema_size, len(request.messages), request.max_tokens)
        likely = size // 4 + request.max_tokens
        async with self._slots:
            await self._limits.enter(likely)
            room = await self._ledger.reserve(sum(most), self.pricing.cost(*most))
            call = Call(request.purpose, self.options.model, attempt=attempt, key=key)
            began = time.monotonic()
            with room:
                try:
                    outcome = await self._send(request, key)
                except asyncio.CancelledError:
                    outcome = Failure("given up", None, again=False, lost=True)
                    self._settle_failure(room, call, outcome)
                    raise
                call = replace(call, latency=round(time.monotonic() - began, 4))
                if isinstance(outcome, Failure):
                    self._settle_failure(room, call, outcome)
                    return outcome
                self._settle_answer(room, call, outcome)
        self._any_answer = True
        self._limits.give_back(likely - outcome.prompt_tokens - outcome.completion_tokens)
        return outcome

    async def _send(self, request: ModelRequest, key: str) -> Received | Failure:
        prices = self.pricing.prices
        parcel = Attempt(
            key,
            request.purpose,
            self.options.model,
            self._owner,
            str(self._cache_dir),
            call_arguments(self.options, request, self._holds_to_schema, self._key),
            None if prices is None else prices.model_dump(),
        )
        return await SenderProcess.get().carry(parcel)

    async def _pick_up(self) -> None:
        """Once a ledger: wait for the requests of a sitting that was killed, and record them."""
        owner = self._owner
        if owner is None or owner in _PICKED_UP:
            return
        async with self._picking_up:  # nothing is asked before this is done
            if owner in _PICKED_UP:
                return
            told = False
            while self._cache.others_at_work(owner, but=SenderProcess.get().pid):
                if not told:
                    log.warning("waiting for answers under way since the run was stopped")
                    told = True
                await asyncio.sleep(0.2)
            for stored in self._cache.answers_of(owner):
                if not self._ledger.has_answer(stored.key):
                    call = Call(stored.purpose, stored.model, key=stored.key)
                    self._ledger.record(_with_use(call, stored.received))
            _PICKED_UP.add(owner)

    def _settle_answer(self, room: Reservation, call: Call, received: Received) -> None:
        unknown_use = not received.prompt_tokens and not received.completion_tokens
        room.settle(
            replace(
                _with_use(call, received),
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
        kind = TeacherError if failure.again else RefusedRequest
        return kind(f"no answer from '{model}' after {attempts} attempt(s): {words}")


def _with_use(call: Call, received: Received) -> Call:
    return replace(
        call,
        prompt_tokens=received.prompt_tokens,
        completion_tokens=received.completion_tokens,
        cost=received.cost,
    )


def _answer(received: Received, usage: Usage) -> ModelAnswer:
    return ModelAnswer(received.text, received.complete, usage, received.prompt_log_likelihood)


def _unheard(error: BaseException) -> Exception:
    """What those who wait for the same answer are told when it does not come."""
    if isinstance(error, Exception):
        return error
    return TeacherError(f"the request was given up: {type(error).__name__}")
