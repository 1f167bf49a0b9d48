"""In-process engine: many episodes decoded together, with their trunks cached.

A turn encodes only what the trunk has gained, then the branch, then writes the reply token by
token; branch and reply are dropped from the cache, so the trunk stays exact.
"""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import blake2b
from pathlib import Path
from typing import Any

import numpy as np
import torch

from leap_core.config import Generation
from leap_core.errors import PolicyError
from leap_core.policy.cache import EpisodeCache
from leap_core.policy.encoding import PromptEncoder
from leap_core.policy.engine import Engine, Request
from leap_core.types import PolicyRef


def load_model(policy: PolicyRef) -> tuple[Any, Any]:
    """Load (model, tokenizer) of a policy; an adapter is merged in.

    The weights are float32 on a CPU, which is slow at anything else, and as stored on a GPU.

    Raises:
        PolicyError: there is no such model, or it cannot be loaded.
    """
    from transformers import AutoModelForCausalLM, AutoTokenizer
    from transformers.utils import logging

    logging.disable_progress_bar()
    dtype = "auto" if torch.cuda.is_available() else torch.float32
    folder = Path(policy.model)
    if folder.exists() and not (folder / "config.json").is_file():
        raise PolicyError(f"no model at '{folder}': the folder has no config.json")
    try:
        model = AutoModelForCausalLM.from_pretrained(policy.model, dtype=dtype)
        tokenizer = AutoTokenizer.from_pretrained(policy.model)
        if policy.adapter is not None:
            from peft import PeftModel

            model = PeftModel.from_pretrained(model, policy.adapter).merge_and_unload()
    except Exception as error:
        reason = " ".join(str(error).split())[:300]
        raise PolicyError(
            f"the student model '{policy.model}' cannot be loaded: {reason}"
        ) from error
    return model, tokenizer


