"""On ALFWorld's official games: the same tokens from every way to decode, for 100 episodes.

`LEAP_FULL=1 LEAP_DATA_DIR=… pytest -s tests/policy/test_alfworld_equality.py` plays with the engine
(64 episodes in flight, then one) and with `generate`. The student has about two million random
weights, made so that its replies depend on the whole prompt and end at different lengths. It takes
some minutes.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from hashlib import blake2b
from pathlib import Path

import pytest
import torch
from transformers import LlamaConfig, LlamaForCausalLM

from leap_core.config.schema import GenerationConfig
from leap_core.contracts.engine import Engine, Request
from leap_core.contracts.environment import Environment
from leap_core.local.engine import TransformersEngine, load_model
from leap_core.local.tiny_student import TinyOptions, build_tiny
from leap_core.policy.prompt import PromptRenderer
from leap_core.policy.reply import parse_reply, write_reply
from leap_core.rollout import roll_out
from leap_core.types import PolicyRef, Task, Trajectory

DATA = os.environ.get("LEAP_DATA_DIR")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(7200),
    pytest.mark.skipif(not os.environ.get("LEAP_FULL"), reason="takes minutes: set LEAP_FULL=1"),
    pytest.mark.skipif(not DATA, reason="needs the official games: set LEAP_DATA_DIR"),
]
EPISODES, STEPS = 100, 6
TWO_MILLION = TinyOptions(
    hidden_size=192, layers=4, heads=4, kv_heads=2, intermediate_size=512, vocabulary=2048
)
GREEDY = GenerationConfig(temperature=0, max_new_tokens=32)


class ByTokens(Engine):
    """Keeps each reply's token ids as the step's reason, and takes an action that they settle.

    What the student wrote is taken where it can be executed, else a candidate that follows from
    the ids; so one other token anywhere gives another episode.
    """

    def __init__(self, engine: Engine, encoder: object) -> None:
        self.engine = engine
        self.decode = encoder.decode  # type: ignore[attr-defined]
        encoder.decode = lambda ids: " ".join(map(str, ids))  # type: ignore[attr-defined]

    def reply(self, requests: Sequence[Request]) -> list[str]:
        return [
            write_reply(ids, self._action(request, ids))
            for request, ids in zip(requests, self.engine.reply(requests), strict=True)
        ]

    def forget(self, episode: str) -> None:
        self.engine.forget(episode)

    def _action(self, request: Request, ids: str) -> str:
        wanted = parse_reply(self.decode([int(i) for i in ids.split()])).action
        if request.observation.accepts(wanted):
            return wanted
        candidates = request.observation.candidates
        digest = blake2b(ids.encode(), digest_size=8).digest()
        return candidates[int.from_bytes(digest, "big") % len(candidates)]


class PlainGenerate(Engine):
    """One prompt at a time, all of it encoded at every step, with transformers' `generate`."""

    def __init__(self, engine: TransformersEngine, policy: PolicyRef) -> None:
        self.encoder = engine.encoder
        self.model, _ = load_model(policy)

    def reply(self, requests: Sequence[Request]) -> list[str]:
        texts = []
        for request in requests:
            prompt = self.encoder.trunk(request.prompt) + self.encoder.branch(request.prompt)
            ids = torch.tensor([prompt])
            out = self.model.generate(
                ids, attention_mask=torch.ones_like(ids), do_sample=False,
                max_new_tokens=GREEDY.max_new_tokens, eos_token_id=list(self.encoder.stop),
            )  # fmt: skip
            reply = out[0, len(prompt) :].tolist()
            texts.append(self.encoder.decode([i for i in reply if i not in self.encoder.stop]))
        return texts


@pytest.fixture(scope="module")
def games() -> tuple[Environment, list[Task]]:
    alfworld = pytest.importorskip("leap_alfworld.environment")
    options = alfworld.AlfworldOptions(games="official", data_dir=Path(str(DATA)) / "alfworld")
    environment = alfworld.AlfworldEnvironment(options)
    tasks = list(environment.tasks(environment.splits()[0]))
    return environment, sorted(tasks, key=lambda task: blake2b(task.id.encode()).digest())


@pytest.fixture(scope="module")
def student(
    games: tuple[Environment, list[Task]], tmp_path_factory: pytest.TempPathFactory
) -> PolicyRef:
    environment, tasks = games
    writer = PromptRenderer(environment.layout(), STEPS)
    texts = []
    for shown in environment.demonstrations(tasks[EPISODES : EPISODES + 25], "explorer"):
        for index, step in enumerate(shown.steps):
            prompt = writer.prompt(shown.task, shown.steps[:index], step.observation)
            texts += [prompt.trunk[-1], prompt.branch, write_reply(step.reason, step.action)]
    folder = tmp_path_factory.mktemp("student")
    build_tiny(folder, texts, TWO_MILLION, seed=0)
    config = LlamaConfig.from_pretrained(folder)
    config.tie_word_embeddings = False  # else it repeats one token for ever
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = LlamaForCausalLM(config)
    with torch.no_grad():
        for name, weight in model.named_parameters():
            if any(part in name for part in ("q_proj", "k_proj", "o_proj")):
                weight.mul_(3)  # attention that looks at few tokens, and counts
    model.generation_config.eos_token_id = list(range(1, config.vocab_size, 25))
    model.save_pretrained(folder)
    return PolicyRef(kind="transformers", model=str(folder))


def tokens(
    games: tuple[Environment, list[Task]], engine: ByTokens, in_flight: int
) -> list[list[tuple[str, str]]]:
    """(ids, action) of every step of every episode."""
    environment, tasks = games
    played: list[Trajectory] = []
    roll_out(environment, engine, PromptRenderer(environment.layout(), STEPS), tasks[:EPISODES],
             seed=0, in_flight=in_flight, on_trajectory=played.append)  # fmt: skip
    assert not [t.error for t in played if t.error]
    return [[(s.reason, s.action) for s in t.steps] for t in played]


def test_the_same_tokens_from_the_engine_and_from_generate(
    games: tuple[Environment, list[Task]], student: PolicyRef
) -> None:
    engine = TransformersEngine(student, GREEDY)
    size = sum(p.numel() for p in engine.model.parameters())
    assert 1.5e6 < size < 2.5e6
    plain = PlainGenerate(TransformersEngine(student, GREEDY), student)
    together = tokens(games, ByTokens(engine, engine.encoder), 64)
    engine = TransformersEngine(student, GREEDY)
    alone = tokens(games, ByTokens(engine, engine.encoder), 1)
    one_by_one = tokens(games, ByTokens(plain, plain.encoder), 1)
    replies = [ids for steps in one_by_one for ids, _ in steps]
    lengths = {len(ids.split()) for ids in replies}
    print(
        f"{size / 1e6:.2f}M parameters, {len(one_by_one)} episodes, {len(replies)} replies "
        f"({len(set(replies))} different) of {min(lengths)} to {max(lengths)} tokens, "
        f"{sum(len(ids.split()) for ids in replies)} tokens"
    )
    assert len(one_by_one) == EPISODES and len(replies) > EPISODES
    assert len(lengths) > 10 and len(set(replies)) > len(replies) // 2
    assert together == one_by_one
    assert alone == one_by_one
