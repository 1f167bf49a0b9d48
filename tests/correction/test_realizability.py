"""Likelihoods of corrections under a student, against a plain computation one row at a time."""

from __future__ import annotations

import pytest

from leap_core import ConfigError, Example, PolicyRef, Prompt
from leap_core.analysis.realizability import realizability, summed_up

torch = pytest.importorskip("torch")


def example(n: int) -> Example:
    prompt = Prompt(
        trunk=(f"Task {n}: find the key. ", "You see a desk. " * n), branch="What next? "
    )
    reply = f"REASON: desk {n} may hold it\nACTION: open desk {n}" + " now" * n
    return Example(
        prompt=prompt,
        reply=reply,
        rejected=None,
        source="correction",
        iteration=1,
        task_id=f"t{n}",
        seed=0,
        step=0,
    )


@pytest.fixture(scope="module")
def student(tmp_path_factory) -> PolicyRef:
    from leap_core.local.tiny_student import TinyOptions, build_tiny

    folder = tmp_path_factory.mktemp("student")
    options = TinyOptions(hidden_size=32, layers=2, intermediate_size=64, vocabulary=400)
    build_tiny(folder, [example(n).reply for n in range(9)], options, 0)
    return PolicyRef(kind="transformers", model=str(folder))


def plainly(student: PolicyRef, row: Example) -> float:
    from transformers import AutoModelForCausalLM, AutoTokenizer

    from leap_core.local.tokenization import PromptEncoder

    model = AutoModelForCausalLM.from_pretrained(student.model).eval()
    encoder = PromptEncoder(AutoTokenizer.from_pretrained(student.model))
    prompt = [*encoder.trunk(row.prompt), *encoder.branch(row.prompt)]
    reply = encoder.reply(row.reply)
    ids = torch.tensor([prompt + reply])
    labels = torch.tensor([[-100] * len(prompt) + reply])
    with torch.inference_mode():
        return -float(model(input_ids=ids, labels=labels).loss)


def test_batched_likelihoods_are_the_plain_ones(student):
    rows = [example(n) for n in (5, 1, 8, 3)]
    from leap_core.local.engine import TransformersEngine

    assert TransformersEngine.log_likelihoods(student, rows) == pytest.approx(
        [plainly(student, row) for row in rows], abs=1e-4
    )


def test_the_summary_has_mean_and_percentiles(student):
    found = realizability(student, [example(n) for n in range(9)])
    assert found.count == 9
    assert found.percentiles == tuple(sorted(found.percentiles))
    assert found.percentiles[0] <= found.mean <= found.percentiles[-1]
    assert realizability(student, []) is None
    assert summed_up([-1.5]).percentiles == (-1.5,) * 5


def test_a_student_without_weights_tells_no_likelihoods():
    with pytest.raises(ConfigError, match="scripted"):
        realizability(PolicyRef(kind="scripted", model="x"), [example(1)])
