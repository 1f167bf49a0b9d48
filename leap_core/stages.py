"""The arrows of the floor plan, each resumable: do what is missing, then hand over the records."""

from __future__ import annotations

import asyncio
import random
import shutil
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from leap_core.config import Generation, RunConfig, substance
from leap_core.correction import (
    CorrectionOutcome,
    CorrectionSettings,
    Explained,
    correct_trajectories,
    explain_demonstrations,
)
from leap_core.evaluation import Evaluation, evaluate
from leap_core.examples import (
    aggregate,
    examples_from_corrections,
    examples_from_demonstrations,
    seen_steps,
)
from leap_core.parts import Parts, build_engine, build_teacher, decoding, resolve_student
from leap_core.rollout import roll_out
from leap_core.run.folder import RunFolder, Stage, made_aside
from leap_core.run.ledger import Budget, Ledger
from leap_core.run.progress import Screen
from leap_core.run.records import Records, read_json, write_json
from leap_core.teacher import Brief, Teacher, TeacherContext
from leap_core.types import (
    Correction,
    Example,
    PolicyRef,
    Rejection,
    Task,
    Trajectory,
    Usage,
)
from leap_core.updater import SeenStep, UpdateContext, Updater

_EVALUATION = TypeAdapter(Evaluation)


@dataclass(frozen=True)
class Answer:
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


