"""ALFWorld: the native engine against stock TextWorld, as upstream's `alfworld` drives it.

    python benchmarks/alfworld.py [--json] [--quick] [--games DIR] [--python PYTHON]

Games are official ones (`--games`, $LEAP_DATA_DIR/alfworld, or $ALFWORLD_DATA), else generated ones
of the official size. The baseline needs `leap-alfworld[textworld]`, here or in another virtual
environment: `--python` or $LEAP_TEXTWORLD_PYTHON names its Python. Without it the ratios are null.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import random
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

from leap_alfworld.engine import World
from leap_alfworld.generator import Generator
from leap_alfworld.official import find_release, game_files
from leap_alfworld.parity import walk
from leap_alfworld.pddl import load_game
from leap_alfworld.real_engine import RealEngine
from leap_alfworld.writer import folder_name, save_game
from leap_core import LeapError

SEED = 0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--json", action="store_true", help="end with one JSON object")
    parser.add_argument("--quick", action="store_true", help="fewer games and steps")
    parser.add_argument("--games", type=Path, help="folder of game files")
    parser.add_argument("--python", default=os.environ.get("LEAP_TEXTWORLD_PYTHON"))
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        files, origin = find_games(arguments.games, Path(scratch), 200 if arguments.quick else 1000)
        random.Random(SEED).shuffle(files)
        compared = files[: 3 if arguments.quick else 10]
        steps = 10 if arguments.quick else 30
        result: dict[str, Any] = {"games": origin, "notes": {}}
        native(files[: 20 if arguments.quick else 100], result)
        memory(files, 200 if arguments.quick else 2000, result)
        baseline(compared, steps, arguments.python, result)
    show(result, len(compared), steps)
    if arguments.json:
        print(json.dumps(result))


def find_games(folder: Path | None, scratch: Path, count: int) -> tuple[list[Path], str]:
    """Official game files where there are any, else generated ones in a scratch folder."""
    packs = os.environ.get("LEAP_DATA_DIR")
    for place in (folder, Path(packs) / "alfworld" if packs else None, find_release(None)):
        if place is not None and place.is_dir():
            files = game_files(place)
            if files:
                return files, f"{len(files)} files of {place.name}"
    generator = Generator("full")
    for index in range(count):
        problem = generator.problem("train", index)
        save_game(problem, scratch / folder_name(problem) / f"{index:06d}")
    return game_files(scratch), f"generated, of the official size ({count} files)"


def native(files: list[Path], result: dict[str, Any]) -> None:
    """Time of loading a file and of a step with its admissible commands."""
    loads, steps = [], []
    for path in files:
        began = time.perf_counter()
        world = World(load_game(path))
        world.reset()
        loads.append(time.perf_counter() - began)
        commands = list(walk(world.game, 200, SEED))
        began = time.perf_counter()
        for command in commands:
            world.step(command)
            world.admissible()
        steps.append((time.perf_counter() - began) / len(commands))
    result["load_ms"] = statistics.median(loads) * 1e3
    result["step_us"] = statistics.median(steps) * 1e6


def memory(files: list[Path], resets: int, result: dict[str, Any]) -> None:
    """Resident memory of many live games, and its growth over many resets."""
    if resident_mb() is None:
        for key in ("mb_per_game", "live_games", "reset_growth_mb"):
            result[key] = None
            result["notes"][key] = "resident memory is not readable on this system"
        return
    World(load_game(files[0]))
    gc.collect()
    before = resident_mb() or 0.0
    live = []
    for path in files[:1000]:
        world = World(load_game(path))
        world.reset()
        live.append(world)
    gc.collect()
    result["live_games"] = len(live)
    result["mb_per_game"] = ((resident_mb() or 0.0) - before) / len(live)

    rng = random.Random(SEED)
    world = live[0]

    def play() -> None:
        world.reset()
        for _ in range(10):
            world.step(rng.choice(world.admissible()))

    for _ in range(100):
        play()
    gc.collect()
    before = resident_mb() or 0.0
    for _ in range(resets):
        play()
    gc.collect()
    result["resets"] = resets
    result["reset_growth_mb"] = (resident_mb() or 0.0) - before


def baseline(files: list[Path], steps: int, python: str | None, result: dict[str, Any]) -> None:
    """The same games and commands on stock TextWorld and here; ratios of the totals."""
    try:
        with RealEngine(python, stock=True) as engine:
            result["textworld"] = engine.versions()["textworld"]
            # The first game pays for imports, which are not what is compared.
            key, _ = engine.open(files[0].read_text(encoding="utf-8"))
            engine.ask("close", key=key)
            totals = [both(engine, path, steps) for path in files]
    except LeapError as error:
        for ratio in ("load_speedup", "step_speedup"):
            result[ratio] = None
            result["notes"][ratio] = str(error)
        return
    real_load, real_step, own_load, own_step = (sum(column) for column in zip(*totals, strict=True))
    result["textworld_load_ms"] = real_load / len(files) * 1e3
    result["textworld_step_ms"] = real_step / len(files) / steps * 1e3
    result["load_speedup"] = real_load / own_load
    result["step_speedup"] = real_step / own_step


def both(engine: RealEngine, path: Path, steps: int) -> tuple[float, float, float, float]:
    """Seconds for loading and for stepping: stock TextWorld's, then ours."""
    content = path.read_text(encoding="utf-8")
    began = time.perf_counter()
    key, _ = engine.open(content)
    real_load = time.perf_counter() - began
    own_load = min(timed_load(path) for _ in range(3))
    world = World(load_game(path))
    world.reset()
    commands = list(walk(world.game, steps, SEED))
    began = time.perf_counter()
    for command in commands:
        engine.ask("step", key=key, action=command)
    real_step = time.perf_counter() - began
    began = time.perf_counter()
    for command in commands:
        world.step(command)
        world.admissible()
    own_step = time.perf_counter() - began
    engine.ask("close", key=key)
    return real_load, real_step, own_load, own_step


def timed_load(path: Path) -> float:
    """Seconds for reading a file and its opening text."""
    began = time.perf_counter()
    World(load_game(path)).reset()
    return time.perf_counter() - began


def resident_mb() -> float | None:
    """Resident memory of this process; None where the system does not tell."""
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
    except (OSError, ValueError, IndexError):
        return None
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def show(result: dict[str, Any], games: int, steps: int) -> None:
    """A table for people."""
    rows = [
        ("load + reset", "load_ms", "ms", "textworld_load_ms", "ms", "load_speedup"),
        ("step with commands", "step_us", "µs", "textworld_step_ms", "ms", "step_speedup"),
    ]
    print(f"games: {result['games']}; ratios over {games} games of {steps} steps\n")
    print(f"{'':20} {'native':>12} {'TextWorld':>14} {'times faster':>14}")
    for title, own, unit, real, real_unit, ratio in rows:
        theirs = f"{result[real]:.1f} {real_unit}" if result.get(real) else "-"
        faster = f"{result[ratio]:,.0f}" if result[ratio] else "-"
        print(f"{title:20} {result[own]:>9.2f} {unit:2} {theirs:>14} {faster:>14}")
    if result["mb_per_game"] is not None:
        print(f"\n{result['live_games']} live games: {result['mb_per_game']:.3f} MB each")
        print(f"growth over {result['resets']} resets: {result['reset_growth_mb']:.2f} MB")
    for key, why in result["notes"].items():
        print(f"{key}: {why}")


if __name__ == "__main__":
    main()