class TransformersEngine(Engine):
    """Batched decoding with a cache per episode."""

    def __init__(self, policy: PolicyRef, generation: Generation) -> None:
        model, tokenizer = load_model(policy)
        device = "cuda" if torch.cuda.is_available() else "cpu"
        self.model = model.to(device).eval()
        stop = model.generation_config.eos_token_id
        stops = tuple(stop) if isinstance(stop, (list, tuple)) else () if stop is None else (stop,)
        self.encoder = PromptEncoder(tokenizer, stops)
        self.generation = generation
        self.device = torch.device(device)
        self._layers = model.config.get_text_config().num_hidden_layers
        self._reset()

    def _reset(self) -> None:
        self._cache = EpisodeCache(self._layers, self.device)
        self._episodes: list[str] = []
        self._lengths: list[int] = []
        self._gone: set[str] = set()

    def forget(self, episode: str) -> None:
        self._gone.add(episode)

    def close(self) -> None:
        self._reset()
        del self.model

    @torch.inference_mode()
    def reply(self, requests: Sequence[Request]) -> Sequence[str]:
        trunks = [self.encoder.trunk(r.prompt) for r in requests]
        self._arrange(requests)
        self._encode([t[n:] for t, n in zip(trunks, self._lengths, strict=True)])
        self._lengths = [len(t) for t in trunks]
        end_of_trunks = self._cache.columns
        logits = self._encode([self.encoder.branch(r.prompt) for r in requests])
        replies = self._decode(logits, _Sampler(self.generation, requests))
        self._cache.rewind(end_of_trunks)
        return [self.encoder.decode(ids) for ids in replies]

    def _arrange(self, requests: Sequence[Request]) -> None:
        """Order the cache's rows as the requests: known episodes kept, new ones added empty."""
        known = {e: i for i, e in enumerate(self._episodes) if e not in self._gone}
        wanted = [r.episode for r in requests]
        kept = [known[e] for e in wanted if e in known]
        fresh = [e for e in wanted if e not in known]
        self._cache.select(kept, len(fresh))
        episodes = [e for e in wanted if e in known] + fresh
        lengths = [self._lengths[i] for i in kept] + [0] * len(fresh)
        if episodes != wanted:
            places = {e: i for i, e in enumerate(episodes)}
            order = [places[e] for e in wanted]
            self._cache.select(order, 0)
            lengths = [lengths[i] for i in order]
        self._episodes, self._lengths, self._gone = wanted, lengths, set()
        self._positions = list(lengths)

    def _encode(self, chunks: list[list[int]]) -> torch.Tensor:
        """Run a left-padded chunk a row through the model; return the last logits [rows, vocab]."""
        width = max(len(c) for c in chunks)
        if width == 0:
            return torch.empty(0)
        rows = len(chunks)
        ids = torch.zeros((rows, width), dtype=torch.long)
        filled = torch.zeros((rows, width), dtype=torch.bool)
        positions = torch.zeros((rows, width), dtype=torch.long)
        for row, chunk in enumerate(chunks):
            if chunk:
                ids[row, -len(chunk) :] = torch.tensor(chunk)
                filled[row, -len(chunk) :] = True
                start = self._positions[row]
                positions[row, -len(chunk) :] = torch.arange(start, start + len(chunk))
                self._positions[row] = start + len(chunk)
        return self._forward(ids.to(self.device), filled.to(self.device), positions.to(self.device))

    def _forward(
        self, ids: torch.Tensor, filled: torch.Tensor, positions: torch.Tensor
    ) -> torch.Tensor:
        width = ids.shape[1]
        seen = self._cache.filled[:, None, :].expand(-1, width, -1)
        causal = torch.ones((width, width), dtype=torch.bool, device=ids.device).tril()
        mask = torch.cat([seen, filled[:, None, :] & causal], dim=2)
        # A hole attends to itself: a row of nothing but False has no softmax.
        own = torch.eye(width, dtype=torch.bool, device=ids.device) & ~filled[:, :, None]
        mask[:, :, self._cache.columns :] |= own
        out = self.model(
            input_ids=ids,
            attention_mask=mask[:, None],
            position_ids=positions,
            past_key_values=self._cache,
            use_cache=True,
            logits_to_keep=1,
        )
        self._cache.append(filled)
        return out.logits[:, -1].float()

    def _decode(self, logits: torch.Tensor, draw: _Sampler) -> list[list[int]]:
        replies: list[list[int]] = [[] for _ in range(len(logits))]
        live = list(range(len(logits)))
        stop = set(self.encoder.stop)
        for count in range(self.generation.max_new_tokens):
            tokens = draw(logits)
            live = [row for row in live if tokens[row] not in stop]
            chunks: list[list[int]] = [[] for _ in replies]
            for row in live:
                replies[row].append(tokens[row])
                chunks[row] = [tokens[row]]
            if not live or count + 1 == self.generation.max_new_tokens:
                break
            logits = self._encode(chunks)
        return replies


class _Sampler:
    """Draws the next token of every row, each from its own random stream.

    A row's stream depends on its episode, step and seed, never on the batch that it is in.
    """

    def __init__(self, generation: Generation, requests: Sequence[Request]) -> None:
        self.generation = generation
        self.streams = [_stream(r) for r in requests] if generation.temperature else []

    def __call__(self, logits: torch.Tensor) -> list[int]:
        """One token id a row of `logits` [rows, vocab]."""
        if not self.generation.temperature:
            return [int(t) for t in logits.argmax(-1)]
        chances = torch.softmax(logits.double() / self.generation.temperature, -1)
        if self.generation.top_p < 1:
            chances = _nucleus(chances, self.generation.top_p)
        cumulative = chances.cumsum(-1)
        uniform = torch.tensor([s.random() for s in self.streams], dtype=torch.double)
        level = uniform.to(logits.device)[:, None] * cumulative[:, -1:]
        drawn = torch.searchsorted(cumulative, level, right=True)[:, 0]
        return [int(t) for t in drawn.clamp(max=logits.shape[1] - 1)]


def _stream(request: Request) -> np.random.Generator:
    text = f"{request.seed}\0{request.episode}\0{len(request.history)}"
    key = int.from_bytes(blake2b(text.encode(), digest_size=16).digest(), "little")
    return np.random.Generator(np.random.Philox(key=key))


def _nucleus(chances: torch.Tensor, top_p: float) -> torch.Tensor:
    """Keep each row's most likely tokens until they reach `top_p`; the rest become 0."""
    ordered, order = chances.sort(dim=-1, descending=True, stable=True)
    before = ordered.cumsum(-1) - ordered
    kept = ordered.masked_fill(before >= top_p, 0.0)
    return torch.zeros_like(chances).scatter(-1, order, kept)
