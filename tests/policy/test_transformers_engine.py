"""Batched, cached decoding gives what plain `generate` gives."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest
import torch
from transformers import (
    AutoModelForCausalLM,
    GPT2Config,
    GPT2LMHeadModel,
    MistralConfig,
    MistralForCausalLM,
    Qwen2Config,
    Qwen2ForCausalLM,
    Qwen3Config,
    Qwen3ForCausalLM,
)

from leap_core.config.schema import GenerationConfig
from leap_core.contracts.engine import Engine, Request
from leap_core.errors import PolicyError
from leap_core.local import engine as transformers_engine
from leap_core.local.decoding.base import Decoder, TokenizedPrompt
from leap_core.local.decoding.llama import LlamaModel
from leap_core.local.decoding.padded_batch import PaddedDecoder
from leap_core.local.decoding.prefix_cache import PrefixCacheDecoder
from leap_core.local.decoding.ragged_batch import RaggedBatch
from leap_core.local.decoding.select import decoder_of
from leap_core.local.decoding.unbatched import UnbatchedDecoder
from leap_core.local.engine import TransformersEngine
from leap_core.rollout import roll_out
from leap_core.types import PolicyRef, Trajectory
from tests.support.students import toy, toy_writer


class PlainEngine(Engine):
    """One prompt at a time, the whole of it encoded every step, with transformers' `generate`."""

    def __init__(self, policy: PolicyRef, generation: GenerationConfig) -> None:
        self.encoder = TransformersEngine(policy, generation).encoder
        self.model = AutoModelForCausalLM.from_pretrained(policy.model)
        self.generation = generation

    def reply(self, requests: Sequence[Request]) -> list[str]:
        encoder, texts = self.encoder, []
        for request in requests:
            ids = torch.tensor([encoder.trunk(request.prompt) + encoder.branch(request.prompt)])
            out = self.model.generate(
                ids, attention_mask=torch.ones_like(ids), do_sample=False,
                max_new_tokens=self.generation.max_new_tokens,
            )  # fmt: skip
            texts.append(encoder.decode(out[0, ids.shape[1] :].tolist()))
        return texts


def play(engine: Engine, in_flight: int, count: int = 12) -> list[Trajectory]:
    environment = toy()
    played: list[Trajectory] = []
    tasks = environment.tasks("train")[:count]
    roll_out(environment, engine, toy_writer(), tasks, seed=0, in_flight=in_flight,
             on_trajectory=played.append)  # fmt: skip
    return played


GREEDY = GenerationConfig(temperature=0, max_new_tokens=20)
HOT = GenerationConfig(temperature=1.0, max_new_tokens=12)


def words(played: list[Trajectory]) -> list[list[tuple[str, str]]]:
    return [[(s.reason, s.action) for s in t.steps] for t in played]


@pytest.fixture(scope="module")
def plainly(student: PolicyRef) -> list[list[tuple[str, str]]]:
    return words(play(PlainEngine(student, GREEDY), 1, count=100))


@pytest.mark.parametrize("in_flight", [1, 64])
def test_same_replies_as_plain_generate(
    student: PolicyRef, plainly: list[list[tuple[str, str]]], in_flight: int
) -> None:
    assert len(plainly) == 100
    assert sum(bool(reason and action) for steps in plainly for reason, action in steps) > 100
    engine = TransformersEngine(student, GREEDY)
    assert isinstance(engine.decoder, PrefixCacheDecoder)
    assert words(play(engine, in_flight, count=100)) == plainly


@pytest.mark.parametrize("kind", [PaddedDecoder, UnbatchedDecoder])
def test_same_replies_from_the_general_decoders(
    student: PolicyRef,
    plainly: list[list[tuple[str, str]]],
    monkeypatch: pytest.MonkeyPatch,
    kind: type[Decoder],
) -> None:
    monkeypatch.setattr(transformers_engine, "decoder_of", lambda model, fused: kind(model))
    assert words(play(TransformersEngine(student, GREEDY), 12)) == plainly[:12]


@pytest.mark.parametrize("threads", [1, 3])
def test_sampling_does_not_depend_on_the_batch(student: PolicyRef, threads: int) -> None:
    alone = words(play(TransformersEngine(student, HOT), 1))
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        engine = TransformersEngine(student, HOT)
        engine.group = 5
        assert engine.threads == threads
        assert words(play(engine, 12)) == alone
        engine.close()
    finally:
        torch.set_num_threads(before)
    colder = GenerationConfig(temperature=0, max_new_tokens=12)
    assert words(play(TransformersEngine(student, colder), 12)) != alone


