"""WebShop: a step, opening, many episodes at once, and the full size of 1.18 million products.

    python benchmarks/webshop.py [--json] [--quick] [--store DIR]

Products are generated, with pages about as long as official ones. `--store` keeps the large store
in DIR, or uses the one that is there (then compile_s is null). Upstream's way needs Java, Flask and
an old Python, so it cannot run beside this; what it took elsewhere is in docs/webshop.md. The ratio
in one run is that of the pruned search over scoring every document that holds a word of the query.

Every duration is also given in processor time (keys with `_cpu_`), which says more than the clock
does on a machine that has other work.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from leap_webshop.catalogue import Catalogue, is_store, open_store
from leap_webshop.compiling import compile_store
from leap_webshop.environment import WebshopEnvironment, WebshopOptions
from leap_webshop.generator import Generator
from leap_webshop.reading import keywords

FULL_SIZE = 1_181_430
SMALL_SIZE = 1_000
EPISODES = 500
SEED = 0


@dataclass(frozen=True)
class Moment:
    """Seconds by the clock, of this process's time, and of its ended children's."""

    clock: float
    own: float
    children: float

    @classmethod
    def now(cls) -> Moment:
        ended = resource.getrusage(resource.RUSAGE_CHILDREN)
        return cls(time.perf_counter(), time.process_time(), ended.ru_utime + ended.ru_stime)

    def since(self) -> tuple[float, float]:
        """Seconds from then to now by the clock, and of processor time, ended children's too."""
        now = Moment.now()
        return now.clock - self.clock, now.own - self.own + now.children - self.children


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--json", action="store_true", help="end with one JSON object")
    parser.add_argument("--quick", action="store_true", help="a large store of 20,000 products")
    parser.add_argument("--store", type=Path, help="where the large store is, or goes")
    arguments = parser.parse_args()
    result: dict[str, Any] = {"notes": {}}
    with tempfile.TemporaryDirectory() as scratch:
        small(Path(scratch) / "small", result)
        products = 20_000 if arguments.quick else FULL_SIZE
        large(arguments.store or Path(scratch) / "large", products, result)
    show(result)
    if arguments.json:
        print(json.dumps(result))


def small(folder: Path, result: dict[str, Any]) -> None:
    """1,000 products: opening a store in a fresh process, a step, many episodes at once."""
    compile_store(Generator("full", SEED).source(SMALL_SIZE), folder)
    figures = opened(folder)
    result |= {key: figures[key] for key in ("open_s", "open_cpu_s", "start_s", "start_cpu_s")}
    options = WebshopOptions(catalogue="official", data_dir=folder, splits={"all": (0, None)})
    environment = WebshopEnvironment(options)
    tasks = environment.tasks("all")[:EPISODES]
    episodes = [environment.open(task, SEED) for task in tasks]
    observations = [episode.reset() for episode in episodes]
    rng = random.Random(SEED)
    steps, spent, worked = 0, 0.0, 0.0
    for _ in range(12):
        for i, episode in enumerate(episodes):
            if episode.session.receipt is not None:
                observations[i] = episode.reset()
            action = choose(observations[i], tasks[i].goal, rng)
            began, began_work = time.perf_counter(), time.process_time()
            observations[i] = episode.step(action).observation
            spent += time.perf_counter() - began
            worked += time.process_time() - began_work
            steps += 1
    result |= {
        "step_ms": spent / steps * 1e3,
        "step_cpu_ms": worked / steps * 1e3,
        "steps": steps,
        "episodes_at_once": len(episodes),
    }


def choose(observation: Any, goal: str, rng: random.Random) -> str:
    """An action of a random walk that searches, opens, chooses and buys."""
    if not observation.candidates or rng.random() < 0.1:
        words = keywords(goal)
        return f"search[{' '.join(words[: rng.randint(1, len(words))])}]"
    return str(rng.choice(observation.candidates))


def large(folder: Path, products: int, result: dict[str, Any]) -> None:
    """The full size: compiling, opening, searching."""
    figures: dict[str, Any] = {"products": products}
    if is_store(folder):
        figures |= {"compile_s": None, "compile_cpu_s": None}
        result["notes"]["large.compile_s"] = f"the store in {folder.name} was there already"
        figures["products"] = open_store(folder).manifest["products"]
    else:
        began = Moment.now()
        compile_store(Generator("full", SEED).source(products), folder, processes=2)
        figures["compile_s"], figures["compile_cpu_s"] = began.since()
    figures["disk_mb"] = sum(path.stat().st_size for path in folder.iterdir()) / 2**20
    figures |= opened(folder)
    result["large"] = figures


