"""Executors: what a second worker brings, what a killed one costs, and memory over a long queue.

    python benchmarks/executors.py [--json] [--quick]

Environments that take 50 ms a step, played by a scripted policy (no model, so only the executors
count): with one Ray actor and with two, with one worker process and with two, in turns. Then a
worker is killed in the middle. Then 10,000 short episodes pass through 64 places, their
trajectories going to disk, while resident memory is watched. Ray starts a cluster on this machine.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import statistics
import tempfile
import time
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from leap_core.config.schema import ExecutorConfig
from leap_core.policy.prompt import PromptRenderer
from leap_core.policy.scripted import scripted_engine
from leap_core.rollout import EpisodeLog, Scheduler, assignments, build_executor
from leap_core.testing.toy import ToyEnvironment, ToyOptions

STEP_SECONDS = 0.05
IN_FLIGHT = 64


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--json", action="store_true", help="end with one JSON object")
    parser.add_argument("--quick", action="store_true", help="fewer episodes and rounds")
    arguments = parser.parse_args()
    episodes, rounds, queued = (24, 1, 2_000) if arguments.quick else (80, 3, 10_000)
    result: dict[str, Any] = {"step_ms": 1000 * STEP_SECONDS, "notes": {}}
    result |= speedup("processes", episodes, rounds)
    with_ray(result, episodes, rounds)
    result |= killed(episodes)
    result |= memory(queued)
    show(result)
    if arguments.json:
        print(json.dumps(result))


def with_ray(result: dict[str, Any], episodes: int, rounds: int) -> None:
    """What a second Ray actor brings; without Ray, why that is not known."""
    if find_spec("ray") is None:
        result |= {"ray_two_worker_speedup": None, "ray_episodes_per_s": None}
        result["notes"]["ray_two_worker_speedup"] = "Ray is not installed (leap-core[ray])"
    else:
        result |= speedup("ray", episodes, rounds)


def speedup(name: Any, episodes: int, rounds: int) -> dict[str, Any]:
    """Episodes per second with two workers over those with one, workers ready beforehand."""
    times: dict[int, list[float]] = {1: [], 2: []}
    for _ in range(rounds):
        for workers in times:
            times[workers].append(timed(choice(name, workers), episodes))
    ratios = [one / two for one, two in zip(times[1], times[2], strict=True)]
    return {
        f"{name}_two_worker_speedup": round(statistics.median(ratios), 3),
        f"{name}_episodes_per_s": round(episodes / statistics.median(times[2]), 2),
    }


def choice(name: Any, workers: int) -> ExecutorConfig:
    # Waiting costs no processor, so that two workers fit on any machine.
    more = {"cpus": 0.0} if name == "ray" else {}
    return ExecutorConfig(name=name, workers=workers, **more)


def timed(executor: ExecutorConfig, episodes: int) -> float:
    """Seconds from the first episode that ends to the last: no start-up of workers in them."""
    ends: list[float] = []
    play(executor, episodes, STEP_SECONDS, lambda *_: ends.append(time.perf_counter()))
    return ends[-1] - ends[0]


def play(executor: ExecutorConfig, episodes: int, step_seconds: float, keep: Any) -> None:
    environment = ToyEnvironment(ToyOptions(step_seconds=step_seconds))
    scheduler = Scheduler(
        build_executor(executor, environment, IN_FLIGHT),
        scripted_engine(environment, "search"),
        PromptRenderer(environment.layout(), environment.horizon),
        in_flight=min(IN_FLIGHT, episodes // 4),
    )
    plan = assignments(environment.tasks("train")[:40], range(episodes // 40 + 1))[:episodes]
    scheduler.play(plan, lambda *ended: keep(scheduler, *ended))


def killed(episodes: int) -> dict[str, Any]:
    """Kill a worker process with SIGKILL after a third; count what is recorded, and how often."""
    seen: dict[int, int] = {}
    outcomes: list[str] = []

    def keep(scheduler: Scheduler, assignment: Any, trajectory: Any) -> None:
        seen[assignment.index] = seen.get(assignment.index, 0) + 1
        outcomes.append(trajectory.outcome)
        if len(outcomes) == episodes // 3:
            worker: Any = scheduler.executor.desks[0].worker  # type: ignore[attr-defined]
            os.kill(worker.process.pid, signal.SIGKILL)

    play(choice("processes", 2), episodes, 0.01, keep)
    return {
        "killed_worker_lost": episodes - len(seen),
        "killed_worker_repeated": sum(n - 1 for n in seen.values()),
        "killed_worker_errored": outcomes.count("error"),
    }


def memory(episodes: int) -> dict[str, Any]:
    """Resident memory after a tenth of the episodes and at the end, in MB."""
    environment = ToyEnvironment(ToyOptions())
    plan = assignments(environment.tasks("train"), range(episodes // 200))
    marks: dict[int, float] = {}
    with tempfile.TemporaryDirectory() as folder:
        log = EpisodeLog(Path(folder) / "rollouts.jsonl", plan)
        scheduler = Scheduler(
            build_executor(ExecutorConfig(name="local"), environment, IN_FLIGHT),
            scripted_engine(environment, "search"),
            PromptRenderer(environment.layout(), environment.horizon),
            in_flight=IN_FLIGHT,
        )

        def keep(assignment: Any, trajectory: Any) -> None:
            log.keep(assignment, trajectory)
            if log.done in (episodes // 10, episodes):
                marks[log.done] = resident_mb()

        began = time.perf_counter()
        scheduler.play(log.missing(), keep)
        seconds = time.perf_counter() - began
    return {
        "queued": episodes,
        "in_flight": IN_FLIGHT,
        "resident_mb_at_tenth": round(marks[episodes // 10], 1),
        "resident_mb_at_end": round(marks[episodes], 1),
        "growth_mb": round(marks[episodes] - marks[episodes // 10], 1),
        "local_episodes_per_s": round(episodes / seconds, 1),
    }


def resident_mb() -> float:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def show(result: dict[str, Any]) -> None:
    width = max(len(name) for name in result)
    for name, value in result.items():
        if name != "notes":
            print(f"  {name:<{width}}  {'-' if value is None else value}")
    for name, note in result["notes"].items():
        print(f"  {name}: {note}")


if __name__ == "__main__":
    main()
