"""What prefix sharing saves: LEAP's trainer on whole trajectories against TRL's on a row per step.

    python benchmarks/training.py [--json] [--quick] [--only alfworld|webshop]

Rows are those of LEAP: at every step of a trajectory, the history so far, then a reason and an
action. TRL's SFTTrainer trains on each as a row of its own; of its three ways (padded rows of like
length, packed, padding-free) the one that is fastest on every eighth row is measured. LEAP trains
on the same rows with their trunks shared. Same model, same machine, same optimizer steps.

ALFWorld trajectories are random walks of 30 steps through official games ($LEAP_DATA_DIR/alfworld),
or through generated ones of the official size, corrected at every step. WebShop trajectories are
recorded walks through the official site ($LEAP_DATA_DIR/webshop/walks.json). On a GPU the model has
over 100 million parameters, on a CPU over 5 million.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import tempfile
import time
from collections.abc import Sequence
from itertools import accumulate
from pathlib import Path
from typing import Any

import torch
from datasets import Dataset, disable_progress_bars
from transformers import AutoModelForCausalLM, AutoTokenizer, PrinterCallback, TrainerCallback
from transformers import logging as transformers_logging
from trl import SFTConfig, SFTTrainer

from leap_alfworld.environment import AlfworldEnvironment
from leap_alfworld.options import AlfworldOptions
from leap_alfworld.privileged import SimulatorSource
from leap_core.contracts.environment import Layout
from leap_core.local.tiny_student import TinyOptions, build_tiny
from leap_core.local.tokenization import PromptEncoder
from leap_core.policy.prompt import PromptRenderer
from leap_core.policy.reply import write_reply
from leap_core.training.dataset import TrainingSet
from leap_core.training.losses import SFT, LossInputs
from leap_core.training.microbatch import collate_separate, collate_shared
from leap_core.training.packing import TokenRow, separate_rows, shared_rows
from leap_core.training.prefix_sharing import enable_sharing
from leap_core.training.trainer import BatchLayout, MicrobatchTrainer
from leap_core.types import Example, Observation, Step, Task, Trajectory

SEED = 0
HORIZON = 30
COMPARED_TOKENS = 30_000
LOSS, GRADIENT = "max_relative_loss_difference", "max_relative_gradient_difference"
CPU = TinyOptions(hidden_size=256, layers=6, heads=8, kv_heads=4, intermediate_size=1024,
                  vocabulary=4096, max_length=32768)  # fmt: skip
GPU = TinyOptions(hidden_size=768, layers=14, heads=12, kv_heads=12, intermediate_size=2048,
                  vocabulary=4096, max_length=32768)  # fmt: skip
WAYS: dict[str, dict[str, Any]] = {
    "plain": {"train_sampling_strategy": "group_by_length"},
    "packed": {"packing": True},
    "padding-free": {"padding_free": True},
}
WEBSHOP = Layout(
    opening="You shop on a web site. At each turn, give a short reason and then an action, as\n"
    "REASON: ...\nACTION: ...\n\n{{ observation }}\n",
    turn="> {{ action }}\n{{ observation }}\n",
    branch="Actions: {{ (candidates or ()) | join(', ') }}\n",
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--json", action="store_true", help="end with one JSON object")
    parser.add_argument("--quick", action="store_true", help="short trajectories: does it work?")
    parser.add_argument("--only", choices=("alfworld", "webshop"), help="one of the two")
    parser.add_argument("--threads", type=int, default=1, help="on a CPU; on two cores a second "
                        "one makes both sides slower")  # fmt: skip
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    quiet()
    result: dict[str, Any] = {
        "notes": {},
        "device": device_name(),
        "threads": torch.get_num_threads(),
    }
    result[LOSS] = result[GRADIENT] = None
    steps = 8 if arguments.quick else HORIZON
    kinds = {"alfworld": alfworld, "webshop": webshop}
    for kind, make in kinds.items():
        result[kind] = {"token_reduction": None, "row_speedup": None}
        if arguments.only in (None, kind):
            count = 1 if arguments.quick or kind == "webshop" else 2
            measure(kind, make(count, steps, result["notes"]), result)
        else:
            result["notes"][kind] = f"left out: --only {arguments.only}"
    show(result)
    if arguments.json:
        print(json.dumps(result))


# Trajectories


def alfworld(count: int, steps: int, notes: dict[str, str]) -> list[list[Example]]:
    """Random walks, corrected at every step by the environment's expert."""
    official = Path(os.environ.get("LEAP_DATA_DIR", "")) / "alfworld"
    games = "official" if os.environ.get("LEAP_DATA_DIR") and official.is_dir() else "full"
    if games != "official":
        notes["alfworld"] = "generated games of the official size: LEAP_DATA_DIR has no alfworld"
    environment = AlfworldEnvironment(AlfworldOptions(games=games))
    writer = PromptRenderer(environment.layout(), HORIZON)
    source = SimulatorSource(SimulatorSource.Options(), environment)
    tasks = list(environment.tasks("valid_seen"))
    random.Random(SEED).shuffle(tasks)
    return [corrected(environment, source, writer, task, steps) for task in tasks[:count]]


