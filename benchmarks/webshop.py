"""WebShop: a step, opening, many episodes at once, and the full size of 1.18 million products.

    python benchmarks/webshop.py [--json] [--quick] [--store DIR]

Products are generated, with pages about as long as official ones. `--store` keeps the large store
in DIR, or uses the one that is there (then compile_s is null). Upstream's way needs Java, Flask and
an old Python, so it cannot run beside this; what it took elsewhere is in docs/webshop.md. The ratio
in one run is that of the pruned search over scoring every document that holds a word of the query.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
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
    result["open_s"] = opened(folder)["open_s"]
    options = WebshopOptions(catalogue="official", data_dir=folder, splits={"all": (0, None)})
    environment = WebshopEnvironment(options)
    tasks = environment.tasks("all")[:EPISODES]
    episodes = [environment.open(task, SEED) for task in tasks]
    observations = [episode.reset() for episode in episodes]
    rng = random.Random(SEED)
    steps, spent = 0, 0.0
    for _ in range(12):
        for i, episode in enumerate(episodes):
            if episode.session.receipt is not None:
                observations[i] = episode.reset()
            action = choose(observations[i], tasks[i].goal, rng)
            began = time.perf_counter()
            observations[i] = episode.step(action).observation
            spent += time.perf_counter() - began
            steps += 1
    result |= {"step_ms": spent / steps * 1e3, "steps": steps, "episodes_at_once": EPISODES}


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
        figures["compile_s"] = None
        result["notes"]["large.compile_s"] = f"the store in {folder.name} was there already"
        figures["products"] = open_store(folder).manifest["products"]
    else:
        began = time.perf_counter()
        compile_store(Generator("full", SEED).source(products), folder, processes=2)
        figures["compile_s"] = time.perf_counter() - began
    figures["disk_mb"] = sum(path.stat().st_size for path in folder.iterdir()) / 2**20
    figures |= opened(folder)
    result["large"] = figures


def opened(folder: Path) -> dict[str, Any]:
    """Figures of a fresh process that opens a store and searches."""
    run = [sys.executable, __file__, "--serve", str(folder)]
    done = subprocess.run(run, capture_output=True, text=True, check=True)
    figures: dict[str, Any] = json.loads(done.stdout)
    return figures


def serve(folder: Path) -> None:
    """In a fresh process: open, search with people's instructions and with their telling words."""
    began = time.perf_counter()
    options = WebshopOptions(catalogue="official", data_dir=folder, splits={"all": (0, None)})
    environment = WebshopEnvironment(options)
    tasks = environment.tasks("all")
    environment.open(tasks[0], SEED).reset()
    figures: dict[str, Any] = {"open_s": time.perf_counter() - began}
    catalogue = environment.catalogue
    asked = list(queries(catalogue, 400))
    for query in asked[:20]:
        catalogue.search(query)
    times = [timed(catalogue, query) for query in asked[20:]]
    figures |= {
        "queries": len(times),
        "query_p50_ms": statistics.median(times) * 1e3,
        "query_p95_ms": statistics.quantiles(times, n=20)[18] * 1e3,
        "resident_mb": resident_mb(),
    }
    slow = asked[20:60]
    everything = sum(scored_in_full(catalogue, query) for query in slow)
    pruned = sum(timed(catalogue, f"{query} ") for query in slow)
    figures["pruning_speedup"] = everything / pruned
    print(json.dumps(figures))


def queries(catalogue: Catalogue, count: int) -> Iterator[str]:
    """By turns a whole instruction, all of its telling words, and the first three of them."""
    rng = random.Random(SEED)
    for number in range(count):
        text = catalogue.goal("human", rng.randrange(catalogue.goals("human")), SEED).instruction
        words = keywords(text)
        yield (text, " ".join(words), " ".join(words[:3]))[number % 3]


def timed(catalogue: Catalogue, query: str) -> float:
    """Seconds for a search that is not in the cache."""
    began = time.perf_counter()
    catalogue.index.search(query, 50)
    return time.perf_counter() - began


def scored_in_full(catalogue: Catalogue, query: str) -> float:
    """Seconds for scoring every document that holds any word of the query."""
    index = catalogue.index
    began = time.perf_counter()
    scores = np.zeros(index.size)
    for term in index._terms(query):
        documents = index.documents[term.start : term.stop]
        scores[documents] += index._gains(term, slice(term.start, term.stop))
    best = np.argpartition(-scores, 50)[:50]
    best[np.lexsort((index.ranks[best], -scores[best]))]
    return time.perf_counter() - began


def resident_mb() -> float | None:
    """Resident memory of this process, mapped pages included; None where it is not told."""
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
    except (OSError, ValueError, IndexError):
        return None
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def show(result: dict[str, Any]) -> None:
    """A table for people."""
    print(f"{SMALL_SIZE:,} products")
    print(f"  step           {result['step_ms']:8.3f} ms  ({EPISODES} episodes at once)")
    print(f"  open           {result['open_s']:8.3f} s")
    large = result["large"]
    print(f"{large['products']:,} products ({large['disk_mb']:,.0f} MB on disk)")
    rows = [("compile", "compile_s", "s"), ("open", "open_s", "s")]
    rows += [("query, median", "query_p50_ms", "ms"), ("query, 95 %", "query_p95_ms", "ms")]
    rows += [("resident", "resident_mb", "MB"), ("pruning", "pruning_speedup", "times faster")]
    for title, key, unit in rows:
        value = large[key]
        print(f"  {title:14} {'-' if value is None else f'{value:8.2f}'} {unit}")
    for key, why in result["notes"].items():
        print(f"{key}: {why}")


if __name__ == "__main__":
    if sys.argv[1:2] == ["--serve"]:
        serve(Path(sys.argv[2]))
    else:
        main()
