"""What `leap evaluate` and `leap rollout` do: find the policy, play the tasks, score them."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from leap_core.config.load import apply_overrides, set_keys, validated
from leap_core.config.schema import ComponentConfig, GenerationConfig, RunConfig, StudentConfig
from leap_core.contracts.environment import Environment
from leap_core.errors import ConfigError, RunFolderError, unknown
from leap_core.evaluation import Evaluation, evaluate
from leap_core.policy.prompt import PromptRenderer
from leap_core.rollout import EpisodeLog, assignments
from leap_core.runs import files
from leap_core.runs.folder import fingerprint, open_run, versions
from leap_core.runs.ledger import Ledger, SpendingLimit
from leap_core.runs.progress import Screen
from leap_core.runs.records import read_json, write_json
from leap_core.stages.components import build_environment
from leap_core.stages.engines import EngineResources, build_engine, decoding
from leap_core.stages.rollouts import play_missing
from leap_core.stages.students import resolve_student
from leap_core.types import PolicyRef, Task, Usage


@dataclass(frozen=True)
class ScoreRequest:
    """The command line of `leap evaluate` or `leap rollout`."""

    run: Path | None = None
    iteration: int | None = None
    policy: str | None = None
    adapter: str | None = None
    environment: str | None = None
    overrides: Sequence[str] = ()
    keys: Mapping[str, Any] = field(default_factory=dict)
    split: str | None = None
    limit: int | None = None
    task_ids: Sequence[str] = ()
    seed: int | None = None
    seeds: int = 1
    temperature: float | None = None
    in_flight: int | None = None
    executor: str | None = None
    workers: int | None = None
    out: Path | None = None


@dataclass(frozen=True)
class Scored:
    """Scores, and what the model calls used where they are paid."""

    evaluation: Evaluation
    usage: Usage | None


def score(request: ScoreRequest, title: str, quiet: bool) -> Scored:
    """Play what is missing and score it all.

    Raises:
        ConfigError: the arguments do not say what to play, or name something unknown.
        RunFolderError: RUN is not readable or has no such iteration, or the file `out` holds
            episodes of something else.
        PolicyError: the policy cannot answer; with `out`, call again to go on.
    """
    config = _config(request)
    environment = build_environment(config.environment)
    policy = _policy(request, config, environment)
    split = _split(request, config, environment.splits())
    tasks = _tasks(environment, split, request)
    horizon = config.rollouts.horizon or environment.horizon
    writer = PromptRenderer(environment.layout(), horizon, config.student.layout)
    generation = _generation(request, config)
    seed = config.seed if request.seed is None else request.seed
    plan = assignments(tasks, range(seed, seed + request.seeds))
    about = {
        "policy": asdict(policy),
        "environment": config.environment.model_dump(mode="json"),
        "engine": dict(environment.fingerprint()),
        "split": split,
        "tasks": fingerprint([t.id for t in tasks]),
        "seeds": [seed, request.seeds],
        "horizon": horizon,
        "layout": writer.fingerprint(),
        "decoding": decoding(generation, policy, config.server),
    }
    with _place(request.out, about) as path, _lent(request, config, policy) as resources:
        log = EpisodeLog(path, plan)
        engine = partial(build_engine, policy, generation, environment, resources)
        play_missing(log, engine, environment, writer, config.rollouts, Screen(quiet), title)
        result = evaluate(
            log.records,
            split=split,
            horizon=horizon,
            decoding=decoding(generation, policy, config.server),
            seed=seed,
            engine=dict(environment.fingerprint()),
        )
        paid = policy.kind == "plugin"
        return Scored(result, resources.ledger.totals.usage if paid else None)


def _config(request: ScoreRequest) -> RunConfig:
    if request.run is not None:
        if request.environment:
            raise ConfigError("a run has its own environment; leave --environment out")
        data = open_run(request.run).config().model_dump(mode="json")
    elif request.environment and request.policy:
        data = {
            "environment": ComponentConfig(name=request.environment).model_dump(),
            "student": StudentConfig(model=request.policy).model_dump(),
            "updater": {"name": "keep"},
            "iterations": 0,
        }
    else:
        raise ConfigError("specify what to evaluate: a run folder, or --environment and --policy")
    apply_overrides(data, [*_overrides(request), *request.overrides])
    set_keys(data, request.keys)
    return validated(RunConfig, data, "the configuration with --set")


def _split(request: ScoreRequest, config: RunConfig, known: Sequence[str]) -> str:
    """The split that is asked for; else the configuration's for tests, or for validation; where
    nothing says which, the environment's first for tests, else for validation."""
    split = request.split or config.splits.test
    if split is None and (request.run or config.splits.model_fields_set):
        split = config.splits.validation
    if split is None:
        named = [name for use in ("test", "valid") for name in known if name.startswith(use)]
        if not named:
            raise ConfigError(f"say which split to play with --split: {', '.join(known)}")
        return named[0]
    if split not in known:
        raise ConfigError(unknown("split", split, known))
    return split


