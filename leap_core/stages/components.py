"""From a configuration to the parts of a run: environment, source, teacher, updater, student."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from leap_core.config.schema import Generation, Named, RunConfig, Server
from leap_core.contracts.environment import Environment
from leap_core.errors import ConfigError, MissingExtra, PluginError, unknown
from leap_core.plugins.manager import load_plugins
from leap_core.contracts.engine import Engine, PolicyContext
from leap_core.policy.prompt import PromptWriter
from leap_core.contracts.privileged import PrivilegedSource
from leap_core.plugins.registry import Kind, build_options
from leap_core.run.ledger import Budget, Ledger
from leap_core.contracts.teacher import Teacher, TeacherContext
from leap_core.types import PolicyRef
from leap_core.contracts.updater import Updater

TINY = "tiny"
TINY_BASE = "tiny-base"
SCRIPTED = "scripted:"
CONTRACTS: dict[Kind, type] = {
    "environment": Environment,
    "privileged source": PrivilegedSource,
    "teacher": Teacher,
    "updater": Updater,
}
_HOSTED = re.compile(r"([A-Za-z][\w-]*):(?!//).")


@dataclass(frozen=True)
class Parts:
    """What a run works with. Built whole before anything is written or paid."""

    environment: Environment
    writer: PromptWriter
    updater: Updater
    first_updater: Updater
    source: PrivilegedSource | None
    horizon: int


def build_parts(config: RunConfig) -> Parts:
    """Build and check every part that the configuration names.

    Raises:
        ConfigError: an unknown name, key or split, or parts that do not go together.
    """
    environment = build_environment(config.environment)
    _check_splits(config, environment)
    _check_demonstrations(config, environment)
    horizon = config.rollouts.horizon or environment.horizon
    writer = PromptWriter(environment.layout(), horizon, config.student.layout)
    updater = _build("updater", config.updater, "updater")
    first = config.first_updater
    return Parts(
        environment,
        writer,
        updater,
        _build("updater", first, "first_updater") if first else updater,
        _build_source(config, environment),
        horizon,
    )


def build_environment(choice: Named, where: str = "environment") -> Environment:
    """Build the environment that `choice` names."""
    environment: Environment = _build("environment", choice, where)
    return environment


def check_teacher(config: RunConfig, environment: Environment) -> None:
    """Build the teacher once, for nothing: it says now what it could not do later.

    Raises:
        ConfigError: a missing key, a budget without a price, an environment without an expert …
    """
    corrects = config.iterations and config.learn_from == "corrections"
    explains = config.demonstrations.reasons == "teacher"
    if explains and config.teacher is None:
        raise ConfigError("key 'teacher' is missing: demonstrations.reasons asks for one")
    if config.teacher is None or not (corrects or explains):
        return
    with TemporaryDirectory() as folder:
        ledger = Ledger(budget=Budget(config.budget.dollars, config.budget.tokens))
        build_teacher(config, TeacherContext(environment, ledger, Path(folder)))


def build_teacher(config: RunConfig, context: TeacherContext) -> Teacher:
    """Build the teacher; called for each iteration, since the student changes."""
    if config.teacher is None:
        raise ConfigError("key 'teacher' is missing: iterations after the first need one")
    teacher: Teacher = _build("teacher", config.teacher, "teacher", context)
    return teacher


@dataclass(frozen=True)
class Lent:
    """What an engine may need beside its policy.

    Attributes:
        server: how to deal with model servers.
        options: of a plugin's engine; `student.options` in a configuration.
        ledger, cache_dir: for engines whose calls are paid.
    """

    server: Server = field(default_factory=Server)
    options: Mapping[str, Any] = field(default_factory=dict)
    ledger: Ledger = field(default_factory=Ledger)
    cache_dir: Path = Path(".cache")


def build_engine(
    policy: PolicyRef, generation: Generation, environment: Environment, lent: Lent | None = None
) -> Engine:
    """The engine that generates with `policy`.

    Raises:
        PolicyError: the model cannot be loaded or reached.
        ConfigError: no such scripted policy or plugin's engine, or options that it does not know.
    """
    lent = lent or Lent()
    if policy.kind == "scripted":
        from leap_core.policy.scripted import scripted_engine

        return scripted_engine(environment, policy.model)
    if policy.kind == "plugin":
        return _hosted_engine(policy, generation, lent)
    if policy.kind == "server":
        from leap_core.policy.server_engine import ServerEngine

        return ServerEngine(policy, generation, lent.server)
    if lent.server.command is not None:
        from leap_core.policy.model_server import ServedEngine

        return ServedEngine(policy, generation, lent.server)
    require_local("a student in this process")
    from leap_core.local.engine import TransformersEngine

    return TransformersEngine(policy, generation)


def _hosted_engine(policy: PolicyRef, generation: Generation, lent: Lent) -> Engine:
    name, _, model = policy.model.partition(":")
    factory = load_plugins().registry.get("policy engine", name).load()
    options = build_options(factory, lent.options, f"policy engine '{name}', options")
    engine: Engine = factory(options, model, PolicyContext(generation, lent.ledger, lent.cache_dir))
    return engine


def resolve_student(model: str, adapter: str | None, environment: Environment) -> PolicyRef | None:
    """The policy that `model` names, or None for "tiny", which has to be made first.

    Raises:
        ConfigError: the environment has no such scripted policy or pre-trained student, or the
            folder holds no model.
    """
    if model.startswith(("http://", "https://")):
        from leap_core.policy.server_engine import addresses

        if adapter is not None:
            raise ConfigError("a policy on a server takes no adapter from here; serve it with one")
        urls, _, name = model.partition("#")
        return PolicyRef("server", name, base_url=",".join(addresses(urls)))
    hosted = _HOSTED.match(model)
    if hosted and not model.startswith(SCRIPTED):
        load_plugins().registry.get("policy engine", hosted[1])
        return PolicyRef("plugin", model)
    if not model.startswith(SCRIPTED):
        require_local("a student in this process")
    if model == TINY:
        return None
    if model.startswith(SCRIPTED):
        name = model.removeprefix(SCRIPTED)
        if environment.scripted_policy(name) is None:
            known = environment.scripted_policies()
            raise ConfigError(unknown("scripted policy", name, known, "student.model"))
        return PolicyRef("scripted", name)
    if model == TINY_BASE:
        folder = environment.pretrained_student()
        if folder is None:
            raise ConfigError(
                f"student.model '{TINY_BASE}': this environment ships no pre-trained student; "
                f"use '{TINY}' or a model folder"
            )
        return PolicyRef("transformers", str(folder))
    _check_model_folder(model, adapter)
    return PolicyRef("transformers", model, adapter)


def resolve_students(
    model: str, adapter: str | None, environments: Sequence[Environment]
) -> PolicyRef | None:
    """`resolve_student` for a run in all of `environments`.

    A scripted policy has to be known to all. "tiny-base" is that of the first which ships one.
    """
    if model == TINY_BASE:
        shipping = [e for e in environments if e.pretrained_student() is not None]
        environments = (shipping or environments)[:1]
    known = [resolve_student(model, adapter, environment) for environment in environments]
    return known[0]


def decoding(generation: Generation, policy: PolicyRef) -> dict[str, Any]:
    """Decoding settings as they are printed with a score."""
    return {} if policy.kind == "scripted" else generation.model_dump()


def require_local(purpose: str) -> None:
    """Check, without importing them, that the libraries for local models are there.

    Raises:
        MissingExtra: one is not, with the command that installs it.
    """
    from importlib.util import find_spec

    for package in ("torch", "transformers", "trl", "peft", "datasets"):
        if find_spec(package) is None:
            raise MissingExtra(purpose, package, "leap-core[local]")


def _build(kind: Kind, choice: Named, where: str, *more: Any) -> Any:
    factory = _factory(kind, choice.name)
    options = build_options(factory, choice.options, f"{where} '{choice.name}', options")
    return factory(options, *more)


def _factory(kind: Kind, name: str) -> Any:
    """The class that a plugin registered, as the contract of its kind asks for it.

    Raises:
        PluginError: it cannot be imported, or is something else.
    """
    entry = load_plugins().registry.get(kind, name)
    factory, contract = entry.load(), CONTRACTS[kind]
    whose = f"{kind} '{name}' of plugin '{entry.plugin}': '{entry.factory}'"
    if not (isinstance(factory, type) and issubclass(factory, contract)):
        raise PluginError(f"{whose} is no subclass of leap_core.{contract.__name__}")
    if not hasattr(factory, "Options"):
        raise PluginError(f"{whose} has no `Options`, a model of its options (leap_core.Section)")
    return factory


def _build_source(config: RunConfig, environment: Environment) -> PrivilegedSource | None:
    needed = config.iterations and config.learn_from == "corrections"
    if config.privileged is None:
        if needed:
            raise ConfigError("key 'privileged' is missing: teachers need a privileged source")
        return None
    if needed and config.teacher is None:
        raise ConfigError("key 'teacher' is missing: iterations after the first need one")
    if config.teacher is not None:
        _check_teacher(config.teacher)
    source: PrivilegedSource = _build(
        "privileged source", config.privileged, "privileged", environment
    )
    if source.environments and config.environment.name not in source.environments:
        raise ConfigError(
            f"privileged source '{config.privileged.name}' does not serve environment "
            f"'{config.environment.name}' (it serves: {', '.join(source.environments)})"
        )
    return source


def _check_teacher(choice: Named) -> None:
    """Validate name and options now; teachers are built per iteration, when it would be late."""
    factory = _factory("teacher", choice.name)
    build_options(factory, choice.options, f"teacher '{choice.name}', options")


def _check_splits(config: RunConfig, environment: Environment) -> None:
    known = environment.splits()
    for purpose, split in _named_splits(config).items():
        if split not in known:
            raise ConfigError(unknown("split", split, known, f"splits.{purpose}"))


def _named_splits(config: RunConfig) -> Mapping[str, str]:
    named = config.splits.model_dump()
    return {purpose: split for purpose, split in named.items() if split is not None}


def _check_demonstrations(config: RunConfig, environment: Environment) -> None:
    kinds = environment.demonstration_kinds()
    wanted = config.demonstrations.kind
    needed = config.demonstrations.tasks or config.learn_from == "demonstrations"
    if needed and not kinds:
        raise ConfigError(
            f"environment '{config.environment.name}' offers no demonstrations; "
            "set demonstrations.tasks=0"
        )
    if wanted is not None and wanted not in kinds:
        raise ConfigError(unknown("kind of demonstration", wanted, kinds, "demonstrations.kind"))


def _check_model_folder(model: str, adapter: str | None) -> None:
    """A path must hold a model; anything that is not written as a path may be a hub id."""
    folder = Path(model)
    looks_like_path = folder.exists() or model.startswith((".", "/", "~")) or model.count("/") > 1
    if looks_like_path and not (folder / "config.json").is_file():
        raise ConfigError(
            f"student.model '{model}': no model there (a model folder holds config.json); "
            f"use '{TINY}', a model folder or a hub id"
        )
    if adapter is not None and not (Path(adapter) / "adapter_config.json").is_file():
        raise ConfigError(f"student.adapter '{adapter}': no adapter there (adapter_config.json)")


def packaged_config(name: str) -> Path | None:
    """A configuration that an installed plugin ships as `configs/NAME.yaml`, or None."""
    from importlib.util import find_spec

    stem = name.removesuffix(".yaml")
    if not stem.replace("-", "").replace("_", "").isalnum():
        return None
    modules = {e.factory.partition(".")[0] for e in load_plugins().registry.entries()}
    for module in sorted(modules):
        spec = find_spec(module)
        for folder in (spec.submodule_search_locations or ()) if spec else ():
            path = Path(folder) / "configs" / f"{stem}.yaml"
            if path.is_file():
                return path
    return None
