"""The real engine: TextWorld as upstream's ALFWorld runs it, in a worker process.

Needs the extra `leap-alfworld[textworld]`, here or in another virtual environment whose Python
is named by the option `textworld_python` (TextWorld compiles Fast Downward, and pins much).
"""

from __future__ import annotations

import contextlib
import itertools
import json
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

from leap_alfworld.engine import WELCOME
from leap_alfworld.options import AlfworldOptions
from leap_core import EnvironmentFailure, Episode, MissingExtra, Observation, Transition

_START = (
    "import sys; sys.path.append(sys.argv.pop(1)); "
    "from leap_alfworld.real_worker import main; main()"
)


class RealEngine:
    """A worker process that plays any number of games at once. Started when first asked.

    `stock` turns off the memoised command texts: TextWorld exactly as it comes, twenty times
    slower (benchmarks compare with that).
    """

    def __init__(self, python: str | Path | None = None, stock: bool = False) -> None:
        self.python = str(python or sys.executable)
        self.stock = stock
        self._process: subprocess.Popen[str] | None = None
        self._keys = itertools.count()
        self._turn = threading.Lock()

    def versions(self) -> dict[str, str]:
        """Versions of textworld and alfworld."""
        return dict(self.ask("version"))

    def open(self, game: str) -> tuple[int, dict[str, Any]]:
        """Load the content of a game file; return its key and the first state."""
        key = next(self._keys)
        return key, self.ask("open", key=key, game=game)

    def ask(self, op: str, **details: Any) -> dict[str, Any]:
        """Send one request and return the answer.

        Raises:
            EnvironmentFailure: the engine refused it, or its process ended.
            MissingExtra: TextWorld is not installed there.
        """
        line = self._exchange(json.dumps({"op": op, **details}))
        if not line:
            self.close()
            raise EnvironmentFailure(f"the TextWorld process of '{self.python}' ended unexpectedly")
        answer: dict[str, Any] = json.loads(line)
        error = answer.get("error")
        if error is not None:
            if str(error).startswith(
                ("ModuleNotFoundError", "PackageNotFoundError", "ImportError")
            ):
                raise MissingExtra("engine 'textworld'", "alfworld", "leap-alfworld[textworld]")
            raise EnvironmentFailure(f"TextWorld refused '{op}': {error}")
        return answer

    def close(self) -> None:
        """End the process."""
        process, self._process = self._process, None
        if process is not None:
            with contextlib.suppress(OSError):
                process.communicate(timeout=5)
            process.kill()

    def _exchange(self, request: str) -> str:
        """Send a line and return the answer's; "" if the process is gone."""
        with self._turn:
            process = self._started()
            assert process.stdin is not None and process.stdout is not None
            try:
                process.stdin.write(request + "\n")
                process.stdin.flush()
                return process.stdout.readline()
            except (BrokenPipeError, ValueError):
                return ""

    def _started(self) -> subprocess.Popen[str]:
        if self._process is None:
            root = str(Path(__file__).resolve().parent.parent)
            arguments = [self.python, "-c", _START, root, *(["--stock"] if self.stock else [])]
            try:
                self._process = subprocess.Popen(
                    arguments,
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.DEVNULL,
                    text=True,
                )
            except OSError as error:
                raise EnvironmentFailure(
                    f"cannot start the Python of the real engine, '{self.python}': {error.strerror}"
                ) from error
        return self._process

    def __enter__(self) -> RealEngine:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class RealEpisode(Episode):
    """One game on the real engine."""

    def __init__(self, engine: RealEngine, game: str, options: AlfworldOptions) -> None:
        self.engine, self.game, self.options = engine, game, options
        self.key: int | None = None
        self.over = False

    def reset(self) -> Observation:
        """Start over."""
        self.over = False
        if self.key is None:
            self.key, state = self.engine.open(self.game)
        else:
            state = self.engine.ask("reset", key=self.key)
        text = str(state["observation"])
        return self._observe(text if self.options.welcome else text.removeprefix(WELCOME), state)

    def step(self, action: str) -> Transition:
        """Take a command."""
        if self.over or self.key is None:
            raise EnvironmentFailure("the episode is over: reset it, or open another")
        state = self.engine.ask("step", key=self.key, action=self.options.command(action))
        won = self.over = bool(state["won"])
        seen = self._observe(str(state["observation"]), state)
        return Transition(
            observation=seen, reward=float(won), terminated=won, success=won, score=float(won)
        )

    def close(self) -> None:
        """Let the engine use this game's memory for another."""
        if self.key is not None:
            key, self.key = self.key, None
            with contextlib.suppress(EnvironmentFailure):
                self.engine.ask("close", key=key)

    def _observe(self, text: str, state: dict[str, Any]) -> Observation:
        return Observation(text=text, candidates=self.options.listed(state["commands"]))
