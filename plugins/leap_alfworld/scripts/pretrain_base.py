"""Pre-train the small base student that leap-alfworld ships (`student.model: tiny-base`).

    python pretrain_base.py OUT [--steps 5000] [--processes 2]

A real student starts from pre-training; the tiny one starts from this. It reads random walks
through generated games of another world (`seed=1000`), and at every step a remark: what the task
names and where it goes, whether there is one in sight, which place the room lists next, and at
times the command that the walk takes next, which is drawn by lot. There is no task being solved, no
demonstration, no teacher and nothing privileged in it: the base learns the words, to copy names,
and to tell what it sees. It cannot do the tasks.
"""

from __future__ import annotations

import argparse
import math
import random
import time
from itertools import islice
from pathlib import Path

import torch

from leap_alfworld.environment import AlfworldEnvironment, AlfworldOptions
from leap_alfworld.memory import Memory, kind_of, read_goal
from leap_alfworld.model import PROCESS, STATIONS, Goal
from leap_alfworld.search import tour
from leap_core import Example, Observation, Step, Task
from leap_core.examples.packing import TokenRow, shared_rows
from leap_core.policy.encoding import PromptEncoder
from leap_core.policy.layout import PromptWriter
from leap_core.policy.reply import write_reply
from leap_core.policy.tiny import TinyOptions, save_untrained, train_tokenizer
from leap_core.updaters.attention import NAME
from leap_core.updaters.passes import lay_shared

WORLD = 1000
OPENING = "{{ observation }}\n"
BRANCH = "What next?\n"
STUDENT = TinyOptions(hidden_size=128, layers=4, heads=4, kv_heads=4, intermediate_size=256)
LIKELY = {"go": 6, "open": 8, "take": 6, "move": 2, "close": 0.4, "heat": 3, "cool": 3, "clean": 3,
          "use": 3, "slice": 1}  # fmt: skip
RARE = 0.3
DONE = {"clean": "clean", "heat": "hot", "cool": "cool"}
TO_DO = {"clean": "cleaned", "heat": "heated", "cool": "cooled"}
BATCH = 4


def walk(
    environment: AlfworldEnvironment,
    writer: PromptWriter,
    task: Task,
    rng: random.Random,
    longest: int,
) -> list[Example]:
    """A random walk, remarked on at every step."""
    episode = environment.open(task, 0)
    observation, memory, steps, action = episode.reset(), Memory(), [], ""
    goal = read_goal(task.goal)
    assert goal is not None
    examples: list[Example] = []
    for t in range(rng.randint(3, longest)):
        memory.note(action, observation.text)
        action = random_action(observation, memory, goal.object_kind, action, rng)
        coming = announced(goal, memory, action) if rng.random() < 0.4 else ""
        reason = remark(goal, memory, coming, rng)
        # A command drawn by lot cannot be foreseen: it is read only where it was announced.
        reply = write_reply(reason, action) if coming else f"REASON: {reason}"
        prompt = writer.prompt(task, steps, observation)
        examples.append(Example(prompt, reply, None, "demonstration", 0, task.id, 0, t))
        steps.append(Step(observation, "", action))
        transition = episode.step(action)
        observation = transition.observation
        if transition.terminated:
            break
    return examples


def random_action(
    observation: Observation, memory: Memory, kind: str, last: str, rng: random.Random
) -> str:
    """A command by lot: places not visited rather than others, now and then one in vain."""
    if observation.text.startswith("Nothing happens") and rng.random() < 0.4:
        return last
    if memory.contents and rng.random() < 0.05:
        place = rng.choice(list(memory.contents))
        things = [thing for inside in memory.contents.values() for thing in inside]
        if things:
            return f"take {rng.choice(things)} from {place}"
    verbs: dict[str, list[str]] = {}
    for command in observation.candidates:
        verbs.setdefault(command.split(" ", 1)[0], []).append(command)
    verb = rng.choices(list(verbs), [LIKELY.get(v, RARE) for v in verbs])[0]
    new = [c for c in verbs[verb] if verb == "go" and c[6:] not in memory.visits]
    named = [c for c in verbs[verb] if verb == "take" and c.startswith(f"take {kind} ")]
    return rng.choice(new if new and rng.random() < 0.7 else named or verbs[verb])


