"""Engine over OpenAI-compatible servers: vLLM, SGLang, or anything else that speaks the protocol.

Each prompt is one user message, as in training, so an episode's requests share all but the branch
and hit the server's prefix cache. An episode stays with one server as long as that one is well.
"""

from __future__ import annotations

import asyncio
import logging
import os
import time
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import TYPE_CHECKING, Any

from leap_core.config.schema import GenerationConfig, ServerConfig
from leap_core.contracts.async_engine import AsyncEngine
from leap_core.contracts.engine import Refusal, Request
from leap_core.errors import ConfigError, MissingExtra, PolicyError, unknown
from leap_core.types import PolicyRef

if TYPE_CHECKING:
    import httpx

log = logging.getLogger(__name__)

_FIRST_PAUSE, _LONGEST_PAUSE = 0.25, 15.0
_PROBE_TIMEOUT = 10.0
_ITS_OWN_FAULT = {400, 413, 422}
"""Statuses that speak of one request, such as a prompt that is too long."""
_HOPELESS = {401, 403, 404}
"""Statuses that speak of the address, the key or the model."""


@dataclass
class _Address:
    """One server.

    Attributes:
        suspect: it failed and has not been looked at since.
        pause: seconds that it is left alone after a failure; grows until it gives a reply.
        well_from: when it may be looked at again (monotonic seconds).
    """

    url: str
    suspect: bool = False
    pause: float = 0.0
    well_from: float = 0.0
    probing: asyncio.Lock = field(default_factory=asyncio.Lock)

    def failed(self) -> None:
        if not self.suspect:  # of many requests that fail together, one counts
            self.suspect = True
            self.pause = min(2 * self.pause or _FIRST_PAUSE, _LONGEST_PAUSE)
        self.well_from = time.monotonic() + self.pause


