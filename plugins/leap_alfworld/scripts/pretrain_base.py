"""Pre-train the small base student that leap-alfworld ships (`student.model: tiny-base`).

    python pretrain_base.py OUT [--processes 2] [--stage both]

A real student starts from pre-training; the tiny one starts from this. It reads random walks
through generated games of another world (`seed=1000`), and at every step a remark (walks.py): what
the task names and where it goes, whether there is one in sight, which place the room lists next,
and at times the command that the walk takes next, which is drawn by lot. Between them it is asked
what there is in places made up (sights.py). Last come errands (errands.py): a thing is met with by
chance, and what the task asks is done with it.

The base learns the words, to copy names, to tell what it sees, and to keep account of what was
done. It never learns where things are: every errand is in a world of its own, whose homes are drawn
anew, and where its search begins is drawn by lot. There is no teacher and nothing privileged in it.
"""

from __future__ import annotations

import argparse
import math
import random
import time
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import torch
from errands import errand
from sights import sight
from walks import walk

from leap_alfworld.environment import AlfworldEnvironment, AlfworldOptions
from leap_core.local.tiny_student import TinyOptions, save_untrained, train_tokenizer
from leap_core.local.tokenization import PromptEncoder
from leap_core.policy.prompt import PromptRenderer
from leap_core.training.block_attention import NAME
from leap_core.training.microbatch import collate_shared
from leap_core.training.packing import TokenRow, shared_rows

WORLD = 1000
OPENING = "{{ observation }}\n"
BRANCH = "What next?\n"
STUDENT = TinyOptions(hidden_size=128, layers=4, heads=4, kv_heads=4, intermediate_size=256)


@dataclass(frozen=True)
class Stage:
    """A part of the training.

    Attributes:
        steps: of the optimizer.
        rate: the learning rate at first; it falls to a twentieth.
        walks, sights, errands: how many of each a step reads.
        longest: steps of a walk or errand, at most, at the beginning and at the end.
    """

    steps: int
    rate: float
    walks: int = 4
    sights: int = 0
    errands: int = 0
    longest: tuple[int, int] = (15, 15)


STAGES = {
    "walks": Stage(5000, 2e-3, longest=(8, 15)),
    "sights": Stage(850, 1e-3, walks=0, sights=16),
    "both": Stage(1200, 1e-3, sights=12),
    "errands": Stage(1500, 1e-3, walks=0, sights=8, errands=8, longest=(12, 12)),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path)
    parser.add_argument("--processes", type=int, choices=(1, 2, 4), default=2)
    parser.add_argument("--stage", choices=STAGES, default="walks", help="go on in OUT from here")
    parser.add_argument("--scale", type=float, default=1.0, help="of all steps, to try it out")
    arguments = parser.parse_args()
    if arguments.stage == "walks":
        untrained(arguments.out)
    (arguments.out / ".meeting").unlink(missing_ok=True)  # of a training that was broken off
    torch.multiprocessing.spawn(train, (arguments,), arguments.processes)


def untrained(out: Path) -> None:
    """A tokenizer made from some walks, and random weights."""
    environment, writer = world()
    tasks, rng = environment.tasks("train"), random.Random(0)
    sample = [walk(environment, writer, tasks[i], rng, 12) for i in range(400)]
    texts = [w[-1].prompt.text for w in sample] + [e.reply for w in sample for e in w]
    tokenizer = train_tokenizer([*texts, *familiar()], STUDENT.vocabulary, STUDENT.max_length)
    save_untrained(out, tokenizer, STUDENT, seed=0)


def world() -> tuple[AlfworldEnvironment, PromptRenderer]:
    """The games that are walked through, and how walks are written."""
    environment = AlfworldEnvironment(
        AlfworldOptions(seed=WORLD, welcome=False, hide=("help", "look", "inventory", "examine"),
                        split_sizes={"train": 1_000_000})
    )  # fmt: skip
    layout = {"opening": OPENING, "branch": BRANCH}
    return environment, PromptRenderer(environment.layout(), environment.horizon, layout)


def familiar() -> list[str]:
    """Words of reasons in general, so that the tokenizer has them whole."""
    text = (
        "REASON: I look for it in the first. It must be cleaned heated cooled, so I go there to "
        "put it down. I open and take it, so I turn it on. ACTION: nothing happens. I need "
        "another one. It is in the room, I saw it at the one that I have not looked in"
    )
    return [text] * 50


def train(rank: int, arguments: argparse.Namespace) -> None:
    """One of several processes, each with its share of every step; gradients are averaged."""
    from transformers import AutoModelForCausalLM, AutoTokenizer

    torch.set_num_threads(1)
    count, out = arguments.processes, arguments.out
    meeting = f"file://{out.resolve()}/.meeting"
    torch.distributed.init_process_group("gloo", meeting, rank=rank, world_size=count)
    model = AutoModelForCausalLM.from_pretrained(out, dtype=torch.float32)
    model.set_attn_implementation(NAME)
    encoder = PromptEncoder(AutoTokenizer.from_pretrained(out))
    names = list(STAGES)
    for name in names[names.index(arguments.stage) :]:
        rows = Reading(encoder, seed=rank + 1 + 100 * names.index(name), share=(rank, count))
        train_stage(name, model, rows, arguments, talks=rank == 0)
    if rank == 0:
        model.to(torch.bfloat16).save_pretrained(out)
        (out / ".meeting").unlink(missing_ok=True)
    torch.distributed.destroy_process_group()


