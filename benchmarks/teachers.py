"""Teachers: what our client adds to a call, over bare `litellm.acompletion`.

    python benchmarks/teachers.py [--json] [--quick]

Both ask the same server, a process of its own, the same questions, 64 at a time, with ours writing
its cache and ledger to disk. They take turns, so that a busy machine slows both; each figure is the
median of the rounds. The server answers at once: what is measured is the client, which a real
provider's seconds would hide.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import multiprocessing
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from leap_core import Ledger
from leap_core.testing.provider import Provider, ProviderReply
from leap_teachers.client import Client
from leap_teachers.litellm_setup import load_litellm
from leap_teachers.model_io import Message, ModelRequest
from leap_teachers.options import ClientOptions, Prices

CONCURRENCY = 64
MODEL = "hosted_vllm/test"
ANSWER = json.dumps(
    {"steps": [{"step": n, "reason": "I look there next. " * 4, "action": "go"} for n in range(20)]}
)
PROMPT = "You see a desk 1, a shelf 2 and a drawer 3. " * 180


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--json", action="store_true", help="end with one JSON object")
    parser.add_argument("--quick", action="store_true", help="fewer calls and rounds")
    arguments = parser.parse_args()
    calls, rounds = (192, 3) if arguments.quick else (640, 7)
    result = measure(calls, rounds)
    show(result)
    if arguments.json:
        print(json.dumps(result))


def measure(calls: int, rounds: int) -> dict[str, Any]:
    """Time both clients against one server process."""
    here, there = multiprocessing.Pipe()
    server = multiprocessing.get_context("spawn").Process(target=serve, args=(there,), daemon=True)
    server.start()
    try:
        return asyncio.run(race(here.recv(), calls, rounds))
    finally:
        here.send("stop")
        server.join()


def serve(pipe: Connection) -> None:
    with Provider(
        lambda request: ProviderReply(ANSWER, prompt_tokens=2000, completion_tokens=500)
    ) as p:
        pipe.send(p.base_url)
        pipe.recv()


async def race(address: str, calls: int, rounds: int) -> dict[str, Any]:
    litellm = load_litellm()

    async def bare(number: int) -> None:
        await litellm.acompletion(
            model=MODEL, api_base=address, api_key="none", messages=question(number).wire(),
            max_tokens=4096, temperature=0.3, timeout=60, num_retries=0, max_retries=0,
        )  # fmt: skip

    with tempfile.TemporaryDirectory() as folder:
        ledger = Ledger(Path(folder) / "ledger.jsonl")
        prices = Prices(input=1, output=2)
        options = ClientOptions(model=MODEL, api_base=address, timeout=60, prices=prices)
        client = Client(options, ledger, Path(folder))

        async def ours(number: int) -> None:
            await client.ask(question(number))

        times: dict[str, list[float]] = {"bare": [], "ours": []}
        await timed(bare, 0, CONCURRENCY)
        await timed(ours, 0, CONCURRENCY)
        for turn in range(1, rounds + 1):
            times["bare"].append(await timed(bare, turn * calls, calls))
            times["ours"].append(await timed(ours, turn * calls, calls))
        assert ledger.totals.calls == rounds * calls + CONCURRENCY
        cached = [await timed(ours, turn * calls, calls) for turn in range(1, rounds + 1)]
        await client.aclose()
    return figures(times["bare"], times["ours"], cached, calls)


async def timed(ask: Callable[[int], Awaitable[None]], first: int, count: int) -> float:
    """Ask `count` questions, 64 at a time; return wall seconds."""
    numbers = iter(range(first, first + count))

    async def worker() -> None:
        for number in numbers:
            await ask(number)

    began = time.perf_counter()
    await asyncio.gather(*(worker() for _ in range(CONCURRENCY)))
    return time.perf_counter() - began


def question(number: int) -> ModelRequest:
    messages = (Message("system", "You coach a student."), Message("user", f"{number}: {PROMPT}"))
    return ModelRequest("benchmark", messages, 4096, 0.3)


def figures(
    bare: list[float], ours: list[float], cached: list[float], calls: int
) -> dict[str, Any]:
    def per_second(times: list[float]) -> float:
        return round(calls / statistics.median(times), 1)

    ratios = [one / other for one, other in zip(ours, bare, strict=True)]
    return {
        "overhead_ratio": round(statistics.median(ratios), 3),
        "calls_per_s": per_second(ours),
        "bare_calls_per_s": per_second(bare),
        "cached_per_s": per_second(cached),
        "calls": calls,
        "concurrency": CONCURRENCY,
        "notes": {"overhead_ratio": "time of ours over time of bare litellm; 1 would be free"},
    }


def show(result: dict[str, Any]) -> None:
    rows = [
        ("bare litellm", f"{result['bare_calls_per_s']} calls/s"),
        ("our client", f"{result['calls_per_s']} calls/s"),
        ("our client, answered before", f"{result['cached_per_s']} calls/s"),
        ("time, ours over bare", f"{result['overhead_ratio']}"),
    ]
    print(f"{result['calls']} calls a round, {result['concurrency']} at a time")
    for name, value in rows:
        print(f"  {name:<30}{value:>16}")


if __name__ == "__main__":
    main()
