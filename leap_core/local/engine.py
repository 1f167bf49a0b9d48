"""In-process engine: groups of turns decoded together, with the trunks of their episodes kept.

A turn encodes only what the trunk has gained, then the branch, then writes the reply token by
token; branch and reply are dropped, so the trunk stays exact. See docs/rollouts.md.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Lock
from time import perf_counter
from typing import Any

import torch

from leap_core.config.load import validated
from leap_core.config.schema import GenerationConfig
from leap_core.contracts.engine import Engine, PolicyContext, Request
from leap_core.local.adapters import check_base
from leap_core.local.constrained import ActionGrammar, ReplyState
from leap_core.local.decoding.base import TokenizedPrompt
from leap_core.local.decoding.select import decoder_of
from leap_core.local.export import export_policy
from leap_core.local.likelihood import log_likelihoods
from leap_core.local.model import device_of, load_model
from leap_core.local.sampling import Sampler
from leap_core.local.speculation import NGramSpeculator
from leap_core.local.tiny_student import TinyOptions, build_tiny
from leap_core.local.tokenization import PromptEncoder
from leap_core.runs.folder import made_aside
from leap_core.types import Example, PolicyRef

# A model whose weights stay in a CPU's cache is decoded in groups whose texts do so too, one group
# a thread; a larger one is read from memory for every token, so all rows share each reading.
_SMALL_MODEL = 16 * 2**20
_SMALL_GROUP = 16
# Tokens that are fed in one pass, guesses included: beyond that a pass is bound by computing, where
# guesses win nothing, and the logits of all of them take memory.
_MOST_FED = 512


class TransformersEngine(Engine):
    """Batched decoding with what is kept of each episode.

    Attributes:
        model_seconds: time spent in the model's forward passes, summed over threads; on a GPU,
            until their results are there. `model_clock` measures it.
        tokens: tokens written so far; `passes`: times that a reply was fed to the model for them.
        threads: how many groups are decoded at the same time.
        group: the most turns that are decoded together.
    """

    generation_keys = tuple(GenerationConfig.model_fields)

    @classmethod
    def open(cls, options: Any, policy: PolicyRef, context: PolicyContext) -> TransformersEngine:
        """Load the policy's model and return an engine for it."""
        return cls(policy, context.generation)

    @classmethod
    def check_policy(cls, policy: PolicyRef) -> None:
        """Check that the policy's adapter was trained over its model."""
        if policy.adapter is not None:
            check_base(policy.adapter, policy.model)

    @classmethod
    def export(cls, policy: PolicyRef, out: Path, merge: bool = True) -> Path:
        """Write the policy as a model folder, or its adapter alone."""
        return export_policy(policy, out, merge)

    @classmethod
    def log_likelihoods(cls, policy: PolicyRef, examples: Sequence[Example]) -> list[float]:
        """Return each example's mean log-likelihood under the policy's model."""
        return log_likelihoods(*load_model(policy), examples)

    @classmethod
    def create_student(
        cls, out: Path, texts: Sequence[str], options: Mapping[str, Any], seed: int
    ) -> PolicyRef:
        """Make a tiny Llama with a tokenizer trained on `texts`."""
        chosen = validated(TinyOptions, options, "student.options")
        with made_aside(out) as folder:
            build_tiny(folder, texts, chosen, seed)
        return PolicyRef(kind="transformers", model=str(out))

    def __init__(self, policy: PolicyRef, generation: GenerationConfig) -> None:
        model, tokenizer = load_model(policy, generation)
        self.model = model.to(device_of(generation)).eval()
        self.device: torch.device = self.model.device
        stop = model.generation_config.eos_token_id
        stops = tuple(stop) if isinstance(stop, (list, tuple)) else () if stop is None else (stop,)
        self.encoder = PromptEncoder(tokenizer, stops)
        self.generation = generation
        # A chosen way to compute attention is the model's own to take.
        self.decoder = decoder_of(self.model, fused=generation.attention is None)
        self.guide = ActionGrammar(self.encoder) if generation.constrained else None
        # A guided writer feeds other tokens than were drawn.
        guessing = generation.speculative and self.guide is None and self.decoder.guesses
        self.drafts = NGramSpeculator(self.encoder.stop) if guessing else None
        small = self.device.type == "cpu" and 0 < self.decoder.weight_bytes <= _SMALL_MODEL
        self.group = _SMALL_GROUP if small else 2**31
        self.threads = torch.get_num_threads() if small else 1
        self.model_seconds = 0.0
        self.model_clock: Callable[[], float] = perf_counter
        self.tokens = self.passes = 0
        self._trunks: dict[str, tuple[tuple[str, ...], list[int]]] = {}
        self._lock = Lock()
        self._pool = None
        if self.threads > 1:
            self._pool = ThreadPoolExecutor(
                self.threads, "decode", initializer=torch.set_num_threads, initargs=(1,)
            )

    def forget(self, episode: str) -> None:
        self._trunks.pop(episode, None)
        self.decoder.forget(episode)

    def close(self) -> None:
        if self._pool is not None:
            self._pool.shutdown()
        self._trunks.clear()
        del self.model, self.decoder

    def reply(self, requests: Sequence[Request]) -> Sequence[str]:
        """Answer each request, in order.

        Which turns form a group follows from their lengths and order alone, so that the same
        requests get the same replies to the last bit, whatever the threads do.
        """
        sizes = [sum(map(len, r.prompt.trunk)) + len(r.prompt.branch) for r in requests]
        # The longest first: what is still at work at the end is then short.
        order = sorted(range(len(requests)), key=lambda i: -sizes[i])
        shares = _shares(len(order), self.group, self.threads)
        groups = [[order[i] for i in share] for share in shares]
        jobs = [[requests[i] for i in group] for group in groups]
        if self._pool is None or len(jobs) == 1:
            answers = [self._answer(job) for job in jobs]
        else:
            answers = list(self._pool.map(self._answer, jobs))
        written = {i: line for group, answer in zip(groups, answers, strict=True)
                   for i, line in zip(group, answer, strict=True)}  # fmt: skip
        if self.drafts is not None:
            # Here, in the order of the requests, lest guesses depend on which thread was first.
            for i in range(len(requests)):
                line = written[i]
                reply = [*line.writer.ids, self.encoder.end[0]]
                self.drafts.learn(reply, line.guessed, line.right)
        return [written[i].writer.text() for i in range(len(requests))]

    def _turn(self, request: Request) -> TokenizedPrompt:
        """Token ids of a request; only the pieces that its trunk has gained are new work."""
        pieces, old = self._trunks.get(request.episode, ((), []))
        trunk = request.prompt.trunk
        if trunk[: len(pieces)] == pieces and pieces:
            ids = old + self.encoder.pieces(trunk[len(pieces) :])
        else:
            ids = self.encoder.trunk(request.prompt)
        self._trunks[request.episode] = (trunk, ids)
        return TokenizedPrompt(request.episode, ids, self.encoder.branch(request.prompt))

    @torch.inference_mode()
    def _answer(self, requests: Sequence[Request]) -> list[_RowState]:
        """Replies of one group."""
        turns = [self._turn(request) for request in requests]
        replies = [_RowState(self._writer(request)) for request in requests]
        sampler = Sampler(self.generation, requests)
        began = self.model_clock()
        group = self.decoder.start(turns, max(reply.writer.room for reply in replies))
        spent = self.model_clock() - began
        rows, logits = list(range(len(turns))), group.logits
        while True:
            if self.guide is not None:
                chosen = [
                    replies[r].writer.restrict(one) for r, one in zip(rows, logits, strict=True)
                ]
                logits = torch.stack(chosen)
            drawn = iter(
                sampler.draw(logits, [p for row in rows for p in replies[row].places(row)])
            )
            for row in rows:
                wrong = replies[row].take([next(drawn) for _ in replies[row].chunk or (0,)])
                if wrong:
                    group.cut(row, wrong)
            rows = [row for row in rows if not replies[row].done]
            if not rows:
                break
            for row in rows:
                replies[row].guess(self.drafts, _MOST_FED // len(rows) - 1)
            began = self.model_clock()
            logits = group.feed(rows, [replies[row].chunk for row in rows])
            spent += self.model_clock() - began
        with self._lock:
            self.model_seconds += spent
            self.tokens += sum(len(reply.writer.ids) for reply in replies)
            self.passes += sum(reply.passes for reply in replies)
        return replies

    def _writer(self, request: Request) -> ReplyState:
        limit = self.generation.max_new_tokens
        if self.guide is None:
            return ReplyState(self.encoder, limit)
        return self.guide.writer(request.observation, limit)


class _RowState:
    """One reply while it is written, and the guess at what comes next.

    Attributes:
        chunk: what was last fed to the model: the last token that was drawn, then a guess.
        guessed, right: how many tokens were guessed, and how many of them were drawn.
        done: whether the reply is complete.
    """

    def __init__(self, writer: ReplyState) -> None:
        self.writer = writer
        self.chunk: list[int] = []
        self.guessed = self.right = 0
        self.passes = 1  # the prompt's own
        self.done = False
        self._token = 0

    def places(self, row: int) -> list[tuple[int, int]]:
        """Where tokens are drawn next, for a sampler."""
        first = len(self.writer.ids)
        return [(row, first + number) for number in range(max(1, len(self.chunk)))]

    def take(self, drawn: Sequence[int]) -> int:
        """Accept what was drawn after each token of the chunk; how many of those came otherwise."""
        guess = self.chunk[1:]
        for right, token in enumerate(drawn):
            fed = self.writer.take(token)
            self.done = fed is None
            if fed is None or right == len(guess) or fed != guess[right]:
                break
        self._token = fed or 0
        self.guessed += len(guess)
        self.right += right
        return len(guess) - right

    def guess(self, drafts: NGramSpeculator | None, most: int) -> None:
        """Make the next chunk, with at most `most` guessed tokens."""
        written = self.writer.ids
        most = min(most, self.writer.room - len(written) - 1)
        self.passes += 1
        self.chunk = [self._token, *(drafts.guess(written, most) if drafts else ())]


def _shares(count: int, size: int, threads: int) -> list[range]:
    """Equal consecutive shares of `count` things: at most `size` each, a multiple of `threads`."""
    shares = -(-count // size)
    shares = min(count, -(-shares // threads) * threads)
    ends = [count * (i + 1) // shares for i in range(shares)]
    return [range(start, end) for start, end in zip([0, *ends], ends, strict=False)]
