"""The updaters themselves, on small real students."""

from __future__ import annotations

import errno
import resource
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM, AutoTokenizer

from leap_core.config.identity import run_identity
from leap_core.config.schema import RunConfig
from leap_core.contracts.updater import RolloutStep, Updater
from leap_core.errors import ConfigError, LeapError, UpdateError
from leap_core.local.engine import load_model
from leap_core.local.tokenization import PromptEncoder
from leap_core.plugins.build import resumable_options
from leap_core.plugins.registry import build_options
from leap_core.runs.folder import made_aside
from leap_core.training.sampler import BatchSampler
from leap_core.types import Example, PolicyRef, Prompt
from leap_core.updaters.distill import DistillUpdater
from leap_core.updaters.preferences import DPOUpdater, KTOUpdater
from leap_core.updaters.sequence import SequenceUpdater
from leap_core.updaters.sft import SFTUpdater
from tests.support.forked import forked
from tests.support.students import tiny_student, toy_examples
from tests.support.updates import ADAPTER, FAST, Told, corrections, updater


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> PolicyRef:
    return PolicyRef(kind="transformers", model=str(tiny_student(tmp_path_factory.mktemp("base"))))


def likelihood(policy: PolicyRef, examples: Sequence[Example], which: str) -> float:
    """Mean log-probability of the replies."""
    model, tokenizer = load_model(policy)
    encoder = PromptEncoder(tokenizer)
    total = 0.0
    for e in examples:
        prompt = encoder.trunk(e.prompt) + encoder.branch(e.prompt)
        reply = encoder.reply(getattr(e, which))
        with torch.no_grad():
            logits = model(torch.tensor([prompt + reply])).logits[0, len(prompt) - 1 : -1]
        total -= float(torch.nn.functional.cross_entropy(logits, torch.tensor(reply)))
    return total / len(examples)


def test_sft_learns_the_replies(base: PolicyRef, tmp_path: Path) -> None:
    told = Told()
    context = told.context(tmp_path / "out", base)
    made = updater(SFTUpdater, epochs=4).update(base, toy_examples(8), context)
    assert told.losses[-1] < told.losses[0] - 1
    assert not (tmp_path / "out" / "trainer").exists()
    examples = toy_examples(8)
    assert likelihood(made, examples, "reply") > likelihood(base, examples, "reply") + 1


def test_an_update_of_a_single_step_learns(base: PolicyRef, tmp_path: Path) -> None:
    """Warmup would take all of it."""
    told, examples = Told(), toy_examples(2)
    made = updater(SFTUpdater).update(base, examples, told.context(tmp_path, base))
    assert told.metrics[-1]["steps"] == 1
    assert likelihood(made, examples, "reply") > likelihood(base, examples, "reply") + 0.1


@pytest.mark.parametrize("lora", [None, ADAPTER], ids=["whole", "adapter"])
def test_dpo_widens_the_margin_from_where_the_policy_was(
    base: PolicyRef, tmp_path: Path, lora: Any
) -> None:
    told, examples = Told(), corrections()
    context = told.context(tmp_path / "out", base)
    chosen = updater(DPOUpdater, lora=lora, beta=0.1, epochs=3, learning_rate=3e-3)
    made = chosen.update(base, examples, context)
    assert told.losses[0] == pytest.approx(0.6931, abs=1e-3)  # the reference is the policy itself
    assert (made.adapter is None) == (lora is None)

    def margin(policy: PolicyRef) -> float:
        chosen, rejected = (likelihood(policy, examples, w) for w in ("reply", "rejected"))
        return chosen - rejected

    assert margin(made) > margin(base) + 0.05


def test_dpo_goes_on_from_an_adapter_and_holds_to_it(base: PolicyRef, tmp_path: Path) -> None:
    first = updater(SFTUpdater, lora=ADAPTER).update(
        base, toy_examples(4), Told().context(tmp_path / "first", base)
    )
    told = Told()
    second = updater(DPOUpdater, lora=ADAPTER).update(
        first, corrections(), told.context(tmp_path / "second", base)
    )
    assert told.losses[0] == pytest.approx(0.6931, abs=1e-3)
    assert second.model == first.model and second.adapter != first.adapter


def test_kto_makes_corrections_likelier(base: PolicyRef, tmp_path: Path) -> None:
    told, examples = Told(), corrections()
    context = told.context(tmp_path / "out", base)
    made = updater(KTOUpdater, beta=0.1, epochs=3).update(base, examples, context)
    assert told.losses[0] == pytest.approx(0.5, abs=1e-3)
    assert likelihood(made, examples, "reply") > likelihood(base, examples, "reply") + 0.1