def corrected(
    environment: Any, source: Any, writer: PromptRenderer, task: Task, steps: int
) -> list[Example]:
    rng = random.Random(f"{SEED}:{task.id}")
    episode = environment.open(task, SEED)
    observation = episode.reset()
    taken: list[Step] = []
    for _ in range(steps):
        # A student has no use for the manual, which would make histories longer than they are.
        action = rng.choice([a for a in observation.candidates if a != "help"])
        taken.append(
            Step(observation=observation, reason="Let me see what that does.", action=action)
        )
        observation = episode.step(action).observation
    episode.close()
    trajectory = Trajectory(task=task, steps=tuple(taken), final=observation.text)
    expert = environment.expert()
    proposals = {p.step: p for p in expert.correct(trajectory, source.states(trajectory), 3)}
    return [
        example(writer, task, taken, t, proposals[t].reason, proposals[t].action)
        if t in proposals
        else example(writer, task, taken, t, taken[t].reason, taken[t].action)
        for t in range(steps)
    ]


def webshop(count: int, steps: int, notes: dict[str, str]) -> list[list[Example]]:
    """Recorded walks, the longest first; the reply of a step is what was done there."""
    path = Path(os.environ.get("LEAP_DATA_DIR", "")) / "webshop" / "walks.json"
    if not path.is_file():
        notes["webshop"] = "LEAP_DATA_DIR has no webshop/walks.json"
        return []
    walks = json.loads(path.read_text(encoding="utf-8"))["walks"]
    walks.sort(key=lambda walk: len(walk["steps"]), reverse=True)
    longest = min(steps, len(walks[0]["steps"]))
    if longest < steps:
        notes["webshop"] = f"the recorded walks have at most {longest} steps"
    writer = PromptRenderer(WEBSHOP, HORIZON)
    made = []
    for number, walk in enumerate(walks[:count]):
        texts = [walk["first_observation"], *(s["observation"] for s in walk["steps"])]
        lists = [walk["first_clickables"], *(s.get("clickables") or () for s in walk["steps"])]
        taken = [
            Step(
                observation=Observation(text=texts[t], candidates=tuple(lists[t])),
                reason=REASON,
                action=walk["steps"][t]["action"],
            )
            for t in range(min(steps, len(walk["steps"])))
        ]
        task = Task(id=f"walk {number}", split="recorded")
        made.append(
            [example(writer, task, taken, t, s.reason, s.action) for t, s in enumerate(taken)]
        )
    return made


REASON = "This page shows what I asked for, so I look at what fits the instruction best."


def example(
    writer: PromptRenderer, task: Task, steps: Sequence[Step], t: int, reason: str, action: str
) -> Example:
    prompt = writer.prompt(task, steps[:t], steps[t].observation)
    return Example(
        prompt=prompt,
        reply=write_reply(reason, action),
        rejected=None,
        source="correction",
        iteration=1,
        task_id=task.id,
        seed=0,
        step=t,
    )


# Measuring


