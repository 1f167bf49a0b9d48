"""`self` and `constrained` on a model in this process, small enough to list all its replies."""

from __future__ import annotations

import asyncio
import itertools
import json
import math
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from leap_core import Brief, ConfigError, PolicyRef, TeacherContext, TeacherError
from leap_core.testing.provider import ProviderReply
from leap_teachers.constrained import ConstrainedOptions, ConstrainedTeacher
from leap_teachers.local import LocalModel
from leap_teachers.model_io import Message, ModelRequest
from leap_teachers.reweighting import divergence, softmax
from leap_teachers.self_teacher import SelfOptions, SelfTeacher

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")

BOXES = range(1, 5)
PROMPTS = {
    "step_system": "{{ 'told' if hidden else 'untold' }}",
    "step_user": "{{ hidden or 'nothing' }} :",
    "correct_system": "Be brief.",
}
REPLIES = [f"REASON: try ACTION: open box {box}" for box in BOXES]


def conversation(box: int | None) -> tuple[Message, ...]:
    told = box is not None
    user = f"The coin is in box {box}. :" if told else "nothing :"
    return (Message("system", "told" if told else "untold"), Message("user", user))


def prompt(box: int | None) -> str:
    return "".join(f"{message.content}\n\n" for message in conversation(box))


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """A model that mostly opens the box that it is told of, and prefers low ones untold."""
    texts = [prompt(None) + REPLIES[box - 1] for box in BOXES for _ in range(5 - box)]
    for told, opened in itertools.product(BOXES, BOXES):
        texts += [prompt(told) + REPLIES[opened - 1]] * (6 if told == opened else 1)
    path = tmp_path_factory.mktemp("model")
    train(path, texts, steps=300)
    return path


def train(folder: Path, texts: list[str], steps: int) -> None:
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

    words = sorted({word for text in texts for word in text.split()})
    raw = Tokenizer(
        models.WordLevel({w: i for i, w in enumerate(["<eos>", "<unk>", *words])}, "<unk>")
    )
    raw.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=raw, eos_token="<eos>", unk_token="<unk>", pad_token="<eos>"
    )
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=len(tokenizer), hidden_size=32, intermediate_size=64, num_hidden_layers=2,
        num_attention_heads=2, max_position_embeddings=256, tie_word_embeddings=True,
        eos_token_id=0, bos_token_id=None, pad_token_id=0,
    )  # fmt: skip
    model = LlamaForCausalLM(config)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2)
    rows = sorted(([*tokenizer.encode(text), 0] for text in texts), key=len)
    batches = [torch.tensor(list(group)) for _, group in itertools.groupby(rows, len)]
    for _ in range(steps):
        for batch in batches:
            labels = batch.clone()
            labels[:, : -len(REPLIES[0].split()) - 1] = -100
            model(input_ids=batch, labels=labels).loss.backward()
        optimizer.step()
        optimizer.zero_grad()
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)


@pytest.fixture
def world(make_world):
    return make_world(boxes=4)


@pytest.fixture
def lent(context, folder):
    """A context whose student is the tiny model."""
    plain = context()
    student = PolicyRef(kind="transformers", model=str(folder))
    return TeacherContext(
        environment=plain.environment,
        ledger=plain.ledger,
        cache_dir=plain.cache_dir,
        student=student,
    )


@pytest.fixture
def model(lent):
    return LocalModel(lent.student, lent.ledger)


def likelihoods(model: LocalModel, box: int | None, replies: list[str]) -> list[float]:
    return asyncio.run(model.log_likelihoods(conversation(box), replies))


def test_scores_are_those_of_one_pass_over_the_whole_text(model, folder):
    from transformers import AutoModelForCausalLM, AutoTokenizer

    scores = likelihoods(model, 2, REPLIES)
    network = AutoModelForCausalLM.from_pretrained(folder).eval()
    tokenizer = AutoTokenizer.from_pretrained(folder)
    for reply, score in zip(REPLIES, scores, strict=True):
        asked, ids = tokenizer.encode(prompt(2)), [*tokenizer.encode(reply), 0]
        with torch.inference_mode():
            logits = network(torch.tensor([asked + ids])).logits[0, len(asked) - 1 : -1]
        chances = torch.log_softmax(logits.double(), -1)
        expected = float(chances[range(len(ids)), ids].sum())
        assert score == pytest.approx(expected, abs=1e-4)


