"""What an update trains on: from examples to token rows, the held-out ones apart."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from leap_core.contracts.updater import UpdateContext
from leap_core.errors import UpdateError
from leap_core.local.tokenization import PromptEncoder
from leap_core.training.losses import Loss
from leap_core.training.options import TrainingOptions
from leap_core.training.packing import Targets, TokenRow, chosen, separate_rows, shared_rows
from leap_core.types import Example, PolicyRef

# Gives the model to distil from: (model under training, its base's reference) -> context manager.
TeacherMaker = Callable[[Any, PolicyRef], Any]


@dataclass(frozen=True)
class TrainingJob:
    """What one update is to do.

    Attributes:
        method: what is minimised.
        examples: what is learned from.
        targets: the replies of an example that take part.
        privileged: for distillation: the same examples as the privileged self reads them.
        teacher: for distillation: makes the model that reads them.
    """

    method: Loss
    examples: Sequence[Example]
    targets: Targets = chosen
    privileged: Sequence[Example] = ()
    teacher: TeacherMaker | None = None


@dataclass(frozen=True)
class TrainingSet:
    """What an update trains on.

    Attributes:
        rows: to train on.
        held_out: to measure on.
        teacher: the same rows as the privileged self reads them; empty but for distillation.
        held_out_teacher: the same for `held_out`.
        sizes: what each of `rows` counts for in a batch.
        batch_size: how much of that an optimizer step takes.
    """

    rows: list[TokenRow]
    held_out: list[TokenRow]
    sizes: list[int]
    batch_size: int
    teacher: list[TokenRow]
    held_out_teacher: list[TokenRow]


def rows_for(
    job: TrainingJob,
    encoder: PromptEncoder,
    options: TrainingOptions,
    shared: bool,
    context: UpdateContext,
) -> TrainingSet:
    """Token rows in their order, the held-out ones apart.

    Raises:
        UpdateError: an example has an empty reply, or is longer than `max_length`.
    """
    examples = _fitting(job, encoder, options, context)
    held_out = _held_out([e for e, _ in examples], options.held_out, context.seed)
    parts: list[list[TokenRow]] = []
    for held in (False, True):
        mine = [(e, p) for e, p in examples if (e.trajectory in held_out) == held]
        for side in (0, 1):
            wanted = [pair[side] for pair in mine if pair[side] is not None]
            parts.append(_rows(wanted, encoder, options, shared, job.targets))
    train_rows, teacher, held_rows, held_teacher = parts
    if not train_rows:
        raise UpdateError("nothing is left to train on; lower updater.options.held_out")
    unit = options.unit
    sizes = [row.examples if unit == "examples" else 1 for row in train_rows]
    return TrainingSet(train_rows, held_rows, sizes, options.batch_size, teacher, held_teacher)


def _rows(
    examples: Sequence[Any],
    encoder: PromptEncoder,
    options: TrainingOptions,
    shared: bool,
    targets: Targets,
) -> list[TokenRow]:
    if shared:
        budget = max(options.token_budget, options.max_length)
        return list(shared_rows(examples, encoder, budget, targets))
    return list(separate_rows(examples, encoder, targets))


def _fitting(
    job: TrainingJob, encoder: PromptEncoder, options: TrainingOptions, context: UpdateContext
) -> list[tuple[Example, Example | None]]:
    """Examples with their privileged twins, where both are short enough."""
    twins: Sequence[Example | None] = job.privileged or [None] * len(job.examples)
    kept, lengths = [], []
    for example, twin in zip(job.examples, twins, strict=True):
        if any(not target.reply.strip() for target in job.targets(example)):
            raise UpdateError(
                f"an example has an empty reply (task '{example.task_id}', step {example.step}); "
                "remove it from the examples"
            )
        both = [example] if twin is None else [example, twin]
        longest = max(r.longest for r in separate_rows(both, encoder, job.targets))
        if longest <= options.max_length:
            kept.append((example, twin))
        else:
            lengths.append(longest)
    if lengths:
        told = (
            f"{len(lengths)} of {len(job.examples)} training rows are longer than "
            f"max_length={options.max_length} (the longest has {max(lengths)} tokens)"
        )
        if options.too_long == "error":
            raise UpdateError(
                f"{told}; raise updater.options.max_length, lower rollouts.horizon, or set "
                "updater.options.too_long=drop to leave them out"
            )
        context.say(f"  {told}: left out")
    return kept


def _held_out(examples: Sequence[Example], share: float, seed: int) -> set[Any]:
    """Trajectories that are not trained on."""
    keys = list(dict.fromkeys(e.trajectory for e in examples))
    if not share:
        return set()
    return set(random.Random(f"{seed}:held-out").sample(keys, max(1, round(share * len(keys)))))
