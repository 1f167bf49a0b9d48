"""Many pieces of work under way at once, their results delivered in the order of the input."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from leap_core.errors import BudgetExceeded

log = logging.getLogger(__name__)

T = TypeVar("T")
R = TypeVar("R")


def run_async(work: Coroutine[Any, Any, R]) -> R:
    """Run a coroutine to its end, also where an event loop is running already (a notebook).

    There it runs in a thread of its own, and is cancelled when the caller is interrupted.
    """
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return asyncio.run(work)
    running: list[tuple[asyncio.AbstractEventLoop, asyncio.Task[Any] | None]] = []

    async def main() -> R:
        running.append((asyncio.get_running_loop(), asyncio.current_task()))
        return await work

    with ThreadPoolExecutor(1) as pool:
        future = pool.submit(asyncio.run, main())
        try:
            return future.result()
        except KeyboardInterrupt:
            for loop, task in running:
                if task is not None:
                    loop.call_soon_threadsafe(task.cancel)
            raise


async def in_order(
    items: Iterable[T],
    work: Callable[[T], Awaitable[R]],
    deliver: Callable[[R], None],
    concurrency: int,
) -> None:
    """Work on up to `concurrency` items at once; hand results to `deliver` in input order.

    When one item's work (or `deliver`) raises, or the call is cancelled, no further item is
    started, those under way are waited for (their answers are paid), and results are delivered up
    to the first item without one. Then the exception is raised, a `BudgetExceeded` before others.
    """
    pool = _Pool(enumerate(items), work, _Delivery(deliver))
    workers = [asyncio.create_task(pool.run()) for _ in range(concurrency)]
    try:
        await asyncio.wait(workers)
    except asyncio.CancelledError:
        pool.stopping = True
        log.warning("stopping; waiting for the answers under way (press Ctrl-C again to drop them)")
        await asyncio.wait(workers)
        raise
    if pool.failures:
        first = pool.failures[0]
        raise next((f for f in pool.failures if isinstance(f, BudgetExceeded)), first)


@dataclass(slots=True)
class _Delivery(Generic[R]):
    """Holds results that came early."""

    deliver: Callable[[R], None]
    early: dict[int, R] = field(default_factory=dict)
    next: int = 0
    broken: bool = False

    def put(self, index: int, result: R) -> None:
        self.early[index] = result
        while self.next in self.early and not self.broken:
            self.broken = True  # unless the receiver takes it: a gap must never be jumped
            self.deliver(self.early.pop(self.next))
            self.broken = False
            self.next += 1


@dataclass(slots=True)
class _Pool(Generic[T, R]):
    pending: Iterator[tuple[int, T]]
    work: Callable[[T], Awaitable[R]]
    delivery: _Delivery[R]
    failures: list[Exception] = field(default_factory=list)
    stopping: bool = False

    async def run(self) -> None:
        """One worker: take the next item until there is none, or something went wrong."""
        while not self.stopping:
            index_item = next(self.pending, None)
            if index_item is None:
                return
            index, item = index_item
            try:
                self.delivery.put(index, await self.work(item))
            except Exception as error:  # raised once all workers are done
                self.failures.append(error)
                self.stopping = True
