"""Record what the real engine shows: the golden traces that `test_golden.py` replays.

    python record.py traces.json            # needs leap-alfworld[textworld]
    python record.py traces.json --python OTHER/bin/python

Games are generated ones, kept in full beside their traces, so that neither a change of the
generator nor of the writer changes what was recorded.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from leap_alfworld.generator import Generator
from leap_alfworld.model import Goal, Problem, RawObject, RawReceptacle, Wording, compile_game
from leap_alfworld.parity import real_walk
from leap_alfworld.real_engine import RealEngine
from leap_alfworld.writer import write_game

STEPS = 40


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("out", type=Path)
    parser.add_argument("--python", type=Path)
    arguments = parser.parse_args()
    problems = [Generator("small", "move").problem("train", index) for index in range(6)]
    problems += [Generator("small", "put").problem("train", index) for index in range(6, 12)]
    problems += [Generator("full", "move").problem("train", index) for index in range(2)]
    with RealEngine(arguments.python, stock=True) as engine:
        traces = {
            "engine": engine.versions(),
            "games": [record(problem, engine) for problem in problems],
        }
    arguments.out.write_text(json.dumps(traces, indent=0, default=sorted) + "\n")


def record(problem: Problem, engine: RealEngine) -> dict[str, Any]:
    game = compile_game(problem)
    moments, before = [], frozenset[str]()
    for moment in real_walk(game, write_game(problem), engine, STEPS, seed=1):
        now = frozenset(moment.commands)
        moments.append(
            [
                moment.command,
                moment.observation,
                sorted(now - before),
                sorted(before - now),
                moment.won,
            ]
        )
        before = now
    return {"problem": asdict(problem), "moments": moments}


def read_problem(data: dict[str, Any]) -> Problem:
    """Rebuild a problem from its record."""
    return Problem(
        **{
            **data,
            "goal": Goal(**data["goal"]),
            "wording": Wording(**data["wording"]),
            "receptacles": tuple(RawReceptacle(**r) for r in data["receptacles"]),
            "objects": tuple(
                RawObject(**{**o, "traits": frozenset(o["traits"])}) for o in data["objects"]
            ),
            "contents": tuple(tuple(pair) for pair in data["contents"]),
            "nested": tuple(tuple(pair) for pair in data["nested"]),
            "can_contain": {k: frozenset(v) for k, v in data["can_contain"].items()},
        }
    )


if __name__ == "__main__":
    main()
