"""What a failed attempt means: is it worth another, may it have been billed, how long to wait."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Any

from leap_core import TeacherError
from leap_teachers.keys import redact

_NEVER_SENT = {"ConnectError", "ConnectTimeout", "PoolTimeout", "ClientConnectorError"}
_LOST = {
    "APITimeoutError",
    "ClientPayloadError",
    "JSONDecodeError",
    "ReadError",
    "ReadTimeout",
    "RemoteProtocolError",
    "ServerDisconnectedError",
    "Timeout",
    "TimeoutError",
    "WriteError",
    "WriteTimeout",
}
_RESPONSES = {"HTTPStatusError", "APIStatusError"}
_HEALING = {408, 409, 425, 429}
_NO_QUOTA = ("insufficient_quota", "exceeded your current quota", "billing")


class RefusedRequest(TeacherError):
    """The provider refuses this one request, and would again."""


@dataclass(frozen=True, slots=True)
class Failure:
    """A failed attempt.

    Attributes:
        words: what happened, without keys, on one line.
        status: the HTTP status, if the provider sent one.
        again: whether another attempt may succeed.
        lost: whether the provider may have answered, and billed, without the answer arriving.
        retry_after: seconds that the provider asks to wait, if it does.
    """

    words: str
    status: int | None
    again: bool
    lost: bool
    retry_after: float | None = None

    def pause(self, attempt: int, longest: float, draw: random.Random) -> float:
        """Seconds until the next attempt: exponential with jitter, never below Retry-After."""
        backoff = min(longest, 0.5 * 2.0**attempt) * draw.uniform(0.5, 1.0)
        if self.retry_after is None:
            return backoff
        return self.retry_after + min(backoff, 1.0 + self.retry_after * 0.1)


def read_failure(error: BaseException, key: str | None = None) -> Failure:
    """Tell from an exception of litellm, and what lies beneath it, what happened.

    `key` is the API key that was sent; it is kept out of the words.
    """
    chain = list(_chain(error))
    names = {type(e).__name__ for e in chain}
    words = redact(" ".join(str(error).split()), key)[:300] or type(error).__name__
    status = next((s for e in chain if (s := _real_status(e)) is not None), None)
    if status is not None:
        return _refusal(error, words, status)
    if names & _NEVER_SENT:
        return Failure(words, None, again=True, lost=False)
    if names & _LOST:
        return Failure(words, None, again=True, lost=True)
    claimed = getattr(error, "status_code", None)
    if isinstance(claimed, int) and claimed >= 400:
        return _refusal(error, words, claimed)
    return Failure(f"{type(error).__name__}: {words}", None, again=False, lost=True)


def _refusal(error: BaseException, words: str, status: int) -> Failure:
    again = status in _HEALING or status >= 500
    if status == 429 and any(sign in words.lower() for sign in _NO_QUOTA):
        again = False
    headers = getattr(error, "litellm_response_headers", None) or {}
    return Failure(words, status, again, lost=False, retry_after=_retry_after(headers))


def _chain(error: BaseException) -> Iterator[BaseException]:
    seen: set[int] = set()
    current: BaseException | None = error
    while current is not None and id(current) not in seen:
        seen.add(id(current))
        yield current
        current = current.__cause__ or current.__context__


def _real_status(error: BaseException) -> int | None:
    """The status of a response that did come: litellm's own exceptions only claim to have one."""
    kinds = {kind.__name__ for kind in type(error).__mro__}
    if type(error).__module__ == "litellm.exceptions" or not kinds & _RESPONSES:
        return None
    status = getattr(getattr(error, "response", None), "status_code", None)
    return status if isinstance(status, int) and status >= 400 else None


def _retry_after(headers: Mapping[str, Any]) -> float | None:
    """Seconds from `retry-after-ms` or `Retry-After`, which may be a number or a date."""
    lower = {str(k).lower(): str(v) for k, v in dict(headers).items()}
    try:
        if "retry-after-ms" in lower:
            return max(0.0, float(lower["retry-after-ms"]) / 1000)
        return max(0.0, float(lower["retry-after"]))
    except KeyError:
        return None
    except ValueError:
        pass
    try:
        return max(0.0, parsedate_to_datetime(lower["retry-after"]).timestamp() - time.time())
    except (ValueError, TypeError, KeyError):
        return None
