"""Playing what is missing: an engine, an executor and a log of episodes brought together."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from leap_core.config.schema import RolloutConfig
from leap_core.contracts.engine import Engine
from leap_core.contracts.environment import Environment
from leap_core.policy.prompt import PromptRenderer
from leap_core.rollout import Assignment, EpisodeLog, Scheduler, build_executor
from leap_core.rollout.pace import ProgressNote
from leap_core.rollout.scheduler import OnEpisode
from leap_core.runs.progress import Screen
from leap_core.types import Trajectory


def play_missing(
    log: EpisodeLog,
    build: Callable[[], Engine],
    environment: Environment,
    writer: PromptRenderer,
    rollouts: RolloutConfig,
    screen: Screen,
    title: str,
) -> None:
    """Play what `log` lacks, and record it. The engine is built only if there is something to play.

    Raises:
        PolicyError: the policy cannot answer; call again to go on where it stopped.
    """
    if not log.missing():
        return
    engine = build()
    pace = ProgressNote(len(log.plan), log.done)
    try:
        with screen.bar(title, len(log.plan)) as bar:
            bar.update(log.done)

            def keep(assignment: Assignment, trajectory: Trajectory) -> None:
                log.keep(assignment, trajectory)
                bar.update(log.done, note=pace.note(log.done, log.succeeded, engine.tokens))

            for block, receive in _blocks(log, rollouts, keep):
                scheduler = Scheduler(
                    build_executor(rollouts.executor, environment, rollouts.in_flight),
                    engine,
                    writer,
                    in_flight=rollouts.in_flight,
                    retries=rollouts.retries,
                )
                scheduler.play(block, receive)
    finally:
        engine.close()


def _blocks(
    log: EpisodeLog, rollouts: RolloutConfig, keep: OnEpisode
) -> Iterator[tuple[Sequence[Assignment], OnEpisode]]:
    """What to play one after the other: all at once, or whole blocks where batches are fixed.

    A fixed block that was cut off is played again as a whole, so that its batches, and with them
    the last bits of every logit, are those of an unbroken run; nothing is recorded twice.
    """
    if rollouts.batches == "rolling":
        yield log.missing(), keep
        return
    size = rollouts.in_flight
    for start in range(0, len(log.plan), size):
        block = log.plan[start : start + size]
        lacking = {a.index for a in log.missing()} & {a.index for a in block}

        def receive(
            assignment: Assignment, trajectory: Trajectory, lacking: set[int] = lacking
        ) -> None:
            if assignment.index in lacking:
                keep(assignment, trajectory)

        if lacking:
            yield block, receive