def _overrides(request: ScoreRequest) -> Iterator[str]:
    """The options that stand for keys of the configuration."""
    if request.in_flight is not None:
        yield f"rollouts.in_flight={request.in_flight}"
    if request.executor is not None:
        yield f"rollouts.executor={{name: {request.executor}}}"
    if request.workers is not None:
        yield f"rollouts.executor.workers={request.workers}"


def _generation(request: ScoreRequest, config: RunConfig) -> GenerationConfig:
    chosen = config.evaluation.generation or config.student.generation
    if request.temperature is None:
        return chosen
    return chosen.model_copy(update={"temperature": request.temperature})


def _policy(request: ScoreRequest, config: RunConfig, environment: Environment) -> PolicyRef:
    if request.policy is not None:
        if request.iteration is not None:
            raise ConfigError("--iteration chooses a policy of RUN; leave it out with --policy")
        policy = resolve_student(request.policy, request.adapter, environment)
        if policy is None:
            raise ConfigError("--policy tiny names no trained model; give a run or a model folder")
        return policy
    if request.adapter is not None:
        raise ConfigError("--adapter goes with --policy, the model that it was trained over")
    assert request.run is not None
    return policy_of(request.run, request.iteration)


def policy_of(run: Path, iteration: int | None) -> PolicyRef:
    """A policy of a run: of `iteration`, or the best.

    Raises:
        ConfigError: the run has not ended, and no iteration is given.
    """
    folder = open_run(run)
    if iteration is None and folder.best is None:
        begun = ", ".join(str(i.number) for i in folder.iterations()) or "none"
        raise ConfigError(
            f"the run '{run}' is not finished; say which policy with --iteration (begun: {begun})"
        )
    return folder.iteration(folder.best or 0 if iteration is None else iteration).policy


def _tasks(environment: Environment, split: str, request: ScoreRequest) -> list[Task]:
    tasks = list(environment.tasks(split))
    if request.task_ids:
        if request.limit is not None:
            raise ConfigError("--task and --limit exclude each other")
        known = {t.id: t for t in tasks}
        for name in request.task_ids:
            if name not in known:
                raise ConfigError(unknown(f"task of split '{split}'", name, list(known)[:20]))
        return [known[name] for name in dict.fromkeys(request.task_ids)]
    if request.limit is not None and request.limit < len(tasks):
        return [tasks[i * len(tasks) // request.limit] for i in range(request.limit)]
    return tasks


@contextmanager
def _place(out: Path | None, about: dict[str, Any]) -> Iterator[Path]:
    """The file for the trajectories; one that is there already must be of the same play."""
    if out is None:
        with tempfile.TemporaryDirectory() as folder:
            yield Path(folder) / "trajectories.jsonl"
        return
    manifest = out.with_name(f"{out.name}.manifest.json")
    if manifest.exists():
        present = read_json(manifest)
        differing = [key for key in about if present.get(key) != _plain(about[key])]
        if differing:
            raise RunFolderError(
                f"'{out}' holds episodes of another play (it differs in: {', '.join(differing)}); "
                "choose another file"
            )
    elif out.exists():
        raise RunFolderError(
            f"'{out}' was not written by leap ('{manifest.name}' is not beside it); "
            "choose another file"
        )
    else:
        write_json(manifest, {**versions(), **_plain(about)})
    yield out


def _plain(value: Any) -> Any:
    """`value` as it reads back from JSON."""
    import json

    return json.loads(json.dumps(value, default=str))


@contextmanager
def _lent(request: ScoreRequest, config: RunConfig, policy: PolicyRef) -> Iterator[EngineResources]:
    """Servers, options and a ledger for the engine; the ledger lies beside the trajectories."""
    out = request.out
    folder = request.run.parent if request.run else out.parent if out else Path("runs")
    path = out.with_name(f"{out.name}.ledger.jsonl") if out and policy.kind == "plugin" else None
    ledger = Ledger(path, SpendingLimit(config.budget.dollars, config.budget.tokens))
    options = config.student.options if policy.kind == "plugin" else {}
    try:
        yield EngineResources(config.server, options, ledger, folder / files.CACHE)
    finally:
        ledger.close()
