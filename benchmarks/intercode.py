"""InterCode: a fresh episode, a command, a full reward; many episodes; SQL statements.

    python benchmarks/intercode.py [--json] [--quick] [--backend NAME] [--rootfs DIR]

The baseline is Docker as published, since it cannot be had everywhere: about 0.6 to 1.2 s for the
start of a container and 0.3 s for `docker exec`. Everything else is measured in this run.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from leap_core import LeapError
from leap_intercode.backend_choice import choose
from leap_intercode.backends import Backend
from leap_intercode.containers import DEFAULT_IMAGE
from leap_intercode.embedded import make_task
from leap_intercode.play import GoldRunner, Session, episode_time
from leap_intercode.sql.embedded import NAME, database
from leap_intercode.sql.sqlite import SqliteStore

DOCKER_START_MS = (568.0, 1157.0)
DOCKER_COMMAND_MS = 300.0
TREE = make_task(seed=0, split="train", index=0, task_types=("count",)).tree
GOLD = "find /workshop -name '*.md' -type f | xargs cat | wc -l"
COMMAND = "ls -l /workshop | grep md | wc -l"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--json", action="store_true", help="end with one JSON object")
    parser.add_argument("--quick", action="store_true", help="fewer repetitions")
    parser.add_argument("--backend", default="auto")
    parser.add_argument("--rootfs", type=Path)
    arguments = parser.parse_args()
    result: dict[str, Any] = {"notes": {}}
    repeats = 20 if arguments.quick else 200
    episodes = 200 if arguments.quick else 5000
    sql(repeats, result)
    try:
        backend = choose(arguments.backend, arguments.rootfs, tmp=False, image=DEFAULT_IMAGE)
    except LeapError as error:
        for key in ("episode_ms", "command_ms", "reward_ms", "side_by_side", "growth"):
            result[key] = None
            result["notes"][key] = str(error)
    else:
        result |= backend.facts()
        single(backend, repeats, result)
        side_by_side(backend, 32, result)
        many(backend, episodes, result)
    show(result)
    if arguments.json:
        print(json.dumps(result))


def sql(repeats: int, result: dict[str, Any]) -> None:
    """A statement on the embedded shop: one that was seen before, and ones that were not."""
    store = SqliteStore({NAME: database(0)})
    query = "SELECT city, COUNT(*) FROM customers WHERE age > {} GROUP BY city ORDER BY city"
    store.run(NAME, query.format(30), 10.0)
    result["sql_action_ms"] = median_ms(lambda: store.run(NAME, query.format(30), 10.0), repeats)
    ages = iter(range(31, 31 + repeats))
    result["sql_new_action_ms"] = median_ms(
        lambda: store.run(NAME, query.format(next(ages)), 10.0), repeats
    )
    store.close()


def single(backend: Backend, repeats: int, result: dict[str, Any]) -> None:
    """Medians of one episode's parts, one at a time, warm."""
    now = episode_time()
    Session(backend, TREE, "upstream", now).close()

    def episode() -> None:
        Session(backend, TREE, "upstream", now).close()

    result["episode_ms"] = median_ms(episode, repeats)
    session = Session(backend, TREE, "upstream", now)
    result["command_ms"] = median_ms(lambda: session.act("true"), repeats)
    result["pipeline_ms"] = median_ms(lambda: session.act(COMMAND), repeats)

    def reward() -> None:
        GoldRunner(backend, "upstream").score(session, TREE, GOLD, now)

    result["reward_ms"] = median_ms(reward, repeats)
    runner = GoldRunner(backend, "upstream")
    runner.score(session, TREE, GOLD, now)
    result["cached_reward_ms"] = median_ms(lambda: runner.score(session, TREE, GOLD, now), repeats)
    session.close()


def side_by_side(backend: Backend, count: int, result: dict[str, Any]) -> None:
    """Episodes open at a time, each with a command and a reward of its own."""
    now = episode_time()
    runner = GoldRunner(backend, "upstream")
    began = time.perf_counter()
    sessions = [Session(backend, TREE, "upstream", now) for _ in range(count)]
    for number, session in enumerate(sessions):
        session.act(f"echo {number} > /mine.txt; cat /mine.txt")
    right = sum(session.act("cat /mine.txt") == f"{n}\n" for n, session in enumerate(sessions))
    for session in sessions:
        runner.score(session, TREE, GOLD, now)
        session.close()
    result["side_by_side"] = {
        "episodes": count,
        "separate": right == count,
        "seconds": time.perf_counter() - began,
    }


