"""A real HTTP server on this machine that speaks the OpenAI chat protocol and says what it is told.

For tests of anything that asks a model: it can answer well, slowly, with refusals, with bodies cut
off in the middle, or with log-probabilities, and it keeps a log of what was asked and what became
of every answer. Nothing but the standard library; works offline.

    with Provider(lambda request: Reply("REASON: …\\nACTION: look")) as provider:
        ask(provider.base_url, …)
    assert provider.answered == 1
"""

from __future__ import annotations

import asyncio
import json
import random
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from hashlib import sha256
from http import HTTPStatus
from typing import Any, Literal

Outcome = Literal["answered", "refused", "cut off", "abandoned"]


@dataclass(frozen=True, slots=True)
class ProviderReply:
    """What the server says to one request.

    Attributes:
        text: the assistant's message.
        status: HTTP status; anything but 200 is sent as an OpenAI error body with `text` in it.
        headers: more response headers, such as {"Retry-After": "2"}.
        delay: seconds to wait before answering.
        cut: send only this share of the body, then close the connection.
        logprobs: (token, log-probability) of each token of the text, if asked for.
        prompt_logprobs: log-probability of each token of the prompt, if asked for.
        finish_reason: "stop", or "length" for an answer that hit its limit.
        prompt_tokens, completion_tokens: reported use; None counts words.
        body: replaces the whole body, for answers that are no JSON at all.
    """

    text: str = ""
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    delay: float = 0.0
    cut: float | None = None
    logprobs: Sequence[tuple[str, float]] | None = None
    prompt_logprobs: Sequence[float] | None = None
    finish_reason: str = "stop"
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    body: bytes | None = None


@dataclass(slots=True)
class Exchange:
    """One request and what became of it. `key` is equal for equal requests."""

    number: int
    path: str
    request: dict[str, Any]
    headers: Mapping[str, str]
    reply: ProviderReply | None = None
    outcome: Outcome = "abandoned"

    @property
    def key(self) -> str:
        text = json.dumps(self.request, sort_keys=True)
        return sha256(f"{self.path} {text}".encode()).hexdigest()


ProviderAnswer = Callable[[dict[str, Any]], ProviderReply | str]
"""From a request's JSON body to the reply or its text; called in the server's thread."""