def test_confirmed_steps_are_learned_by_kto_and_counted_by_dpo(
    base: PolicyRef, tmp_path: Path
) -> None:
    confirmed = [replace(e, rejected=None) for e in corrections()[:5]]
    others = corrections()[5:]
    told = Told()
    context = told.context(tmp_path / "kto", base)
    options = {"beta": 0.1, "epochs": 3, "undesirable_weight": 0.5}
    made = updater(KTOUpdater, **options).update(base, [*confirmed, *others], context)
    assert not told.lines
    assert likelihood(made, confirmed, "reply") > likelihood(base, confirmed, "reply") + 0.1
    context = told.context(tmp_path / "dpo", base)
    updater(DPOUpdater).update(base, [*confirmed, *others], context)
    assert told.lines == ["  5 corrections say what the student said: no preference in them"]


def test_preferences_come_from_the_newest_corrections_alone(
    base: PolicyRef, tmp_path: Path
) -> None:
    told = Told()
    old = [*toy_examples(3), *corrections(iteration=1)]
    context = told.context(tmp_path / "out", base, iteration=2)
    assert updater(DPOUpdater).update(base, old, context) == base
    assert "no corrections" in told.lines[0]
    with pytest.raises(UpdateError, match="first_updater"):
        first = told.context(tmp_path / "out", base, iteration=0)
        updater(DPOUpdater).update(base, toy_examples(3), first)


def sequence() -> Updater:
    parts = [
        {"name": "sft", "options": {**FAST, "epochs": 2}},
        {"name": "dpo", "options": {**FAST, "lora": ADAPTER, "learning_rate": 1e-3}},
    ]
    return SequenceUpdater(build_options(SequenceUpdater, {"updaters": parts}, "options"))


def test_a_sequence_clones_first_and_then_prefers(base: PolicyRef, tmp_path: Path) -> None:
    told = Told()
    cloned = sequence().update(
        base, toy_examples(4), told.context(tmp_path / "zero", base, iteration=0)
    )
    assert cloned.model == str(tmp_path / "zero") and cloned.adapter is None

    told = Told()
    work = tmp_path / "work"
    context = told.context(tmp_path / "one", base, work_dir=work)
    made = sequence().update(cloned, [*toy_examples(4), *corrections()], context)
    assert any("sft_loss" in m for m in told.metrics)
    assert told.losses[0] == pytest.approx(0.6931, abs=1e-3)
    # What the adapter stands on is kept beside it: the work folder goes when the update is done.
    assert Path(made.model).is_relative_to(tmp_path / "one")
    assert load_model(made)


def test_a_list_of_updaters_is_a_sequence() -> None:
    data = {"environment": {"name": "toy"}, "student": {"model": "tiny"}, "updater": ["sft", "dpo"]}
    config = RunConfig.model_validate(data)
    assert config.updater.name == "sequence"
    assert [one["name"] for one in config.updater.options["updaters"]] == ["sft", "dpo"]


def test_how_an_update_is_computed_may_change_in_a_run() -> None:
    def free(kind: str, name: str) -> frozenset[str]:
        return resumable_options(kind, name) if kind == "updater" else frozenset()

    data = {"environment": {"name": "toy"}, "student": {"model": "tiny"}}

    def of(**options: Any) -> Any:
        one = {"name": "sft", "options": options}
        both = (one, [one, "dpo"])
        return [run_identity(RunConfig.model_validate({**data, "updater": u}), free) for u in both]

    assert of(epochs=1) == of(epochs=1, token_budget=4096, launch={"processes": 2})
    assert all(a != b for a, b in zip(of(epochs=1), of(epochs=2), strict=True))


CANARY = "canary-7261"


@pytest.mark.parametrize("lora", [None, ADAPTER], ids=["whole", "adapter"])
def test_distillation_draws_the_student_to_its_privileged_self(
    base: PolicyRef, tmp_path: Path, lora: Any
) -> None:
    told = Told()
    seen = [
        RolloutStep(example=e, state=f"The coin is in box 2. {CANARY}") for e in toy_examples(6)
    ]
    context = told.context(tmp_path / "out", base, rollouts=lambda: seen)
    chosen = updater(DistillUpdater, lora=lora, epochs=6, learning_rate=3e-3)
    chosen.update(base, [], context)
    assert 0 < told.losses[-1] < told.losses[0]