def many(backend: Backend, count: int, result: dict[str, Any]) -> None:
    """What a great many episodes leave: processes, mounts, temporary folders, memory."""
    now = episode_time()

    def play() -> None:
        session = Session(backend, TREE, "upstream", now)
        session.act("sleep 100 > /dev/null 2>&1 & echo x > /left.txt; mkdir /some; ls /workshop")
        session.close()

    for _ in range(20):
        play()
    settle()
    before = inventory()
    began = time.perf_counter()
    for _ in range(count):
        play()
    seconds = time.perf_counter() - began
    settle()
    after = inventory()
    result["growth"] = {
        "episodes": count,
        "episodes_per_s": count / seconds,
        **{key: after[key] - before[key] for key in before},
    }


def inventory() -> dict[str, float]:
    """What there is of this process's: children and theirs, mounts, folders, files, memory."""
    family = descendants(os.getpid())
    return {
        "processes": float(len(family)),
        "mounts": float(len(Path("/proc/self/mounts").read_text().splitlines())),
        "folders": float(len(list(Path("/tmp").glob("leap-intercode-*")))),
        "open_files": float(len(list(Path("/proc/self/fd").iterdir()))),
        "resident_mb": sum(resident_mb(pid) for pid in [os.getpid(), *family]),
    }


def descendants(pid: int) -> list[int]:
    """Children of a process, and theirs."""
    found: list[int] = []
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except OSError:
        return found
    for child in children:
        found += [int(child), *descendants(int(child))]
    return found


def resident_mb(pid: int) -> float:
    """Resident memory of a process; 0 where it is gone."""
    try:
        pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    except (OSError, ValueError, IndexError):
        return 0.0
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def settle() -> None:
    """Wait for closed boxes to be gone."""
    for _ in range(100):
        if len(descendants(os.getpid())) <= 1:
            return
        time.sleep(0.05)


def median_ms(work: Callable[[], object], repeats: int) -> float:
    """Median time of a call, in milliseconds."""
    times = []
    for _ in range(repeats):
        began = time.perf_counter()
        work()
        times.append(time.perf_counter() - began)
    return statistics.median(times) * 1e3


def show(result: dict[str, Any]) -> None:
    """A table for people."""
    print(f"backend {result.get('backend', '-')}, bash {result.get('bash', '-')}\n")
    rows = (
        ("fresh episode", "episode_ms", f"{DOCKER_START_MS[0]:.0f} – {DOCKER_START_MS[1]:.0f}"),
        ("command (bash -c true)", "command_ms", f"{DOCKER_COMMAND_MS:.0f}"),
        ("command (3 programs)", "pipeline_ms", ""),
        ("full reward, gold run included", "reward_ms", ""),
        ("reward, gold run remembered", "cached_reward_ms", ""),
        ("SQL statement, seen before", "sql_action_ms", ""),
        ("SQL statement, new", "sql_new_action_ms", ""),
    )
    print(f"{'':34} {'median ms':>10}   Docker as published, ms")
    for title, key, docker in rows:
        value = result.get(key)
        print(f"{title:34} {'-' if value is None else f'{value:10.2f}':>10}   {docker}")
    if result.get("side_by_side"):
        beside = result["side_by_side"]
        print(
            f"\n{beside['episodes']} episodes side by side: {beside['seconds']:.2f} s, "
            f"{'separate' if beside['separate'] else 'MIXED UP'}"
        )
    if result.get("growth"):
        growth = result["growth"]
        print(
            f"after {growth['episodes']} episodes ({growth['episodes_per_s']:.0f} a second): "
            f"{growth['processes']:+.0f} processes, {growth['mounts']:+.0f} mounts, "
            f"{growth['folders']:+.0f} folders, {growth['open_files']:+.0f} open files, "
            f"{growth['resident_mb']:+.1f} MB"
        )
    for key, why in result["notes"].items():
        print(f"{key}: {why}")


if __name__ == "__main__":
    main()
