"""Algorithm 1 of the paper, line by line.

1  D_0 <- demonstrations;  pi_0 <- SFT(D_0)
2  for i = 1 … N:
3      roll out pi_(i-1) on training tasks
4      for every failed trajectory: privileged state -> teacher -> corrections D_i
5      pi_i <- update on D_0 ∪ … ∪ D_i
6  return the best pi_i on the validation split
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from leap_core.config.multi_environment import MultiEnvironmentConfig
from leap_core.config.schema import RunConfig
from leap_core.evaluation import Evaluation
from leap_core.hookspecs import IterationEvent
from leap_core.plugins.manager import load_plugins
from leap_core.run.folder import RunFolder
from leap_core.run.progress import Screen
from leap_core.run.records import write_json
from leap_core.stages.components import Components, build_components, check_teacher
from leap_core.stages.environment_run import EnvironmentRun
from leap_core.stages.students import resolve_students
from leap_core.stages.updates import UpdateStage
from leap_core.types import Example, PolicyRef


@dataclass(frozen=True)
class RunResult:
    """How a run ended: scores per iteration on validation, and on test for the first and best.

    `policy` is the folder of the best policy.
    """

    run_dir: Path
    best: int
    validation: list[Evaluation]
    test: dict[int, Evaluation]
    policy: Path


def run_leap(config: RunConfig, run_dir: Path, screen: Screen) -> RunResult:
    """Run Algorithm 1, or go on with it where it stopped.

    Raises:
        ConfigError: the configuration cannot be run; nothing has been written then.
        RunFolderError: the folder is in use or belongs to another configuration.
        BudgetExceeded: the budget is spent; raise it and run again to go on.
    """
    parts = _checked({"": config})
    run = RunFolder.prepare(run_dir, config)
    return _run(run, {"": config}, {"": run}, parts, screen)[0]


def run_combined(config: MultiEnvironmentConfig, run_dir: Path, screen: Screen) -> list[RunResult]:
    """Run Algorithm 1 with one student in several environments; a result for each.

    Raises:
        LeapError: as `run_leap`.
    """
    parts = _checked(config.runs)
    run, folders = RunFolder.prepare_combined(run_dir, config)
    return _run(run, config.runs, folders, parts, screen)


def _checked(configs: Mapping[str, RunConfig]) -> dict[str, Components]:
    """The parts of each environment's run, all of them checked."""
    parts = {label: build_components(config) for label, config in configs.items()}
    chosen = next(iter(configs.values())).student
    resolve_students(chosen.model, chosen.adapter, [p.environment for p in parts.values()])
    for label, config in configs.items():
        check_teacher(config, parts[label].environment)
        parts[label].first_updater.check()
        if config.iterations:
            parts[label].updater.check()
    return parts


def _run(
    run: RunFolder,
    configs: Mapping[str, RunConfig],
    folders: Mapping[str, RunFolder],
    parts: Mapping[str, Components],
    screen: Screen,
) -> list[RunResult]:
    with run.locked():
        stages = []
        for label, config in configs.items():
            folders[label].write_manifest(
                {
                    "seed": config.seed,
                    "environment": dict(parts[label].environment.fingerprint()),
                    "layout": parts[label].writer.fingerprint(),
                }
            )
            stages.append(EnvironmentRun(config, parts[label], folders[label], screen, label))
        return _Algorithm1(stages, UpdateStage(stages, run, screen), run, screen).run()


