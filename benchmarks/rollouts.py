"""Rollouts: many episodes with kept prefixes, against one at a time with `generate`.

    python benchmarks/rollouts.py [--json] [--quick] [--games DIR] [--python PYTHON]
                                  [--policy DIR] [--device cuda] [--steps N] [--processor-time]

One model with random weights (about 2M parameters; 150M with `--device cuda`) plays ALFWorld with
replies of a fixed length; which candidate is taken follows from the reply's text, so everyone who
decodes the same replies plays the same episodes. `--policy` plays with a trained student instead,
who takes the actions that it writes. Compared are

- A, as research code does it: one episode at a time, the whole prompt encoded anew at every step
  with `generate`, on stock TextWorld. Needs `leap-alfworld[textworld]`, here or in another virtual
  environment whose Python `--python` or $LEAP_TEXTWORLD_PYTHON names;
- B, the same on the native engine;
- LEAP: 64 episodes in flight, in-process engine.

The floor is the time that the new tokens' floating-point operations alone would take at the rate of
a large matrix product on this machine. Games are official ones (`--games`, $LEAP_DATA_DIR/alfworld,
$ALFWORLD_DATA) or else generated. `--processor-time` counts the processor time of this process
and TextWorld's instead of wall time: for a machine that is busy with other things, with
OMP_NUM_THREADS=1.
"""

from __future__ import annotations

import argparse
import contextlib
import gc
import json
import os
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from hashlib import blake2b
from pathlib import Path
from typing import Any

import psutil
import torch
from executors import with_ray
from floor import matrix_rate, operations

from leap_alfworld.environment import AlfworldEnvironment
from leap_alfworld.official import find_release
from leap_alfworld.options import AlfworldOptions
from leap_alfworld.real_engine import RealEngine, RealEpisode
from leap_core import LeapError
from leap_core.config.schema import GenerationConfig
from leap_core.contracts.engine import Engine, Request
from leap_core.contracts.environment import Environment, Episode
from leap_core.local.engine import TransformersEngine
from leap_core.local.tiny_student import TinyOptions, build_tiny
from leap_core.policy.prompt import PromptRenderer
from leap_core.policy.reply import write_reply
from leap_core.rollout import roll_out
from leap_core.types import PolicyRef, Task, Trajectory

IN_FLIGHT = 64
LONGEST = 64
REPLY = 32  # tokens; the demonstrations' replies have 29 (median) with this tokenizer
SMALL = TinyOptions(
    hidden_size=192, layers=4, heads=4, kv_heads=2, intermediate_size=512, vocabulary=2048
)
SMALLEST = TinyOptions(
    hidden_size=32, layers=2, heads=2, kv_heads=1, intermediate_size=64, vocabulary=2048
)
LARGE = TinyOptions(
    hidden_size=1024, layers=12, heads=16, kv_heads=4, intermediate_size=2816, vocabulary=2048
)
clock: Callable[[], float] = time.perf_counter


def main() -> None:
    global clock
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--json", action="store_true", help="end with one JSON object")
    parser.add_argument("--quick", action="store_true", help="fewer and shorter episodes")
    parser.add_argument("--games", type=Path, help="folder of official games")
    parser.add_argument("--python", default=os.environ.get("LEAP_TEXTWORLD_PYTHON"))
    parser.add_argument("--policy", type=Path, help="folder of a trained student")
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    parser.add_argument("--steps", type=int, help="steps of an episode (default: 30; quick: 8)")
    parser.add_argument("--processor-time", action="store_true", help="not wall time")
    arguments = parser.parse_args()
    if arguments.processor_time:
        clock = processor_time
    quick = arguments.quick
    horizon = arguments.steps or (8 if quick else 30)
    environment, tasks = find_games(arguments.games)
    writer = PromptRenderer(environment.layout(), horizon)
    result: dict[str, Any] = {"games": environment.options.games, "steps": horizon, "notes": {}}
    with tempfile.TemporaryDirectory() as scratch:
        size = LARGE if arguments.device == "cuda" else SMALL
        if arguments.policy:
            policy = PolicyRef(kind="transformers", model=str(arguments.policy))
        else:
            policy = make_student(Path(scratch) / "student", environment, tasks, size)
        many = tasks[: IN_FLIGHT if quick else 3 * IN_FLIGHT]
        ours(policy, environment, writer, many, arguments, result)
        alone = 2 if quick else 8
        sequential(policy, environment, writer, tasks[:alone], arguments, result)
        # What stays in memory does not depend on how long the model computes: the smallest will do.
        policy = make_student(Path(scratch) / "smallest", environment, tasks, SMALLEST)
        memory(policy, environment, tasks, 1000 if quick else 10_000, arguments, result)
    with_ray(result, *((24, 1) if quick else (80, 3)))
    show(result)
    if arguments.json:
        print(json.dumps(result))


