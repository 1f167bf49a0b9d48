"""Build the engine that generates with a policy: in this process, on a server, or a plugin's."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from leap_core.config.schema import GenerationConfig, ServerConfig
from leap_core.contracts.engine import Engine, PolicyContext
from leap_core.contracts.environment import Environment
from leap_core.errors import ConfigError, MissingExtra
from leap_core.plugins.build import policy_engine
from leap_core.plugins.registry import build_options
from leap_core.runs.ledger import Ledger
from leap_core.types import PolicyRef


@dataclass(frozen=True)
class EngineResources:
    """What an engine may need beside its policy.

    Attributes:
        server: how to deal with model servers.
        options: of a plugin's engine; `student.options` in a configuration.
        ledger, cache_dir: for engines whose calls are paid.
    """

    server: ServerConfig = field(default_factory=ServerConfig)
    options: Mapping[str, Any] = field(default_factory=dict)
    ledger: Ledger = field(default_factory=Ledger)
    cache_dir: Path = Path(".cache")


def build_engine(
    policy: PolicyRef,
    generation: GenerationConfig,
    environment: Environment,
    resources: EngineResources | None = None,
) -> Engine:
    """The engine that generates with `policy`.

    Raises:
        PolicyError: the model cannot be loaded or reached.
        ConfigError: no such scripted policy or plugin's engine, or options that it does not know.
    """
    resources = resources or EngineResources()
    check_generation(generation, policy, resources.server)
    if policy.kind == "scripted":
        from leap_core.policy.scripted import scripted_engine

        return scripted_engine(environment, policy.model)
    if policy.kind == "server":
        from leap_core.policy.server_engine import ServerEngine

        return ServerEngine(policy, generation, resources.server)
    if policy.kind == "transformers" and resources.server.command is not None:
        from leap_core.policy.model_server import ServedEngine

        return ServedEngine(policy, engine_of(policy), generation, resources.server)
    engine = engine_of(policy)
    own = resources.options if policy.kind == "plugin" else {}  # the others made a tiny student
    options = build_options(engine, own, "student.options")
    context = PolicyContext(
        generation=generation, ledger=resources.ledger, cache_dir=resources.cache_dir
    )
    return engine.open(options, policy, context)


def engine_of(policy: PolicyRef) -> type[Engine]:
    """Return the registered engine class that serves a policy of kind "transformers" or "plugin".

    Raises:
        MissingExtra: the libraries for models in this process are not installed.
        PluginError: the engine cannot be imported, or is no Engine.
    """
    if policy.kind == "plugin":
        return policy_engine(policy.model.partition(":")[0])
    if policy.kind == "transformers":
        require_local("a student in this process")
        return policy_engine("transformers")
    return Engine


def honoured_keys(policy: PolicyRef, server: ServerConfig) -> tuple[str, ...]:
    """Return the keys of `generation` that the policy's engine honours; none for a program."""
    if policy.kind == "scripted":
        return ()
    if policy.kind == "server" or (policy.kind == "transformers" and server.command is not None):
        return Engine.generation_keys
    if policy.kind == "transformers":
        return tuple(GenerationConfig.model_fields)
    return engine_of(policy).generation_keys


def check_generation(generation: GenerationConfig, policy: PolicyRef, server: ServerConfig) -> None:
    """Check that the policy's engine honours every key of `generation` that was set.

    Raises:
        ConfigError: it does not, naming the keys.
    """
    if policy.kind == "scripted":
        return
    honoured = honoured_keys(policy, server)
    default = GenerationConfig()
    ignored = [
        key
        for key in sorted(generation.model_fields_set)
        if key not in honoured and getattr(generation, key) != getattr(default, key)
    ]
    if ignored:
        where = "a model server" if policy.kind != "plugin" else f"the engine of '{policy.model}'"
        raise ConfigError(
            f"{where} does not honour {', '.join(f'generation.{key}' for key in ignored)}: remove "
            f"{'it' if len(ignored) == 1 else 'them'}, or run the model in this process "
            f"(honoured: {', '.join(honoured)})"
        )


def decoding(
    generation: GenerationConfig, policy: PolicyRef, server: ServerConfig
) -> dict[str, Any]:
    """Return the decoding settings that hold for a policy, as they are printed with a score."""
    return {key: getattr(generation, key) for key in honoured_keys(policy, server)}


def require_local(purpose: str) -> None:
    """Check, without importing them, that the libraries for local models are there.

    Raises:
        MissingExtra: one is not, with the command that installs it.
    """
    from importlib.util import find_spec

    for package in ("torch", "transformers", "trl", "peft", "datasets"):
        if find_spec(package) is None:
            raise MissingExtra(purpose, package, "leap-core[local]")
