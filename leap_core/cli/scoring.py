"""What `leap evaluate` does: find the policy, play the tasks, score them."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from leap_core.config import Named, RunConfig, Student, apply_overrides, validated
from leap_core.environment import Environment
from leap_core.errors import ConfigError, unknown
from leap_core.evaluation import Evaluation, evaluate
from leap_core.parts import build_engine, build_environment, decoding, resolve_student
from leap_core.policy.engine import Engine
from leap_core.policy.layout import PromptWriter
from leap_core.rollout import roll_out
from leap_core.run.folder import RunFolder
from leap_core.run.progress import Screen
from leap_core.run.records import Records, read_json
from leap_core.types import PolicyRef, Task, Trajectory


@dataclass(frozen=True)
class Request:
    """The command line of `leap evaluate`."""

    run: Path | None
    iteration: int | None
    policy: str | None
    environment: str | None
    overrides: Sequence[str]
    split: str | None
    limit: int | None
    task_ids: Sequence[str]
    seed: int | None
    out: Path | None


def score(request: Request, quiet: bool) -> Evaluation:
    """Play and score.

    Raises:
        ConfigError: the arguments do not say what to play, or name something unknown.
        RunFolderError: RUN is not readable, or has no such iteration.
    """
    config = _config(request)
    environment = build_environment(config.environment)
    policy = _policy(request, config, environment)
    split = request.split or config.splits.test or config.splits.validation
    if split not in environment.splits():
        raise ConfigError(unknown("split", split, environment.splits()))
    tasks = _tasks(environment, split, request)
    horizon = config.rollouts.horizon or environment.horizon
    generation = config.evaluation.generation or config.student.generation
    writer = PromptWriter(environment.layout(), horizon, config.student.layout)
    engine = build_engine(policy, generation, environment)
    seed = config.seed if request.seed is None else request.seed
    played = _play(environment, engine, writer, tasks, seed, config, request.out, Screen(quiet))
    return evaluate(
        played,
        split=split,
        horizon=horizon,
        decoding=decoding(generation, policy),
        seed=seed,
        engine=dict(environment.fingerprint()),
    )


def _config(request: Request) -> RunConfig:
    if request.run is not None:
        data = RunFolder(request.run).config().model_dump(mode="json")
    elif request.environment and request.policy:
        data = {
            "environment": Named(name=request.environment).model_dump(),
            "student": Student(model=request.policy).model_dump(),
            "updater": {"name": "keep"},
            "iterations": 0,
        }
    else:
        raise ConfigError("say what to play: a run folder, or --environment and --policy")
    apply_overrides(data, request.overrides)
    return validated(RunConfig, data, "the configuration with --set")


def _policy(request: Request, config: RunConfig, environment: Environment) -> PolicyRef:
    if request.policy is not None:
        policy = resolve_student(request.policy, None, environment)
        if policy is None:
            raise ConfigError("--policy tiny names no trained model; give a run or a model folder")
        return policy
    assert request.run is not None
    folder = RunFolder(request.run)
    iteration = request.iteration
    if iteration is None:
        result = request.run / "result.json"
        if not result.exists():
            raise ConfigError(
                f"the run '{request.run}' is not finished; say which policy with --iteration "
                f"(begun: {', '.join(map(str, folder.iterations())) or 'none'})"
            )
        iteration = int(read_json(result)["best"])
    return folder.load_policy(iteration)


def _tasks(environment: Environment, split: str, request: Request) -> list[Task]:
    tasks = list(environment.tasks(split))
    if request.task_ids:
        known = {t.id: t for t in tasks}
        for name in request.task_ids:
            if name not in known:
                raise ConfigError(unknown(f"task of split '{split}'", name, list(known)[:20]))
        return [known[name] for name in request.task_ids]
    if request.limit is not None and request.limit < len(tasks):
        return [tasks[i * len(tasks) // request.limit] for i in range(request.limit)]
    return tasks


def _play(
    environment: Environment,
    engine: Engine,
    writer: PromptWriter,
    tasks: Sequence[Task],
    seed: int,
    config: RunConfig,
    out: Path | None,
    screen: Screen,
) -> list[Trajectory]:
    with tempfile.TemporaryDirectory() as scratch:
        records = Records(out or Path(scratch) / "trajectories.jsonl", Trajectory)
        records.replace(())
        with screen.bar("evaluation", len(tasks)) as bar:

            def keep(trajectory: Trajectory) -> None:
                records.append(trajectory)
                bar.advance()

            roll_out(
                environment, engine, writer, tasks, seed=seed,
                in_flight=config.rollouts.in_flight, on_trajectory=keep,
            )  # fmt: skip
        return list(records)
