"""Packed rows (one trunk, many branches) train exactly like separate rows."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from transformers import AutoModelForCausalLM, AutoTokenizer

from leap_core.examples.packing import packed_rows, separate_rows
from leap_core.policy.encoding import PromptEncoder
from leap_core.types import Example, Prompt
from leap_core.updaters.collate import collate_packed, collate_separate
from tests.students import tiny_student, toy_examples


@pytest.fixture(scope="module")
def student(tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, PromptEncoder]:
    folder: Path = tiny_student(tmp_path_factory.mktemp("student"))
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
    return model.double(), PromptEncoder(AutoTokenizer.from_pretrained(folder))


def gradients(model: Any, batch: dict[str, torch.Tensor]) -> tuple[float, list[torch.Tensor]]:
    model.zero_grad()
    labels = batch.pop("labels")
    mask = batch["attention_mask"]
    if mask.ndim == 4:
        batch["attention_mask"] = mask
    logits = model(**batch).logits[:, :-1]
    loss = torch.nn.functional.cross_entropy(
        logits.flatten(0, 1), labels[:, 1:].flatten(), ignore_index=-100, reduction="sum"
    )
    loss.backward()
    return loss.item(), [p.grad.clone() for p in model.parameters()]


def assert_equal(student: tuple[Any, PromptEncoder], examples: list[Example], limit: int) -> None:
    model, encoder = student
    apart = collate_separate(list(separate_rows(examples, encoder)), pad=0)
    packed = [asdict(r) for r in packed_rows(examples, encoder, limit)]
    loss, grads = gradients(model, apart)
    shared_loss, shared_grads = gradients(model, collate_packed(packed, pad=0))
    assert shared_loss == pytest.approx(loss, rel=1e-7)
    for left, right in zip(grads, shared_grads, strict=True):
        assert torch.linalg.norm(left - right) <= 1e-7 * torch.linalg.norm(left) + 1e-10


def test_demonstrations_train_the_same_packed(student: tuple[Any, PromptEncoder]) -> None:
    assert_equal(student, toy_examples(6), limit=4000)


def test_rows_are_split_where_the_limit_would_be_passed(
    student: tuple[Any, PromptEncoder],
) -> None:
    examples = toy_examples(6)
    longest = max(len(r["input_ids"]) for r in separate_rows(examples, student[1]))
    rows = list(packed_rows(examples, student[1], longest + 10))
    assert len(rows) > 6
    assert all(len(r.input_ids) <= longest + 10 for r in rows)
    assert_equal(student, examples, longest + 10)


def test_packing_needs_fewer_tokens(student: tuple[Any, PromptEncoder]) -> None:
    examples = toy_examples(20)
    apart = sum(len(r["input_ids"]) for r in separate_rows(examples, student[1]))
    packed = sum(len(r.input_ids) for r in packed_rows(examples, student[1], 4000))
    assert packed < apart


WORDS = st.text("abc \n>[]", min_size=1, max_size=12)


@st.composite
def trajectories(draw: st.DrawFn) -> list[Example]:
    pieces = draw(st.lists(WORDS, min_size=1, max_size=5))
    steps = draw(st.sets(st.integers(0, len(pieces) - 1), min_size=1))
    return [
        Example(
            Prompt(tuple(pieces[: t + 1]), draw(WORDS)),
            draw(WORDS),
            None,
            "correction",
            1,
            "task",
            0,
            t,
        )
        for t in sorted(steps)
    ]


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(trajectories())
def test_any_trajectory_trains_the_same_packed(
    student: tuple[Any, PromptEncoder], examples: list[Example]
) -> None:
    assert_equal(student, examples, limit=4000)
