"""Losses and gradients equal those of TRL's own trainers on the same tokens."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from datasets import Dataset
from transformers import AutoModelForCausalLM, AutoTokenizer
from trl import DPOConfig, DPOTrainer, KTOConfig, KTOTrainer, SFTConfig, SFTTrainer

from leap_core.training.block_attention import NAME
from leap_core.training.losses import DPO, KTO, SFT, Loss, LossInputs, log_likelihoods
from leap_core.training.microbatch import Microbatch, collate_shared
from leap_core.training.packing import Branch, TokenRow
from tests.support.students import tiny_student

QUIET = {"use_cpu": True, "bf16": False, "activation_checkpointing": False, "report_to": "none"}
TRUNK = (40, 41, 42, 43, 44, 45, 46)
# (tokens before the reply, chosen, rejected, another example's reply) of two steps of a trajectory.
STEPS = [((50,), (60, 61, 62), (63,), (70, 71)), ((51, 52), (70, 71), (72, 73), (60, 61, 62))]
VISIBLE = (3, 7)
BETA = 0.3


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Any, Any]:
    """A folder, a policy, and the reference that it has moved away from."""
    folder = tiny_student(tmp_path_factory.mktemp("student"))
    reference = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
    policy = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
    torch.manual_seed(0)
    with torch.no_grad():
        for parameter in policy.parameters():
            parameter += 0.05 * parameter.std() * torch.randn_like(parameter)
    return folder, policy, reference


def shared(*roles: str) -> TokenRow:
    """The trajectory as a shared row with branches of these roles."""
    branches = [
        Branch((*before, *reply), len(reply), visible, role)  # type: ignore[arg-type]
        for (before, *replies), visible in zip(STEPS, VISIBLE, strict=True)
        for reply, role in zip(replies, ("chosen", "rejected", "mismatched"), strict=True)
        if role in roles
    ]
    return TokenRow(TRUNK, tuple(branches), len(STEPS))


def padded(which: list[int]) -> dict[str, torch.Tensor]:
    """Each step with reply number `which`, as TRL's collators lay them out."""
    rows = [
        (TRUNK[:visible] + before, replies[n])
        for n in which
        for (before, *replies), visible in zip(STEPS, VISIBLE, strict=True)
    ]
    width = max(len(prompt) + len(reply) for prompt, reply in rows)
    ids, mask, completion = (torch.zeros((len(rows), width), dtype=torch.long) for _ in range(3))
    for at, (prompt, reply) in enumerate(rows):
        size = len(prompt) + len(reply)
        ids[at, :size] = torch.tensor(prompt + reply)
        mask[at, :size] = 1
        completion[at, len(prompt) : size] = 1
    return {"input_ids": ids, "attention_mask": mask, "completion_mask": completion}


def ours(policy: Any, reference: Any, method: Loss, row: TokenRow) -> tuple[float, Any]:
    """Mean loss and gradients by LEAP, on the shared row."""
    for model in (policy, reference):
        model.set_attn_implementation(NAME)
    trained = collate_shared([row.only(*method.roles)], [0])
    seen = LossInputs()
    if method.reference:
        before = likelihoods(reference, trained)
        rejected = [b.role == "rejected" for b in row.branches if b.role in method.roles]
        seen = LossInputs(before, torch.tensor(rejected), kl(policy, reference, row))
    policy.zero_grad()
    loss = method.loss(trained.logits(policy), trained, seen) / method.weight(row)
    loss.backward()
    for model in (policy, reference):
        model.set_attn_implementation("sdpa")
    return loss.item(), [p.grad.clone() for p in policy.parameters()]


@torch.no_grad()
def likelihoods(model: Any, one: Microbatch) -> torch.Tensor:
    return log_likelihoods(one.logits(model), one)


def kl(policy: Any, reference: Any, row: TokenRow) -> float:
    other = row.only("mismatched")
    if not other.branches:
        return 0.0
    one = collate_shared([other], [0])
    return max(0.0, float((likelihoods(policy, one) - likelihoods(reference, one)).mean()))


def theirs(trainer: Any, policy: Any, inputs: dict[str, Any]) -> tuple[float, Any]:
    policy.zero_grad()
    loss = trainer.compute_loss(policy, inputs)
    loss.backward()
    return loss.item(), [p.grad.clone() for p in policy.parameters()]