def find_games(folder: Path | None) -> tuple[AlfworldEnvironment, list[Task]]:
    """Official games where there are any, else generated ones of the official size."""
    packs = os.environ.get("LEAP_DATA_DIR")
    for place in (folder, Path(packs) / "alfworld" if packs else None):
        release = find_release(place) if place is not None or packs is None else None
        if release is not None and release.is_dir():
            environment = AlfworldEnvironment(AlfworldOptions(games="official", data_dir=release))
            return environment, spread(list(environment.tasks(environment.splits()[0])))
    environment = AlfworldEnvironment(AlfworldOptions(games="full"))
    return environment, spread(list(environment.tasks("train"))[:2000])


def spread(tasks: list[Task]) -> list[Task]:
    """The tasks in another order, so that the first ones are of every type."""
    return sorted(tasks, key=lambda task: blake2b(task.id.encode()).digest())


def make_student(
    folder: Path, environment: AlfworldEnvironment, tasks: Sequence[Task], size: TinyOptions
) -> PolicyRef:
    """A model with random weights, and a tokenizer trained on demonstrations."""
    writer = PromptRenderer(environment.layout(), environment.horizon)
    texts = []
    for shown in environment.demonstrations(tasks[:60], "explorer"):
        for index, step in enumerate(shown.steps):
            prompt = writer.prompt(shown.task, shown.steps[:index], step.observation)
            texts += [prompt.trunk[-1], prompt.branch, write_reply(step.reason, step.action)]
    build_tiny(folder, texts, size, 0)
    return PolicyRef(kind="transformers", model=str(folder))


def engine_of(
    policy: PolicyRef, device: str, tokens: int = REPLY, *, deaf: bool = True
) -> TransformersEngine:
    """Greedy. A deaf one does not hear the end of a reply: all are `tokens` long."""
    generation = GenerationConfig(temperature=0, max_new_tokens=tokens, device=device)
    engine = TransformersEngine(policy, generation)
    if deaf:
        engine.encoder.stop = ()
    return engine


def student_engine(policy: PolicyRef, arguments: argparse.Namespace) -> TransformersEngine:
    """For the student that is compared."""
    if arguments.policy:
        return engine_of(policy, arguments.device, LONGEST, deaf=False)
    return engine_of(policy, arguments.device)


def player(engine: Engine, arguments: argparse.Namespace) -> Engine:
    """Who plays: a trained student as it is, random weights with what their replies stand for."""
    return engine if arguments.policy else Choosing(engine)


class Choosing(Engine):
    """Takes the candidate that a reply's text stands for, so that random weights play games."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine

    def reply(self, requests: Sequence[Request]) -> list[str]:
        texts = self.engine.reply(requests)
        return [_chosen(r, text) for r, text in zip(requests, texts, strict=True)]

    def forget(self, episode: str) -> None:
        self.engine.forget(episode)


def _chosen(request: Request, text: str) -> str:
    candidates = request.observation.candidates
    number = int.from_bytes(blake2b(text.encode(), digest_size=8).digest(), "big")
    return write_reply("", candidates[number % len(candidates)])


class OneByOne(Engine):
    """One prompt at a time, all of it encoded at every step, with transformers' `generate`."""

    def __init__(self, engine: TransformersEngine) -> None:
        self.engine = engine

    @torch.inference_mode()
    def reply(self, requests: Sequence[Request]) -> list[str]:
        model, encoder, texts = self.engine.model, self.engine.encoder, []
        for request in requests:
            prompt = encoder.trunk(request.prompt) + encoder.branch(request.prompt)
            ids = torch.tensor([prompt], device=model.device)
            out = model.generate(
                ids, attention_mask=torch.ones_like(ids), do_sample=False, pad_token_id=0,
                eos_token_id=list(encoder.stop) or None,
                max_new_tokens=self.engine.generation.max_new_tokens,
            )  # fmt: skip
            texts.append(encoder.decode(out[0, ids.shape[1] :].tolist()))
        return texts


