"""The courier: a process of its own that carries requests to the model and stores the answers.

If the run is killed, even with kill -9, its courier sees to the requests under way: their answers
are paid, so they are put on disk before it ends. It also keeps litellm, which is slow to import
and large, out of the run's own process. One courier serves all clients of a process.
"""

from __future__ import annotations

import asyncio
import gc
import itertools
import json
import os
import queue
import signal
import subprocess
import sys
import threading
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import IO, Any

from leap_teachers.cache import AnswerCache, Received, Stored
from leap_teachers.failures import Failure, read_failure
from leap_teachers.keys import keys_at_hand
from leap_teachers.litellm_setup import load_litellm
from leap_teachers.options import Prices
from leap_teachers.pricing import Pricing

_START = "from leap_teachers.sender_process import main; main()"
_PARENT_CHECK = 2.0
_LATE = 10.0
"""Seconds beyond its timeouts after which a courier is taken for dead."""
_LONGEST_LINE = 1 << 28
_GATHER = 0.005
"""Seconds for which answers are gathered before they are put on disk and delivered."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """One attempt at a request.

    Attributes:
        key, purpose, model: as in the ledger.
        owner: the ledger's path, None where it is in memory.
        cache: folder of the cache.
        arguments: of `litellm.acompletion`.
        prices: what the answer costs, None where nobody knows.
    """

    key: str
    purpose: str
    model: str
    owner: str | None
    cache: str
    arguments: dict[str, Any]
    prices: dict[str, float] | None


# -- the run's side --------------------------------------------------------------------------


class SenderProcess:
    """A running courier. Get it by `SenderProcess.get`; used from any thread or event loop."""

    _one: SenderProcess | None = None
    _starting = threading.Lock()

    @classmethod
    def get(cls) -> SenderProcess:
        """This process's courier; a new one if there is none, it has died, or keys changed."""
        with cls._starting:
            one = cls._one
            if one is None or not one.alive or one.keys != keys_at_hand():
                if one is not None:
                    one.retire()
                one = cls._one = cls()
            return one

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-c", _START],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,  # Ctrl-C is the run's business
            env={**os.environ, "PYTHONSAFEPATH": "1"},
        )
        self.owner_pid = os.getpid()
        self.keys = keys_at_hand()
        self._numbers = itertools.count()
        self._waiting: dict[int, tuple[asyncio.AbstractEventLoop, asyncio.Future[Any]]] = {}
        self._outgoing: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        self._ended = False
        for work in (self._write, self._read):
            threading.Thread(target=work, name="courier", daemon=True).start()

    @property
    def alive(self) -> bool:
        """Whether it can be given parcels: it runs, and this process did not fork since."""
        return not self._ended and self.owner_pid == os.getpid()

    def retire(self) -> None:
        """Take no more parcels; it ends when those under way are delivered."""
        self._outgoing.put(None)

    @property
    def pid(self) -> int:
        """Its process number."""
        return self._process.pid

    async def carry(self, parcel: Attempt) -> Received | Failure:
        """Have the parcel's request made; the answer is on disk when this returns."""
        number = next(self._numbers)
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Any] = loop.create_future()
        self._waiting[number] = (loop, future)
        fields = {name: getattr(parcel, name) for name in Attempt.__slots__}
        self._outgoing.put(json.dumps([number, fields]).encode() + b"\n")
        if self._ended:
            self._give_up()
        outcome: Received | Failure = await future
        return outcome

    def _write(self) -> None:
        assert self._process.stdin is not None
        try:
            while (line := self._outgoing.get()) is not None:
                self._process.stdin.write(line)
                self._process.stdin.flush()
            self._process.stdin.close()
        except OSError:
            self._ended = True

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            number, kind, fields = json.loads(line)
            self._tell(number, Received(**fields) if kind == "received" else Failure(**fields))
        self._ended = True
        self._process.wait()
        self._give_up()

    def _tell(self, number: int, outcome: Received | Failure) -> None:
        loop, future = self._waiting.pop(number)

        def resolve() -> None:
            if not future.done():
                future.set_result(outcome)

        if not loop.is_closed():
            loop.call_soon_threadsafe(resolve)

    def _give_up(self) -> None:
        words = "the process that makes the calls ended unexpectedly"
        for number in list(self._waiting):
            self._tell(number, Failure(words, None, again=True, lost=True))


# -- the courier's side ----------------------------------------------------------------------


