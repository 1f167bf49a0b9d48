"""Shared rows (one trunk, many branches) train exactly like separate rows."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from transformers import AutoModelForCausalLM, AutoTokenizer

from leap_core.local.tokenization import PromptEncoder
from leap_core.training.block_attention import NAME
from leap_core.training.losses import DPO, SFT, Loss, LossInputs
from leap_core.training.microbatch import collate_separate, collate_shared, split_into_microbatches
from leap_core.training.packing import (
    Target,
    TokenRow,
    chosen,
    separate_rows,
    shared_rows,
)
from leap_core.types import Example, Prompt
from tests.support.students import tiny_student, toy_examples

LIMIT = 1e-5
Student = tuple[Any, PromptEncoder]


@pytest.fixture(scope="module")
def student(tmp_path_factory: pytest.TempPathFactory) -> Student:
    folder: Path = tiny_student(tmp_path_factory.mktemp("student"))
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
    return model, PromptEncoder(AutoTokenizer.from_pretrained(folder))


def pair(example: Example) -> list[Target]:
    assert example.rejected is not None
    rejected = Target(example.prompt, example.rejected, "rejected")
    return [*chosen(example), rejected]


def learned(
    model: Any, rows: Sequence[TokenRow], method: Loss, how: str, budget: int = 10**9
) -> tuple[float, list[torch.Tensor]]:
    """Loss and gradients of a batch, in passes of at most `budget` tokens."""
    model.set_attn_implementation("sdpa" if how == "separate" else NAME)

    def lay(taken: Sequence[TokenRow], index: Sequence[int]) -> Any:
        if how == "separate":
            return collate_separate(taken, index)
        return collate_shared(taken, index)

    model.zero_grad()
    total = 0.0
    for one in split_into_microbatches(rows, lay, lambda row: row.shared_tokens, budget, 10**9):
        # The reference is a policy that finds all replies as likely as the first ones are.
        seen = LossInputs(reference=torch.linspace(-9, -3, 2).repeat(one.branches // 2))
        loss = method.loss(one.logits(model), one, seen)
        loss.backward()
        total += loss.item()
    return total, [p.grad.clone() for p in model.parameters()]


def assert_equal(student: Student, examples: list[Example], method: Loss, **how: Any) -> None:
    model, encoder = student
    targets = pair if isinstance(method, DPO) else chosen
    apart = list(separate_rows(examples, encoder, targets))
    together = list(shared_rows(examples, encoder, how.pop("limit", 10**6), targets))
    loss, gradients = learned(model, apart, method, "separate")
    shared_loss, shared = learned(model, together, method, "shared", **how)
    assert abs(shared_loss - loss) < LIMIT * abs(loss)
    # A gradient that is zero but for rounding has no relative difference.
    rounding = 1e-6 * float(torch.linalg.norm(torch.cat([g.flatten() for g in gradients])))
    for left, right in zip(gradients, shared, strict=True):
        assert torch.linalg.norm(left - right) <= LIMIT * torch.linalg.norm(left) + rounding


def test_demonstrations_train_the_same_shared(student: Student) -> None:
    assert_equal(student, toy_examples(6), SFT())


def test_a_batch_trains_the_same_in_many_passes(student: Student) -> None:
    assert_equal(student, toy_examples(6), SFT(), budget=300)


@torch.no_grad()
def test_the_block_mask_of_flex_attention_shows_the_same(student: Student) -> None:
    """It has no backward pass on a CPU; its speed needs a GPU as well."""
    model, encoder = student
    rows = list(shared_rows(toy_examples(3), encoder, 10**6))
    model.set_attn_implementation(NAME)
    index = range(len(rows))
    blocks, flex = (collate_shared(rows, index, f).logits(model) for f in (False, True))
    assert torch.linalg.norm(blocks - flex) < LIMIT * torch.linalg.norm(blocks)


def test_rows_are_split_where_the_budget_would_be_passed(student: Student) -> None:
    examples = toy_examples(6)
    longest = max(row.longest for row in separate_rows(examples, student[1]))
    rows = list(shared_rows(examples, student[1], longest + 10))
    assert len(rows) > 6
    assert all(row.shared_tokens <= longest + 10 for row in rows)
    assert sum(row.examples for row in rows) == len(examples)
    assert_equal(student, examples, SFT(), limit=longest + 10)


def test_sharing_needs_fewer_tokens(student: Student) -> None:
    examples = toy_examples(20)
    apart = sum(row.separate_tokens for row in separate_rows(examples, student[1]))
    shared = sum(row.shared_tokens for row in shared_rows(examples, student[1], 10**6))
    assert shared < apart


WORDS = st.text("abc \n>[]", min_size=1, max_size=12)


@st.composite
def trajectories(draw: st.DrawFn) -> list[Example]:
    """One to three trajectories; branches may be empty, steps may be missing."""
    return [
        example
        for number in range(draw(st.integers(1, 3)))
        for example in draw(trajectory(f"task {number}"))
    ]


@st.composite
def trajectory(draw: st.DrawFn, task: str) -> list[Example]:
    pieces = draw(st.lists(WORDS, min_size=1, max_size=5))
    steps = draw(st.sets(st.integers(0, len(pieces) - 1), min_size=1))
    return [
        Example(
            prompt=Prompt(trunk=tuple(pieces[: t + 1]), branch=draw(WORDS | st.just(""))),
            reply=(reply := draw(WORDS)),
            rejected=draw(WORDS.filter(lambda other, reply=reply: other != reply)),
            source="correction",
            iteration=1,
            task_id=task,
            seed=0,
            step=t,
        )
        for t in sorted(steps)
    ]


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(trajectories(), st.sampled_from([10**9, 40]))
def test_any_trajectories_train_the_same_shared(
    student: Student, examples: list[Example], budget: int
) -> None:
    assert_equal(student, examples, SFT(), budget=budget)


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(trajectories(), st.sampled_from([0.0, 1.0]))
def test_any_preferences_train_the_same_shared(
    student: Student, examples: list[Example], sft_weight: float
) -> None:
    assert_equal(student, examples, DPO(0.1, sft_weight))
