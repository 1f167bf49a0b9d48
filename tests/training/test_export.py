"""Policies and examples for use elsewhere."""

from __future__ import annotations

import json
from base64 import b64decode
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any, ClassVar

import pytest
import torch
from datasets import load_dataset
from peft import PeftModel
from transformers import AutoModelForCausalLM, AutoTokenizer
from trl import DPOConfig, DPOTrainer, KTOConfig, KTOTrainer, SFTConfig, SFTTrainer

from leap_core.errors import ConfigError, LeapError
from leap_core.examples.trl import FORMATS
from leap_core.local.export import export_policy
from leap_core.runs.hub import push
from leap_core.types import PolicyRef
from leap_core.updaters.sft import SFTUpdater
from tests.support.students import tiny_student, toy_examples
from tests.support.tokenizers import tokenizer_of
from tests.support.updates import ADAPTER, Told, corrections, updater

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
    base = PolicyRef(kind="transformers", model=str(tiny_student(folder / "base")))
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
        export_policy(
            PolicyRef(kind="transformers", model=policy.model), tmp_path / "b", merge=False
        )


def test_a_hub_that_cannot_be_reached_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(LeapError, match="cannot push to 'me/policy'"):
        push(tmp_path, "me/policy")


class Hub(BaseHTTPRequestHandler):
    """The part of the hub that an upload of small files needs."""

    asked: ClassVar[list[tuple[str, dict[str, Any]]]] = []
    files: ClassVar[dict[str, bytes]] = {}

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        lines = [json.loads(line) for line in body.splitlines() if line]
        self.asked.append((self.path, lines[0]))
        where = f"http://127.0.0.1:{self.server.server_address[1]}/me/policy"  # type: ignore[index]
        if self.path == "/api/repos/create":
            self.answer({"url": where, "id": "me/policy"})
        elif self.path.endswith("/preupload/main"):
            paths = [file["path"] for file in lines[0]["files"]]
            told = [{"path": p, "uploadMode": "regular", "shouldIgnore": False} for p in paths]
            self.answer({"files": told})
        else:
            for line in lines:
                if line["key"] == "file":
                    self.files[line["value"]["path"]] = b64decode(line["value"]["content"])
            self.answer({"commitUrl": f"{where}/commit/1", "commitOid": "1", "success": True})

    def do_GET(self) -> None:
        self.answer({"id": "me/policy", "modelId": "me/policy", "sha": "0", "siblings": []})

    def answer(self, value: dict[str, Any]) -> None:
        data = json.dumps(value).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *args: Any) -> None:
        """Nothing."""


def test_a_push_uploads_the_folder_to_a_private_repository(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "config.json").write_text('{"model_type": "llama"}')
    with ThreadingHTTPServer(("127.0.0.1", 0), Hub) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        address = f"http://127.0.0.1:{server.server_address[1]}"
        monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", address)
        monkeypatch.setattr("huggingface_hub.hf_api.ENDPOINT", address, raising=False)
        monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)
        monkeypatch.setenv("HF_TOKEN", "hf_not_a_real_one")
        assert push(tmp_path, "me/policy") == f"{address}/me/policy"
        server.shutdown()
    path, wanted = Hub.asked[0]
    assert path == "/api/repos/create" and wanted["name"] == "policy"
    assert wanted.get("visibility") == "private" or wanted.get("private")
    assert Hub.files == {"config.json": b'{"model_type": "llama"}'}


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