@pytest.mark.parametrize("generation", [GREEDY, HOT])
def test_guesses_save_passes_and_change_nothing(
    student: PolicyRef, generation: GenerationConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    passes = []
    feed = RaggedBatch.feed
    monkeypatch.setattr(
        RaggedBatch,
        "feed",
        lambda *given: passes.append(1) or feed(*given),  # type: ignore[func-returns-value]
    )
    off = TransformersEngine(student, generation.model_copy(update={"speculative": False}))
    without = words(play(off, 12, count=60))
    usual = len(passes)
    engine = TransformersEngine(student, generation)
    assert words(play(engine, 12, count=60)) == without
    assert engine.drafts is not None
    assert engine.drafts.right > 0
    if generation is GREEDY:
        assert len(passes) - usual < usual


def test_a_pass_is_fed_no_more_tokens_than_it_pays_for(
    student: PolicyRef, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transformers_engine, "_MOST_FED", 24)
    engine, fed, feed = TransformersEngine(student, GREEDY), [], RaggedBatch.feed

    def count(group: RaggedBatch, rows: list[int], chunks: list[list[int]]) -> torch.Tensor:
        fed.append((len(rows), sum(map(len, chunks))))
        return feed(group, rows, chunks)

    monkeypatch.setattr(RaggedBatch, "feed", count)
    engine.group = 12
    play(engine, 12, count=60)
    assert max(tokens for _, tokens in fed) <= 24
    assert any(tokens > rows for rows, tokens in fed)


def test_top_p_leaves_out_unlikely_tokens(student: PolicyRef) -> None:
    narrow = GenerationConfig(temperature=1.0, top_p=1e-6, max_new_tokens=12)
    greedy = GenerationConfig(temperature=0, max_new_tokens=12)
    assert words(play(TransformersEngine(student, narrow), 12)) == words(
        play(TransformersEngine(student, greedy), 12)
    )


def test_a_changed_trunk_is_encoded_anew(student: PolicyRef) -> None:
    """An episode that begins again under the same key sees nothing of its first time."""
    engine = TransformersEngine(student, GREEDY)
    first = words(play(engine, 12))
    assert words(play(engine, 12)) == first


def test_memory_of_finished_episodes_is_given_back(student: PolicyRef) -> None:
    engine = TransformersEngine(student, GREEDY)
    play(engine, 4)
    assert isinstance(engine.decoder, PrefixCacheDecoder)
    assert not engine.decoder._kept and not engine._trunks


SIZES = {
    "vocab_size": 97,
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 3,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 256,
}
MODELS = {
    "qwen2": (lambda: Qwen2ForCausalLM(Qwen2Config(**SIZES)), PrefixCacheDecoder),
    "qwen3": (lambda: Qwen3ForCausalLM(Qwen3Config(**SIZES, head_dim=16)), PrefixCacheDecoder),
    "mistral": (
        lambda: MistralForCausalLM(MistralConfig(**SIZES, sliding_window=None)), PrefixCacheDecoder
    ),
    "mistral with a window": (
        lambda: MistralForCausalLM(MistralConfig(**SIZES, sliding_window=16)), UnbatchedDecoder
    ),
    "gpt2": (
        lambda: GPT2LMHeadModel(
            GPT2Config(vocab_size=97, n_embd=32, n_layer=2, n_head=4, n_positions=256)
        ),
        PaddedDecoder,
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", MODELS)
def test_every_model_decodes_as_it_does_by_itself(name: str) -> None:
    """Ragged groups, trunks that grow, rows that end early: the model's own logits throughout."""
    make, kind = MODELS[name]
    with torch.random.fork_rng():
        torch.manual_seed(3)
        model = make().eval()
    decoder = decoder_of(model)
    assert type(decoder) is kind
    ids = (torch.arange(400) * 31 % 89).tolist()
    trunks = [ids[3:8], ids[40:100], ids[7:30], ids[9:10], ids[50:51]]
    with torch.inference_mode():
        for turn in range(3):
            trunks = [t + ids[i + turn : i + turn + 3 * i] for i, t in enumerate(trunks)]
            branches = [ids[5 * i + turn : 6 * i + turn] for i in range(5)]
            turns = [
                TokenizedPrompt(str(i), t, b)
                for i, (t, b) in enumerate(zip(trunks, branches, strict=True))
            ]
            texts = [t + b for t, b in zip(trunks, branches, strict=True)]
            group = decoder.start(turns, 6)
            rows, logits = list(range(5)), group.logits
            for count in range(6):
                for row, ours in zip(rows, logits, strict=True):
                    own = model(input_ids=torch.tensor([texts[row]])).logits[0, -1]
                    assert torch.allclose(ours, own, atol=1e-4), (turn, count, row)
                rows = [row for row in rows if row != 5 - count][: 5 - count]
                if not rows:
                    break
                tokens = [int((row * 7 + count) % 97) for row in rows]
                for row, token in zip(rows, tokens, strict=True):
                    texts[row] = [*texts[row], token]
                logits = group.feed(rows, [[token] for token in tokens])


def test_weights_are_not_stored_twice() -> None:
    model = MODELS["qwen2"][0]()
    fused = LlamaModel(model)
    stacked = fused.layers[0].qkv.untyped_storage().data_ptr()
    attention = model.model.layers[0].self_attn
    assert attention.v_proj.weight.untyped_storage().data_ptr() == stacked


def test_a_gpu_that_is_not_there_is_an_error(student: PolicyRef) -> None:
    if torch.cuda.is_available():
        pytest.skip("there is a GPU")
    with pytest.raises(PolicyError, match="no GPU"):
        TransformersEngine(student, GenerationConfig(device="cuda"))


def test_attention_and_dtype_are_the_models_own(student: PolicyRef) -> None:
    engine = TransformersEngine(student, GenerationConfig(temperature=0, attention="eager"))
    assert engine.model.config._attn_implementation == "eager"
    assert isinstance(engine.decoder, PaddedDecoder)
    half = TransformersEngine(student, GenerationConfig(temperature=0, dtype="bfloat16"))
    assert half.model.dtype == torch.bfloat16
    assert play(half, 3, count=3)


def test_what_cannot_be_loaded_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(PolicyError, match=r"no config\.json"):
        TransformersEngine(PolicyRef(kind="transformers", model=str(tmp_path)), GREEDY)
