"""Batched, cached decoding gives what plain `generate` gives."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
import torch

from leap_core.config import Generation
from leap_core.policy.engine import Engine, Request
from leap_core.policy.transformers_engine import TransformersEngine
from leap_core.rollout import roll_out
from leap_core.types import PolicyRef, Trajectory
from tests.students import toy, toy_writer, trained_student


@pytest.fixture(scope="module")
def student(tmp_path_factory: pytest.TempPathFactory) -> PolicyRef:
    return trained_student(tmp_path_factory.mktemp("student"))


class PlainEngine(Engine):
    """One prompt at a time, the whole of it encoded every step, with transformers' `generate`."""

    def __init__(self, policy: PolicyRef, generation: Generation) -> None:
        self.engine = TransformersEngine(policy, generation)

    def reply(self, requests: Sequence[Request]) -> list[str]:
        encoder, texts = self.engine.encoder, []
        for request in requests:
            ids = torch.tensor([encoder.trunk(request.prompt) + encoder.branch(request.prompt)])
            out = self.engine.model.generate(
                ids, attention_mask=torch.ones_like(ids), do_sample=False,
                max_new_tokens=self.engine.generation.max_new_tokens,
            )  # fmt: skip
            texts.append(encoder.decode(out[0, ids.shape[1] :].tolist()))
        return texts


def play(engine: Engine, in_flight: int, count: int = 12) -> list[Trajectory]:
    environment = toy()
    played: list[Trajectory] = []
    tasks = environment.tasks("valid")[:count]
    roll_out(environment, engine, toy_writer(), tasks, seed=0, in_flight=in_flight,
             on_trajectory=played.append)  # fmt: skip
    return played


GREEDY = Generation(temperature=0, max_new_tokens=20)


def words(played: list[Trajectory]) -> list[list[tuple[str, str]]]:
    return [[(s.reason, s.action) for s in t.steps] for t in played]


@pytest.mark.parametrize("in_flight", [1, 5, 12])
def test_same_replies_as_plain_generate(student: PolicyRef, in_flight: int) -> None:
    plain = play(PlainEngine(student, GREEDY), 12)
    assert any(s.reason and s.action for t in plain for s in t.steps)
    assert words(play(TransformersEngine(student, GREEDY), in_flight)) == words(plain)


def test_sampling_does_not_depend_on_the_batch(student: PolicyRef) -> None:
    hot = Generation(temperature=1.0, max_new_tokens=12)
    alone = play(TransformersEngine(student, hot), 1)
    together = play(TransformersEngine(student, hot), 12)
    assert words(alone) == words(together)
    other = Generation(temperature=0, max_new_tokens=12)
    assert words(play(TransformersEngine(student, other), 12)) != words(together)


def test_top_p_leaves_out_unlikely_tokens(student: PolicyRef) -> None:
    narrow = Generation(temperature=1.0, top_p=1e-6, max_new_tokens=12)
    greedy = Generation(temperature=0, max_new_tokens=12)
    assert words(play(TransformersEngine(student, narrow), 12)) == words(
        play(TransformersEngine(student, greedy), 12)
    )
