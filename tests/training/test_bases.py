"""An adapter goes with the weights that it was trained over, and with no others."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from leap_core.config.schema import ServerConfig
from leap_core.errors import PolicyError, UpdateError
from leap_core.local.adapters import RECORD, check_base, fingerprint
from leap_core.local.engine import TransformersEngine, load_model
from leap_core.policy.model_server import ModelServer
from leap_core.types import PolicyRef
from leap_core.updaters.sft import SFTUpdater
from tests.support.students import tiny_student, toy_examples
from tests.support.updates import ADAPTER, Told, updater


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`base`, `other` of the same shapes but other weights, and `adapter`, made over `base`."""
    home = tmp_path_factory.mktemp("bases")
    tiny_student(home / "base")
    tiny_student(home / "other", seed=1)
    base = PolicyRef(kind="transformers", model=str(home / "base"))
    context = Told().context(home / "adapter", base)
    updater(SFTUpdater, lora=ADAPTER).update(base, toy_examples(2), context)
    return home


def over(home: Path, model: str, adapter: str = "adapter") -> PolicyRef:
    return PolicyRef(kind="transformers", model=str(home / model), adapter=str(home / adapter))


OTHER = r"the adapter '\S+' was trained over other weights \('\S+base'\) than those of '\S+other'"


def test_an_adapter_over_other_weights_is_refused(home: Path, tmp_path: Path) -> None:
    mixed = over(home, "other")
    with pytest.raises(PolicyError, match=OTHER):
        load_model(mixed)
    with pytest.raises(UpdateError, match=OTHER):
        updater(SFTUpdater, lora=ADAPTER, start="previous").update(
            mixed, toy_examples(2), Told().context(tmp_path, mixed)
        )
    served = "{python} serve {base} {adapter} --port {port}"
    with pytest.raises(PolicyError, match=OTHER):
        ModelServer(mixed, TransformersEngine, ServerConfig(command=served)).start()
    assert load_model(over(home, "base"))


def test_the_same_weights_elsewhere_are_the_same_base(home: Path, tmp_path: Path) -> None:
    """Moved, cut into several files, at another precision."""
    moved = tmp_path / "moved"
    model = AutoModelForCausalLM.from_pretrained(home / "base", dtype=torch.bfloat16)
    model.save_pretrained(moved, max_shard_size="50KB")
    AutoTokenizer.from_pretrained(home / "base").save_pretrained(moved)
    assert (moved / "model.safetensors.index.json").exists()
    assert fingerprint(str(moved)) == fingerprint(str(home / "base")) is not None
    assert load_model(
        PolicyRef(kind="transformers", model=str(moved), adapter=str(home / "adapter"))
    )


def test_a_base_that_was_trained_on_is_another(home: Path, tmp_path: Path) -> None:
    base = PolicyRef(kind="transformers", model=str(home / "base"))
    trained = updater(SFTUpdater).update(base, toy_examples(2), Told().context(tmp_path, base))
    with pytest.raises(PolicyError, match="other weights"):
        check_base(str(home / "adapter"), trained.model)


def test_an_adapter_from_elsewhere_is_compared_with_what_peft_noted(
    home: Path, tmp_path: Path
) -> None:
    adapter = tmp_path / "adapter"
    shutil.copytree(home / "adapter", adapter)
    (adapter / RECORD).unlink()
    check_base(str(adapter), str(home / "base"))
    with pytest.raises(PolicyError, match="other weights"):
        check_base(str(adapter), str(home / "other"))
    config = json.loads((adapter / "adapter_config.json").read_text())
    config["base_model_name_or_path"] = "someone/a-model-that-is-not-here"
    (adapter / "adapter_config.json").write_text(json.dumps(config))
    check_base(str(adapter), str(home / "other"))  # nothing is known of it


def test_a_missing_base_and_an_adapter_of_other_shapes_are_named(
    home: Path, tmp_path: Path
) -> None:
    gone = PolicyRef(kind="transformers", model=str(tmp_path / "gone"))
    with pytest.raises(UpdateError, match="gone"):
        updater(SFTUpdater).update(gone, toy_examples(2), Told().context(tmp_path / "a", gone))
    # Weights in a form that cannot be compared: then the shapes tell.
    model = AutoModelForCausalLM.from_pretrained(home / "base")
    model.config.hidden_size, model.config.intermediate_size = 64, 128
    wider = AutoModelForCausalLM.from_config(model.config)
    wider.save_pretrained(tmp_path / "wider")
    AutoTokenizer.from_pretrained(home / "base").save_pretrained(tmp_path / "wider")
    shutil.copytree(home / "adapter", tmp_path / "adapter")
    (tmp_path / "adapter" / RECORD).write_text("{}")
    config = json.loads((tmp_path / "adapter" / "adapter_config.json").read_text())
    config["base_model_name_or_path"] = "someone/narrow"
    (tmp_path / "adapter" / "adapter_config.json").write_text(json.dumps(config))
    foreign = over(tmp_path, "wider")
    with pytest.raises(UpdateError, match=r"was made for 'someone/narrow'\) does not fit"):
        updater(SFTUpdater, lora=ADAPTER, start="previous").update(
            foreign, toy_examples(2), Told().context(tmp_path / "b", foreign)
        )