class Stock(AlfworldEnvironment):
    """The same games on stock TextWorld, in a process of its own."""

    def __init__(self, options: AlfworldOptions, engine: RealEngine) -> None:
        super().__init__(options)
        self.stock = engine

    def open(self, task: Task, seed: int) -> Episode:
        return RealEpisode(self.stock, self.game_text(task), self.options)


def play(
    environment: Environment,
    engine: Engine,
    writer: PromptRenderer,
    tasks: Sequence[Task],
    at_once: int,
) -> tuple[float, list[Trajectory]]:
    """Seconds, and the trajectories; none may have failed."""
    played: list[Trajectory] = []
    began = clock()
    roll_out(environment, engine, writer, tasks, seed=0, in_flight=at_once,
             on_trajectory=played.append)  # fmt: skip
    seconds = clock() - began
    for trajectory in played:
        if trajectory.outcome == "error":
            raise SystemExit(f"{trajectory.task.id}: {trajectory.error}")
    return seconds, played


def ours(
    policy: PolicyRef, environment: AlfworldEnvironment, writer: PromptRenderer,
    tasks: Sequence[Task], arguments: argparse.Namespace, result: dict[str, Any],
) -> None:  # fmt: skip
    """Many episodes in flight; and the floor."""
    engine = student_engine(policy, arguments)
    if arguments.processor_time and engine.threads == 1:
        engine.model_clock = time.process_time
    result["parameters"] = sum(p.numel() for p in engine.model.parameters())
    result["threads"] = engine.threads
    who = player(engine, arguments)
    play(environment, who, PromptRenderer(environment.layout(), 2), tasks[:4], 4)
    engine.model_seconds, engine.tokens, engine.passes = 0.0, 0, 0
    seconds, played = play(environment, who, writer, tasks, IN_FLIGHT)
    result["episodes"] = len(played)
    result["episodes_per_s"] = len(played) / seconds
    tell(f"LEAP: {result['episodes_per_s']:.3f} episodes/s")
    result["model_time_share"] = engine.model_seconds / seconds / engine.threads
    result["actions"] = {t.task.id: [s.action for s in t.steps] for t in played}
    steps = sum(len(t.steps) for t in played)
    result["mean_steps"], result["reply"] = steps / len(played), engine.tokens / steps
    result["tokens_a_pass"] = engine.tokens / max(1, engine.passes)
    new = sum(sum(operations(engine, writer, t, result["reply"])) for t in played)
    rate = matrix_rate(engine)
    result["gflop_per_episode"] = new / len(played) / 1e9
    result["matrix_gflops"] = rate / 1e9
    result["floor_episodes_per_s"] = len(played) / (new / rate)
    engine.close()


def sequential(
    policy: PolicyRef, environment: AlfworldEnvironment, writer: PromptRenderer,
    tasks: Sequence[Task], arguments: argparse.Namespace, result: dict[str, Any],
) -> None:  # fmt: skip
    """Baselines B and A."""
    one = player(OneByOne(student_engine(policy, arguments)), arguments)
    play(environment, one, PromptRenderer(environment.layout(), 1), tasks[:1], 1)
    seconds, played = play(environment, one, writer, tasks, 1)
    result["b_episodes_per_s"] = len(played) / seconds
    tell(f"baseline B: {result['b_episodes_per_s']:.3f} episodes/s")
    result["speedup_vs_sequential"] = result["episodes_per_s"] / result["b_episodes_per_s"]
    actions = result.pop("actions")
    pairs = [(s.action, other) for t in played
             for s, other in zip(t.steps, actions[t.task.id], strict=False)]  # fmt: skip
    result["same_actions"] = sum(a == b for a, b in pairs) / len(pairs)
    for key in ("a_episodes_per_s", "speedup_vs_research_code"):
        result[key] = None
    try:
        with RealEngine(arguments.python, stock=True) as stock:
            stock.versions()
            world = Stock(environment.options, stock)
            play(world, one, PromptRenderer(environment.layout(), 1), tasks[:1], 1)
            seconds, played = play(world, one, writer, tasks, 1)
    except LeapError as error:
        result["notes"]["speedup_vs_research_code"] = str(error)
        return
    result["a_episodes_per_s"] = len(played) / seconds
    tell(f"baseline A: {result['a_episodes_per_s']:.3f} episodes/s")
    result["speedup_vs_research_code"] = result["episodes_per_s"] / result["a_episodes_per_s"]


