"""Algorithm 1 of the paper, line by line.

1  D_0 <- demonstrations;  pi_0 <- SFT(D_0)
2  for i = 1 … N:
3      roll out pi_(i-1) on training tasks
4      for every failed trajectory: privileged state -> teacher -> corrections D_i
5      pi_i <- update on D_0 ∪ … ∪ D_i
6  return the best pi_i on the validation split
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from leap_core.config import RunConfig
from leap_core.evaluation import Evaluation
from leap_core.parts import build_parts, check_teacher, resolve_student
from leap_core.plugins import load_plugins
from leap_core.run.folder import RunFolder
from leap_core.run.progress import Screen
from leap_core.run.records import write_json
from leap_core.stages import Stages
from leap_core.types import Example, PolicyRef


@dataclass(frozen=True)
class IterationEvent:
    """What life-cycle hooks are told.

    Attributes:
        iteration: 0 is behaviour cloning.
        run_dir: the run folder; records of finished stages are in it.
        policy: the policy rolled out (before the update) or made (after it).
        evaluation: scores on the validation split, once there are some.
    """

    iteration: int
    run_dir: Path
    policy: PolicyRef | None = None
    evaluation: Evaluation | None = None


@dataclass(frozen=True)
class RunResult:
    """How a run ended: scores per iteration on validation, and on test for the first and best."""

    run_dir: Path
    best: int
    validation: list[Evaluation]
    test: dict[int, Evaluation]


def run_leap(config: RunConfig, run_dir: Path, screen: Screen) -> RunResult:
    """Run Algorithm 1, or go on with it where it stopped.

    Raises:
        ConfigError: the configuration cannot be run; nothing has been written then.
        RunFolderError: the folder is in use or belongs to another configuration.
        BudgetExceeded: the budget is spent; raise it and run again to go on.
    """
    parts = build_parts(config)
    resolve_student(config.student.model, config.student.adapter, parts.environment)
    check_teacher(config, parts.environment)
    run = RunFolder.prepare(run_dir, config)
    with run.locked():
        run.write_manifest(
            {
                "seed": config.seed,
                "environment": dict(parts.environment.fingerprint()),
                "layout": parts.writer.fingerprint(),
            }
        )
        return _Algorithm1(config, Stages(config, parts, run, screen), run, screen).run()


class _Algorithm1:
    """The loop itself; every stage does only what its run folder lacks."""

    def __init__(self, config: RunConfig, stages: Stages, run: RunFolder, screen: Screen) -> None:
        self.config = config
        self.stages = stages
        self.folder = run
        self.screen = screen

    def run(self) -> RunResult:
        demonstrations = self.stages.demonstrate()
        base = self.stages.student(demonstrations)
        policies = [self._clone(base, demonstrations)]
        validation = [self._validate(0, policies[0])]
        corrected: list[list[Example]] = []
        for i in range(1, self.config.iterations + 1):
            corrected.append(self._collect(i, policies[-1]))
            policies.append(self._update(i, policies[-1], base, demonstrations, corrected))
            validation.append(self._validate(i, policies[-1]))
        best = best_of(validation)
        test = self._test(policies, best)
        write_json(self.folder.path / "result.json", {"best": best, "iterations": len(validation)})
        return RunResult(self.folder.path, best, validation, test)

    def _clone(self, base: PolicyRef, demonstrations: Sequence[Example]) -> PolicyRef:
        """Line 1: behaviour cloning; without demonstrations the student is pi_0 itself."""
        self._tell("leap_before_iteration", 0, base)
        self.screen.say("iteration 0: behaviour cloning")
        if not demonstrations:
            self.folder.save_policy(0, base)
            return base
        policy = self.stages.update(0, base, base, demonstrations)
        self._tell("leap_after_update", 0, policy)
        return policy

    def _collect(self, i: int, policy: PolicyRef) -> list[Example]:
        """Lines 3 and 4: rollouts, and corrections of the failed ones."""
        self._tell("leap_before_iteration", i, policy)
        self.screen.say(f"iteration {i} of {self.config.iterations}")
        if self.config.learn_from == "demonstrations":
            return self.stages.demonstrate(i)
        trajectories = self.stages.roll_out(i, policy)
        self._tell("leap_after_rollouts", i, policy)
        failed = [t for t in trajectories if t.outcome == "failure" and t.steps]
        corrections = self.stages.correct(i, policy, failed)
        self._tell("leap_after_corrections", i, policy)
        return self.stages.examples(i, failed, corrections)

    def _update(
        self,
        i: int,
        policy: PolicyRef,
        base: PolicyRef,
        demonstrations: Sequence[Example],
        corrected: Sequence[Sequence[Example]],
    ) -> PolicyRef:
        """Line 5: the next policy, from everything collected so far."""
        if not corrected[-1]:
            self.screen.say(
                "  no corrections in this iteration; training goes on with what there is"
            )
        examples = self.stages.aggregate(i, demonstrations, corrected)
        updated = self.stages.update(i, policy, base, examples)
        self._tell("leap_after_update", i, updated)
        return updated

    def _validate(self, i: int, policy: PolicyRef) -> Evaluation:
        split, tasks = self.config.splits.validation, self.config.evaluation.tasks
        evaluation = self.stages.evaluate(i, policy, split, tasks, "validation")
        group = evaluation.overall
        self.screen.say(
            f"  pi_{i}: success {100 * group.success:.1f} % on {split} "
            f"({group.tasks} tasks, {group.actions:.1f} actions)"
        )
        self._tell("leap_after_iteration", i, policy, evaluation)
        return evaluation

    def _test(self, policies: Sequence[PolicyRef], best: int) -> dict[int, Evaluation]:
        """The first and the best policy on the test split, if one is configured."""
        split, tasks = self.config.splits.test, self.config.evaluation.test_tasks
        if split is None:
            return {}
        self.screen.say(f"test: pi_0 and the best policy, pi_{best}")
        chosen = dict.fromkeys((0, best))
        return {i: self.stages.evaluate(i, policies[i], split, tasks, "test") for i in chosen}

    def _tell(
        self,
        hook: str,
        iteration: int,
        policy: PolicyRef | None = None,
        evaluation: Evaluation | None = None,
    ) -> None:
        event = IterationEvent(iteration, self.folder.path, policy, evaluation)
        load_plugins().notify(hook, event)


def best_of(evaluations: Sequence[Evaluation]) -> int:
    """Line 6: highest success, then score, then fewest actions, then earliest."""

    def key(i: int) -> tuple[float, float, float, int]:
        group = evaluations[i].overall
        return (group.success, group.score, -group.actions, -i)

    return max(range(len(evaluations)), key=key)