class Stages:
    """The stages of a run over its folder."""

    def __init__(self, config: RunConfig, parts: Parts, run: RunFolder, screen: Screen) -> None:
        self.config = config
        self.parts = parts
        self.run = run
        self.screen = screen
        self.basis = [substance(config), dict(parts.environment.fingerprint())]

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
                        records, self.parts.writer, self.config.environment.name, iteration
                    )
                )
        return list(examples)

    def _record_demonstrations(self, iteration: int, records: Records[Trajectory]) -> None:
        wanted = self.config.demonstrations
        count = self.config.rollouts.tasks if iteration else wanted.tasks
        tasks = self._draw(self.config.splits.train, count, iteration)
        kinds = self.parts.environment.demonstration_kinds()
        if not tasks or not kinds:
            records.replace(())
            return
        kind = wanted.kind or kinds[0]
        with self.screen.bar(f"demonstrations ({kind})", len(tasks)) as bar:
            shown = []
            for trajectory in self.parts.environment.demonstrations(tasks, kind):
                shown.append(trajectory)
                bar.advance()
        if wanted.reasons == "teacher":
            shown = asyncio.run(self._explain(iteration, shown))
        records.replace(shown)

    async def _explain(self, iteration: int, shown: Sequence[Trajectory]) -> list[Trajectory]:
        """The demonstrations with the teacher's reasons; one without an answer keeps its own."""
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
        limits = Budget(self.config.budget.dollars, self.config.budget.tokens)
        ledger = Ledger(self.run.path / "ledger.jsonl", limits)
        context = TeacherContext(
            environment=self.parts.environment,
            ledger=ledger,
            cache_dir=self.run.path.parent / ".cache",
            student=student,
            seed=self._seed(iteration),
        )
        teacher = build_teacher(self.config, context)
        try:
            yield teacher
        finally:
            await teacher.aclose()
            ledger.close()

    def _brief(self) -> Brief:
        assert self.config.teacher is not None
        return Brief(self.config.teacher.level, self.parts.environment.guidance)

    def student(self, demonstrations: Sequence[Example]) -> PolicyRef:
        """The student before any training; a `tiny` one is made here."""
        chosen = self.config.student
        known = resolve_student(chosen.model, chosen.adapter, self.parts.environment)
        if known is not None:
            return known
        target = self.run.iteration(0) / "student"
        if not (target / "config.json").exists():
            from leap_core.policy.tiny import TinyOptions, build_tiny
            from leap_core.registry import build_options

            options = build_options(_Tiny, chosen.options, "student.options")
            texts = [e.prompt.text + e.reply for e in demonstrations]
            assert isinstance(options, TinyOptions)
            with made_aside(target) as folder:
                build_tiny(folder, texts, options, self.config.seed)
        return PolicyRef("transformers", str(target))

    # Every later iteration

    def roll_out(self, iteration: int, policy: PolicyRef) -> list[Trajectory]:
        """Rollouts of `policy` on this iteration's training tasks."""
        tasks = self._draw(self.config.splits.train, self.config.rollouts.tasks, iteration)
        title = f"rollouts on {self.config.splits.train}"
        return self._play(
            iteration, "rollouts", title, policy, tasks, self._seed(iteration), self._decoding()
        )

    def correct(
        self, iteration: int, policy: PolicyRef, failed: Sequence[Trajectory]
    ) -> list[Correction]:
        """The teacher's corrections of the failed trajectories."""
        folder = self.run.iteration(iteration)
        corrections = Records(folder / "corrections.jsonl", Correction)
        rejected = Records(folder / "rejected.jsonl", Rejection)
        answers = Records(folder / "teacher.jsonl", Answer)
        stage = self._stage(iteration, "corrections")
        if not stage.done:
            with stage.working():
                answered = {(a.task_id, a.seed) for a in _repaired(answers)}
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
        answers: Records[Answer],
    ) -> None:
        chosen = self.config.teacher
        assert chosen is not None and self.parts.source is not None
        with self.screen.bar(f"corrections ({chosen.name})", len(trajectories)) as bar:

            def keep(outcome: CorrectionOutcome) -> None:
                for correction in outcome.corrections:
                    corrections.append(correction)
                for rejection in outcome.rejections:
                    rejected.append(rejection)
                answers.append(_answer(outcome))
                bar.advance()

            async with self._teacher(iteration, policy) as teacher:
                await correct_trajectories(
                    trajectories,
                    source=self.parts.source,
                    teacher=teacher,
                    brief=self._brief(),
                    settings=CorrectionSettings(
                        chosen.concurrency, chosen.leaks, teacher=chosen.name
                    ),
                    on_outcome=keep,
                )

    def _tell_corrections(self, answers: Records[Answer], rejected: Records[Rejection]) -> None:
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
                        self.parts.writer,
                        self.config.environment.name,
                        iteration,
                        self.config.teacher.repeats if self.config.teacher else None,
                    )
                )
        built = list(records)
        if len(built) < len(corrections):
            repeated = len(corrections) - len(built)
            self.screen.say(f"  {repeated} corrections repeat others word for word: left out")
        return built

    def aggregate(
        self, iteration: int, demonstrations: Sequence[Example], parts: Sequence[Sequence[Example]]
    ) -> list[Example]:
        """D_0 ∪ … ∪ D_i."""
        replay = self.config.demonstrations.replay if iteration else None
        return aggregate(demonstrations, parts, replay, self._seed(iteration))

    def update(
        self, iteration: int, policy: PolicyRef, base: PolicyRef, examples: Sequence[Example]
    ) -> PolicyRef:
        """Train; the policy appears in the run folder whole or not at all."""
        stage = self._stage(iteration, "policy")
        if stage.done:
            return self.run.load_policy(iteration)
        updater = self.parts.updater if iteration else self.parts.first_updater
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
                folder, base, iteration, self._seed(iteration), log,
                work_dir=work, say=self.screen.say, rollouts=self._rollouts(iteration),
            )  # fmt: skip
            trained = updater.update(policy, examples, context)
        shutil.rmtree(work, ignore_errors=True)
        return _moved(trained, folder, target)

    def _rollouts(self, iteration: int) -> Callable[[], list[SeenStep]] | None:
        """This iteration's rollouts, step by step, with what was hidden; read when asked for."""
        path = self.run.iteration(iteration) / "rollouts.jsonl"
        source = self.parts.source
        if source is None or not path.exists():
            return None

        def read() -> list[SeenStep]:
            played = (t for t in Records(path, Trajectory) if t.outcome != "error")
            return list(seen_steps(played, source, self.parts.writer,
                                   self.config.environment.name, iteration))  # fmt: skip

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
            horizon=self.parts.horizon,
            decoding=decoding(generation, policy),
            seed=seed,
            engine=dict(self.parts.environment.fingerprint()),
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
        generation: Generation,
    ) -> list[Trajectory]:
        records = Records(self.run.iteration(iteration) / f"{name}.jsonl", Trajectory)
        stage = self._stage(iteration, name)
        if not stage.done:
            with stage.working():
                played = len(_repaired(records))
                play_missing(
                    records, played, policy, tasks, seed, generation,
                    self.config.rollouts.in_flight, self.parts, self.screen, title,
                )  # fmt: skip
        return list(records)

    def _draw(self, split: str, count: int | None, iteration: int) -> list[Task]:
        """This iteration's tasks: a seeded order of the split, on from where the last ended."""
        tasks = list(self.parts.environment.tasks(split))
        if count is None or count >= len(tasks):
            return tasks
        random.Random(f"{self.config.seed}:{split}").shuffle(tasks)
        start = 0
        if iteration:
            start = self.config.demonstrations.tasks + (iteration - 1) * count
        return [tasks[(start + i) % len(tasks)] for i in range(count)]

    def _first(self, split: str, count: int | None) -> list[Task]:
        """An evaluation's tasks: all of the split, or an even spread over it."""
        tasks = list(self.parts.environment.tasks(split))
        if count is None or count >= len(tasks):
            return tasks
        return [tasks[i * len(tasks) // count] for i in range(count)]

    def _stage(self, iteration: int, name: str) -> Stage:
        return self.run.stage(iteration, name, [*self.basis, iteration, name])

    def _seed(self, iteration: int) -> int:
        return self.config.seed * 1000 + iteration

    def _decoding(self, evaluation: bool = False) -> Generation:
        chosen = self.config.evaluation.generation if evaluation else None
        return chosen or self.config.student.generation


@dataclass(frozen=True)
class Metrics:
    """One logging step of an update."""

    values: dict[str, float]


def play_missing(
    records: Records[Trajectory],
    played: int,
    policy: PolicyRef,
    tasks: Sequence[Task],
    seed: int,
    generation: Generation,
    in_flight: int,
    parts: Parts,
    screen: Screen,
    title: str,
) -> None:
    """Play the tasks after the first `played` and append them to `records`.

    A block that was cut off is played again as a whole, so that batches, and with them the last
    bits of every logit, are those of an unbroken run; what it had recorded is not written twice.
    """
    if played >= len(tasks):
        if not records.path.exists():
            records.replace(())
        return
    whole = played - played % in_flight
    engine = build_engine(policy, generation, parts.environment)
    skip = played - whole
    wins = sum(t.succeeded for t in records)
    done = played

    with screen.bar(title, len(tasks)) as bar:
        bar.update(played)

        def keep(trajectory: Trajectory) -> None:
            nonlocal skip, wins, done
            if skip:
                skip -= 1
                return
            records.append(trajectory)
            done += 1
            wins += trajectory.succeeded
            bar.advance(note=f"success {100 * wins / done:.0f} %")

        try:
            roll_out(
                parts.environment,
                engine,
                parts.writer,
                tasks[whole:],
                seed=seed,
                in_flight=in_flight,
                on_trajectory=keep,
            )
        finally:
            engine.close()


def load_evaluation(path: Path) -> Evaluation:
    """Read an evaluation of a run folder."""
    result: Evaluation = _EVALUATION.validate_python(read_json(path))
    return result


def _repaired(records: Records[Any]) -> list[Any]:
    records.repair()
    return list(records)


def _answer(outcome: CorrectionOutcome) -> Answer:
    return Answer(
        outcome.task_id,
        outcome.seed,
        len(outcome.corrections),
        len(outcome.rejections),
        outcome.summary,
        outcome.usage,
        outcome.problems,
        outcome.error,
        dict(outcome.measures),
    )


def _moved(policy: PolicyRef, old: Path, new: Path) -> PolicyRef:
    """The same policy after its folder was moved from `old` to `new`."""
    fields = asdict(policy)
    for key in ("model", "adapter"):
        if fields[key] and Path(fields[key]).is_relative_to(old):
            fields[key] = str(new / Path(fields[key]).relative_to(old))
    return PolicyRef(**fields)


class _Tiny:
    """Gives the options of the tiny student to `build_options`, without importing torch."""

    from leap_core.policy.tiny import TinyOptions as Options
