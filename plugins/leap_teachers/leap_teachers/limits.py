"""Keeping within a provider's requests and tokens per minute."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

_BURST_SECONDS = 6.0
"""A bucket holds this many seconds of its rate: providers watch shorter spans than a minute."""


@dataclass(slots=True)
class _Bucket:
    """Fills at `rate` a second up to `room`; may go into debt for one large request."""

    rate: float
    room: float
    level: float
    updated: float

    @classmethod
    def per_minute(cls, amount: float, now: float) -> _Bucket:
        room = max(1.0, amount / 60 * _BURST_SECONDS)
        return cls(amount / 60, room, room, now)

    def wait_for(self, need: float, now: float) -> float:
        """Seconds until `need` (at most the whole bucket) may be taken."""
        self.level = min(self.room, self.level + (now - self.updated) * self.rate)
        self.updated = now
        return max(0.0, (min(need, self.room) - self.level) / self.rate)


class RateLimits:
    """Makes callers wait, first come first served.

    `clock` and `sleep` can be replaced in tests.
    """

    def __init__(
        self,
        requests_per_minute: int | None = None,
        tokens_per_minute: int | None = None,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._clock, self._sleep = clock, sleep
        self._not_before = clock()
        self._line = asyncio.Lock()
        limits = (requests_per_minute, tokens_per_minute)
        self._requests, self._tokens = (
            None if limit is None else _Bucket.per_minute(limit, clock()) for limit in limits
        )

    async def enter(self, tokens: int) -> None:
        """Wait until one request of about `tokens` may go out, and count it."""
        async with self._line:
            needs = [(b, n) for b, n in ((self._requests, 1), (self._tokens, tokens)) if b]
            while True:
                now = self._clock()
                waits = [bucket.wait_for(need, now) for bucket, need in needs]
                wait = max([self._not_before - now, *waits])
                if wait <= 0:
                    break
                await self._sleep(wait)
            for bucket, need in needs:
                bucket.level -= need

    def give_back(self, tokens: int) -> None:
        """A request turned out smaller than it was counted (or larger, if negative)."""
        if self._tokens is not None:
            self._tokens.level += tokens

    def pause(self, seconds: float) -> None:
        """Let no request out for a while: the provider asked for it."""
        self._not_before = max(self._not_before, self._clock() + seconds)