def assert_same(left: tuple[float, Any], right: tuple[float, Any]) -> None:
    assert left[0] == pytest.approx(right[0], rel=1e-5)
    for one, other in zip(left[1], right[1], strict=True):
        assert torch.linalg.norm(one - other) <= 2e-5 * torch.linalg.norm(one) + 1e-8


def test_sft_is_trls(models: tuple[Path, Any, Any], tmp_path: Path) -> None:
    folder, policy, reference = models
    inputs = padded([0])
    completion = inputs.pop("completion_mask")
    inputs["labels"] = inputs["input_ids"].masked_fill(completion == 0, -100)
    trainer = SFTTrainer(
        model=policy,
        args=SFTConfig(output_dir=str(tmp_path), **QUIET),
        train_dataset=Dataset.from_dict({"input_ids": [[1, 2]], "labels": [[1, 2]]}),
        processing_class=AutoTokenizer.from_pretrained(folder),
    )
    assert_same(ours(policy, reference, SFT(), shared("chosen")), theirs(trainer, policy, inputs))


def test_dpo_is_trls(models: tuple[Path, Any, Any], tmp_path: Path) -> None:
    folder, policy, reference = models
    trainer = DPOTrainer(
        model=policy,
        ref_model=reference,
        args=DPOConfig(output_dir=str(tmp_path), beta=BETA, **QUIET),
        train_dataset=Dataset.from_list([{"prompt": "a", "chosen": "b", "rejected": "c"}]),
        processing_class=AutoTokenizer.from_pretrained(folder),
    )
    row = shared("chosen", "rejected")
    assert_same(ours(policy, reference, DPO(BETA), row), theirs(trainer, policy, padded([0, 1])))


def test_dpo_with_the_corrections_likelihood_is_trls(
    models: tuple[Path, Any, Any], tmp_path: Path
) -> None:
    """TRL averages it over the tokens of a batch, so that it is asked a pair at a time."""
    folder, policy, reference = models
    trainer = DPOTrainer(
        model=policy,
        ref_model=reference,
        args=DPOConfig(
            output_dir=str(tmp_path),
            beta=BETA,
            loss_type=["sigmoid", "sft"],
            loss_weights=[1.0, 0.7],
            **QUIET,
        ),
        train_dataset=Dataset.from_list([{"prompt": "a", "chosen": "b", "rejected": "c"}]),
        processing_class=AutoTokenizer.from_pretrained(folder),
    )
    both = padded([0, 1])
    pairs = [{key: value[n :: len(STEPS)] for key, value in both.items()} for n in (0, 1)]
    losses, gradients = zip(*(theirs(trainer, policy, pair) for pair in pairs), strict=True)
    mean = sum(losses) / 2, [sum(parts) / 2 for parts in zip(*gradients, strict=True)]
    row = shared("chosen", "rejected")
    assert_same(ours(policy, reference, DPO(BETA, 0.7), row), mean)


@pytest.mark.parametrize("undesirable", [0.0, 0.7])
def test_kto_is_trls(models: tuple[Path, Any, Any], tmp_path: Path, undesirable: float) -> None:
    folder, policy, reference = models
    trainer = KTOTrainer(
        model=policy,
        ref_model=reference,
        args=KTOConfig(
            output_dir=str(tmp_path),
            beta=BETA,
            undesirable_weight=undesirable,
            per_device_train_batch_size=2,
            **QUIET,
        ),
        train_dataset=Dataset.from_list([{"prompt": "a", "completion": "b", "label": True}] * 2),
        processing_class=AutoTokenizer.from_pretrained(folder),
    )
    inputs = padded([0, 1] if undesirable else [0])
    inputs["label"] = torch.tensor([True] * 2 + [False] * (2 if undesirable else 0))
    inputs |= {f"KL_{key}": value for key, value in padded([2]).items()}
    roles = ("chosen", "rejected", "mismatched") if undesirable else ("chosen", "mismatched")
    method = KTO(BETA, 1.0, undesirable)
    assert_same(ours(policy, reference, method, shared(*roles)), theirs(trainer, policy, inputs))
