"""Requests and tokens per minute, on a clock that the tests turn."""

from __future__ import annotations

import asyncio

import pytest

from leap_teachers.limits import RateLimits


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.now += seconds


def entries(limits: RateLimits, clock: Clock, count: int, tokens: int = 0) -> list[float]:
    """When each of `count` requests was let out."""

    async def run() -> list[float]:
        times = []
        for _ in range(count):
            await limits.enter(tokens)
            times.append(clock.now)
        return times

    return asyncio.run(run())


def test_without_limits_nobody_waits():
    clock = Clock()
    assert entries(RateLimits(clock=clock, sleep=clock.sleep), clock, 100)[-1] == 0.0


def test_requests_a_minute_are_kept_to():
    clock = Clock()
    times = entries(RateLimits(60, None, clock, clock.sleep), clock, 200)
    for start in range(150):
        within = sum(times[start] <= t < times[start] + 60 for t in times)
        assert within <= 60 + 6, "a minute's worth and one burst"
    assert times[-1] == pytest.approx(194, abs=1)


def test_tokens_a_minute_are_kept_to_and_given_back():
    clock = Clock()
    limits = RateLimits(None, 6000, clock, clock.sleep)
    assert entries(limits, clock, 10, tokens=600)[-1] == pytest.approx(54, abs=1)
    limits.give_back(600)
    before = clock.now
    assert entries(limits, clock, 1, tokens=600) == [before]


def test_a_request_larger_than_the_bucket_goes_out_and_leaves_a_debt():
    clock = Clock()
    times = entries(RateLimits(None, 6000, clock, clock.sleep), clock, 2, tokens=6000)
    assert times == pytest.approx([0.0, 60.0])


def test_a_pause_holds_everybody():
    clock = Clock()
    limits = RateLimits(clock=clock, sleep=clock.sleep)
    limits.pause(7.0)
    limits.pause(3.0)
    assert entries(limits, clock, 2) == [7.0, 7.0]
