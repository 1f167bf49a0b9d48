"""The least that rollouts can take: new tokens' operations at the rate of a matrix product."""

from __future__ import annotations

from collections.abc import Iterator

import torch

from leap_core.local.engine import TransformersEngine
from leap_core.policy.prompt import PromptRenderer
from leap_core.types import Trajectory


def operations(
    engine: TransformersEngine, writer: PromptRenderer, trajectory: Trajectory, reply: float
) -> Iterator[float]:
    """Floating-point operations of an episode's new tokens, turn by turn; a reply has `reply`.

    Two for each weight that a token passes, the output layer's only for tokens that are drawn; four
    for each channel of attention and each token that is seen.
    """
    config, encoder, before = engine.model.config, engine.encoder, 0
    head = config.vocab_size * config.hidden_size
    weights = sum(p.numel() for p in engine.model.parameters()) - head
    channels = config.num_hidden_layers * config.num_attention_heads * config.head_dim
    for index, step in enumerate(trajectory.steps):
        prompt = writer.prompt(trajectory.task, trajectory.steps[:index], step.observation)
        trunk, branch = len(encoder.trunk(prompt)), len(encoder.branch(prompt))
        new = trunk - before + branch + reply - 1
        seen = new * before + new * (new + 1) / 2
        before = trunk
        yield 2.0 * weights * new + 2.0 * head * reply + 4.0 * channels * seen


def matrix_rate(engine: TransformersEngine) -> float:
    """Floating-point operations a second of a large matrix product, as the model computes."""
    size = 8192 if engine.device.type == "cuda" else 1536
    a = torch.randn(size, size, dtype=engine.model.dtype, device=engine.device)
    best = float("inf")
    for _ in range(8):
        began = engine.model_clock()
        (a @ a)[0, 0].item()
        best = min(best, engine.model_clock() - began)
    return 2 * size**3 / best