def opened(folder: Path) -> dict[str, Any]:
    """Figures of a fresh process that opens a store and searches."""
    run = [sys.executable, __file__, "--serve", str(folder)]
    started = time.time()
    done = subprocess.run(run, stdout=subprocess.PIPE, text=True, check=True)
    figures: dict[str, Any] = json.loads(done.stdout)
    # From the start of the process, with Python's own and all imports, to the first page.
    figures["start_s"] = figures.pop("ready_at") - started
    return figures


def serve(folder: Path) -> None:
    """In a fresh process: open, search with people's instructions and with their telling words."""
    began = Moment.now()
    options = WebshopOptions(catalogue="official", data_dir=folder, splits={"all": (0, None)})
    environment = WebshopEnvironment(options)
    tasks = environment.tasks("all")
    environment.open(tasks[0], SEED).reset()
    figures: dict[str, Any] = {"ready_at": time.time(), "start_cpu_s": time.process_time()}
    figures["open_s"], figures["open_cpu_s"] = began.since()
    catalogue = environment.catalogue
    asked = list(queries(catalogue, 400))
    for query in asked[:20]:
        catalogue.search(query)
    clock, work = zip(*(timed(catalogue, query) for query in asked[20:]), strict=True)
    figures |= {"queries": len(clock), "resident_mb": resident_mb()}
    for name, times in (("", clock), ("cpu_", work)):
        figures[f"query_p50_{name}ms"] = statistics.median(times) * 1e3
        figures[f"query_p95_{name}ms"] = statistics.quantiles(times, n=20)[18] * 1e3
    slow = asked[20:60]
    everything = sum(scored_in_full(catalogue, query) for query in slow)
    pruned = sum(timed(catalogue, query)[1] for query in slow)
    figures["pruning_speedup"] = everything / pruned
    print(json.dumps(figures))


def queries(catalogue: Catalogue, count: int) -> Iterator[str]:
    """By turns a whole instruction, all of its telling words, and the first three of them."""
    rng = random.Random(SEED)
    for number in range(count):
        text = catalogue.goal("human", rng.randrange(catalogue.goals("human")), SEED).instruction
        words = keywords(text)
        yield (text, " ".join(words), " ".join(words[:3]))[number % 3]


def timed(catalogue: Catalogue, query: str) -> tuple[float, float]:
    """Seconds for a search past the cache, by the clock and of processor time."""
    began = Moment.now()
    catalogue.index.search(query, 50)
    return began.since()


def scored_in_full(catalogue: Catalogue, query: str) -> float:
    """Processor seconds for scoring every document that holds any word of the query."""
    index = catalogue.index
    began = time.process_time()
    scores = np.zeros(index.size)
    for term in index._terms(query):
        documents = index.documents[term.start : term.stop]
        scores[documents] += index._gains(term, slice(term.start, term.stop))
    best = np.argpartition(-scores, 50)[:50]
    best[np.lexsort((index.ranks[best], -scores[best]))]
    return time.process_time() - began


def resident_mb() -> float | None:
    """Resident memory of this process, mapped pages included; None where it is not told."""
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
    except (OSError, ValueError, IndexError):
        return None
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def show(result: dict[str, Any]) -> None:
    """A table for people: by the clock, and in processor time."""
    print(f"{'':34}{'clock':>10}{'processor':>12}")
    print(f"{SMALL_SIZE:,} products")
    row(result, f"step, {result['episodes_at_once']} episodes at once", "step_{}ms", "ms")
    row(result, "open", "open_{}s", "s")
    row(result, "start of a process, and open", "start_{}s", "s")
    large = result["large"]
    print(f"{large['products']:,} products ({large['disk_mb']:,.0f} MB on disk)")
    row(large, "compile, 2 processes", "compile_{}s", "s")
    row(large, "open", "open_{}s", "s")
    row(large, "start of a process, and open", "start_{}s", "s")
    row(large, "query, median", "query_p50_{}ms", "ms")
    row(large, "query, 95 %", "query_p95_{}ms", "ms")
    resident = large["resident_mb"]
    print(f"  {'resident':32}{'-' if resident is None else f'{resident:.0f}':>10} MB")
    print(f"  {'pruning':32}{large['pruning_speedup']:10.1f} times faster")
    for key, why in result["notes"].items():
        print(f"{key}: {why}")


def row(figures: dict[str, Any], title: str, key: str, unit: str) -> None:
    """A line of the table; `key` has a place for what tells processor time."""
    values = [figures[key.format(kind)] for kind in ("", "cpu_")]
    clock, work = ("-" if value is None else f"{value:.3f}" for value in values)
    print(f"  {title:32}{clock:>10}{work:>12} {unit}")


if __name__ == "__main__":
    if sys.argv[1:2] == ["--serve"]:
        serve(Path(sys.argv[2]))
    else:
        main()