def test_the_replies_can_be_listed(model):
    """They hold nearly all probability, so that distributions over them are the model's own."""
    for box in (None, *BOXES):
        assert sum(map(math.exp, likelihoods(model, box, REPLIES))) > 0.9


def test_what_is_drawn_follows_the_scores(model):
    requests = [ModelRequest("t", conversation(3), 12, 1.0, sample=n) for n in range(400)]
    drawn = Counter(a.text for a in asyncio.run(model.ask_all(requests)))
    for reply, score in zip(REPLIES, likelihoods(model, 3, REPLIES), strict=True):
        assert drawn[reply] / 400 == pytest.approx(math.exp(score), abs=0.08)


def test_the_scores_are_what_the_model_was_taught(model):
    """Shares of the training texts: a check of scoring against numbers known beforehand."""
    told = [math.exp(score) for score in likelihoods(model, 3, REPLIES)]
    untold = [math.exp(score) for score in likelihoods(model, None, REPLIES)]
    assert told == pytest.approx([1 / 9, 1 / 9, 6 / 9, 1 / 9], abs=0.05)
    assert untold == pytest.approx([0.4, 0.3, 0.2, 0.1], abs=0.05)


def test_answers_do_not_depend_on_the_batch(model, lent):
    requests = [ModelRequest("t", conversation(n), 12, 1.0, sample=n) for n in (1, 2, 3)]
    together = asyncio.run(model.ask_all(requests))
    one_by_one = LocalModel(lent.student, lent.ledger, batch=1)
    alone = [asyncio.run(one_by_one.ask(request)) for request in requests]
    assert [a.text for a in together] == [a.text for a in alone]
    assert lent.ledger.totals.calls == 6
    assert lent.ledger.totals.usage.cost == 0.0


# -- constrained --------------------------------------------------------------------------------


def constrained(lent: TeacherContext, **options: Any) -> ConstrainedTeacher:
    chosen = {"prompts": PROMPTS, "max_tokens": 12, "samples": 12, **options}
    return ConstrainedTeacher(ConstrainedOptions(**chosen), lent)


def corrected(teacher: ConstrainedTeacher, world: Any, count: int = 6) -> list[Any]:
    return world.correct(teacher, world.failures(count, length=2))


def test_a_choice_tells_how_many_draws_it_rests_on(world, lent):
    outcomes = corrected(constrained(lent, strength=1.0), world)
    assert all(1.0 <= o.measures["effective_draws"] <= 24 for o in outcomes)


def test_the_kl_falls_as_lambda_rises(world, lent, capsys):
    kls = []
    for strength in (0.0, 0.25, 0.5, 1.0, 2.0):
        outcomes = corrected(constrained(lent, strength=strength, form="mean"), world)
        kls.append(sum(o.measures["kl"] for o in outcomes) / len(outcomes))
    print("lambda 0, 0.25, 0.5, 1, 2: KL", [round(kl, 3) for kl in kls])
    assert all(a > b for a, b in itertools.pairwise(kls))
    assert kls[0] > 0.2


def test_a_target_kl_is_kept_at_every_step(world, lent):
    outcomes = corrected(constrained(lent, target_kl=0.1), world)
    assert all(o.measures["kl_max"] <= 0.1 + 1e-6 for o in outcomes)
    assert any(o.measures["lambda"] > 0 for o in outcomes)


def test_the_same_seed_draws_the_same(world, lent):
    assert corrected(constrained(lent), world) == corrected(constrained(lent), world)


def test_replies_that_name_no_action_are_left_out(world, lent):
    teacher = constrained(lent, max_tokens=2)
    trajectory = world.failures(1)[0]
    with pytest.raises(TeacherError, match="names an action"):
        asyncio.run(teacher.correct(trajectory, world.states(trajectory), Brief()))


# -- self ---------------------------------------------------------------------------------------


