"""From a configuration to the parts of a run: environment, source, teacher, updater, student."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from leap_core.config.schema import ComponentConfig, RunConfig
from leap_core.contracts.environment import Environment, EnvironmentContext
from leap_core.contracts.privileged import PrivilegedSource
from leap_core.contracts.teacher import Teacher, TeacherContext
from leap_core.contracts.updater import Updater
from leap_core.errors import ConfigError, PluginError, unknown
from leap_core.plugins.build import build, factory_of
from leap_core.plugins.registry import build_options
from leap_core.policy.prompt import PromptRenderer
from leap_core.runs.ledger import Ledger, SpendingLimit


@dataclass(frozen=True)
class Components:
    """What a run works with. Built whole before anything is written or paid."""

    environment: Environment
    writer: PromptRenderer
    updater: Updater
    first_updater: Updater
    source: PrivilegedSource | None
    horizon: int


def build_components(config: RunConfig) -> Components:
    """Build and check every part that the configuration names.

    Raises:
        ConfigError: an unknown name, key or split, or parts that do not go together.
    """
    environment = build_environment(config.environment)
    _check_splits(config, environment)
    _check_demonstrations(config, environment)
    horizon = config.rollouts.horizon or environment.horizon
    writer = PromptRenderer(environment.layout(), horizon, config.student.layout)
    updater = build("updater", config.updater, "updater")
    first = config.first_updater
    return Components(
        environment,
        writer,
        updater,
        build("updater", first, "first_updater") if first else updater,
        _build_source(config, environment),
        horizon,
    )


def build_environment(choice: ComponentConfig, where: str = "environment") -> Environment:
    """Build the environment that `choice` names."""
    environment: Environment = build("environment", choice, where, EnvironmentContext())
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
        ledger = Ledger(budget=SpendingLimit(config.budget.dollars, config.budget.tokens))
        context = TeacherContext(environment=environment, ledger=ledger, cache_dir=Path(folder))
        build_teacher(config, context)
        if config.teacher.audit.judge is not None:
            build_judge(config.teacher.audit.judge, context)


def build_teacher(config: RunConfig, context: TeacherContext) -> Teacher:
    """Build the teacher; called for each iteration, since the student changes."""
    if config.teacher is None:
        raise ConfigError("key 'teacher' is missing: iterations after the first need one")
    teacher: Teacher = build("teacher", config.teacher, "teacher", context)
    return teacher


def build_judge(choice: ComponentConfig, context: TeacherContext) -> Teacher:
    """Build the teacher that judges reasons in the leak audit.

    Raises:
        ConfigError: an unknown name or options, or a teacher that judges none.
    """
    judge: Teacher = build("teacher", choice, "teacher.audit.judge", context)
    if type(judge).judge is Teacher.judge:
        raise ConfigError(f"teacher '{choice.name}' judges no reasons (teacher.audit.judge)")
    return judge


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
    source: PrivilegedSource = build(
        "privileged source", config.privileged, "privileged", environment
    )
    if source.environments and config.environment.name not in source.environments:
        raise ConfigError(
            f"privileged source '{config.privileged.name}' does not serve environment "
            f"'{config.environment.name}' (it serves: {', '.join(source.environments)})"
        )
    return source


def _check_teacher(choice: ComponentConfig) -> None:
    """Validate name and options now; teachers are built per iteration, when it would be late."""
    factory = factory_of("teacher", choice.name)
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
    own = type(environment)
    inherited = own.demonstrate is Environment.demonstrate
    if kinds and inherited and own.demonstrations is Environment.demonstrations:
        raise PluginError(
            f"environment '{config.environment.name}' ({own.__module__}) offers demonstrations "
            f"({', '.join(kinds)}) but does not implement `demonstrate`"
        )
    if wanted is not None and wanted not in kinds:
        raise ConfigError(unknown("kind of demonstration", wanted, kinds, "demonstrations.kind"))