def test_what_is_hidden_never_reaches_the_students_rows(
    base: PolicyRef, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from leap_core.training import train as training

    laid = []
    rows_for = training.rows_for

    def spy(*args: Any, **more: Any) -> Any:
        laid.append(rows_for(*args, **more))
        return laid[-1]

    monkeypatch.setattr(training, "rows_for", spy)
    seen = [
        RolloutStep(example=e, state=f"The coin is in box 2. {CANARY}") for e in toy_examples(4)
    ]
    context = Told().context(tmp_path / "out", base, rollouts=lambda: seen)
    updater(DistillUpdater).update(base, [], context)
    tokenizer = AutoTokenizer.from_pretrained(base.model)

    def text(rows: Any) -> str:
        return "".join(tokenizer.decode([*r.trunk, *b.tokens]) for r in rows for b in r.branches)

    (material,) = laid
    assert CANARY in text(material.teacher)
    assert CANARY not in text(material.rows)


def test_distillation_needs_rollouts(base: PolicyRef, tmp_path: Path) -> None:
    with pytest.raises(UpdateError, match="first_updater"):
        updater(DistillUpdater).update(base, [], Told().context(tmp_path, base, iteration=0))


def test_held_out_trajectories_are_measured(base: PolicyRef, tmp_path: Path) -> None:
    told = Told()
    context = told.context(tmp_path / "out", base, work_dir=tmp_path / "work")
    updater(SFTUpdater, epochs=2, held_out=0.25).update(base, toy_examples(8), context)
    measured = [m["eval_loss"] for m in told.metrics if "eval_loss" in m]
    assert len(measured) == 2 and measured[1] < measured[0]


def test_the_weights_of_the_best_epoch_are_kept(base: PolicyRef, tmp_path: Path) -> None:
    told, work = Told(), tmp_path / "work"
    context = told.context(tmp_path / "out", base, work_dir=work)
    chosen = updater(SFTUpdater, epochs=2, held_out=0.25, learning_rate=2.0, schedule="constant")
    made = chosen.update(base, toy_examples(8), context)
    measured = {m["step"]: m["eval_loss"] for m in told.metrics if "eval_loss" in m}
    best = min(measured, key=lambda step: measured[step])
    assert best != max(measured), "a step that large should have made it worse"
    kept = load_file(work / f"checkpoint-{int(best)}" / "model.safetensors")
    for name, tensor in load_file(Path(made.model) / "model.safetensors").items():
        assert torch.equal(tensor, kept[name])


def test_rows_that_are_too_long_are_an_error_or_counted(base: PolicyRef, tmp_path: Path) -> None:
    told = Told()
    context = told.context(tmp_path / "out", base)
    with pytest.raises(UpdateError, match=r"\d+ of \d+ training rows .* max_length=60 .*too_long"):
        updater(SFTUpdater, max_length=60).update(base, toy_examples(4), context)
    short = replace(toy_examples(1)[0], prompt=Prompt(trunk=("Hi.",), branch="?"))
    updater(SFTUpdater, max_length=60, too_long="drop").update(
        base, [short, *toy_examples(4)], context
    )
    assert "left out" in told.lines[0]


def test_an_empty_reply_is_an_error(base: PolicyRef, tmp_path: Path) -> None:
    empty = replace(toy_examples(1)[0], reply=" ")
    with pytest.raises(UpdateError, match="empty reply"):
        updater(SFTUpdater).update(base, [empty], Told().context(tmp_path, base))


def test_a_model_without_the_attention_is_trained_on_separate_rows(
    base: PolicyRef, tmp_path: Path
) -> None:
    model = AutoModelForCausalLM.from_pretrained(base.model)
    model.config.sliding_window = 16
    model.save_pretrained(tmp_path / "short")
    AutoTokenizer.from_pretrained(base.model).save_pretrained(tmp_path / "short")
    told = Told()
    start = PolicyRef(kind="transformers", model=str(tmp_path / "short"))
    updater(SFTUpdater).update(start, toy_examples(4), told.context(tmp_path / "out", start))
    assert "16 tokens back (sliding_window)" in told.lines[0] and "separate rows" in told.lines[0]
    assert told.losses


def test_presets_carry_the_papers_values_and_give_way() -> None:
    chosen = build_options(SFTUpdater, {"preset": "paper/webshop", "epochs": 2}, "options")
    assert (chosen.batch_size, chosen.max_length, chosen.epochs) == (16, 6000, 2)
    assert (chosen.lora.r, chosen.lora.alpha, chosen.lora.dropout) == (128, 64, 0.05)
    assert chosen.learning_rate == 3e-5 and chosen.unit == "examples"
    dpo = build_options(DPOUpdater, {"preset": "paper/dpo"}, "options")
    assert (dpo.batch_size, dpo.beta, dpo.learning_rate) == (32, 0.01, 5e-7)
    kto = build_options(KTOUpdater, {"preset": "paper/kto"}, "options")
    assert (kto.batch_size, kto.desirable_weight, kto.undesirable_weight) == (64, 1.0, 0.0)
    with pytest.raises(ConfigError, match="did you mean 'paper/webshop'"):
        build_options(SFTUpdater, {"preset": "paper/webshp"}, "options")
    with pytest.raises(ConfigError, match="is for the updater 'dpo'"):
        build_options(SFTUpdater, {"preset": "paper/dpo"}, "options")


def test_batches_hold_every_row_once_and_none_is_empty() -> None:
    for sizes, batch_size in (([1] * 10, 4), ([3, 9, 1, 1, 7, 2], 8), ([50], 8), ([30, 1, 1], 8)):
        batches = BatchSampler(sizes, batch_size, seed=0)
        for epoch in (0, 1):
            batches.set_epoch(epoch)
            made = list(batches)
            assert len(made) == len(batches) and all(made)
            assert sorted(row for batch in made for row in batch) == list(range(len(sizes)))
    assert [len(b) for b in BatchSampler([1] * 10, 4, seed=0)] == [4, 4, 2]


def test_a_full_disk_is_told_in_one_sentence(base: PolicyRef, tmp_path: Path) -> None:
    def fill() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))
        context = Told().context(tmp_path / "out", base)
        updater(SFTUpdater).update(base, toy_examples(2), context)

    assert forked(fill, tmp_path / "stderr") != 0
    told = (tmp_path / "stderr").read_text()
    assert "UpdateError: the policy cannot be saved" in told
    assert "the last policy is untouched" in told


