"""Numbers for other tools, and what an updater's options ask for that is not there."""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType

import pytest

from leap_core.errors import ConfigError, MissingExtra
from leap_core.types import PolicyRef
from leap_core.updaters import checks
from leap_core.updaters.sequence import SequenceUpdater
from leap_core.updaters.sft import SFTUpdater
from tests.support.students import tiny_student, toy_examples
from tests.support.updates import FAST, Told, updater


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> PolicyRef:
    return PolicyRef(kind="transformers", model=str(tiny_student(tmp_path_factory.mktemp("base"))))


def test_tensorboard_gets_the_numbers_of_metrics(base: PolicyRef, tmp_path: Path) -> None:
    accumulator = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    told = Told()
    context = told.context(
        tmp_path / "out", base, work_dir=tmp_path / "work", reports_dir=tmp_path / "reports"
    )
    chosen = updater(SFTUpdater, report_to=["tensorboard"], epochs=3, launch={"processes": 1})
    chosen.update(base, toy_examples(8), context)
    events = accumulator.EventAccumulator(str(tmp_path / "reports" / "sft"))
    events.Reload()
    shown = {(e.step, round(e.value, 4)) for e in events.Scalars("train/loss")}
    logged = {(m["step"], round(m["loss"], 4)) for m in told.metrics if "loss" in m}
    assert len(logged) > 2 and shown == logged


def test_a_package_that_is_missing_is_said_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    found = checks.find_spec
    monkeypatch.setattr(
        checks, "find_spec", lambda name: None if name in ("wandb", "trackio") else found(name)
    )
    with pytest.raises(MissingExtra, match=r"report_to: wandb needs .* pip install \"wandb\""):
        updater(SFTUpdater, report_to=["wandb"]).check()
    parts = {"updaters": [{"name": "sft"}, {"name": "dpo", "options": {"report_to": ["trackio"]}}]}
    with pytest.raises(MissingExtra, match="trackio"):
        SequenceUpdater(SequenceUpdater.Options.model_validate(parts)).check()


def test_quantizing_needs_its_package_and_a_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    chosen = updater(SFTUpdater, quantize="4bit", lora={"r": 4})
    with monkeypatch.context() as patch:
        patch.setattr(checks, "find_spec", lambda name: None)
        with pytest.raises(MissingExtra, match="quantize: 4bit needs the package 'bitsandbytes'"):
            chosen.check()
    import torch

    monkeypatch.setattr(checks, "find_spec", lambda name: ModuleType(name))
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert "torch" in sys.modules
    with pytest.raises(ConfigError, match="quantize: 4bit needs a GPU"):
        chosen.check()
    with pytest.raises(ConfigError, match="quantize needs lora"):
        updater(SFTUpdater, **{**FAST, "quantize": "8bit"})


def test_a_missing_launch_file_is_said_at_once(tmp_path: Path) -> None:
    chosen = updater(SFTUpdater, launch={"accelerate_config": str(tmp_path / "fsdp.yaml")})
    with pytest.raises(ConfigError, match=r"no such file; make one with `accelerate config"):
        chosen.check()