def remark(goal: Goal, memory: Memory, coming: str, rng: random.Random) -> str:
    """What is needed or in hand, what it is for, whether there is one here, what comes next, and
    the command that comes: true sentences, each by lot."""
    held, kind = memory.held, goal.object_kind
    if held:
        known = f"I hold the {held}."
        return " ".join([known, *what_for(goal, memory, rng), coming]).strip()
    need, verb, use = kind, "need", what_for(goal, memory, rng)
    if memory.here and not coming.endswith("so I take it.") and rng.random() < 0.4:
        need, verb, use = some_kind(memory, rng), "look for", []
    parts = [f"I {verb} {an(need)}.", *use]
    if memory.here and rng.random() < 0.9:
        sight = in_sight(need, memory)
        parts.append("" if coming.startswith(sight[:-1]) else sight)
    if memory.here and not coming and rng.random() < 0.7:
        parts.append(f"After the {memory.here} comes the {tour(memory)[0]}.")
    return " ".join(part for part in (*parts, coming) if part)


def some_kind(memory: Memory, rng: random.Random) -> str:
    """A kind of thing that can be seen here, or as often one that was seen elsewhere."""
    here = [kind_of(thing) for thing in memory.contents.get(memory.here, ())]
    seen = [kind_of(thing) for things in memory.contents.values() for thing in things]
    return rng.choice(here if here and rng.random() < 0.5 else seen or ["mug"])


def in_sight(kind: str, memory: Memory) -> str:
    """Whether a thing of a kind can be seen here."""
    here = memory.here
    if here in memory.closed:
        return f"The {here} is closed."
    for thing in memory.contents.get(here, ()):
        if kind_of(thing) == kind:
            return f"I see the {thing} in the {here}."
    return "There is none here."


def what_for(goal: Goal, memory: Memory, rng: random.Random) -> list[str]:
    """What is to be done with the thing wanted, and where it goes; nothing of another in hand."""
    if memory.held and kind_of(memory.held) != goal.object_kind:
        return []
    said = []
    process = PROCESS.get(goal.task_type, "")
    if process:
        done = process in memory.states.get(memory.held, ())
        said.append(f"It is {DONE[process]}." if done else f"It must be {TO_DO[process]}.")
    targets = [p for p in memory.places if kind_of(p) == goal.receptacle_kind]
    said += [f"It goes to the {p}." for p in targets[:1]]
    return [sentence for sentence in said if rng.random() < 0.5]


def announced(goal: Goal, memory: Memory, action: str) -> str:
    """The walk's next command, in words; "" for one in vain."""
    verb, _, rest = action.partition(" ")
    if verb == "go":
        return going(goal, memory, rest.removeprefix("to "))
    if verb == "open":
        return f"The {rest} is closed, so I open it."
    if verb == "take":
        thing, _, place = rest.partition(" from ")
        if thing not in memory.contents.get(place, ()) or place != memory.here:
            return ""
        if kind_of(thing) != goal.object_kind:
            return f"I take the {thing}."
        return f"I see the {thing} in the {place}, so I take it."
    if verb in ("move", "heat", "cool", "clean"):
        done = "put it there" if verb == "move" else f"{verb} it"
        place = rest.rpartition(" to " if verb == "move" else " with ")[2]
        return f"The {place} is here, so I {done}."
    return ""


def going(goal: Goal, memory: Memory, place: str) -> str:
    """A walk's next place, in words."""
    if memory.held:
        if kind_of(memory.held) == goal.object_kind:
            process = PROCESS.get(goal.task_type, "")
            if process and kind_of(place) in STATIONS[process]:
                return f"It must be {TO_DO[process]}, so I go to the {place}."
            if kind_of(place) == goal.receptacle_kind:
                return f"It goes to the {place}, so I go there."
        return f"I go to the {place}."
    if not memory.here:
        return f"I look in the {place} first."
    if tour(memory)[:1] == (place,):
        return f"After the {memory.here} comes the {place}, so I look there."
    return f"Next I look in the {place}."


def an(kind: str) -> str:
    return f"{'an' if kind[0] in 'aeiou' else 'a'} {kind}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path)
    parser.add_argument("--steps", type=int, default=5000)
    parser.add_argument("--processes", type=int, choices=(1, 2, 4), default=2)
    arguments = parser.parse_args()
    environment, writer = world()
    tasks, rng = environment.tasks("train"), random.Random(0)
    sample = [walk(environment, writer, tasks[i], rng, 12) for i in range(400)]
    texts = [w[-1].prompt.text for w in sample] + [e.reply for w in sample for e in w]
    tokenizer = train_tokenizer([*texts, *familiar()], STUDENT.vocabulary, STUDENT.max_length)
    save_untrained(arguments.out, tokenizer, STUDENT, seed=0)
    torch.multiprocessing.spawn(train, (arguments,), arguments.processes)