def measure(kind: str, trajectories: list[list[Example]], result: dict[str, Any]) -> None:
    """Both trainers on the same examples; ratios go into `result`."""
    if not trajectories:
        return
    with tempfile.TemporaryDirectory() as folder:
        examples = [e for trajectory in trajectories for e in trajectory]
        options = GPU if torch.cuda.is_available() else CPU
        build_tiny(Path(folder), [e.prompt.text + e.reply for e in examples], options, SEED)
        encoder = PromptEncoder(AutoTokenizer.from_pretrained(folder))
        apart = list(separate_rows(examples, encoder))
        shared = list(shared_rows(examples, encoder, 10**9))
        model = load(folder)
        parameters = sum(p.numel() for p in model.parameters())
        part = apart[4::8]  # spread, since which way is fastest depends on the length of rows
        trials = {way: run_trl(folder, part, way, len(trajectories)) for way in WAYS}
        best = min((s, way) for way, s in trials.items() if s is not None)[1]
        trl = run_trl(folder, apart, best, len(trajectories))
        run_leap(folder, list(shared_rows(examples[:4], encoder, 10**9)))  # warms up
        leap = run_leap(folder, shared)
        assert trl is not None
        tokens, shared_tokens = (
            sum(row.separate_tokens for row in apart),
            sum(row.shared_tokens for row in shared),
        )
        result[kind] = {
            "token_reduction": tokens / shared_tokens,
            "row_speedup": trl / leap,
            "steps": len(trajectories[0]),
            "trajectories": len(trajectories),
            "rows": len(apart),
            "parameters": parameters,
            "trl_way": best,
            "trl_seconds_on_a_part": trials,
            "trl_tokens": tokens,
            "leap_tokens": shared_tokens,
            "trl_rows_per_s": len(apart) / trl,
            "leap_rows_per_s": len(apart) / leap,
            "leap_tokens_per_s": shared_tokens / leap,
            "leap_share_of_peak": share_of_peak(parameters, shared_tokens / leap),
        }
        compared = few_enough(apart[: len(trajectories[0])])
        (together,) = shared_rows(examples[: len(compared)], encoder, 10**9)
        exact = differences(load(folder, exact=True), together, compared)
        print(f"LEAP and separate rows, {len(compared)} of a trajectory, in float32: relative "
              f"difference of loss {exact[LOSS]:.1e}, of gradients {exact[GRADIENT]:.1e}",
              flush=True)  # fmt: skip
        for key, value in exact.items():
            result[key] = max(value, result[key] or 0.0)


def few_enough(rows: list[TokenRow]) -> list[TokenRow]:
    """The first rows, as many as can be compared one by one in a minute or so."""
    ends = accumulate(row.separate_tokens for row in rows)
    return [row for row, tokens in zip(rows, ends, strict=True) if tokens <= COMPARED_TOKENS]


def load(folder: str, exact: bool = False) -> Any:
    cuda = torch.cuda.is_available() and not exact
    dtype = torch.bfloat16 if cuda else torch.float32
    model = AutoModelForCausalLM.from_pretrained(folder, attn_implementation="sdpa", dtype=dtype)
    return model.to("cuda" if cuda else "cpu")


