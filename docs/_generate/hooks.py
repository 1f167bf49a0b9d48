"""One page for every hook: its signature, the contract behind it, and who answers it here."""

from __future__ import annotations

import inspect
from collections.abc import Iterator

from words import attributes, cell, prose, signature

from leap_core import hookspecs
from leap_core.contracts.environment import Environment, Episode
from leap_core.hookspecs import IterationEvent
from leap_core.plugins.build import CONTRACTS
from leap_core.plugins.manager import REGISTRATION_HOOKS, discover
from leap_core.plugins.registry import Kind


def pages() -> dict[str, str]:
    """Name of a hook -> its page."""
    return {
        name: "\n\n".join(_parts(name)) + "\n"
        for name, hook in vars(hookspecs).items()
        if name.startswith("leap_") and inspect.isfunction(hook)
    }


def _parts(name: str) -> Iterator[str]:
    hook = getattr(hookspecs, name)
    arguments = "".join(inspect.signature(hook).parameters)
    yield f"# {name}"
    yield f"```python\n@hookimpl\ndef {signature(name, hook)}: ...\n```"
    yield prose(hook)
    yield f"An example, and when it is called: [hooks](../../hooks.md#{name}{arguments})."
    if name not in REGISTRATION_HOOKS:
        yield "## The event"
        yield from _class(IterationEvent)
        return
    kind = REGISTRATION_HOOKS[name]
    yield "## What is registered"
    yield f"`register{signature('', hookspecs.Register.__call__)}`: " + prose(
        hookspecs.Register.__call__
    )
    if kind in CONTRACTS:
        for contract in (Environment, Episode) if kind == "environment" else (CONTRACTS[kind],):
            yield f"### leap_core.{contract.__name__}"
            yield from _class(contract)
    yield "## Registered by the packages of this repository"
    yield _registered(kind)


def _class(contract: type) -> Iterator[str]:
    yield prose(contract)
    about = attributes(contract)
    if about:
        rows = [f"| `{name}` | {cell(text)} |" for name, text in about.items()]
        yield "\n".join(["| attribute | |", "|---|---|", *rows])
    methods = [
        f"| `{cell(signature(name, method))}` | {cell(prose(method))} |"
        for name, method in vars(contract).items()
        if inspect.isfunction(method) and not name.startswith("_") and method.__doc__
    ]
    if methods:
        yield "\n".join(["| method | |", "|---|---|", *methods])


def _registered(kind: Kind) -> str:
    rows = [
        f"| `{entry.name}` | {cell(entry.summary)} | `{entry.plugin}` |"
        for entry in discover().registry.entries(kind)
    ]
    return "\n".join(["| name | | plugin |", "|---|---|---|", *rows])