def memory(
    policy: PolicyRef, environment: AlfworldEnvironment, tasks: Sequence[Task], count: int,
    arguments: argparse.Namespace, result: dict[str, Any],
) -> None:  # fmt: skip
    """Growth of resident memory over many queued episodes, after the first tenth of them."""
    result["queued"] = count
    if resident_mb() is None:
        result["growth_mb"] = None
        result["notes"]["growth_mb"] = "resident memory is not readable on this system"
        return
    engine = engine_of(policy, arguments.device, tokens=2)
    queued = [replace(tasks[i % len(tasks)], id=f"{tasks[i % len(tasks)].id}@{i}",
                      data={"game": tasks[i % len(tasks)].id}) for i in range(count)]  # fmt: skip
    sizes: list[float] = []

    def note(_: Trajectory) -> None:
        sizes.append(resident_mb() or 0.0)

    roll_out(environment, Choosing(engine), PromptRenderer(environment.layout(), 2), queued, seed=0,
             in_flight=IN_FLIGHT, on_trajectory=note)  # fmt: skip
    engine.close()
    gc.collect()
    result["resident_mb"] = sizes[-1]
    result["growth_mb"] = max(sizes[-count // 10 :]) - max(sizes[: count // 5])


def processor_time() -> float:
    """Processor seconds of this process and those that it runs."""
    seconds = time.process_time()
    for child in psutil.Process().children(recursive=True):
        with contextlib.suppress(psutil.NoSuchProcess):
            used = child.cpu_times()
            seconds += used.user + used.system
    return seconds


def tell(found: str) -> None:
    """Say on standard error what is known already: the whole takes minutes."""
    print(found, file=sys.stderr, flush=True)


def resident_mb() -> float | None:
    """Resident memory of this process; None where the system does not tell."""
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
    except (OSError, ValueError, IndexError):
        return None
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def show(result: dict[str, Any]) -> None:
    """A table for people."""
    print(
        f"{result['parameters'] / 1e6:.1f}M parameters, {result['games']} games, episodes of "
        f"{result['mean_steps']:.0f} steps (at most {result['steps']}), replies of "
        f"{result['reply']:.0f} tokens, {IN_FLIGHT} in flight\n"
    )
    print(f"{'':46} {'episodes/s':>12} {'LEAP is … faster':>18}")
    ours = result["episodes_per_s"]
    floor = (
        f"floor ({result['gflop_per_episode']:.1f} GFLOP an episode at "
        f"{result['matrix_gflops']:.0f} GFLOP/s)"
    )
    rows = [
        ("A: one by one, generate, stock TextWorld", result["a_episodes_per_s"]),
        ("B: one by one, generate, native engine", result["b_episodes_per_s"]),
        (f"LEAP ({result['threads']} threads)", ours),
        (floor, result["floor_episodes_per_s"]),
    ]
    for title, rate in rows:
        shown, faster = (f"{rate:.3f}", f"{ours / rate:.2f}") if rate else ("-", "-")
        print(f"{title:46} {shown:>12} {faster:>18}")
    print(f"\nin the model's forward passes: {100 * result['model_time_share']:.1f} % of the time")
    print(f"tokens of a reply that one pass gives, guesses included: {result['tokens_a_pass']:.2f}")
    print(f"same actions as B: {100 * result['same_actions']:.2f} %")
    if result["growth_mb"] is not None:
        print(f"{result['queued']} queued episodes: {result['growth_mb']:+.1f} MB "
              f"of {result['resident_mb']:.0f} MB")  # fmt: skip
    if result["ray_two_worker_speedup"] is not None:
        print(f"two Ray workers: {result['ray_two_worker_speedup']:.2f} of one, at 50 ms a step")
    for key, why in result["notes"].items():
        print(f"{key}: {why}")


if __name__ == "__main__":
    main()
