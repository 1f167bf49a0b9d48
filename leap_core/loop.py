"""Algorithm 1 of the paper, line by line.

1  D_0 <- demonstrations;  pi_0 <- SFT(D_0)
2  for i = 1 … N:
3      roll out pi_(i-1) on training tasks
4      for every failed trajectory: privileged state -> teacher -> corrections D_i
5      pi_i <- update on D_0 ∪ … ∪ D_i
6  return the best pi_i on the validation split

D_0 … D_i are on disk, each environment's in its own folder; every stage does only what its folder
lacks, so a run that was interrupted goes on where it stopped.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from leap_core.config.multi_environment import MultiEnvironmentConfig
from leap_core.config.schema import RunConfig
from leap_core.contracts.environment import EnvironmentContext
from leap_core.evaluation import Evaluation, best_of
from leap_core.hookspecs import IterationEvent
from leap_core.plugins.manager import load_plugins
from leap_core.runs.folder import RunFolder
from leap_core.runs.ledger import Ledger
from leap_core.runs.progress import Screen
from leap_core.stages.components import Components, build_components, check_teacher
from leap_core.stages.context import RunContext, identity_of, spending_limit
from leap_core.stages.engines import check_generation
from leap_core.stages.environment_run import EnvironmentRun
from leap_core.stages.students import resolve_students
from leap_core.stages.updates import UpdateStage
from leap_core.types import PolicyRef


@dataclass(frozen=True, kw_only=True)
class RunResult:
    """Scores of a finished run in one environment.

    Attributes:
        run_dir: folder of the run (in a run in several, of this environment's part).
        environment: label of the environment in a run in several, else "".
        best: iteration of the best policy.
        validation: scores of each iteration's policy on the validation split.
        test: scores on the test split by iteration, for the first and the best policy.
        policy: folder of the best policy.
    """

    run_dir: Path
    environment: str
    best: int
    validation: list[Evaluation]
    test: dict[int, Evaluation]
    policy: Path


def run_leap(
    config: RunConfig | MultiEnvironmentConfig, run_dir: Path, screen: Screen
) -> list[RunResult]:
    """Run Algorithm 1 in one environment or several, or go on with it where it stopped.

    Returns one result for each environment.

    Raises:
        ConfigError: the configuration cannot be run; nothing has been written then.
        RunFolderError: the folder is in use or belongs to another configuration.
        BudgetExceeded: the budget is spent; raise it and run again to go on.
    """
    configs = config.runs if isinstance(config, MultiEnvironmentConfig) else {"": config}
    components = _checked_components(configs)
    if isinstance(config, MultiEnvironmentConfig):
        home, folders = RunFolder.prepare_several(run_dir, config, identity_of)
    else:
        home = RunFolder.prepare(run_dir, config, identity_of)
        folders = {"": home}
    budget = spending_limit(next(iter(configs.values())))
    with home.locked(), closing(Ledger(home.ledger_path, budget)) as ledger:
        contexts = [
            RunContext(config, components[label], folders[label], screen, ledger, label)
            for label, config in configs.items()
        ]
        for context in contexts:
            _write_manifest(context)
            context.components.environment.context = EnvironmentContext(
                ledger, context.folder.cache, context.config.seed
            )
        return _Algorithm1(contexts, home, screen).run()


class _Algorithm1:
    """The loop itself, over the stages of each environment and the updates of the one student."""

    def __init__(self, contexts: Sequence[RunContext], home: RunFolder, screen: Screen) -> None:
        self.environments = [EnvironmentRun(context) for context in contexts]
        self.updates = UpdateStage(self.environments, home, screen)
        self.config = contexts[0].config
        self.home = home
        self.screen = screen

    def run(self) -> list[RunResult]:
        for environment in self.environments:
            environment.demonstrate()
        base = self.updates.student()
        policies = [self._clone(base)]
        self._validate(0, policies[0])
        for i in range(1, self.config.iterations + 1):
            self._tell("leap_before_iteration", i, policies[-1])
            self.screen.say(f"iteration {i} of {self.config.iterations}")
            collected = [self._collect(i, e, policies[-1]) for e in self.environments]
            policies.append(self._update(i, policies[-1], base, sum(collected)))
            self._validate(i, policies[-1])
        return self._results(policies)

    def _clone(self, base: PolicyRef) -> PolicyRef:
        """Line 1: behaviour cloning; without demonstrations the student is pi_0 itself."""
        self._tell("leap_before_iteration", 0, base)
        self.screen.say("iteration 0: behaviour cloning")
        policy = self.updates.update(0, base, base)
        self._tell("leap_after_update", 0, policy)
        return policy

    def _collect(self, i: int, environment: EnvironmentRun, policy: PolicyRef) -> int:
        """Lines 3 and 4: rollouts in one environment, corrections of the failed ones, D_i.

        Returns the size of D_i.
        """
        if environment.context.label:
            self.screen.say(f"  in {environment.context.label}")
        if self.config.learn_from == "demonstrations":
            return len(environment.demonstrate(i))
        trajectories = environment.roll_out(i, policy)
        self._tell("leap_after_rollouts", i, policy, environment=environment)
        failed = [t for t in trajectories if t.outcome == "failure" and t.steps]
        corrections = environment.correct(i, policy, failed)
        self._tell("leap_after_corrections", i, policy, environment=environment)
        return len(environment.examples(i, failed, corrections))

    def _update(self, i: int, policy: PolicyRef, base: PolicyRef, collected: int) -> PolicyRef:
        """Line 5: the next policy, from everything collected so far."""
        if not collected:
            self.screen.say(
                "  no corrections in this iteration; training goes on with what there is"
            )
        updated = self.updates.update(i, policy, base)
        self._tell("leap_after_update", i, updated)
        return updated

    def _validate(self, i: int, policy: PolicyRef) -> None:
        """Score a policy on the validation split of every environment."""
        for environment in self.environments:
            context = environment.context
            split, tasks = context.config.splits.validation, context.config.evaluation.tasks
            context.folder.iteration(i).save_policy(policy)
            evaluation = environment.evaluate(i, policy, split, tasks)
            scores = evaluation.overall
            where = f" in {context.label}" if context.label else ""
            self.screen.say(
                f"  pi_{i}{where}: success {100 * scores.success:.1f} % on {split} "
                f"({scores.tasks} tasks, {scores.actions:.1f} actions)"
            )
            self._tell("leap_after_iteration", i, policy, evaluation, environment)

    def _results(self, policies: Sequence[PolicyRef]) -> list[RunResult]:
        """Line 6: the best policy; it and pi_0 are scored on the test splits, if there are any."""
        validation = [self._scores(environment) for environment in self.environments]
        best = best_of(*validation)
        if any(e.config.splits.test for e in self.environments):
            self.screen.say(f"test: pi_0 and the best policy, pi_{best}")
        results = []
        for environment, scores in zip(self.environments, validation, strict=True):
            folder = environment.folder
            test = self._test(environment, policies, best)
            folder.save_result(best, len(policies))
            results.append(
                RunResult(
                    run_dir=folder.path,
                    environment=environment.context.label,
                    best=best,
                    validation=scores,
                    test=test,
                    policy=self.home.iteration(best).policy_dir,
                )
            )
        self.home.save_result(best, len(policies))
        return results

    def _scores(self, environment: EnvironmentRun) -> list[Evaluation]:
        folders = [environment.folder.iteration(i) for i in range(self.config.iterations + 1)]
        return [scores for f in folders if (scores := f.evaluation()) is not None]

    def _test(
        self, environment: EnvironmentRun, policies: Sequence[PolicyRef], best: int
    ) -> dict[int, Evaluation]:
        split, tasks = environment.config.splits.test, environment.config.evaluation.test_tasks
        if split is None:
            return {}
        return {
            i: environment.evaluate(i, policies[i], split, tasks, "test")
            for i in dict.fromkeys((0, best))
        }

    def _tell(
        self,
        hook: str,
        iteration: int,
        policy: PolicyRef | None = None,
        evaluation: Evaluation | None = None,
        environment: EnvironmentRun | None = None,
    ) -> None:
        folder = environment.folder if environment else self.home
        label = environment.context.label if environment else ""
        event = IterationEvent(
            iteration=iteration,
            run_dir=folder.path,
            policy=policy,
            evaluation=evaluation,
            environment=label,
        )
        load_plugins().notify(hook, event)


def _checked_components(configs: Mapping[str, RunConfig]) -> dict[str, Components]:
    """Build the components of each environment's run, and check all that can be checked now."""
    components = {label: build_components(config) for label, config in configs.items()}
    student = next(iter(configs.values())).student
    environments = [c.environment for c in components.values()]
    policy = resolve_students(student.model, student.adapter, environments)
    for label, config in configs.items():
        if policy is not None:
            check_generation(config.student.generation, policy, config.server)
        check_teacher(config, components[label].environment)
        components[label].first_updater.check()
        if config.iterations:
            components[label].updater.check()
    return components


def _write_manifest(context: RunContext) -> None:
    context.folder.write_manifest(
        {
            "seed": context.config.seed,
            "environment": dict(context.components.environment.fingerprint()),
            "layout": context.components.writer.fingerprint(),
        }
    )