def world() -> tuple[AlfworldEnvironment, PromptWriter]:
    """The games that are walked through, and how walks are written."""
    environment = AlfworldEnvironment(
        AlfworldOptions(seed=WORLD, welcome=False, hide=("help", "look", "inventory", "examine"),
                        split_sizes={"train": 1_000_000})
    )  # fmt: skip
    layout = {"opening": OPENING, "branch": BRANCH}
    return environment, PromptWriter(environment.layout(), environment.horizon, layout)


def familiar() -> list[str]:
    """Words of reasons in general, so that the tokenizer has them whole."""
    text = (
        "REASON: I look for it in the first. It must be cleaned heated cooled, so I go there to "
        "put it down. I open and take it, so I turn it on. ACTION: nothing happens. I need "
        "another one. It is in the room, I saw it at the one that I have not looked in"
    )
    return [text] * 50


def train(rank: int, arguments: argparse.Namespace) -> None:
    """One of several processes, each with its share of every batch; gradients are averaged."""
    from transformers import AutoModelForCausalLM, AutoTokenizer

    torch.set_num_threads(1)
    count = arguments.processes
    meeting = f"file://{arguments.out.resolve()}/.meeting"
    torch.distributed.init_process_group("gloo", meeting, rank=rank, world_size=count)
    rng = random.Random(rank + 1)
    environment, writer = world()
    model = AutoModelForCausalLM.from_pretrained(arguments.out, dtype=torch.float32)
    model.set_attn_implementation(NAME)
    encoder = PromptEncoder(AutoTokenizer.from_pretrained(arguments.out))
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.0, betas=(0.9, 0.98), weight_decay=0.01)
    tasks = environment.tasks("train")
    fresh = (tasks[i] for i in range(1000 + rank, len(tasks), count))
    began, tokens, step, smooth = time.monotonic(), 0, 0, 0.0
    while (done := step / arguments.steps) < 1:
        rate = 2e-3 * min(1, (step + 1) / 50) * (0.05 + 0.95 * (1 + math.cos(math.pi * done)) / 2)
        for group in optimizer.param_groups:
            group["lr"] = rate
        walks = (walk(environment, writer, t, rng, 8 if done < 0.6 else 15) for t in fresh)
        batch = islice(walks, BATCH // count)
        rows = [row for w in batch for row in shared_rows(w, encoder, 4000)]
        # Reading the walks themselves teaches the words; later their chances are only noise.
        loss = loss_of(model, rows, 0.2 if done < 0.15 else 0.02)
        loss.backward()
        average_gradients(model, count)
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad()
        step += 1
        tokens += count * sum(row.shared_tokens for row in rows)
        smooth += (loss.item() - smooth) * max(0.03, 1 / step)
        if rank == 0 and step % 50 == 0:
            speed = tokens / (time.monotonic() - began)
            print(f"{step} steps, {tokens} tokens, loss {smooth:.3f}, {speed:.0f} tokens/s",
                  flush=True)  # fmt: skip
        if rank == 0 and step % 500 == 0:
            model.save_pretrained(arguments.out)
    if rank == 0:
        model.to(torch.bfloat16).save_pretrained(arguments.out)
        (arguments.out / ".meeting").unlink(missing_ok=True)
    torch.distributed.destroy_process_group()


def average_gradients(model: torch.nn.Module, count: int) -> None:
    """The mean over all processes, in place."""
    gradients = [p.grad for p in model.parameters() if p.grad is not None]
    flat = torch.cat([g.flatten() for g in gradients])
    torch.distributed.all_reduce(flat)
    flat /= count
    for gradient, mean in zip(gradients, flat.split([g.numel() for g in gradients]), strict=True):
        gradient.copy_(mean.view_as(gradient))


def loss_of(model: torch.nn.Module, rows: list[TokenRow], walk_weight: float) -> torch.Tensor:
    """Loss of the remarks, and lightly of the walk itself."""
    one = lay_shared(rows, range(len(rows)))
    remarks = torch.zeros(one.inputs["input_ids"].shape[1], dtype=torch.bool)
    walk = remarks.clone()
    remarks[one.columns] = True
    start = 0
    for row in rows:
        walk[start : start + len(row.trunk) - 1] = True
        start += row.shared_tokens
    logits = model(**one.inputs, use_cache=False).logits[0, :-1]
    following = one.inputs["input_ids"][0, 1:]
    losses = [
        torch.nn.functional.cross_entropy(logits[which[:-1]], following[which[:-1]])
        for which in (remarks, walk)
    ]
    return losses[0] + walk_weight * losses[1]


if __name__ == "__main__":
    main()