def test_a_loss_that_is_no_number_is_an_error(base: PolicyRef, tmp_path: Path) -> None:
    wild = updater(SFTUpdater, learning_rate=1e30, schedule="constant", warmup=0)
    with pytest.raises(UpdateError, match=r"the loss is (nan|inf) at step \d; lower .*rate"):
        wild.update(base, toy_examples(12), Told().context(tmp_path, base))


def test_memory_that_runs_out_is_an_error_with_a_hint(
    base: PolicyRef, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from leap_core.training.losses import SFT

    def exhausted(*args: Any) -> Any:
        return torch.empty(2**46)  # more than any machine has: the allocator's own error

    monkeypatch.setattr(SFT, "loss", exhausted)
    with pytest.raises(LeapError, match=r"memory is full: lower updater.options.token_budget"):
        updater(SFTUpdater).update(base, toy_examples(2), Told().context(tmp_path, base))


def test_a_tokenizer_that_cannot_end_a_reply_is_an_error(base: PolicyRef, tmp_path: Path) -> None:
    """No chat template is plain text; without an end either, a student would never stop."""
    mute = tmp_path / "mute"
    AutoModelForCausalLM.from_pretrained(base.model).save_pretrained(mute)
    tokenizer = AutoTokenizer.from_pretrained(base.model)
    tokenizer.chat_template = None
    tokenizer.save_pretrained(mute)
    start = PolicyRef(kind="transformers", model=str(mute))
    plain = updater(SFTUpdater).update(
        start, toy_examples(2), Told().context(tmp_path / "a", start)
    )
    assert plain.model
    tokenizer.eos_token = None
    tokenizer.save_pretrained(mute)
    with pytest.raises(UpdateError, match="neither a chat template nor an EOS token"):
        updater(SFTUpdater).update(start, toy_examples(2), Told().context(tmp_path / "b", start))


def test_what_fails_while_it_is_saved_leaves_the_last_policy_as_it_was(tmp_path: Path) -> None:
    policy = tmp_path / "policy"
    with made_aside(policy) as folder:
        (folder / "model.safetensors").write_text("good")
    with pytest.raises(OSError, match="No space left"), made_aside(policy) as folder:
        (folder / "model.safetensors").write_text("ha")
        raise OSError(errno.ENOSPC, "No space left on device")
    assert (policy / "model.safetensors").read_text() == "good"
    with made_aside(policy) as folder:  # what lay about of the failed one is gone
        assert not list(folder.iterdir())
        (folder / "model.safetensors").write_text("better")
    assert (policy / "model.safetensors").read_text() == "better"
