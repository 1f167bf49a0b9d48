"""Base of engines that wait for others: many requests under way in an event loop of their own."""

from __future__ import annotations

import asyncio
import queue
import threading
from abc import abstractmethod
from collections.abc import Coroutine, Sequence
from typing import Any

from leap_core.contracts.engine import Deliver, Engine, Refusal, Request
from leap_core.errors import LeapError, PolicyError


class AsyncEngine(Engine):
    """Answers each request by `answer`, a coroutine, as many at once as there are.

    The loop runs in a thread from the making of the engine until `close`.
    """

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="engine", daemon=True)
        self._thread.start()

    @abstractmethod
    async def answer(self, request: Request) -> str | Refusal:
        """Reply to one request, after whatever retries it takes.

        Raises:
            LeapError: no other request would fare better.
        """

    async def aclose(self) -> None:
        """Free connections and the like."""

    def run(self, work: Coroutine[Any, Any, None]) -> None:
        """Wait for some work in the loop."""
        asyncio.run_coroutine_threadsafe(work, self._loop).result()

    def reply(self, requests: Sequence[Request]) -> Sequence[str]:
        """Answer all; a refusal is an error here."""
        replies: queue.SimpleQueue[tuple[int, str | Refusal | LeapError]] = queue.SimpleQueue()
        self.send(requests, lambda place, reply: replies.put((place, reply)))
        texts = [""] * len(requests)
        for _ in requests:
            place, reply = replies.get()
            if isinstance(reply, LeapError):
                raise reply
            if isinstance(reply, Refusal):
                raise PolicyError(reply.why)
            texts[place] = reply
        return texts

    def send(self, requests: Sequence[Request], deliver: Deliver) -> None:
        """Begin to answer; returns at once."""
        for place, request in enumerate(requests):
            asyncio.run_coroutine_threadsafe(self._deliver(place, request, deliver), self._loop)

    async def _deliver(self, place: int, request: Request, deliver: Deliver) -> None:
        reply: str | Refusal | LeapError
        try:
            reply = await self.answer(request)
        except LeapError as error:
            reply = error
        except Exception as error:
            reply = PolicyError(f"the policy failed: {type(error).__name__}: {error}")
        deliver(place, reply)

    def close(self) -> None:
        if not self._loop.is_closed():
            self.run(self._end())
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join()
            self._loop.close()

    async def _end(self) -> None:
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)
        await self.aclose()
