"""The arrows of the floor plan, each resumable: do what is missing, then hand over the records."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from pydantic import TypeAdapter

from leap_core.config.identity import run_identity
from leap_core.config.schema import GenerationConfig, RunConfig
from leap_core.contracts.updater import RolloutStep
from leap_core.evaluation import Evaluation, evaluate
from leap_core.examples import (
    aggregate,
    examples_from_corrections,
    examples_from_demonstrations,
    seen_steps,
)
from leap_core.rollout import EpisodeLog, assignments
from leap_core.run.folder import RunFolder, Stage
from leap_core.run.ledger import Ledger, SpendingLimit
from leap_core.run.progress import Screen
from leap_core.run.records import Records, read_json, write_json
from leap_core.stages.components import Components
from leap_core.stages.corrections import CorrectionStage
from leap_core.stages.engines import EngineResources, build_engine, decoding
from leap_core.stages.rollouts import play_missing
from leap_core.types import (
    Correction,
    Example,
    PolicyRef,
    Task,
    Trajectory,
)

_EVALUATION = TypeAdapter(Evaluation)


class EnvironmentRun:
    """The stages of a run in one environment, over its folder.

    `label` names the environment in a run in several.
    """

    def __init__(
        self,
        config: RunConfig,
        components: Components,
        run: RunFolder,
        screen: Screen,
        label: str = "",
    ) -> None:
        self.config = config
        self.components = components
        self.run = run
        self.screen = screen
        self.label = label
        self.name = label or config.environment.name
        self.teaching = CorrectionStage(config, components, run, screen)
        self.basis = [run_identity(config), dict(components.environment.fingerprint())]

    # Iteration 0

    def demonstrate(self, iteration: int = 0) -> list[Example]:
        """Demonstrations of an iteration's training tasks, cut into examples."""
        folder = self.run.iteration(iteration)
        records = Records(folder / "demonstrations.jsonl", Trajectory)
        stage = self._stage(iteration, "demonstrations")
        if not stage.done:
            with stage.working():
                self._record_demonstrations(iteration, records)
        examples = Records(folder / "examples.jsonl", Example)
        stage = self._stage(iteration, "examples")
        if not stage.done:
            with stage.working():
                examples.replace(
                    examples_from_demonstrations(
                        records, self.components.writer, self.name, iteration
                    )
                )
        return list(examples)

    def _record_demonstrations(self, iteration: int, records: Records[Trajectory]) -> None:
        wanted = self.config.demonstrations
        count = self.config.rollouts.tasks if iteration else wanted.tasks
        tasks = self._draw(self.config.splits.train, count, iteration)
        kinds = self.components.environment.demonstration_kinds()
        if not tasks or not kinds:
            records.replace(())
            return
        kind = wanted.kind or kinds[0]
        with self.screen.bar(f"demonstrations ({kind})", len(tasks)) as bar:
            shown = []
            for trajectory in self.components.environment.demonstrations(tasks, kind):
                shown.append(trajectory)
                bar.advance()
        if wanted.reasons == "teacher":
            shown = self.teaching.explain(iteration, shown)
        records.replace(shown)

    # Every later iteration

    def roll_out(self, iteration: int, policy: PolicyRef) -> list[Trajectory]:
        """Rollouts of `policy` on this iteration's training tasks."""
        tasks = self._draw(self.config.splits.train, self.config.rollouts.tasks, iteration)
        title = f"rollouts on {self.config.splits.train}"
        return self._play(
            iteration,
            "rollouts",
            title,
            policy,
            tasks,
            self.config.seed_of(iteration),
            self._decoding(),
        )

    def correct(
        self, iteration: int, policy: PolicyRef, failed: Sequence[Trajectory]
    ) -> list[Correction]:
        """The teacher's corrections of the failed trajectories."""
        return self.teaching.correct(
            self._stage(iteration, "corrections"), iteration, policy, failed
        )

    def examples(
        self,
        iteration: int,
        trajectories: Sequence[Trajectory],
        corrections: Sequence[Correction],
    ) -> list[Example]:
        """D_i: this iteration's corrections as examples."""
        records = Records(self.run.iteration(iteration) / "examples.jsonl", Example)
        stage = self._stage(iteration, "examples")
        if not stage.done:
            with stage.working():
                records.replace(
                    examples_from_corrections(
                        trajectories,
                        corrections,
                        self.components.writer,
                        self.name,
                        iteration,
                        self.config.teacher.repeats if self.config.teacher else None,
                        self.teaching.confirmed(iteration),
                    )
                )
        built = list(records)
        repeated = len(corrections) - sum(e.rejected is not None for e in built)
        if repeated:
            self.screen.say(f"  {repeated} corrections repeat others word for word: left out")
        return built

    def aggregate(
        self, iteration: int, demonstrations: Sequence[Example], parts: Sequence[Sequence[Example]]
    ) -> list[Example]:
        """D_0 ∪ … ∪ D_i."""
        replay = self.config.demonstrations.replay if iteration else None
        return aggregate(demonstrations, parts, replay, self.config.seed_of(iteration))

    def rollouts(self, iteration: int) -> Callable[[], list[RolloutStep]] | None:
        """This iteration's rollouts, step by step, with what was hidden; read when asked for."""
        path = self.run.iteration(iteration) / "rollouts.jsonl"
        source = self.components.source
        if source is None or not path.exists():
            return None

        def read() -> list[RolloutStep]:
            played = (t for t in Records(path, Trajectory) if t.outcome != "error")
            return list(seen_steps(played, source, self.components.writer, self.name, iteration))

        return read

    def evaluate(
        self, iteration: int, policy: PolicyRef, split: str, tasks: int | None, name: str
    ) -> Evaluation:
        """Score a policy on a split; trajectories are kept beside the numbers."""
        folder = self.run.iteration(iteration)
        generation = self._decoding(evaluation=True)
        drawn = self._first(split, tasks)
        seed = self.config.seed
        title = f"evaluation on {split}"
        played = self._play(iteration, name, title, policy, drawn, seed, generation)
        result = evaluate(
            played,
            split=split,
            horizon=self.components.horizon,
            decoding=decoding(generation, policy),
            seed=seed,
            engine=dict(self.components.environment.fingerprint()),
        )
        target = folder / ("evaluation.json" if name == "validation" else f"{name}.json")
        write_json(target, _EVALUATION.dump_python(result, mode="json"))
        return result

    # Shared

    def _play(
        self,
        iteration: int,
        name: str,
        title: str,
        policy: PolicyRef,
        tasks: Sequence[Task],
        seed: int,
        generation: GenerationConfig,
    ) -> list[Trajectory]:
        path = self.run.iteration(iteration) / f"{name}.jsonl"
        stage = self._stage(iteration, name)
        if not stage.done:
            with stage.working():
                log = EpisodeLog(path, assignments(tasks, [seed]))
                with self._lent(policy) as resources:
                    environment = self.components.environment
                    play_missing(
                        log,
                        partial(build_engine, policy, generation, environment, resources),
                        environment,
                        self.components.writer,
                        self.config.rollouts,
                        self.screen,
                        title,
                    )
        return list(Records(path, Trajectory))

    @contextmanager
    def _lent(self, policy: PolicyRef) -> Iterator[EngineResources]:
        """What engines may need: this run's servers, and its ledger where replies are paid."""
        limits = SpendingLimit(self.config.budget.dollars, self.config.budget.tokens)
        ledger = Ledger(self.run.path / "ledger.jsonl" if policy.kind == "plugin" else None, limits)
        student, cache = self.config.student, self.run.path.parent / ".cache"
        try:
            yield EngineResources(self.config.server, student.options, ledger, cache)
        finally:
            ledger.close()

    def _draw(self, split: str, count: int | None, iteration: int) -> list[Task]:
        """This iteration's tasks: a seeded order of the split, on from where the last ended."""
        tasks = list(self.components.environment.tasks(split))
        if count is None or count >= len(tasks):
            return tasks
        random.Random(f"{self.config.seed}:{split}").shuffle(tasks)
        start = 0
        if iteration:
            start = self.config.demonstrations.tasks + (iteration - 1) * count
        return [tasks[(start + i) % len(tasks)] for i in range(count)]

    def _first(self, split: str, count: int | None) -> list[Task]:
        """An evaluation's tasks: all of the split, or an even spread over it."""
        tasks = list(self.components.environment.tasks(split))
        if count is None or count >= len(tasks):
            return tasks
        return [tasks[i * len(tasks) // count] for i in range(count)]

    def _stage(self, iteration: int, name: str) -> Stage:
        return self.run.stage(iteration, name, [*self.basis, iteration, name])

    def _decoding(self, evaluation: bool = False) -> GenerationConfig:
        chosen = self.config.evaluation.generation if evaluation else None
        return chosen or self.config.student.generation


def load_evaluation(path: Path) -> Evaluation:
    """Read an evaluation of a run folder."""
    result: Evaluation = _EVALUATION.validate_python(read_json(path))
    return result