class ServerEngine(AsyncEngine):
    """Asks servers, many requests at once. `policy.base_url` holds their addresses, by commas.

    Raises:
        PolicyError: none of the servers answers, or none has the model.
    """

    def __init__(
        self, policy: PolicyRef, generation: GenerationConfig, settings: ServerConfig
    ) -> None:
        try:
            import httpx
        except ImportError:
            raise MissingExtra("a policy on a server", "httpx", "leap-core[server]") from None
        headers = _headers(settings.api_key_env)
        self.generation = generation
        self.settings = settings
        self.addresses = [_Address(url) for url in addresses(policy.base_url or "")]
        self.model = policy.model
        self._last_answer = time.monotonic()
        self._any_answer = self._told = False
        super().__init__()
        self._http = httpx.AsyncClient(
            headers=headers,
            timeout=httpx.Timeout(settings.timeout, connect=_PROBE_TIMEOUT),
            limits=httpx.Limits(max_connections=None, max_keepalive_connections=None),
            trust_env=False,
        )
        try:
            self.run(self._find_model())
        except BaseException:
            self.close()
            raise

    async def aclose(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def _find_model(self) -> None:
        """Check that some server is there, and which model to ask for."""
        found = await asyncio.gather(*(self._models(a) for a in self.addresses))
        listed = [models for models in found if isinstance(models, list)]
        if not listed:
            why = next(str(reason) for reason in found)
            raise PolicyError(f"no model server answers at {self._places()}: {why}")
        names = sorted({name for models in listed for name in models})
        if not self.model and len(names) != 1:
            raise PolicyError(
                f"say which model to ask for by ADDRESS#NAME: {self._places()} has "
                f"{', '.join(names) or 'none'}"
            )
        if self.model and names and self.model not in names:
            raise PolicyError(unknown("model", self.model, names, f"the server {self._places()}"))
        self.model = self.model or names[0]

    async def _models(self, address: _Address) -> list[str] | str:
        """Names of the models that a server lists, or why it does not tell."""
        import httpx

        try:
            response = await self._http.get(f"{address.url}/models", timeout=_PROBE_TIMEOUT)
            response.raise_for_status()
            names = [str(model["id"]) for model in response.json()["data"]]
        except (httpx.HTTPError, ValueError, KeyError, TypeError) as error:
            address.failed()
            return _words(error)
        address.suspect = False
        return names

    async def answer(self, request: Request) -> str | Refusal:
        """Ask until there is a reply, on whatever server is well."""
        began = time.monotonic()
        while True:
            address = await self._choose(request.episode, began)
            outcome = await self._try(address, request)
            if not isinstance(outcome, _Failure):
                address.suspect, address.pause = False, 0.0
                self._last_answer, self._any_answer = time.monotonic(), True
                if self._told:
                    self._told = False
                    log.warning("the model server answers again")
                return outcome
            address.failed()
            silence = self._silence(began)
            if silence >= self.settings.patience:
                raise PolicyError(
                    f"no reply from {self._places()} for {silence:.0f} s ({outcome.why}); see to "
                    "the server and run the same command again to go on"
                )
            if not self._told and all(a.suspect for a in self.addresses):
                self._told = True
                log.warning(
                    "no reply from %s (%s); trying for %.0f s",
                    self._places(), outcome.why, self.settings.patience,
                )  # fmt: skip

    def _silence(self, began: float) -> float:
        """Seconds without any reply to a request that has waited since `began`."""
        return time.monotonic() - max(began, self._last_answer)

    async def _choose(self, episode: str, began: float) -> _Address:
        """The episode's own server, or the next in line for it while that one is not well."""
        line = sorted(self.addresses, key=lambda a: _rank(episode, a.url), reverse=True)
        while self._silence(began) < self.settings.patience:
            for address in line:
                if not address.suspect or await self._is_back(address):
                    return address
            await asyncio.sleep(max(min(a.well_from for a in line) - time.monotonic(), 0.01))
        return line[0]  # whose failure ends the waiting

    async def _is_back(self, address: _Address) -> bool:
        """Look whether a server that failed is well; one looks, the others wait for it."""
        async with address.probing:
            if not address.suspect:
                return True
            if address.well_from > time.monotonic():
                return False
            return isinstance(await self._models(address), list)

    async def _try(self, address: _Address, request: Request) -> str | Refusal | _Failure:
        import httpx

        try:
            response = await self._http.post(
                f"{address.url}/chat/completions", json=self._body(request)
            )
        except httpx.HTTPError as error:
            return _Failure(_words(error))
        status = response.status_code
        if status in _HOPELESS or (status in _ITS_OWN_FAULT and not self._any_answer):
            raise PolicyError(f"the server {address.url} refuses ({status}): {_said(response)}")
        if status in _ITS_OWN_FAULT:
            return Refusal(f"the server refuses this prompt ({status}): {_said(response)}")
        if status != 200:
            return _Failure(f"status {status}: {_said(response)}")
        try:
            body = response.json()
            text = body["choices"][0]["message"]["content"]
            used = body.get("usage") or {}
            self.tokens += int(used.get("completion_tokens") or 0)
        except (ValueError, KeyError, IndexError, TypeError, AttributeError):
            return _Failure(f"what it sends is no chat completion: {_said(response)!r}")
        return str(text or "")

    def _body(self, request: Request) -> dict[str, Any]:
        chosen = self.generation
        return {
            "model": self.model,
            "messages": [{"role": "user", "content": request.prompt.text}],
            "temperature": chosen.temperature,
            "top_p": chosen.top_p,
            "max_tokens": chosen.max_new_tokens,
            "seed": _seed(request),
        }

    def _places(self) -> str:
        return ", ".join(a.url for a in self.addresses)


@dataclass(frozen=True)
class _Failure:
    """Why an attempt came to nothing."""

    why: str


def addresses(text: str) -> list[str]:
    """Addresses of servers, written with commas between them.

    Raises:
        ConfigError: there is none, or one holds a password.
    """
    found = [part.strip().rstrip("/") for part in text.split(",") if part.strip()]
    for url in found:
        if not url.startswith(("http://", "https://")):
            raise ConfigError(f"'{url}' is no server's address, such as http://host:8000/v1")
        if "@" in url.partition("://")[2].partition("/")[0]:
            raise ConfigError(
                "a server's address holds a password; put it in an environment variable and give "
                "that variable's name as 'server.api_key_env'"
            )
    if not found:
        raise ConfigError("a policy on a server needs an address, such as http://host:8000/v1")
    return found


def _headers(variable: str | None) -> dict[str, str]:
    if variable is None:
        return {}
    key = os.environ.get(variable)
    if not key:
        raise ConfigError(f"the environment variable '{variable}' (server.api_key_env) is not set")
    return {"Authorization": f"Bearer {key}"}


def _rank(episode: str, url: str) -> bytes:
    """Rendezvous hashing: an episode's servers in a fixed order, spread evenly over episodes."""
    return blake2b(f"{episode}\0{url}".encode(), digest_size=8).digest()


def _seed(request: Request) -> int:
    text = f"{request.seed}\0{request.episode}\0{len(request.history)}"
    return int.from_bytes(blake2b(text.encode(), digest_size=4).digest(), "little") >> 1


def _said(response: httpx.Response) -> str:
    return " ".join(response.text.split())[:200]


def _words(error: Exception) -> str:
    return " ".join(str(error).split())[:200] or type(error).__name__