def main() -> None:
    """Carry parcels from standard input until it ends; then see to those under way."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    incoming, outgoing = sys.stdin.buffer, os.dup(sys.stdout.fileno())
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # libraries may print
    load_litellm()
    gc.freeze()  # its many modules need not be looked through for garbage
    gc.set_threshold(20_000)
    asyncio.run(_Sender(outgoing).work(incoming))
    os._exit(0)  # nothing is left to do: skip the slow exits of libraries


@dataclass(slots=True)
class _Sender:
    outgoing: int
    caches: dict[str, AnswerCache] = field(default_factory=dict)
    until: dict[tuple[str, str | None], float] = field(default_factory=dict)
    ready: list[tuple[int, Attempt, Received | Failure]] = field(default_factory=list)

    async def work(self, incoming: IO[bytes]) -> None:
        """Take parcels until the run is gone; then wait for those under way."""
        lines = asyncio.StreamReader(limit=_LONGEST_LINE)
        await asyncio.get_running_loop().connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(lines), incoming
        )
        watch = asyncio.create_task(_watch_parent(lines))
        under_way: set[asyncio.Task[None]] = set()
        while (line := await lines.readline()).endswith(b"\n"):
            number, fields = json.loads(line)
            task = asyncio.create_task(self._deliver(number, Attempt(**fields)))
            under_way.add(task)
            task.add_done_callback(under_way.discard)
        watch.cancel()
        if under_way:
            await asyncio.wait(under_way)
        self.flush()
        for cache in self.caches.values():
            cache.done_working()

    async def _deliver(self, number: int, parcel: Attempt) -> None:
        try:
            outcome = await self._carry(parcel)
        except Exception as error:  # never leave the run waiting
            outcome = Failure(f"{type(error).__name__}: {error}", None, again=False, lost=True)
        if not self.ready:
            asyncio.get_running_loop().call_later(_GATHER, self.flush)
        self.ready.append((number, parcel, outcome))

    async def _carry(self, parcel: Attempt) -> Received | Failure:
        self._cache(parcel)
        try:
            response = await load_litellm().acompletion(**parcel.arguments)
        except Exception as error:
            return read_failure(error, parcel.arguments.get("api_key"))
        return _received(response, parcel.prices)

    def flush(self) -> None:
        """Put what has come on disk, then hand it to the run: many answers in one stroke."""
        ready, self.ready = self.ready, []
        answers: dict[str, list[tuple[Stored, str | None]]] = {}
        lines = []
        for number, parcel, outcome in ready:
            kind = "failed"
            if isinstance(outcome, Received):
                kind = "received"
                stored = Stored(parcel.key, parcel.model, parcel.purpose, outcome)
                answers.setdefault(parcel.cache, []).append((stored, parcel.owner))
            lines.append(json.dumps([number, kind, asdict(outcome)]).encode() + b"\n")
        for folder, batch in answers.items():
            self.caches[folder].put(batch)
        data = b"".join(lines)
        try:
            while data:
                data = data[os.write(self.outgoing, data) :]
        except OSError:
            pass  # the run is gone; the answers are on disk

    def _cache(self, parcel: Attempt) -> AnswerCache:
        """The parcel's cache, in which it says that this courier is at work for the owner."""
        if parcel.cache not in self.caches:
            self.caches[parcel.cache] = AnswerCache(Path(parcel.cache))
        cache, place = self.caches[parcel.cache], (parcel.cache, parcel.owner)
        ends = time.time() + parcel.arguments["timeout"] + _LATE
        if parcel.owner is not None and self.until.get(place, 0.0) < ends:
            self.until[place] = ends + _LATE
            cache.at_work(parcel.owner, ends + _LATE - time.time())
        return cache


async def _watch_parent(lines: asyncio.StreamReader) -> None:
    """End the input when the run is gone: a forked child of it may hold the pipe open."""
    parent = os.getppid()
    while os.getppid() == parent:  # noqa: ASYNC110 - nothing tells of a parent's death
        await asyncio.sleep(_PARENT_CHECK)
    lines.feed_eof()


def _received(response: Any, prices: dict[str, float] | None) -> Received:
    choice = response.choices[0]
    usage = getattr(response, "usage", None)
    prompt = int(getattr(usage, "prompt_tokens", 0) or 0)
    completion = int(getattr(usage, "completion_tokens", 0) or 0)
    pricing = Pricing(None if prices is None else Prices(**prices))
    return Received(
        choice.message.content or "",
        choice.finish_reason != "length",
        prompt,
        completion,
        pricing.cost(prompt, completion) if prompt or completion else None,
        _prompt_log_likelihood(response),
    )


def _prompt_log_likelihood(response: Any) -> float | None:
    """Sum of vLLM's `prompt_logprobs`: None for the first token, then an object for each."""
    listed = getattr(response, "prompt_logprobs", None)
    if not listed:
        return None
    return float(sum(next(iter(each.values()))["logprob"] for each in listed if each))
