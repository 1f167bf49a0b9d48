"""What a run asks its teacher, each thing once: corrections, and reasons for demonstrations."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from leap_core.config.schema import RunConfig
from leap_core.contracts.teacher import Brief, Teacher, TeacherContext
from leap_core.correction import (
    CorrectionOutcome,
    CorrectionSettings,
    Explained,
    correct_trajectories,
    explain_demonstrations,
)
from leap_core.rollout import privileged_state_workers
from leap_core.run.folder import RunFolder, Stage
from leap_core.run.ledger import Ledger, SpendingLimit
from leap_core.run.progress import Screen
from leap_core.run.records import Records
from leap_core.stages.components import Components, build_teacher
from leap_core.types import Correction, PolicyRef, Rejection, Trajectory, Usage


@dataclass(frozen=True)
class TeacherRecord:
    """What the teacher made of one trajectory: one line of teacher.jsonl."""

    task_id: str
    seed: int
    corrections: int
    rejections: int
    summary: str
    usage: Usage
    problems: tuple[str, ...]
    error: str | None
    measures: dict[str, float] = field(default_factory=dict)
    confirmed: tuple[int, ...] = ()


class CorrectionStage:
    """The teacher of a run, over the run's folder, ledger and budget."""

    def __init__(
        self, config: RunConfig, components: Components, run: RunFolder, screen: Screen
    ) -> None:
        self.config = config
        self.components = components
        self.run = run
        self.screen = screen

    def correct(
        self, stage: Stage, iteration: int, policy: PolicyRef, failed: Sequence[Trajectory]
    ) -> list[Correction]:
        """The teacher's corrections of the failed trajectories; those on file are not asked for."""
        folder = self.run.iteration(iteration)
        corrections = Records(folder / "corrections.jsonl", Correction)
        rejected = Records(folder / "rejected.jsonl", Rejection)
        answers = Records(folder / "teacher.jsonl", TeacherRecord)
        if not stage.done:
            with stage.working():
                answers.repair()
                answered = {(a.task_id, a.seed) for a in answers}
                corrections.keep(lambda c: (c.task_id, c.seed) in answered)
                rejected.keep(lambda r: (r.task_id, r.seed) in answered)
                missing = [t for t in failed if (t.task.id, t.seed) not in answered]
                asyncio.run(self._ask(policy, missing, iteration, corrections, rejected, answers))
                for records in (corrections, rejected, answers):
                    if not records.path.exists():
                        records.replace(())
        self._tell_corrections(answers, rejected)
        return list(corrections)

    async def _ask(
        self,
        policy: PolicyRef,
        trajectories: Sequence[Trajectory],
        iteration: int,
        corrections: Records[Correction],
        rejected: Records[Rejection],
        answers: Records[TeacherRecord],
    ) -> None:
        chosen = self.config.teacher
        assert chosen is not None and self.components.source is not None
        with self.screen.bar(f"corrections ({chosen.name})", len(trajectories)) as bar:

            def keep(outcome: CorrectionOutcome) -> None:
                for correction in outcome.corrections:
                    corrections.append(correction)
                for rejection in outcome.rejections:
                    rejected.append(rejection)
                answers.append(_answer(outcome))
                bar.advance()

            async with self._teacher(iteration, policy) as teacher:
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
                    )

    def _tell_corrections(
        self, answers: Records[TeacherRecord], rejected: Records[Rejection]
    ) -> None:
        told = list(answers)
        kept = sum(a.corrections for a in told)
        errors = [a for a in told if a.error]
        text = f"  {kept} corrections of {len(told)} failed trajectories"
        turned_down = list(rejected)
        if turned_down:
            text += f", {len(turned_down)} rejected"
        if errors:
            text += f", {len(errors)} trajectories without an answer (first: {errors[0].error})"
        self.screen.say(text)

    def confirmed(self, iteration: int) -> dict[tuple[str, int], tuple[int, ...]]:
        """Steps to learn as they were, by (task, seed); none where the configuration wants none."""
        chosen = self.config.teacher
        if chosen is None or not chosen.confirmed:
            return {}
        answers = Records(self.run.iteration(iteration) / "teacher.jsonl", TeacherRecord)
        return {(a.task_id, a.seed): a.confirmed for a in answers}

    def explain(self, iteration: int, shown: Sequence[Trajectory]) -> list[Trajectory]:
        """The demonstrations with the teacher's reasons; one without an answer keeps its own."""
        return asyncio.run(self._explain(iteration, shown))

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
        """The teacher, with this run's ledger and budget."""
        limits = SpendingLimit(self.config.budget.dollars, self.config.budget.tokens)
        ledger = Ledger(self.run.ledger_path, limits)
        context = TeacherContext(
            environment=self.components.environment,
            ledger=ledger,
            cache_dir=self.run.cache_dir,
            student=student,
            seed=self.config.seed_of(iteration),
        )
        teacher = build_teacher(self.config, context)
        try:
            yield teacher
        finally:
            await teacher.aclose()
            ledger.close()

    def _brief(self) -> Brief:
        assert self.config.teacher is not None
        return Brief(self.config.teacher.level, self.components.environment.guidance)


def _answer(outcome: CorrectionOutcome) -> TeacherRecord:
    return TeacherRecord(
        outcome.task_id,
        outcome.seed,
        len(outcome.corrections),
        len(outcome.rejections),
        outcome.summary,
        outcome.usage,
        outcome.problems,
        outcome.error,
        dict(outcome.measures),
        outcome.confirmed,
    )
