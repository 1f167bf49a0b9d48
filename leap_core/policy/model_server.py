"""Starting a model server for a policy, in the server's own environment, and stopping it again.

vLLM and SGLang pin other versions of torch than training needs, so they are never imported: a
command starts them, and what they say goes to a log.
"""

from __future__ import annotations

import contextlib
import os
import shlex
import signal
import socket
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType

from leap_core.config.schema import GenerationConfig, ServerConfig
from leap_core.contracts.engine import Deliver, Engine, Refusal, Request
from leap_core.errors import ConfigError, LeapError, PolicyError, unknown
from leap_core.types import PolicyRef

COMMANDS = {
    "vllm": "{python} -m vllm.entrypoints.openai.api_server --model {model} "
    "--served-model-name {name} --host {host} --port {port} --enable-prefix-caching",
    "sglang": "{python} -m sglang.launch_server --model-path {model} "
    "--served-model-name {name} --host {host} --port {port}",
    "transformers": "{python} -m transformers.cli.transformers serve {model} "
    "--host {host} --port {port}",
}
HOST = "127.0.0.1"
NAME = "student"
_PLACES = ("python", "model", "name", "host", "port", "base", "adapter")
_TAIL, _SHOWN = 20, 5
_STOP_TIMEOUT = 20.0


class ModelServer:
    """A server process for a policy; ready when `start` returns, gone when `stop` does.

    `weights` is the engine class that can check and merge the policy's weights.

    Usable as a context manager. `log` is a file that keeps what the server says; without it, that
    is kept until the server stops.

    Raises:
        ConfigError: the command has an unknown placeholder, or cannot be run at all.
    """

    def __init__(
        self,
        policy: PolicyRef,
        weights: type[Engine],
        settings: ServerConfig,
        log: Path | None = None,
    ) -> None:
        if policy.kind != "transformers":
            raise ConfigError(f"a policy of kind '{policy.kind}' has no weights to serve")
        assert settings.command is not None
        self.policy = policy
        self.weights = weights
        self.settings = settings
        self.port = settings.port or _free_port()
        self._template = _template(settings.command)
        self._folder = tempfile.TemporaryDirectory(prefix="leap-serve-")
        self.log = log or Path(self._folder.name) / "server.log"
        self.last_words = ""
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def base_url(self) -> str:
        return f"http://{HOST}:{self.port}/v1"

    def start(self) -> None:
        """Start the server and wait until it lists its models.

        Raises:
            ConfigError: the command cannot be run.
            PolicyError: it ended, or was not ready in time; with the last lines of its log.
        """
        arguments = self._arguments()
        with self.log.open("ab") as log:
            try:
                self._process = subprocess.Popen(
                    arguments,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,  # its helpers end with it, and Ctrl-C is ours
                )
            except OSError as error:
                self.stop()
                raise ConfigError(
                    f"the server cannot be started: '{arguments[0]}': {error.strerror}; see "
                    "'server.command' and 'server.python'"
                ) from error
        try:
            self._wait()
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Stop the server and everything that it started; may be called twice."""
        process, self._process = self._process, None
        self.last_words = self.last_words or self.tail()
        if process is not None:
            _signal(process, signal.SIGTERM)
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(_STOP_TIMEOUT)
            _signal(process, signal.SIGKILL)
            process.wait()
        self._folder.cleanup()

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def tail(self) -> str:
        """The last lines of the server's log."""
        text = self.log.read_text(encoding="utf-8", errors="replace") if self.log.exists() else ""
        return "\n".join(text.splitlines()[-_TAIL:])

    def __enter__(self) -> ModelServer:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def _arguments(self) -> list[str]:
        model = self.policy.model
        if self.policy.adapter is not None:
            self.weights.check_policy(self.policy)
            if "{adapter}" not in self._template:
                model = str(self._merged())
        values = {
            "python": self.settings.python,
            "model": model,
            "name": NAME,
            "host": HOST,
            "port": str(self.port),
            "base": self.policy.model,
            "adapter": self.policy.adapter or "",
        }
        return [part.format_map(values) for part in shlex.split(self._template)]

    def _merged(self) -> Path:
        return self.weights.export(self.policy, Path(self._folder.name) / "merged")

    def _wait(self) -> None:
        assert self._process is not None
        deadline = time.monotonic() + self.settings.ready_timeout
        while not _lists_models(self.base_url):
            code = self._process.poll()
            if code is not None:
                raise PolicyError(f"the model server ended with exit code {code}; {self.last()}")
            if time.monotonic() > deadline:
                raise PolicyError(
                    f"the model server was not ready within {self.settings.ready_timeout:g} s; "
                    f"{self.last()}"
                )
            time.sleep(0.1)

    def last(self) -> str:
        """The end of the log, for a sentence."""
        lines = self.tail().splitlines()[-_SHOWN:]
        return f"its log ends: {' | '.join(lines)}" if lines else "its log is empty"


class ServedEngine(Engine):
    """A policy's weights behind a server of their own, for as long as the engine is open."""

    def __init__(
        self,
        policy: PolicyRef,
        weights: type[Engine],
        generation: GenerationConfig,
        settings: ServerConfig,
    ) -> None:
        from leap_core.policy.server_engine import ServerEngine

        self.server = ModelServer(policy, weights, settings)
        self.server.start()
        try:
            place = PolicyRef(kind="server", model="", base_url=self.server.base_url)
            self.engine = ServerEngine(place, generation, settings)
        except BaseException:
            self.server.stop()
            raise

    @property
    def tokens(self) -> int:  # type: ignore[override]
        return self.engine.tokens

    def reply(self, requests: Sequence[Request]) -> Sequence[str]:
        return self.engine.reply(requests)

    def send(self, requests: Sequence[Request], deliver: Deliver) -> None:
        def tell(place: int, reply: str | Refusal | LeapError) -> None:
            if isinstance(reply, LeapError) and not self.server.running:
                reply = PolicyError(f"{reply}; the model server has ended: {self.server.last()}")
            deliver(place, reply)

        self.engine.send(requests, tell)

    def close(self) -> None:
        self.engine.close()
        self.server.stop()


def _template(command: str) -> str:
    """The command line behind a short name, or the one given, its placeholders checked."""
    if command.isidentifier() and command not in COMMANDS:
        raise ConfigError(unknown("server command", command, COMMANDS, "server.command"))
    template = COMMANDS.get(command, command)
    try:
        for part in shlex.split(template):
            part.format_map(dict.fromkeys(_PLACES, ""))
    except KeyError as error:
        raise ConfigError(
            unknown("placeholder", str(error.args[0]), _PLACES, "server.command")
        ) from None
    except (ValueError, IndexError) as error:
        raise ConfigError(f"server.command cannot be read: {error}") from None
    return template


def _lists_models(base_url: str) -> bool:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(f"{base_url}/models", timeout=5) as response:
            return bool(response.status == 200)
    except (OSError, urllib.error.URLError, ValueError):
        return False


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


def _signal(process: subprocess.Popen[bytes], number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, number)