def test_the_student_corrects_itself_step_by_step(world, lent):
    options = SelfOptions(mode="steps", prompts=PROMPTS, max_tokens=12, temperature=0.0)
    outcomes = world.correct(SelfTeacher(options, lent), world.failures(8, length=2))
    found = [c.action == f"open box {_coin(world, c)}" for o in outcomes for c in o.corrections]
    assert len(found) >= 8
    assert all(found)


def _coin(world: Any, correction: Any) -> int:
    return next(t.data["coin"] for t in world.tasks() if t.id == correction.task_id)


def test_the_student_behind_a_server_is_asked_there(world, context, provider):
    plain = context()
    student = PolicyRef(kind="server", model="student", base_url=provider.base_url)
    lent = TeacherContext(
        environment=plain.environment,
        ledger=plain.ledger,
        cache_dir=plain.cache_dir,
        student=student,
    )
    provider.answer = lambda r: json.dumps(
        {"summary": "s", "steps": [{"step": 0, "reason": "Look.", "action": "open box 1"}]}
    )
    outcome = world.correct(SelfTeacher(SelfOptions(), lent), world.failures(1, 1)[:1])[0]
    assert [c.action for c in outcome.corrections] == ["open box 1"]
    assert provider.log[0].request["model"] == "student"
    assert lent.ledger.totals.usage.cost == 0.0


def test_a_whole_trajectory_beyond_a_tiny_student_is_an_outcome(world, lent):
    options = SelfOptions(prompts=PROMPTS, max_tokens=8)
    outcome = world.correct(SelfTeacher(options, lent), world.failures(1))[0]
    assert outcome.error is not None


def test_a_scripted_student_cannot_be_asked(context):
    plain = context()
    student = PolicyRef(kind="scripted", model="search")
    lent = TeacherContext(
        environment=plain.environment,
        ledger=plain.ledger,
        cache_dir=plain.cache_dir,
        student=student,
    )
    with pytest.raises(ConfigError, match="scripted"):
        SelfTeacher(SelfOptions(), lent)
    with pytest.raises(ConfigError, match="scripted"):
        ConstrainedTeacher(ConstrainedOptions(), lent)


def test_a_model_that_is_not_there_is_named(world, context, tmp_path):
    teacher = ConstrainedTeacher(ConstrainedOptions(model=str(tmp_path / "none")), context())
    with pytest.raises(ConfigError, match="cannot be loaded"):
        world.correct(teacher, world.failures(1))


def test_a_server_with_prompt_logprobs_scores_like_the_model_itself(
    world, context, provider, model
):
    """The server answers and scores as the tiny model would; the teacher must not notice."""
    plain = context()
    known = {
        (box, reply): score
        for box in (None, *BOXES)
        for reply, score in zip(REPLIES, likelihoods(model, box, REPLIES), strict=True)
    }

    def answer(request):
        said = [m["content"] for m in request["messages"]]
        box = int(said[1].split("box ")[1][0]) if "box" in said[1] else None
        if "prompt_logprobs" in request:
            whole = len(said) == 3
            return ProviderReply(prompt_logprobs=[-7.0, known[box, said[2]] if whole else 0.0])
        return ProviderReply(REPLIES[len(provider.log) % 4])

    provider.answer = answer
    options = ConstrainedOptions(
        model="m", api_base=provider.base_url, prompts=PROMPTS, samples=4, strength=0.0
    )
    outcomes = world.correct(ConstrainedTeacher(options, plain), world.failures(2, length=1))
    for outcome, trajectory in zip(outcomes, world.failures(2, length=1), strict=True):
        told = [known[trajectory.task.data["coin"], reply] for reply in REPLIES]
        untold = [known[None, reply] for reply in REPLIES]
        assert outcome.measures["kl"] == pytest.approx(divergence(softmax(told), untold), abs=1e-6)


def test_a_server_that_tells_no_probabilities_is_told_apart(world, context, provider):
    provider.answer = lambda r: ProviderReply(REPLIES[0])
    options = ConstrainedOptions(model="m", api_base=provider.base_url, prompts=PROMPTS, samples=1)
    outcome = world.correct(ConstrainedTeacher(options, context()), world.failures(1))[0]
    assert "prompt_logprobs" in outcome.error
