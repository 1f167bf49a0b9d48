"""The arrows of the floor plan, each resumable: do what is missing, then hand over the records."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from functools import partial

from leap_core.config.schema import GenerationConfig
from leap_core.contracts.updater import RolloutStep
from leap_core.evaluation import Evaluation, evaluate
from leap_core.examples import (
    aggregate,
    examples_from_corrections,
    examples_from_demonstrations,
    seen_steps,
)
from leap_core.rollout import EpisodeLog, assignments
from leap_core.runs.iteration import VALIDATION
from leap_core.runs.records import Records
from leap_core.stages.context import RunContext
from leap_core.stages.corrections import CorrectionStage
from leap_core.stages.engines import EngineResources, build_engine, decoding
from leap_core.stages.rollouts import play_missing
from leap_core.types import Correction, Example, PolicyRef, Task, Trajectory


class EnvironmentRun:
    """The stages of a run in one environment: each returns its records, made first if missing."""

    def __init__(self, context: RunContext) -> None:
        self.context = context
        self.config = context.config
        self.components = context.components
        self.folder = context.folder
        self.screen = context.screen
        self.teacher = CorrectionStage(context)

    # Iteration 0

    def demonstrate(self, iteration: int = 0) -> list[Example]:
        """Demonstrations of an iteration's training tasks, cut into examples."""
        folder = self.folder.iteration(iteration)
        stage = self.context.stage(iteration, "demonstrations")
        if not stage.done:
            with stage.working():
                self._record_demonstrations(iteration, folder.demonstrations)
        stage = self.context.stage(iteration, "examples")
        if not stage.done:
            with stage.working():
                folder.examples.replace(
                    examples_from_demonstrations(
                        folder.demonstrations,
                        self.components.writer,
                        self.context.name,
                        iteration,
                    )
                )
        return list(folder.examples)

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
            shown = self.teacher.explain(iteration, shown)
        records.replace(shown)

    # Every later iteration

    def roll_out(self, iteration: int, policy: PolicyRef) -> list[Trajectory]:
        """Rollouts of `policy` on this iteration's training tasks."""
        tasks = self._draw(self.config.splits.train, self.config.rollouts.tasks, iteration)
        title = f"rollouts on {self.config.splits.train}"
        return self._play(
            iteration,
            "rollouts",
            self.folder.iteration(iteration).rollouts,
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
        return self.teacher.correct(iteration, policy, failed)

    def examples(
        self,
        iteration: int,
        trajectories: Sequence[Trajectory],
        corrections: Sequence[Correction],
    ) -> list[Example]:
        """D_i: this iteration's corrections as examples."""
        records = self.folder.iteration(iteration).examples
        stage = self.context.stage(iteration, "examples")
        if not stage.done:
            with stage.working():
                records.replace(
                    examples_from_corrections(
                        trajectories,
                        corrections,
                        self.components.writer,
                        self.context.name,
                        iteration,
                        self.config.teacher.repeats if self.config.teacher else None,
                        self.teacher.confirmed(iteration),
                    )
                )
        built = list(records)
        repeated = len(corrections) - sum(e.rejected is not None for e in built)
        if repeated:
            self.screen.say(f"  {repeated} corrections repeat others word for word: left out")
        return built

    def aggregate(self, iteration: int) -> list[Example]:
        """Return D_0 ∪ … ∪ D_i, read from the folder."""
        replay = self.config.demonstrations.replay if iteration else None
        return aggregate(
            list(self.folder.iteration(0).examples),
            [list(self.folder.iteration(i).examples) for i in range(1, iteration + 1)],
            replay,
            self.config.seed_of(iteration),
        )

    def rollouts(self, iteration: int) -> Callable[[], list[RolloutStep]] | None:
        """This iteration's rollouts, step by step, with what was hidden; read when asked for."""
        rollouts = self.folder.iteration(iteration).rollouts
        source = self.components.source
        if source is None or not rollouts.path.exists():
            return None

        def read() -> list[RolloutStep]:
            played = (t for t in rollouts if t.outcome != "error")
            name = self.context.name
            return list(seen_steps(played, source, self.components.writer, name, iteration))

        return read

    def evaluate(
        self,
        iteration: int,
        policy: PolicyRef,
        split: str,
        tasks: int | None,
        name: str = VALIDATION,
    ) -> Evaluation:
        """Score a policy on a split; trajectories are kept beside the numbers."""
        generation = self._decoding(evaluation=True)
        drawn = self._first(split, tasks)
        seed = self.config.seed
        title = f"evaluation on {split}"
        records = self.folder.iteration(iteration).episodes(name)
        played = self._play(iteration, name, records, title, policy, drawn, seed, generation)
        result = evaluate(
            played,
            split=split,
            horizon=self.components.horizon,
            decoding=decoding(generation, policy, self.config.server),
            seed=seed,
            engine=dict(self.components.environment.fingerprint()),
        )
        self.folder.iteration(iteration).save_evaluation(result, name)
        return result

    # Shared

    def _play(
        self,
        iteration: int,
        name: str,
        records: Records[Trajectory],
        title: str,
        policy: PolicyRef,
        tasks: Sequence[Task],
        seed: int,
        generation: GenerationConfig,
    ) -> list[Trajectory]:
        stage = self.context.stage(iteration, name)
        if not stage.done:
            with stage.working():
                log = EpisodeLog(records.path, assignments(tasks, [seed]))
                environment = self.components.environment
                play_missing(
                    log,
                    partial(build_engine, policy, generation, environment, self._resources()),
                    environment,
                    self.components.writer,
                    self.config.rollouts,
                    self.screen,
                    title,
                )
        return list(records)

    def _resources(self) -> EngineResources:
        return EngineResources(
            server=self.config.server,
            options=self.config.student.options,
            ledger=self.context.ledger,
            cache_dir=self.folder.cache,
        )

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

    def _decoding(self, evaluation: bool = False) -> GenerationConfig:
        chosen = self.config.evaluation.generation if evaluation else None
        return chosen or self.config.student.generation