class _Algorithm1:
    """The loop itself; every stage does only what its run folder lacks.

    There is one student, and as a rule one environment; where there are several, each has its own
    demonstrations, rollouts, corrections and scores, and the updates learn from all.
    """

    def __init__(
        self,
        environments: Sequence[EnvironmentRun],
        learning: UpdateStage,
        run: RunFolder,
        screen: Screen,
    ) -> None:
        self.environments = environments
        self.learning = learning
        self.config = learning.config
        self.folder = run
        self.screen = screen

    def run(self) -> list[RunResult]:
        demonstrations = [stages.demonstrate() for stages in self.environments]
        base = self.learning.student(_joined(demonstrations))
        policies = [self._clone(base, _joined(demonstrations))]
        validation = [self._validate(0, policies[0])]
        corrected: list[list[list[Example]]] = [[] for _ in self.environments]
        for i in range(1, self.config.iterations + 1):
            self._tell("leap_before_iteration", i, policies[-1])
            self.screen.say(f"iteration {i} of {self.config.iterations}")
            for stages, parts in zip(self.environments, corrected, strict=True):
                parts.append(self._collect(i, stages, policies[-1]))
            policies.append(self._update(i, policies[-1], base, demonstrations, corrected))
            validation.append(self._validate(i, policies[-1]))
        best = best_of(*zip(*validation, strict=True))
        tests = self._test(policies, best)
        return [
            self._result(best, stages, [scores[n] for scores in validation], tests[n])
            for n, stages in enumerate(self.environments)
        ]

    def _clone(self, base: PolicyRef, demonstrations: Sequence[Example]) -> PolicyRef:
        """Line 1: behaviour cloning; without demonstrations the student is pi_0 itself."""
        self._tell("leap_before_iteration", 0, base)
        self.screen.say("iteration 0: behaviour cloning")
        if not demonstrations:
            self.folder.save_policy(0, base)
            return base
        policy = self.learning.update(0, base, base, demonstrations)
        self._tell("leap_after_update", 0, policy)
        return policy

    def _collect(self, i: int, stages: EnvironmentRun, policy: PolicyRef) -> list[Example]:
        """Lines 3 and 4: rollouts in one environment, and corrections of the failed ones."""
        if stages.label:
            self.screen.say(f"  in {stages.label}")
        if self.config.learn_from == "demonstrations":
            return stages.demonstrate(i)
        trajectories = stages.roll_out(i, policy)
        self._tell("leap_after_rollouts", i, policy, stages=stages)
        failed = [t for t in trajectories if t.outcome == "failure" and t.steps]
        corrections = stages.correct(i, policy, failed)
        self._tell("leap_after_corrections", i, policy, stages=stages)
        return stages.examples(i, failed, corrections)

    def _update(
        self,
        i: int,
        policy: PolicyRef,
        base: PolicyRef,
        demonstrations: Sequence[Sequence[Example]],
        corrected: Sequence[Sequence[Sequence[Example]]],
    ) -> PolicyRef:
        """Line 5: the next policy, from everything collected so far."""
        if not any(parts[-1] for parts in corrected):
            self.screen.say(
                "  no corrections in this iteration; training goes on with what there is"
            )
        examples = _joined(
            [
                stages.aggregate(i, shown, parts)
                for stages, shown, parts in zip(
                    self.environments, demonstrations, corrected, strict=True
                )
            ]
        )
        updated = self.learning.update(i, policy, base, examples)
        self._tell("leap_after_update", i, updated)
        return updated

    def _validate(self, i: int, policy: PolicyRef) -> list[Evaluation]:
        """Scores on the validation split of every environment."""
        return [self._score(i, policy, stages) for stages in self.environments]

    def _score(self, i: int, policy: PolicyRef, stages: EnvironmentRun) -> Evaluation:
        split, tasks = stages.config.splits.validation, stages.config.evaluation.tasks
        if stages.label:
            stages.run.save_policy(i, policy)
        evaluation = stages.evaluate(i, policy, split, tasks, "validation")
        group = evaluation.overall
        where = f" in {stages.label}" if stages.label else ""
        self.screen.say(
            f"  pi_{i}{where}: success {100 * group.success:.1f} % on {split} "
            f"({group.tasks} tasks, {group.actions:.1f} actions)"
        )
        self._tell("leap_after_iteration", i, policy, evaluation, stages)
        return evaluation

    def _test(self, policies: Sequence[PolicyRef], best: int) -> list[dict[int, Evaluation]]:
        """The first and the best policy on the test splits, where some are configured."""
        if any(stages.config.splits.test for stages in self.environments):
            self.screen.say(f"test: pi_0 and the best policy, pi_{best}")
        tests: list[dict[int, Evaluation]] = []
        for stages in self.environments:
            split, tasks = stages.config.splits.test, stages.config.evaluation.test_tasks
            chosen = dict.fromkeys((0, best)) if split is not None else {}
            tests.append(
                {i: stages.evaluate(i, policies[i], str(split), tasks, "test") for i in chosen}
            )
        return tests

    def _result(
        self,
        best: int,
        stages: EnvironmentRun,
        validation: list[Evaluation],
        test: dict[int, Evaluation],
    ) -> RunResult:
        """What came of the run in one environment; also left in its folder."""
        record = {"best": best, "iterations": len(validation)}
        for folder in dict.fromkeys((stages.run.path, self.folder.path)):
            write_json(folder / "result.json", record)
        policy = self.folder.iteration(best) / "policy"
        return RunResult(stages.run.path, best, validation, test, policy)

    def _tell(
        self,
        hook: str,
        iteration: int,
        policy: PolicyRef | None = None,
        evaluation: Evaluation | None = None,
        stages: EnvironmentRun | None = None,
    ) -> None:
        folder, label = (stages.run, stages.label) if stages else (self.folder, "")
        event = IterationEvent(iteration, folder.path, policy, evaluation, label)
        load_plugins().notify(hook, event)


def best_of(*environments: Sequence[Evaluation]) -> int:
    """Line 6: highest success, then score, then fewest actions, then earliest.

    Where there are several environments, the means over them count.
    """

    def key(i: int) -> tuple[float, float, float, int]:
        groups = [evaluations[i].overall for evaluations in environments]
        means = [
            sum(values) / len(groups)
            for values in zip(*((g.success, g.score, -g.actions) for g in groups), strict=True)
        ]
        return (means[0], means[1], means[2], -i)

    return max(range(len(environments[0])), key=key)


def _joined(parts: Sequence[Sequence[Example]]) -> list[Example]:
    return [example for part in parts for example in part]
