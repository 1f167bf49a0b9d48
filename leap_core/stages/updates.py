"""The student's side of a run: the model it begins with, and every iteration's update."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from leap_core.contracts.updater import RolloutStep, UpdateContext, Updater
from leap_core.run.folder import RunFolder, made_aside
from leap_core.run.progress import Screen
from leap_core.run.records import Records
from leap_core.stages.environment_run import EnvironmentRun
from leap_core.stages.students import resolve_students
from leap_core.types import Example, PolicyRef


@dataclass(frozen=True)
class Metrics:
    """One logging step of an update."""

    values: dict[str, float]


class UpdateStage:
    """Updates of one student from the examples of one or several environments."""

    def __init__(
        self, environments: Sequence[EnvironmentRun], run: RunFolder, screen: Screen
    ) -> None:
        self.environments = environments
        self.run = run
        self.screen = screen
        # What concerns the student is the same in all of them.
        self.config = environments[0].config
        self.components = environments[0].components
        bases = [stages.basis for stages in environments]
        self.basis = bases[0] if len(bases) == 1 else bases

    def student(self, demonstrations: Sequence[Example]) -> PolicyRef:
        """The student before any training; a `tiny` one is made here."""
        chosen = self.config.student
        places = [stages.components.environment for stages in self.environments]
        known = resolve_students(chosen.model, chosen.adapter, places)
        if known is not None:
            return known
        target = self.run.iteration(0) / "student"
        if not (target / "config.json").exists():
            from leap_core.local.tiny_student import TinyOptions, build_tiny
            from leap_core.plugins.registry import build_options

            options = build_options(_Tiny, chosen.options, "student.options")
            texts = [e.prompt.text + e.reply for e in demonstrations]
            assert isinstance(options, TinyOptions)
            with made_aside(target) as folder:
                build_tiny(folder, texts, options, self.config.seed)
        return PolicyRef("transformers", str(target))

    def update(
        self, iteration: int, policy: PolicyRef, base: PolicyRef, examples: Sequence[Example]
    ) -> PolicyRef:
        """Train; the policy appears in the run folder whole or not at all."""
        stage = self.run.stage(iteration, "policy", [*self.basis, iteration, "policy"])
        if stage.done:
            return self.run.load_policy(iteration)
        updater = self.components.updater if iteration else self.components.first_updater
        with stage.working():
            trained = self._train(updater, iteration, policy, base, examples)
            self.run.save_policy(iteration, trained)
        return self.run.load_policy(iteration)

    def _train(
        self,
        updater: Updater,
        iteration: int,
        policy: PolicyRef,
        base: PolicyRef,
        examples: Sequence[Example],
    ) -> PolicyRef:
        target = self.run.iteration(iteration) / "policy"
        work = target.with_name(".policy.checkpoints")
        metrics = Records(self.run.iteration(iteration) / "metrics.jsonl", Metrics)
        metrics.replace(())
        title = f"update on {len(examples)} examples"
        with self.screen.bar(title) as bar, made_aside(target) as folder:

            def log(values: Mapping[str, float]) -> None:
                metrics.append(Metrics(dict(values)))
                note = f"loss {values['loss']:.3f}" if "loss" in values else ""
                bar.update(int(values.get("step", 0)), int(values.get("steps", 0)) or None, note)

            context = UpdateContext(
                folder, base, iteration, self.config.seed_of(iteration), log,
                work_dir=work, say=self.screen.say, rollouts=self._rollouts(iteration),
                name=f"{self.run.path.name}-{iteration:02d}",
                reports_dir=self.run.iteration(iteration) / "reports",
            )  # fmt: skip
            trained = updater.update(policy, examples, context)
        shutil.rmtree(work, ignore_errors=True)
        return _moved(trained, folder, target)

    def _rollouts(self, iteration: int) -> Callable[[], list[RolloutStep]] | None:
        """This iteration's rollouts in all environments; None where there are none."""
        readers = [stages.rollouts(iteration) for stages in self.environments]
        present = [read for read in readers if read is not None]
        return (lambda: [step for read in present for step in read()]) if present else None


def _moved(policy: PolicyRef, old: Path, new: Path) -> PolicyRef:
    """The same policy after its folder was moved from `old` to `new`."""
    fields = asdict(policy)
    for key in ("model", "adapter"):
        if fields[key] and Path(fields[key]).is_relative_to(old):
            fields[key] = str(new / Path(fields[key]).relative_to(old))
    return PolicyRef(**fields)


class _Tiny:
    """Gives the options of the tiny student to `build_options`, without importing torch."""

    from leap_core.local.tiny_student import TinyOptions as Options
