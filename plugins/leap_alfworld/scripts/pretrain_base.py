"""Pre-train the small base student that leap-alfworld ships (`student.model: tiny-base`).

    python pretrain_base.py OUT [--steps 2200]

A real student starts from pre-training; the tiny one starts from this. It reads random walks
through generated games of another world (`seed=1000`), and at every step a remark that restates
some of what the walk has shown, followed by the random command that comes next. There is no task
being solved, no demonstration, no teacher and nothing privileged in it: the base learns the words,
to copy names, and to tell what it has seen. It cannot do the tasks (about 0 %).
"""

from __future__ import annotations

import argparse
import math
import random
import time
from collections.abc import Iterator
from pathlib import Path

import torch

from leap_alfworld.environment import AlfworldEnvironment, AlfworldOptions
from leap_alfworld.memory import Memory, kind_of, read_goal
from leap_alfworld.model import PROCESS
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
TRUNK_WEIGHT = 0.2


def walk(
    environment: AlfworldEnvironment,
    writer: PromptWriter,
    task: Task,
    rng: random.Random,
    longest: int,
) -> Iterator[Example]:
    """A random walk, remarked on at every step."""
    episode = environment.open(task, 0)
    observation, memory, steps, action = episode.reset(), Memory(), [], ""
    for t in range(rng.randint(3, longest)):
        memory.note(action, observation.text)
        action = random_action(observation, memory, rng)
        reply = write_reply(remark(task, memory, rng), action)
        yield Example(
            writer.prompt(task, steps, observation), reply, None, "demonstration", 0, task.id, 0, t
        )
        steps.append(Step(observation, "", action))
        transition = episode.step(action)
        observation = transition.observation
        if transition.terminated:
            return


def random_action(observation: Observation, memory: Memory, rng: random.Random) -> str:
    """A command by lot: places not visited rather than others, now and then one in vain."""
    if memory.contents and rng.random() < 0.04:
        place = rng.choice(list(memory.contents))
        things = [thing for inside in memory.contents.values() for thing in inside]
        if things:
            return f"take {rng.choice(things)} from {place}"
    verbs: dict[str, list[str]] = {}
    for command in observation.candidates:
        verbs.setdefault(command.split(" ", 1)[0], []).append(command)
    verb = rng.choices(list(verbs), [LIKELY.get(v, RARE) for v in verbs])[0]
    new = [c for c in verbs[verb] if verb == "go" and c[6:] not in memory.visits]
    return rng.choice(new if new and rng.random() < 0.7 else verbs[verb])


def remark(task: Task, memory: Memory, rng: random.Random) -> str:
    """One to three true sentences about the walk so far, by lot."""
    goal = read_goal(task.goal)
    assert goal is not None
    kind, place = goal.object_kind, goal.receptacle_kind or goal.lamp_kind
    bare = [
        p
        for p, inside in memory.contents.items()
        if not any(map(kind.__eq__, map(kind_of, inside)))
    ]
    seen = memory.seen_at(kind)
    facts = [f"I need {an(kind)}.", f"I need {an(kind)} and {an(place)}."]
    facts += [f"I hold the {memory.held}."] * 3 if memory.held else ["I hold nothing."]
    facts += [f"I have not looked in {', '.join(memory.unexplored())}."]
    process = PROCESS.get(goal.task_type)
    if process:
        facts.append(f"The {kind} must be {process}ed.")
    for target in memory.places:
        if kind_of(target) == place:
            facts.append(f"The {kind} goes to the {target}.")
    if bare:
        facts.append(f"I need {an(kind)}. There is none in {', '.join(bare)}.")
    if memory.visits:
        here = memory.visits[-1]
        facts.append(f"The {here} is {'closed' if here in memory.closed else 'here'}.")
    things = [(t, p) for p, inside in memory.contents.items() for t in inside]
    for thing, where in [*seen.items(), *seen.items(), *rng.sample(things, min(3, len(things)))]:
        said = rng.choice(
            ("I saw the {} in the {}.", "I see the {} in the {}.", "The {} is in the {}.")
        )
        facts.append(said.format(thing, where))
    chosen = rng.sample(facts, min(len(facts), rng.choice((1, 2, 3, 4))))
    return " ".join(dict.fromkeys(chosen))


def an(kind: str) -> str:
    return f"{'an' if kind[0] in 'aeiou' else 'a'} {kind}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path)
    parser.add_argument("--steps", type=int, default=2200)
    parser.add_argument("--threads", type=int, default=1)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    rng = random.Random(0)
    environment = AlfworldEnvironment(
        AlfworldOptions(seed=WORLD, welcome=False, hide=("help", "look", "inventory", "examine"),
                        split_sizes={"train": 1_000_000})
    )  # fmt: skip
    layout = {"opening": OPENING, "branch": BRANCH}
    writer = PromptWriter(environment.layout(), environment.horizon, layout)
    tasks = environment.tasks("train")
    sample = [list(walk(environment, writer, tasks[i], rng, 12)) for i in range(400)]
    texts = [w[-1].prompt.text for w in sample] + [e.reply for w in sample for e in w]
    tokenizer = train_tokenizer([*texts, *familiar()], STUDENT.vocabulary, STUDENT.max_length)
    save_untrained(arguments.out, tokenizer, STUDENT, seed=0)
    train(arguments, environment, writer, rng)


def familiar() -> list[str]:
    """Words of reasons in general, so that the tokenizer has them whole."""
    text = ("REASON: Next I look in the first. It must be cleaned heated cooled, so I go there to "
            "put it down. I open and take it, so I turn it on. ACTION: nothing happens. I need "
            "another one, It goes to the closed hot cool clean")  # fmt: skip
    return [text] * 50


def train(
    arguments: argparse.Namespace,
    environment: AlfworldEnvironment,
    writer: PromptWriter,
    rng: random.Random,
) -> None:
    from transformers import AutoModelForCausalLM, AutoTokenizer

    model = AutoModelForCausalLM.from_pretrained(arguments.out, dtype=torch.float32)
    model.set_attn_implementation(NAME)
    encoder = PromptEncoder(AutoTokenizer.from_pretrained(arguments.out))
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.0, betas=(0.9, 0.98), weight_decay=0.01)
    tasks = environment.tasks("train")
    began, tokens, step, smooth = time.monotonic(), 0, 0, 0.0
    while (done := step / arguments.steps) < 1:
        rate = 2e-3 * min(1, (step + 1) / 50) * (0.05 + 0.95 * (1 + math.cos(math.pi * done)) / 2)
        for group in optimizer.param_groups:
            group["lr"] = rate
        longest = 8 if done < 0.7 else 20
        walks = [
            walk(environment, writer, tasks[1000 + 4 * step + i], rng, longest) for i in range(4)
        ]
        rows = [row for w in walks for row in shared_rows(list(w), encoder, 4000)]
        loss = loss_of(model, rows)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad()
        step += 1
        tokens += sum(row.shared_tokens for row in rows)
        smooth += (loss.item() - smooth) * max(0.03, 1 / step)
        if step % 50 == 0:
            speed = tokens / (time.monotonic() - began)
            print(
                f"{step} steps, {tokens} tokens, loss {smooth:.3f}, {speed:.0f} tokens/s",
                flush=True,
            )
            if step % 500 == 0:
                model.save_pretrained(arguments.out)
    model.to(torch.bfloat16).save_pretrained(arguments.out)


def loss_of(model: torch.nn.Module, rows: list[TokenRow]) -> torch.Tensor:
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
    return losses[0] + TRUNK_WEIGHT * losses[1]


if __name__ == "__main__":
    main()
