"""The real engine's side: a process that plays TextWorld games for `leap_alfworld.real_engine`.

It speaks JSON lines on standard input and output. Everything that TextWorld does to its process
(swapped `sys.stdout`, overwritten `sys.argv`, a global cache that grows with every game, shared
libraries that are never unloaded) stays in here.

Run by the interpreter that has `alfworld` installed, which need not be the one that runs LEAP.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TextIO


def main() -> None:
    """Answer requests until standard input ends."""
    with _private_output() as replies, tempfile.TemporaryDirectory() as scratch:
        # Importing alfworld makes its data folder; let it be a scratch folder.
        os.environ["ALFWORLD_DATA"] = scratch
        player = _Player(memoise="--stock" not in sys.argv)
        for line in sys.stdin:
            request = json.loads(line)
            try:
                answer = player.answer(request)
            except Exception as error:
                answer = {"error": f"{type(error).__name__}: {error}"}
            replies.write(json.dumps(answer) + "\n")
            replies.flush()


def _private_output() -> TextIO:
    """Keep the real standard output for replies; what TextWorld prints goes to standard error."""
    replies = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    return replies


class _Player:
    """Games being played, by key. Environments are used again, since they are never unloaded."""

    def __init__(self, memoise: bool) -> None:
        self.memoise = memoise
        self.live: dict[int, Any] = {}
        self.idle: list[Any] = []

    def answer(self, request: Mapping[str, Any]) -> dict[str, Any]:
        op, key = request["op"], request.get("key", 0)
        if op == "version":
            return {"textworld": _version("textworld"), "alfworld": _version("alfworld")}
        if op == "open":
            return self._open(key, str(request["game"]))
        if op == "reset":
            return _describe(self.live[key].reset())
        if op == "step":
            state, _, _ = self.live[key].step(request["action"])
            return _describe(state)
        if op == "close":
            self._close(key)
            return {}
        raise ValueError(f"unknown request {op!r}")

    def _open(self, key: int, game: str) -> dict[str, Any]:
        env = self.idle.pop() if self.idle else self._environment()
        # Without this, every new game stays in memory for good (~1.5 MB each).
        from mementos import core  # type: ignore[import-not-found,unused-ignore]

        getattr(core, "_memento_cache", {}).clear()
        with tempfile.NamedTemporaryFile("w", suffix=".tw-pddl", delete=False) as file:
            file.write(game)
        try:
            env.load(file.name)
        finally:
            Path(file.name).unlink()
        if self.memoise:
            _memoise_commands(env.unwrapped)
        self.live[key] = env
        return _describe(env.reset())

    def _environment(self) -> Any:
        from alfworld.agents.environment.alfred_tw_env import (  # type: ignore[import-not-found,unused-ignore]
            AlfredDemangler,
        )
        from textworld import EnvInfos  # type: ignore[import-not-found,unused-ignore]
        from textworld.envs import PddlEnv  # type: ignore[import-not-found,unused-ignore]

        return AlfredDemangler(PddlEnv(EnvInfos(won=True, admissible_commands=True)))

    def _close(self, key: int) -> None:
        env = self.live.pop(key, None)
        if env is not None:
            self.idle.append(env)


def _describe(state: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "observation": state["feedback"],
        "commands": list(state["admissible_commands"]),
        "won": bool(state["won"]),
    }


def _memoise_commands(env: Any) -> None:
    """Work out the text of each command once a game instead of once a step (94 % of the time).

    A command's text depends on names and on where receptacles stand, neither of which changes.
    """
    grammar = env._logic.grammar
    templates = {action.template for action in env._logic.actions.values()}
    derive: Callable[..., str] = grammar.derive
    known: dict[tuple[str, tuple[str, ...]], str] = {}

    def derive_once(start: str, context: Mapping[str, Any]) -> str:
        if start not in templates:
            return derive(start, context)
        key = (start, tuple(str(variable.name) for variable in context["mapping"].values()))
        if key not in known:
            known[key] = derive(start, context)
        return known[key]

    grammar.derive = derive_once


def _version(package: str) -> str:
    from importlib.metadata import version

    return version(package)


if __name__ == "__main__":
    main()
