"""What the demo is made of: the shipped configuration and the shipped base student."""

from __future__ import annotations

from pathlib import Path

import pytest

from leap_alfworld.environment import AlfworldEnvironment
from leap_alfworld.options import AlfworldOptions
from leap_core.config.load import load_config
from leap_core.config.multi_environment import load_run
from leap_core.examples import examples_from_demonstrations
from leap_core.plugins.packaged_configs import packaged_config
from leap_core.stages.components import build_components


def test_the_packaged_configuration_can_be_run() -> None:
    pytest.importorskip("trl")
    path = packaged_config("quickstart")
    assert path is not None
    parts = build_components(load_config(path))
    assert parts.environment.pretrained_student() is not None
    assert parts.horizon == 8


def test_examples_hold_configurations_that_can_be_run() -> None:
    folder = Path(__file__).parents[3] / "examples"
    if not folder.is_dir():
        pytest.skip("not in a checkout")
    names = {load_run(path).name for path in folder.glob("*.yaml")}
    assert {"quickstart", "quickstart-bc", "quickstart-smallest", "alfworld-official"} <= names


def test_the_base_student_is_small_and_its_tokenizer_loses_nothing() -> None:
    transformers = pytest.importorskip("transformers")
    folder = AlfworldEnvironment(AlfworldOptions()).pretrained_student()
    assert folder is not None
    assert sum(path.stat().st_size for path in folder.iterdir()) < 3_000_000
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    path = packaged_config("quickstart")
    assert path is not None
    config = load_config(path)
    parts = build_components(config)
    tasks = parts.environment.tasks("train")[:4]
    shown = parts.environment.demonstrations(tasks, "planner")
    for example in examples_from_demonstrations(shown, parts.writer, "alfworld"):
        text = example.prompt.text + example.reply
        assert tokenizer.decode(tokenizer.encode(text)) == text


def test_the_arms_of_the_demo_differ_in_nothing_else() -> None:
    folder = Path(__file__).parents[3] / "examples"
    if not folder.is_dir():
        pytest.skip("not in a checkout")
    demo = load_config(folder / "quickstart.yaml").model_dump()
    differ = {
        "quickstart-level1": {"name", "teacher"},
        "quickstart-level5": {"name", "teacher"},
        "quickstart-bc": {"name", "learn_from", "teacher", "privileged", "rollouts"},
        "quickstart-figure5": {"name", "environment", "rollouts"},
    }
    for name, expected in differ.items():
        arm = load_config(folder / f"{name}.yaml").model_dump()
        assert {key for key in demo if demo[key] != arm[key]} == expected, name
        if arm["teacher"]:
            kept = {k: v for k, v in arm["teacher"].items() if k not in ("level", "leaks")}
            assert kept == {k: v for k, v in demo["teacher"].items() if k not in ("level", "leaks")}
