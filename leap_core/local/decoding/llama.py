"""The Llama family's arithmetic with fused weights, over ragged rows without padding.

New tokens of many episodes go through the linear layers as one flat row; only attention looks at
each episode by itself. Of the last layer, prompts compute keys and values for every token but the
rest only where a reply begins. Whether a model is of the family is not read off its name alone:
`leap_core.local.decoding.base` compares logits with the model's own.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch.nn import functional

# Rotary embeddings that change with the length of the text cannot be looked up in a table.
_CHANGING_ROPE = {"dynamic", "longrope"}


@dataclass(frozen=True)
class Layer:
    """Weights of one decoder layer. `qkv` and `gate_up` are stacked; `q_norm` may be missing."""

    before: torch.Tensor
    qkv: torch.Tensor
    qkv_bias: torch.Tensor | None
    out: torch.Tensor
    out_bias: torch.Tensor | None
    after: torch.Tensor
    gate_up: torch.Tensor
    gate_up_bias: torch.Tensor | None
    down: torch.Tensor
    down_bias: torch.Tensor | None
    q_norm: torch.Tensor | None
    k_norm: torch.Tensor | None


class LlamaModel:
    """A decoder of the Llama family.

    Attributes:
        heads, kv_heads, head_size: shape of attention; `shared` = heads / kv_heads.
        layers: weights.
    """

    def __init__(self, model: Any) -> None:
        """Take the weights of a transformers model.

        Raises:
            AttributeError: its modules are not named as in the family.
            ValueError: it has parts that this arithmetic lacks.
        """
        config = model.config
        _check(model)
        body = model.model
        first = body.layers[0].self_attn
        self.heads = int(config.num_attention_heads)
        self.kv_heads = int(config.num_key_value_heads)
        self.head_size = int(first.head_dim)
        self.shared = self.heads // self.kv_heads
        self.scale = float(first.scaling)
        self.epsilon = float(config.rms_norm_eps)
        self.act = body.layers[0].mlp.act_fn
        self.embedding = body.embed_tokens.weight
        self.final = body.norm.weight
        self.head = model.lm_head.weight
        self.layers = [_layer(block) for block in body.layers]
        self.device, self.dtype = self.embedding.device, self.embedding.dtype
        self._rotary = body.rotary_emb
        self._cos = self._sin = torch.empty(0, device=self.device)

    @property
    def weight_bytes(self) -> int:
        """Bytes of the weights that every token of a reply passes."""
        parts = [self.head]
        for layer in self.layers:
            parts += [layer.qkv, layer.out, layer.gate_up, layer.down]
        return sum(int(part.nbytes) for part in parts)

    def rotations(self, positions: torch.Tensor, longest: int) -> tuple[torch.Tensor, torch.Tensor]:
        """Cosine and signed sine of `positions` [n], each [n, 1, head_size]."""
        if longest >= len(self._cos):
            count = max(2048, 2 * longest)
            every = torch.arange(count, device=self.device)[None]
            cos, sin = self._rotary(self.embedding[:1, None], every)
            half = self.head_size // 2
            self._sin = torch.cat([-sin[0, :, :half], sin[0, :, half:]], dim=-1)
            self._cos = cos[0]
        return self._cos[positions, None], self._sin[positions, None]

    def project(
        self, layer: Layer, x: torch.Tensor, rotations: tuple[torch.Tensor, torch.Tensor]
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Queries [n, heads, size], keys and values [n, kv_heads, size] of hidden states `x`."""
        normed = functional.rms_norm(x, x.shape[-1:], layer.before, self.epsilon)
        qkv = functional.linear(normed, layer.qkv, layer.qkv_bias)
        parts = qkv.view(len(x), self.heads + 2 * self.kv_heads, self.head_size)
        turned = parts[:, : self.heads + self.kv_heads]
        if layer.q_norm is not None and layer.k_norm is not None:
            turned = torch.cat(
                [
                    functional.rms_norm(part, part.shape[-1:], weight, self.epsilon)
                    for part, weight in (
                        (turned[:, : self.heads], layer.q_norm),
                        (turned[:, self.heads :], layer.k_norm),
                    )
                ],
                dim=1,
            )
        cos, sin = rotations
        turned = (turned * cos).addcmul_(turned.roll(self.head_size // 2, -1), sin)
        return turned[:, : self.heads], turned[:, self.heads :], parts[:, -self.kv_heads :]

    def mix(self, layer: Layer, x: torch.Tensor, attended: torch.Tensor) -> torch.Tensor:
        """What follows attention: its output projection, and the feed-forward part."""
        x = _add_linear(x, attended, layer.out, layer.out_bias)
        normed = functional.rms_norm(x, x.shape[-1:], layer.after, self.epsilon)
        both = functional.linear(normed, layer.gate_up, layer.gate_up_bias)
        gate, up = both.chunk(2, dim=-1)
        return _add_linear(x, self.act(gate) * up, layer.down, layer.down_bias)

    def logits(self, x: torch.Tensor) -> torch.Tensor:
        """Logits [n, vocabulary] in float32 of last hidden states `x`."""
        normed = functional.rms_norm(x, x.shape[-1:], self.final, self.epsilon)
        return functional.linear(normed, self.head).float()


def _add_linear(
    x: torch.Tensor, inner: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor | None
) -> torch.Tensor:
    out = torch.addmm(x, inner, weight.t())
    return out if bias is None else out.add_(bias)


def _check(model: Any) -> None:
    """Refuse what would be computed differently."""
    config = model.config
    for block in model.model.layers:
        attention, feed = block.self_attn, block.mlp
        linears = (attention.q_proj, attention.k_proj, attention.v_proj, attention.o_proj,
                   feed.gate_proj, feed.up_proj, feed.down_proj)  # fmt: skip
        if any(type(part) is not torch.nn.Linear for part in linears):
            raise ValueError("a linear layer of another kind")
        if getattr(attention, "sliding_window", None) is not None:
            raise ValueError("a sliding window")
    rope = getattr(config, "rope_parameters", None) or {}
    if rope.get("rope_type") in _CHANGING_ROPE:
        raise ValueError("rotary embeddings that change")
    if model.lm_head.bias is not None:
        raise ValueError("a bias of the head")


def _layer(block: Any) -> Layer:
    attention, feed = block.self_attn, block.mlp
    qkv, qkv_bias = _stacked(attention.q_proj, attention.k_proj, attention.v_proj)
    gate_up, gate_up_bias = _stacked(feed.gate_proj, feed.up_proj)
    q_norm, k_norm = getattr(attention, "q_norm", None), getattr(attention, "k_norm", None)
    return Layer(
        before=block.input_layernorm.weight,
        qkv=qkv,
        qkv_bias=qkv_bias,
        out=attention.o_proj.weight,
        out_bias=attention.o_proj.bias,
        after=block.post_attention_layernorm.weight,
        gate_up=gate_up,
        gate_up_bias=gate_up_bias,
        down=feed.down_proj.weight,
        down_bias=feed.down_proj.bias,
        q_norm=None if q_norm is None else q_norm.weight,
        k_norm=None if k_norm is None else k_norm.weight,
    )


def _stacked(*linears: torch.nn.Linear) -> tuple[torch.Tensor, torch.Tensor | None]:
    """One weight (and bias) for several linear layers, which become views of it: no copy stays."""
    weight = torch.cat([one.weight.detach() for one in linears])
    sizes = [one.out_features for one in linears]
    for one, view in zip(linears, weight.split(sizes), strict=True):
        one.weight.data = view
    biases = [one.bias.detach() for one in linears if one.bias is not None]
    if biases and len(biases) != len(linears):
        raise ValueError("biases in some of the layers")
    return weight, torch.cat(biases) if biases else None
