"""Policies and examples for use elsewhere."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from datasets import load_dataset
from peft import PeftModel
from transformers import AutoModelForCausalLM, AutoTokenizer
from trl import DPOConfig, DPOTrainer, KTOConfig, KTOTrainer, SFTConfig, SFTTrainer

from leap_core.errors import ConfigError, LeapError
from leap_core.examples.trl import FORMATS
from leap_core.types import PolicyRef
from leap_core.updaters.export import export_policy, push
from leap_core.updaters.sft import SFTUpdater
from tests.students import tiny_student, toy_examples
from tests.training.test_masks import tokenizer_of
from tests.training.test_updaters import ADAPTER, Told, corrections, updater

QUIET = {"use_cpu": True, "bf16": False, "activation_checkpointing": False, "report_to": "none",
         "max_steps": 1, "per_device_train_batch_size": 2}  # fmt: skip
TRAINERS: dict[str, tuple[Any, Any]] = {
    "sft": (SFTTrainer, SFTConfig),
    "preference": (DPOTrainer, DPOConfig),
    "kto": (KTOTrainer, KTOConfig),
}


@pytest.fixture(scope="module")
def policy(tmp_path_factory: pytest.TempPathFactory) -> PolicyRef:
    folder = tmp_path_factory.mktemp("policy")
    base = PolicyRef("transformers", str(tiny_student(folder / "base")))
    context = Told().context(folder / "adapter", base)
    return updater(SFTUpdater, lora=ADAPTER).update(base, toy_examples(2), context)


def test_a_merged_policy_is_a_model_like_any_other(policy: PolicyRef, tmp_path: Path) -> None:
    out = export_policy(policy, tmp_path / "out")
    AutoTokenizer.from_pretrained(out)
    merged = AutoModelForCausalLM.from_pretrained(out)
    apart = PeftModel.from_pretrained(
        AutoModelForCausalLM.from_pretrained(policy.model), str(policy.adapter)
    )
    ids = torch.tensor([[5, 6, 7, 8]])
    torch.testing.assert_close(merged(ids).logits, apart(ids).logits)
    with pytest.raises(ConfigError, match="exists already"):
        export_policy(policy, out)


def test_an_adapter_can_be_exported_alone(policy: PolicyRef, tmp_path: Path) -> None:
    out = export_policy(policy, tmp_path / "out", merge=False)
    assert (out / "adapter_config.json").exists() and not (out / "config.json").exists()
    with pytest.raises(ConfigError, match="trained whole"):
        export_policy(PolicyRef("transformers", policy.model), tmp_path / "b", merge=False)


def test_a_hub_that_cannot_be_reached_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(LeapError, match="cannot push to 'me/policy'"):
        push(tmp_path, "me/policy")


@pytest.mark.parametrize("kind", FORMATS)
def test_trl_takes_the_rows_as_they_are(tmp_path: Path, kind: str) -> None:
    rows = list(FORMATS[kind]([*toy_examples(2), *corrections()[:4]]))
    path = tmp_path / "rows.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    data = load_dataset("json", data_files=str(path), split="train", cache_dir=str(tmp_path / "c"))
    tokenizer, _ = tokenizer_of("qwen2_5")
    folder = tiny_student(tmp_path / "model")
    model = AutoModelForCausalLM.from_pretrained(folder)
    model.resize_token_embeddings(len(tokenizer))
    trainer, config = TRAINERS[kind]
    more = {"precompute_ref_log_probs": True} if kind != "sft" else {}
    made = trainer(
        model=model,
        args=config(output_dir=str(tmp_path / "out"), **QUIET, **more),
        train_dataset=data,
        processing_class=tokenizer,
    )
    assert len(made.train_dataset) == len(rows)
    assert made.train().training_loss > 0
