"""What a run asks its teacher, each thing once: corrections, and reasons for demonstrations."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from leap_core.contracts.teacher import Brief, Teacher, TeacherContext
from leap_core.correction import (
    CorrectionOutcome,
    CorrectionSettings,
    Explained,
    correct_trajectories,
    explain_demonstrations,
)
from leap_core.correction.ordered_async import run_async
from leap_core.correction.second_pass import JudgePass, SecondPass
from leap_core.rollout import privileged_state_workers
from leap_core.runs.iteration import IterationFolder
from leap_core.stages.components import build_judge, build_teacher
from leap_core.stages.context import RunContext
from leap_core.stages.likelihood_pass import LikelihoodPass, states_to_swap
from leap_core.types import Correction, PolicyRef, TeacherRecord, Trajectory


class CorrectionStage:
    """The teacher of a run, over the run's folder, ledger and budget."""

    def __init__(self, context: RunContext) -> None:
        self.context = context
        self.config = context.config
        self.components = context.components
        self.screen = context.screen

    def correct(
        self, iteration: int, policy: PolicyRef, failed: Sequence[Trajectory]
    ) -> list[Correction]:
        """Return the teacher's corrections of the failed trajectories.

        Trajectories that are on file are not asked about again.
        """
        folder = self.context.folder.iteration(iteration)
        stage = self.context.stage(iteration, "corrections")
        if not stage.done:
            with stage.working():
                folder.teacher.repair()
                answered = {(a.task_id, a.seed) for a in folder.teacher}
                folder.corrections.keep(lambda c: (c.task_id, c.seed) in answered)
                folder.rejected.keep(lambda r: (r.task_id, r.seed) in answered)
                missing = [t for t in failed if (t.task.id, t.seed) not in answered]
                run_async(self._ask(policy, missing, failed, folder))
                for records in (folder.corrections, folder.rejected, folder.teacher):
                    if not records.path.exists():
                        records.replace(())
        self._tell_corrections(folder)
        return list(folder.corrections)

    async def _ask(
        self,
        policy: PolicyRef,
        trajectories: Sequence[Trajectory],
        failed: Sequence[Trajectory],
        folder: IterationFolder,
    ) -> None:
        chosen = self.config.teacher
        assert chosen is not None and self.components.source is not None
        with self.screen.bar(f"corrections ({chosen.name})", len(trajectories)) as bar:

            def keep(outcome: CorrectionOutcome) -> None:
                for correction in outcome.corrections:
                    folder.corrections.append(correction)
                for rejection in outcome.rejections:
                    folder.rejected.append(rejection)
                folder.teacher.append(_record(outcome))
                bar.advance()

            async with (
                self._teacher(folder.number, policy) as teacher,
                self._second_pass(folder.number, policy, failed) as second,
            ):
                workers = privileged_state_workers(
                    self.config.rollouts, self.components.source, chosen.concurrency
                )
                with workers as replay:
                    await correct_trajectories(
                        trajectories,
                        source=self.components.source,
                        teacher=teacher,
                        brief=self._brief(),
                        settings=CorrectionSettings(
                            chosen.concurrency, chosen.leaks, teacher=chosen.name
                        ),
                        on_outcome=keep,
                        states=replay.states if replay else None,
                        second=second,
                    )

    def _tell_corrections(self, folder: IterationFolder) -> None:
        told = list(folder.teacher)
        kept = sum(a.corrections for a in told)
        errors = [a for a in told if a.error]
        text = f"  {kept} corrections of {len(told)} failed trajectories"
        rejected = folder.rejected.count()
        if rejected:
            text += f", {rejected} rejected"
        if errors:
            text += f", {len(errors)} trajectories without an answer (first: {errors[0].error})"
        silent = sum(a.measures.get("audit_without_verdict", 0.0) for a in told)
        if silent:
            asked = sum(a.measures.get("audited", 0.0) for a in told)
            text += f", no verdict of the leak audit on {silent:.0f} of {asked:.0f}"
        self.screen.say(text)

    def confirmed(self, iteration: int) -> dict[tuple[str, int], tuple[int, ...]]:
        """Steps to learn as they were, by (task, seed); none where the configuration wants none."""
        chosen = self.config.teacher
        if chosen is None or not chosen.confirmed:
            return {}
        records = self.context.folder.iteration(iteration).teacher
        return {(r.task_id, r.seed): r.confirmed for r in records}

    def explain(self, iteration: int, shown: Sequence[Trajectory]) -> list[Trajectory]:
        """The demonstrations with the teacher's reasons; one without an answer keeps its own."""
        return run_async(self._explain(iteration, shown))

    async def _explain(self, iteration: int, shown: Sequence[Trajectory]) -> list[Trajectory]:
        chosen = self.config.teacher
        assert chosen is not None
        explained: list[Explained] = []
        with self.screen.bar(f"reasons ({chosen.name})", len(shown)) as bar:

            def keep(one: Explained) -> None:
                explained.append(one)
                bar.advance()

            async with self._teacher(iteration, None) as teacher:
                await explain_demonstrations(
                    shown,
                    teacher=teacher,
                    brief=self._brief(),
                    concurrency=chosen.concurrency,
                    on_explained=keep,
                )
        errors = [one.error for one in explained if one.error]
        if errors:
            self.screen.say(f"  {len(errors)} demonstrations keep their reasons: {errors[0]}")
        return [one.trajectory for one in explained]

    @asynccontextmanager
    async def _teacher(self, iteration: int, student: PolicyRef | None) -> AsyncIterator[Teacher]:
        """Build the teacher, with this run's ledger and budget; close it at the end."""
        teacher = build_teacher(self.config, self._lent(iteration, student))
        try:
            yield teacher
        finally:
            await teacher.aclose()

    @asynccontextmanager
    async def _second_pass(
        self, iteration: int, student: PolicyRef, failed: Sequence[Trajectory]
    ) -> AsyncIterator[SecondPass | None]:
        """Build what looks for leaks after the rules, if anything does; close it at the end."""
        chosen, source = self.config.teacher, self.components.source
        assert chosen is not None and source is not None
        if chosen.audit.likelihood is not None:
            swaps = states_to_swap(source, failed)
            writer = self.components.writer
            yield LikelihoodPass(student, writer, swaps, chosen.audit.likelihood)
        elif chosen.audit.judge is None:
            yield None
        else:
            judge = build_judge(chosen.audit.judge, self._lent(iteration, student))
            try:
                yield JudgePass(judge)
            finally:
                await judge.aclose()

    def _lent(self, iteration: int, student: PolicyRef | None) -> TeacherContext:
        return TeacherContext(
            environment=self.components.environment,
            ledger=self.context.ledger,
            cache_dir=self.context.folder.cache,
            student=student,
            seed=self.config.seed_of(iteration),
        )

    def _brief(self) -> Brief:
        assert self.config.teacher is not None
        return Brief(level=self.config.teacher.level, rules=self.components.environment.guidance)


def _record(outcome: CorrectionOutcome) -> TeacherRecord:
    return TeacherRecord(
        task_id=outcome.task_id,
        seed=outcome.seed,
        corrections=len(outcome.corrections),
        rejections=len(outcome.rejections),
        summary=outcome.summary,
        usage=outcome.usage,
        problems=outcome.problems,
        error=outcome.error,
        measures=dict(outcome.measures),
        confirmed=outcome.confirmed,
    )