def run_trl(folder: str, rows: list[TokenRow], way: str, updates: int) -> float | None:
    """Seconds of TRL's trainer for `updates` optimizer steps over `rows`; None where it fails."""
    data = []
    for row in rows:
        (branch,) = row.branches
        ids = [*row.trunk[: branch.visible], *branch.tokens]
        masked = [-100] * (len(ids) - branch.reply)
        data.append({"input_ids": ids, "labels": masked + ids[len(masked) :]})
    longest = max(len(row["input_ids"]) for row in data)
    micro = max(1, min(8, 16384 // longest))
    try:
        trainer = SFTTrainer(
            model=load(folder),
            args=SFTConfig(
                output_dir=f"{folder}/{way}",
                per_device_train_batch_size=1 if way == "packed" else micro,
                gradient_accumulation_steps=1,
                num_train_epochs=1,
                max_length=longest if way == "packed" else None,
                **WAYS[way],
                **common(),
            ),
            train_dataset=Dataset.from_list(data),
            processing_class=AutoTokenizer.from_pretrained(folder),
            callbacks=[clock := Clock()],
        )
        trainer.remove_callback(PrinterCallback)
        # As many optimizer steps as LEAP takes, each over an equal part of the passes.
        passes = len(trainer.get_train_dataloader())
        trainer.args.gradient_accumulation_steps = max(1, -(-passes // updates))
        trainer.train()
    except (RuntimeError, ValueError, MemoryError) as error:
        print(f"TRL {way}: {' '.join(str(error).split())[:200]}")
        return None
    print(f"TRL {way}: {len(rows)} rows in {clock.seconds:.1f} s", flush=True)
    return clock.seconds


def run_leap(folder: str, rows: list[TokenRow]) -> float:
    """Seconds of LEAP's trainer over `rows`, an optimizer step each."""
    model = load(folder)
    flexible, why = enable_sharing(model, max(row.longest for row in rows))
    assert not why, why
    trainer = MicrobatchTrainer(
        method=SFT(),
        material=TrainingSet(rows, [], [1] * len(rows), 1, [], []),
        cut=BatchLayout(True, flexible, 0, 16384, 8),
        model=model,
        args=SFTConfig(
            output_dir=f"{folder}/leap",
            num_train_epochs=1,
            dataset_kwargs={"skip_prepare_dataset": True},
            remove_unused_columns=False,
            **common(),
        ),
        processing_class=AutoTokenizer.from_pretrained(folder),
        data_collator=list,
        callbacks=[clock := Clock()],
    )
    trainer.remove_callback(PrinterCallback)
    trainer.train()
    print(f"LEAP: {sum(r.examples for r in rows)} rows in {clock.seconds:.1f} s", flush=True)
    return clock.seconds


def common() -> dict[str, Any]:
    cuda = torch.cuda.is_available()
    return {
        "use_cpu": not cuda, "bf16": cuda, "activation_checkpointing": False, "report_to": "none",
        "save_strategy": "no", "disable_tqdm": True, "logging_strategy": "no", "seed": SEED,
        "dataloader_pin_memory": False, "learning_rate": 1e-4,
    }  # fmt: skip


class Clock(TrainerCallback):
    """Seconds between the beginning and the end of optimizer steps.

    On a CPU those that this process computed, which other processes on the machine disturb less.
    """

    def __init__(self) -> None:
        self.seconds = 0.0

    def on_step_begin(self, *args: Any, **more: Any) -> None:
        self.began = now()

    def on_step_end(self, *args: Any, **more: Any) -> None:
        self.seconds += now() - self.began


def now() -> float:
    if not torch.cuda.is_available():
        return time.process_time()
    torch.cuda.synchronize()
    return time.perf_counter()


def differences(model: Any, shared: TokenRow, apart: list[TokenRow]) -> dict[str, float]:
    """Largest relative differences of loss and gradients in float32, a reply at a time apart."""
    model.zero_grad()
    losses = []
    for row in apart:
        one = collate_separate([row], [0])
        loss = SFT().loss(one.logits(model), one, LossInputs())
        loss.backward()
        losses.append(loss.item())
    gradients = [p.grad.clone() for p in model.parameters()]
    model.zero_grad()
    why = enable_sharing(model, shared.longest)[1]
    assert not why, why
    one = collate_shared([shared], [0])
    loss = SFT().loss(one.logits(model), one, LossInputs())
    loss.backward()
    relative = [
        float(torch.linalg.norm(p.grad - g) / torch.linalg.norm(g))
        for p, g in zip(model.parameters(), gradients, strict=True)
    ]
    return {GRADIENT: max(relative), LOSS: abs(loss.item() - sum(losses)) / sum(losses)}


def quiet() -> None:
    disable_progress_bars()
    transformers_logging.set_verbosity_error()
    transformers_logging.disable_progress_bar()


def share_of_peak(parameters: int, tokens_per_s: float) -> float | None:
    """Of a GPU's bfloat16 peak, at 6 operations a parameter and token; None where unknown."""
    peaks = {"H100": 989e12, "H200": 989e12, "A100": 312e12}
    for name, peak in peaks.items():
        if name in device_name():
            return 6 * parameters * tokens_per_s / peak
    return None


def device_name() -> str:
    return torch.cuda.get_device_name() if torch.cuda.is_available() else "CPU"


def show(result: dict[str, Any]) -> None:
    """A table for people."""
    print(f"\n{result['device']}, {result['threads']} threads\n")
    print(f"{'':10} {'rows':>5} {'TRL tokens':>11} {'LEAP':>8} {'fewer':>7}   "
          f"{'TRL rows/s':>10} {'LEAP':>7} {'faster':>7}")  # fmt: skip
    for kind in ("alfworld", "webshop"):
        row = result.get(kind)
        if row and row["row_speedup"]:
            print(
                f"{kind:10} {row['rows']:>5} {row['trl_tokens']:>11} {row['leap_tokens']:>8} "
                f"{row['token_reduction']:>6.1f}x   {row['trl_rows_per_s']:>10.2f} "
                f"{row['leap_rows_per_s']:>7.2f} {row['row_speedup']:>6.1f}x   "
                f"(TRL: {row['trl_way']})"
            )
    for key in (LOSS, GRADIENT):
        if result[key] is not None:
            print(f"{key.replace('_', ' ')}: {result[key]:.1e}")
    for key, why in result["notes"].items():
        print(f"{key}: {why}")


if __name__ == "__main__":
    main()
