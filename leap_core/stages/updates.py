"""The student's side of a run: the model it begins with, and every iteration's update."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping, Sequence

from leap_core.contracts.updater import RolloutStep, UpdateContext, Updater
from leap_core.plugins.build import policy_engine
from leap_core.runs.folder import RunFolder, made_aside
from leap_core.runs.iteration import IterationFolder
from leap_core.runs.policy_paths import relocated
from leap_core.runs.progress import Screen
from leap_core.runs.stage import Stage
from leap_core.stages.environment_run import EnvironmentRun
from leap_core.stages.students import resolve_students
from leap_core.types import Example, Metrics, PolicyRef


class UpdateStage:
    """Updates of one student from the examples of one or several environments."""

    def __init__(
        self, environments: Sequence[EnvironmentRun], folder: RunFolder, screen: Screen
    ) -> None:
        self.environments = environments
        self.folder = folder
        self.screen = screen
        # The configuration of the student is the same in all environments of a run.
        self.config = environments[0].config
        self.components = environments[0].components

    def student(self) -> PolicyRef:
        """Return the student before any training; a `tiny` one is made from D_0 first."""
        chosen = self.config.student
        known = resolve_students(
            chosen.model, chosen.adapter, [e.components.environment for e in self.environments]
        )
        if known is not None:
            return known
        target = self.folder.iteration(0).student_dir
        if not (target / "config.json").exists():
            texts = [e.prompt.text + e.reply for e in self._examples(0)]
            engine = policy_engine("transformers")
            return engine.create_student(target, texts, chosen.options, self.config.seed)
        return PolicyRef(kind="transformers", model=str(target))

    def update(self, iteration: int, policy: PolicyRef, base: PolicyRef) -> PolicyRef:
        """Train `policy` on D_0 ∪ … ∪ D_i; the result appears in the folder whole or not at all.

        Where there are no examples at all, the policy stays as it is.
        """
        folder = self.folder.iteration(iteration)
        stage = self._stage(iteration)
        if stage.done:
            return folder.policy
        examples = self._examples(iteration)
        if not examples:
            folder.save_policy(policy)
            return policy
        updater = self.components.updater if iteration else self.components.first_updater
        with stage.working():
            folder.save_policy(self._train(updater, folder, policy, base, examples))
        return folder.policy

    def _train(
        self,
        updater: Updater,
        folder: IterationFolder,
        policy: PolicyRef,
        base: PolicyRef,
        examples: Sequence[Example],
    ) -> PolicyRef:
        metrics = folder.metrics
        metrics.replace(())
        title = f"update on {len(examples)} examples"
        with self.screen.bar(title) as bar, made_aside(folder.policy_dir) as making:

            def log(values: Mapping[str, float]) -> None:
                metrics.append(Metrics(values=dict(values)))
                note = f"loss {values['loss']:.3f}" if "loss" in values else ""
                bar.update(int(values.get("step", 0)), int(values.get("steps", 0)) or None, note)

            context = UpdateContext(
                out_dir=making,
                base=base,
                iteration=folder.number,
                seed=self.config.seed_of(folder.number),
                log=log,
                work_dir=folder.work_dir,
                say=self.screen.say,
                rollouts=self._rollouts(folder.number),
                name=f"{self.folder.path.name}-{folder.path.name}",
                reports_dir=folder.reports_dir,
            )
            trained = updater.update(policy, examples, context)
        shutil.rmtree(folder.work_dir, ignore_errors=True)
        return relocated(trained, making, folder.policy_dir)

    def _examples(self, iteration: int) -> list[Example]:
        return [e for environment in self.environments for e in environment.aggregate(iteration)]

    def _rollouts(self, iteration: int) -> Callable[[], list[RolloutStep]] | None:
        """Return a reader of this iteration's rollouts in all environments; None without any."""
        readers = [environment.rollouts(iteration) for environment in self.environments]
        present = [read for read in readers if read is not None]
        return (lambda: [step for read in present for step in read()]) if present else None

    def _stage(self, iteration: int) -> Stage:
        bases = [environment.context.basis for environment in self.environments]
        basis = bases[0] if len(bases) == 1 else bases
        return self.folder.stage(iteration, "policy", [*basis, iteration, "policy"])