class Provider:
    """The server; listens on the loopback interface while its `with` block runs.

    `port` 0 takes a free one.
    """

    def __init__(self, answer: ProviderAnswer, port: int = 0) -> None:
        self.answer = answer
        self.log: list[Exchange] = []
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._serve, name="provider", daemon=True)
        self._started = threading.Event()
        self._stop = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()
        self.port = port

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"

    @property
    def answered(self) -> int:
        """Number of requests that were answered in full, with success."""
        return sum(exchange.outcome == "answered" for exchange in self.log)

    def twice(self) -> list[str]:
        """Keys of requests that were answered with success more than once."""
        keys = [exchange.key for exchange in self.log if exchange.outcome == "answered"]
        return sorted({key for key in keys if keys.count(key) > 1})

    def __enter__(self) -> Provider:
        self._thread.start()
        self._started.wait()
        return self

    def __exit__(self, *exception: object) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join()

    def _serve(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_until_complete(self._listen())
        self._loop.close()

    async def _listen(self) -> None:
        server = await asyncio.start_server(self._connected, "127.0.0.1", self.port, backlog=1024)
        self.port = server.sockets[0].getsockname()[1]
        self._started.set()
        await self._stop.wait()
        server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            while await self._exchange(reader, writer):
                pass
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            self._tasks.discard(task)
            writer.close()

    async def _exchange(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """Serve one request; return whether the connection can serve another."""
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        headers = {k.lower(): v.strip() for k, _, v in (line.partition(":") for line in head[1:])}
        body = await reader.readexactly(int(headers.get("content-length", 0)))
        path = head[0].split(" ")[1]
        request = json.loads(body) if body else {}
        exchange = Exchange(len(self.log), path, request, headers)
        self.log.append(exchange)
        reply = exchange.reply = self._decide(path, request)
        if await _gone(reader, reply.delay):
            return False
        sent = _encode(reply, request, exchange.number)
        if reply.cut is not None:
            exchange.outcome = "cut off"
            writer.write(sent[: max(1, int(len(sent) * reply.cut))])
            await writer.drain()
            return False
        writer.write(sent)
        await writer.drain()
        if not await _gone(reader, 0.0):
            exchange.outcome = "answered" if reply.status == 200 else "refused"
        return True

    def _decide(self, path: str, request: dict[str, Any]) -> ProviderReply:
        if path.rstrip("/").endswith("/models"):
            return ProviderReply(
                body=json.dumps({"object": "list", "data": [{"id": "test"}]}).encode()
            )
        if not path.rstrip("/").endswith("/chat/completions"):
            return ProviderReply(f"no such path: {path}", status=404)
        try:
            return _as_reply(self.answer(request))
        except Exception as error:
            return ProviderReply(f"the test's answer failed: {error!r}", status=418)


def _as_reply(answer: ProviderReply | str) -> ProviderReply:
    return ProviderReply(answer) if isinstance(answer, str) else answer


async def _gone(reader: asyncio.StreamReader, seconds: float) -> bool:
    """Wait; return whether the client has hung up by then (an early end is noticed at once)."""
    deadline = asyncio.get_running_loop().time() + seconds
    while True:
        if reader.at_eof():
            return True
        left = deadline - asyncio.get_running_loop().time()
        if left <= 0:
            return False
        await asyncio.sleep(min(left, 0.02))


def _encode(reply: ProviderReply, request: Mapping[str, Any], number: int) -> bytes:
    body = reply.body
    if body is None:
        made = _completion(reply, request, number) if reply.status == 200 else _error(reply)
        body = json.dumps(made).encode()
    headers = {
        "Content-Type": "application/json",
        "Content-Length": str(len(body)),
        **reply.headers,
    }
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    status = f"HTTP/1.1 {reply.status} {HTTPStatus(reply.status).phrase}\r\n"
    return f"{status}{lines}\r\n".encode("latin-1") + body


def _error(reply: ProviderReply) -> dict[str, Any]:
    return {"error": {"message": reply.text or "refused", "type": "test", "code": reply.status}}


def _completion(reply: ProviderReply, request: Mapping[str, Any], number: int) -> dict[str, Any]:
    asked = sum(len(str(m.get("content", "")).split()) for m in request.get("messages", ()))
    prompt = asked if reply.prompt_tokens is None else reply.prompt_tokens
    said = len(reply.text.split())
    completion = said if reply.completion_tokens is None else reply.completion_tokens
    choice: dict[str, Any] = {
        "index": 0,
        "message": {"role": "assistant", "content": reply.text},
        "finish_reason": reply.finish_reason,
    }
    if request.get("logprobs") and reply.logprobs is not None:
        choice["logprobs"] = {
            "content": [
                {"token": token, "logprob": value, "bytes": None, "top_logprobs": []}
                for token, value in reply.logprobs
            ]
        }
    made: dict[str, Any] = {
        "id": f"chatcmpl-{number}",
        "object": "chat.completion",
        "created": 0,
        "model": request.get("model", "test"),
        "choices": [choice],
        "usage": {
            "prompt_tokens": prompt,
            "completion_tokens": completion,
            "total_tokens": prompt + completion,
        },
    }
    if request.get("prompt_logprobs") is not None and reply.prompt_logprobs is not None:
        made["prompt_logprobs"] = [
            None,
            *({str(i): {"logprob": value}} for i, value in enumerate(reply.prompt_logprobs)),
        ]
    return made


@dataclass(frozen=True, slots=True)
class Faults:
    """Shares of requests, between 0 and 1, that go wrong in each way."""

    rate_limited: float = 0.0
    failing: float = 0.0
    hanging: float = 0.0
    cut_off: float = 0.0
    malformed: float = 0.0


def faulty(
    answer: ProviderAnswer, faults: Faults, seed: int = 0, hang: float = 30.0
) -> ProviderAnswer:
    """Make a share of `answer`'s replies go wrong; which ones is drawn from `seed`.

    Refusals carry `Retry-After: 0`; hanging requests take `hang` seconds; malformed answers are
    the right one with its end missing and chatter before it.
    """
    draw = random.Random(seed)
    shares = (
        (faults.rate_limited, lambda r: ProviderReply("slow down", 429, {"Retry-After": "0"})),
        (faults.failing, lambda r: ProviderReply("out of order", 500)),
        (faults.hanging, lambda r: replace(r, delay=hang)),
        (faults.cut_off, lambda r: replace(r, cut=0.6)),
        (faults.malformed, lambda r: replace(r, text="Sure! " + r.text[: len(r.text) * 2 // 3])),
    )

    def reply(request: dict[str, Any]) -> ProviderReply:
        made, place = _as_reply(answer(request)), draw.random()
        for share, change in shares:
            if place < share:
                return change(made)
            place -= share
        return made

    return reply
