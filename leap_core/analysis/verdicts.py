"""Score single reasons: by the rules of the leak audit, and by a judge if there is one."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from leap_core.analysis.sentences import Accuracy, Sentence, Verdict, accuracy, read_sentences
from leap_core.analysis.situations import ReplayStage, Situation, stage_of
from leap_core.config.schema import AuditConfig
from leap_core.contracts.teacher import TeacherContext
from leap_core.correction.leaks import find_leaks
from leap_core.correction.ordered_async import in_order, run_async
from leap_core.correction.second_pass import JudgePass, Opinion
from leap_core.errors import DataError, LeapError
from leap_core.runs import files
from leap_core.runs.ledger import Ledger
from leap_core.stages.components import build_judge
from leap_core.types import Correction

HELD_OUT = "held"
_AT_ONCE = 16


def score_file(path: Path, judge: AuditConfig | None = None) -> list[Verdict]:
    """Score the reasons of a JSON Lines file, in order.

    Raises:
        DataError: the file or one of its lines cannot be used, by its number.
        ConfigError: an unknown environment, option or judge.
    """
    try:
        with path.open(encoding="utf-8") as file:
            sentences = read_sentences(file, str(path))
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"'{path}' cannot be read: {error}") from None
    placed = _placed(sentences, str(path))
    verdicts = [_by_rules(sentence, situation) for sentence, situation in placed]
    if judge is None or judge.judge is None:
        return verdicts
    return run_async(_judged(placed, verdicts, judge, path))


def shipped_accuracy(path: Path) -> Accuracy:
    """Measure the rules on the held-out half of a plugin's labelled reasons.

    Raises:
        LeapError: as `score_file`.
    """
    with path.open(encoding="utf-8") as file:
        sentences = read_sentences(file, str(path))
    held = [s for s in sentences if (s.model_extra or {}).get("half") == HELD_OUT]
    return accuracy(_by_rules(s, at) for s, at in _placed(held, str(path)))


def _placed(sentences: Iterable[Sentence], where: str) -> list[tuple[Sentence, Situation]]:
    stages: dict[str, ReplayStage] = {}
    found = []
    for sentence in sentences:
        try:
            if sentence.stage not in stages:
                stages[sentence.stage] = stage_of(sentence)
            found.append((sentence, stages[sentence.stage].situation(sentence)))
        except LeapError as error:
            raise DataError(f"'{where}', line {sentence.line}: {error}") from None
    return found


def _by_rules(sentence: Sentence, situation: Situation) -> Verdict:
    leaks = find_leaks(sentence.reason, situation.state.secrets, situation.history)
    if not leaks:
        return Verdict(sentence, 0.0, "")
    worst = leaks[0]
    return Verdict(sentence, worst.score, worst.explained)


async def _judged(
    placed: Sequence[tuple[Sentence, Situation]],
    verdicts: Sequence[Verdict],
    chosen: AuditConfig,
    path: Path,
) -> list[Verdict]:
    """Ask the judge about all that the rules do not find outright."""
    assert chosen.judge is not None
    ledger = Ledger(path.with_name(f"{path.name}.ledger.jsonl"))
    context = TeacherContext(
        environment=stage_of(placed[0][0]).environment if placed else None,  # type: ignore[arg-type]
        ledger=ledger,
        cache_dir=path.parent / files.CACHE,
    )
    teacher = build_judge(chosen.judge, context)
    judge = JudgePass(teacher)
    found: list[Verdict] = []

    async def reconsider(item: tuple[tuple[Sentence, Situation], Verdict]) -> Verdict:
        (sentence, situation), verdict = item
        if verdict.leak >= 1:
            return verdict
        steps = len(situation.trajectory.steps)
        opinions = await judge.opinions(
            situation.trajectory, [situation.state] * steps, [_correction(sentence)]
        )
        return _reconsidered(verdict, opinions[0])

    try:
        pairs = list(zip(placed, verdicts, strict=True))
        await in_order(pairs, reconsider, found.append, _AT_ONCE)
    finally:
        await teacher.aclose()
        ledger.close()
    return found


def _reconsidered(verdict: Verdict, opinion: Opinion) -> Verdict:
    if opinion.score is None:
        return Verdict(verdict.sentence, verdict.leak, verdict.why, opinion.why)
    why = f"judge: {opinion.why}" if opinion.score else ""
    return Verdict(verdict.sentence, opinion.score, why)


def _correction(sentence: Sentence) -> Correction:
    return Correction(
        task_id=sentence.task, seed=sentence.seed, step=sentence.step, student_reason="",
        student_action="", reason=sentence.reason, action="", teacher="", level=3,
    )  # fmt: skip
