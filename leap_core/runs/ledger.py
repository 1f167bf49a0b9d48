"""The ledger: one line for every model call, and a budget that stops before it is passed.

A call is *reserved* at its worst case before it is made and *settled* with what it really used
when it ends. The budget is held against what is spent plus what is reserved, so any number of
calls under way at once cannot overshoot it together.
"""

from __future__ import annotations

import asyncio
import json
import os
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from types import TracebackType
from typing import Any, Literal

from leap_core.errors import BudgetExceeded, ConfigError, RunFolderError
from leap_core.types import Usage

Status = Literal["ok", "error", "lost"]


@dataclass(frozen=True, slots=True)
class SpendingLimit:
    """The most that a run may use; None means no limit. `money` is in US dollars."""

    money: float | None = None
    tokens: int | None = None


@dataclass(frozen=True, slots=True)
class Call:
    """One attempt to have a model answer: one line of `ledger.jsonl`.

    Attributes:
        purpose: what it was for ("correction", "autolabel", …).
        status: "ok"; "error" for a refusal that is not billed; "lost" for an attempt that ended
            without an answer although the provider may bill it (a timeout, a cut-off body).
        cost: US dollars; None where the price, or the use, is unknown.
        latency: seconds.
        attempt: 0 for the first try of a request, then 1, 2, …
        cached: answered from the cache: nothing was sent and nothing is owed.
        key: hash of the request; the same for all attempts and for later cache hits.
        at_most_tokens, at_most_cost: what the budget counts a "lost" attempt as.
        time: seconds since the epoch, set when it is recorded.
    """

    purpose: str
    model: str
    status: Status = "ok"
    prompt_tokens: int = 0
    completion_tokens: int = 0
    cost: float | None = 0.0
    latency: float = 0.0
    attempt: int = 0
    cached: bool = False
    key: str = ""
    error: str | None = None
    at_most_tokens: int = 0
    at_most_cost: float | None = 0.0
    time: float = 0.0


@dataclass(frozen=True, slots=True)
class Totals:
    """Sums over calls. `cost` is the known part; `unpriced` counts answers of unknown price."""

    calls: int = 0
    cached: int = 0
    errors: int = 0
    lost: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    cost: float = 0.0
    unpriced: int = 0
    at_most_tokens: int = 0
    at_most_cost: float = 0.0

    def plus(self, call: Call) -> Totals:
        """Return the totals with one more call in them."""
        answered = call.status == "ok"
        return Totals(
            self.calls + (answered and not call.cached),
            self.cached + call.cached,
            self.errors + (call.status == "error"),
            self.lost + (call.status == "lost"),
            self.prompt_tokens + call.prompt_tokens,
            self.completion_tokens + call.completion_tokens,
            self.cost + (call.cost or 0.0),
            self.unpriced + (answered and call.cost is None),
            self.at_most_tokens + call.at_most_tokens,
            self.at_most_cost + (call.at_most_cost or 0.0),
        )

    @property
    def usage(self) -> Usage:
        """The same as `Usage`: the cost is None as soon as one answer has no known price."""
        cost = None if self.unpriced else self.cost
        return Usage(
            calls=self.calls,
            cached_calls=self.cached,
            prompt_tokens=self.prompt_tokens,
            completion_tokens=self.completion_tokens,
            cost=cost,
        )


@dataclass(slots=True)
class Reservation:
    """Room in the budget for one attempt. Settle it, or leave its `with` block to give it back."""

    ledger: Ledger
    tokens: int
    cost: float | None
    open: bool = True

    def settle(self, call: Call) -> None:
        """Record what the attempt came to, in place of its worst case."""
        self.ledger._settle(self, call)

    def __enter__(self) -> Reservation:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.ledger._settle(self, None)


@dataclass(slots=True)
class _Waiter:
    loop: asyncio.AbstractEventLoop
    event: asyncio.Event = field(default_factory=asyncio.Event)