class Reading:
    """What one process reads: walks through games that no other process plays, and sights."""

    def __init__(self, encoder: PromptEncoder, seed: int, share: tuple[int, int]) -> None:
        self.encoder, self.rng, (self.rank, self.count) = encoder, random.Random(seed), share
        self.environment, self.writer = world()
        tasks = self.environment.tasks("train")
        first = 1000 + 100_000 * (seed // 100) + self.rank
        self.tasks = (tasks[i] for i in range(first, len(tasks), self.count))

    def batch(self, stage: Stage, done: float) -> list[list[TokenRow]]:
        """Walks and sights of one step; `done` is how much of the stage is over."""
        longest = stage.longest[done >= 0.6]
        sights = [
            sight(self.encoder, BRANCH, self.rng, most_before=min(3, int(6 * done)))
            for _ in range(stage.sights // self.count)
        ]
        walks = list(self._walks(stage.walks // self.count, longest))
        errands = [
            row
            for _ in range(stage.errands // self.count)
            for row in shared_rows(errand(self.writer, self.rng, longest), self.encoder, 4000)
        ]
        return [walks, sights, errands]

    def _walks(self, count: int, longest: int) -> Iterator[TokenRow]:
        for task in islice(self.tasks, count):
            walked = walk(self.environment, self.writer, task, self.rng, longest)
            yield from shared_rows(walked, self.encoder, 4000)


def train_stage(
    name: str,
    model: torch.nn.Module,
    reading: Reading,
    arguments: argparse.Namespace,
    talks: bool,
) -> None:
    """Train `model` in place."""
    stage, count = STAGES[name], arguments.processes
    steps = max(1, round(stage.steps * arguments.scale))
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.0, betas=(0.9, 0.98), weight_decay=0.01)
    began, tokens = time.monotonic(), 0
    smooth: list[float] = []
    for step in range(steps):
        done = step / steps
        falling = 0.05 + 0.95 * (1 + math.cos(math.pi * done)) / 2
        for group in optimizer.param_groups:
            group["lr"] = stage.rate * min(1, (step + 1) / 50) * falling
        batch = reading.batch(stage, done)
        # Reading the walks themselves teaches the words; later their chances are only noise.
        trunk_weights = (0.2 if name == "walks" and done < 0.15 else 0.02, 0.0, 0.0)
        parts = zip(batch, trunk_weights, strict=True)
        losses = [loss for rows, weight in parts for loss in losses_of(model, rows, weight)]
        torch.stack(losses).sum().backward()
        average_gradients(model, count)
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad()
        tokens += count * sum(row.shared_tokens for rows in batch for row in rows)
        now = [loss.item() for loss in losses]
        smooth = [a + (b - a) * 0.03 for a, b in zip(smooth or now, now, strict=True)]
        if talks and (step + 1) % 50 == 0:
            said = ", ".join(f"{loss:.3f}" for loss in smooth)
            speed = tokens / (time.monotonic() - began)
            print(f"{name}: {step + 1} steps, {tokens} tokens, loss {said}, {speed:.0f} tokens/s",
                  flush=True)  # fmt: skip
        if talks and (step + 1) % 500 == 0:
            model.save_pretrained(arguments.out)


def average_gradients(model: torch.nn.Module, count: int) -> None:
    """The mean over all processes, in place."""
    gradients = [p.grad for p in model.parameters() if p.grad is not None]
    flat = torch.cat([g.flatten() for g in gradients])
    torch.distributed.all_reduce(flat)
    flat /= count
    for gradient, mean in zip(gradients, flat.split([g.numel() for g in gradients]), strict=True):
        gradient.copy_(mean.view_as(gradient))


def losses_of(
    model: torch.nn.Module, rows: list[TokenRow], trunk_weight: float
) -> list[torch.Tensor]:
    """Loss of the remarks or answers, and lightly of the walk itself; none without rows."""
    if not rows:
        return []
    one = collate_shared(rows, range(len(rows)))
    remarks = torch.zeros(one.inputs["input_ids"].shape[1], dtype=torch.bool)
    walk = remarks.clone()
    remarks[one.columns] = True
    start = 0
    for row in rows:
        walk[start : start + len(row.trunk) - 1] = True
        start += row.shared_tokens
    logits = model(**one.inputs, use_cache=False).logits[0, :-1]
    following = one.inputs["input_ids"][0, 1:]
    return [
        weight * torch.nn.functional.cross_entropy(logits[which[:-1]], following[which[:-1]])
        for which, weight in ((remarks, 1.0), (walk, trunk_weight))
        if weight
    ]


if __name__ == "__main__":
    main()