class Ledger:
    """Append-only record of model calls, kept in memory when there is no `path`.

    Opening an existing ledger repairs a torn last line and goes on from its totals, so a budget
    holds for a run however often it is resumed. Safe to use from several threads; one process
    at a time.

    Raises:
        RunFolderError: the file cannot be read or written.
    """

    def __init__(self, path: Path | None = None, budget: SpendingLimit | None = None) -> None:
        self.path = path
        self.budget = budget or SpendingLimit()
        self._lock = threading.Lock()
        self._waiters: list[_Waiter] = []
        self._groups: dict[tuple[str, str], Totals] = {}
        self._totals = Totals()
        self._answered: set[str] = set()
        self._reserved_tokens = 0
        self._reserved_cost = 0.0
        self._open_reservations = 0
        self._file: int | None = None
        if path is not None:
            self._open(path)

    # -- reading ---------------------------------------------------------------------------

    @property
    def totals(self) -> Totals:
        """Sums over every call so far, those of earlier processes included."""
        return self._totals

    @property
    def groups(self) -> Mapping[tuple[str, str], Totals]:
        """Totals by (purpose, model)."""
        return dict(self._groups)

    def has_answer(self, key: str) -> bool:
        """Whether a paid answer to the request `key` is recorded."""
        return key in self._answered

    # -- writing ---------------------------------------------------------------------------

    def record(self, call: Call) -> None:
        """Record a call that needed no room in the budget (a cache hit)."""
        with self._lock:
            self._append(call)

    def reserve_now(self, tokens: int, cost: float | None) -> Reservation:
        """Set room aside for an attempt that may use up to `tokens` and `cost` dollars.

        Raises:
            BudgetExceeded: the worst case does not fit beside what is spent and reserved.
            ConfigError: there is a budget in money but the price (`cost`) is unknown.
        """
        with self._lock:
            return self._reserve(tokens, cost)

    async def reserve(self, tokens: int, cost: float | None) -> Reservation:
        """Like `reserve_now`, but wait while calls under way may still give room back."""
        while True:
            with self._lock:
                try:
                    return self._reserve(tokens, cost)
                except BudgetExceeded:
                    if not self._open_reservations:
                        raise
                waiter = _Waiter(asyncio.get_running_loop())
                self._waiters.append(waiter)
            await waiter.event.wait()

    def close(self) -> None:
        """Close the file; may be called twice."""
        with self._lock:
            if self._file is not None:
                os.close(self._file)
                self._file = None

    # -- inside ----------------------------------------------------------------------------

    def _reserve(self, tokens: int, cost: float | None) -> Reservation:
        limit = self.budget
        if limit.money is not None and cost is None:
            raise ConfigError(
                "a budget in money is set, but the price of the model is unknown; state its "
                "prices in the teacher's options, or set a budget in tokens instead"
            )
        spent, all_tokens = self._totals, tokens + self._reserved_tokens
        all_tokens += spent.prompt_tokens + spent.completion_tokens + spent.at_most_tokens
        all_cost = (cost or 0.0) + self._reserved_cost + spent.cost + spent.at_most_cost
        if limit.tokens is not None and all_tokens > limit.tokens:
            used = spent.prompt_tokens + spent.completion_tokens
            raise BudgetExceeded(
                f"stopped before the budget of {limit.tokens:,} tokens: {used:,} are used and the "
                f"next call may need {tokens:,}; raise the budget and run again to go on"
            )
        if limit.money is not None and all_cost > limit.money:
            raise BudgetExceeded(
                f"stopped before the budget of ${limit.money:,.4f}: ${spent.cost:,.4f} is spent "
                f"and the next call may cost ${cost or 0.0:,.4f}; raise the budget and run again "
                "to go on"
            )
        self._reserved_tokens += tokens
        self._reserved_cost += cost or 0.0
        self._open_reservations += 1
        return Reservation(self, tokens, cost)

    def _settle(self, reservation: Reservation, call: Call | None) -> None:
        with self._lock:
            if not reservation.open:
                return
            reservation.open = False
            self._reserved_tokens -= reservation.tokens
            self._reserved_cost -= reservation.cost or 0.0
            self._open_reservations -= 1
            if not self._open_reservations:
                self._reserved_cost = 0.0  # no drift from rounding
            waiters, self._waiters = self._waiters, []
            try:
                if call is not None:
                    self._append(call)
            finally:
                for waiter in waiters:
                    waiter.loop.call_soon_threadsafe(waiter.event.set)

    def _append(self, call: Call) -> None:
        record = asdict(call)
        record["time"] = call.time or time.time()
        if self._file is not None:
            os.write(self._file, json.dumps(record, ensure_ascii=False).encode() + b"\n")
        self._count(call)

    def _count(self, call: Call) -> None:
        if call.status == "ok" and not call.cached:
            self._answered.add(call.key)
        self._totals = self._totals.plus(call)
        group = (call.purpose, call.model)
        self._groups[group] = self._groups.get(group, Totals()).plus(call)

    def _open(self, path: Path) -> None:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o644)
            _repair(path, self._file)
            for call in read_calls(path):
                self._count(call)
        except OSError as error:
            self.close()
            raise RunFolderError(f"cannot use the ledger {path}: {error.strerror}") from error


def read_calls(path: Path) -> Iterator[Call]:
    """Yield the calls of a ledger file, in order; a torn last line is left out.

    Raises:
        RunFolderError: a complete line is not a ledger record.
    """
    names = {f.name for f in fields(Call)}
    with path.open("rb") as lines:
        for number, line in enumerate(lines, 1):
            if not line.endswith(b"\n"):
                return
            try:
                record: dict[str, Any] = json.loads(line)
                yield Call(**{k: v for k, v in record.items() if k in names})
            except (ValueError, TypeError, AttributeError) as error:
                raise RunFolderError(f"line {number} of {path} is no ledger record") from error


def _repair(path: Path, file: int) -> None:
    """Cut off a last line that a killed process left without its newline."""
    content = path.read_bytes()
    if content and not content.endswith(b"\n"):
        os.ftruncate(file, content.rfind(b"\n") + 1)
