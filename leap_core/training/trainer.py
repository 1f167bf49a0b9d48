"""TRL's trainer on token rows: batches cut into passes, for any method and number of processes."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch
import torch.distributed
from datasets import Dataset
from trl import SFTTrainer

from leap_core.errors import UpdateError
from leap_core.training.dataset import TrainingSet
from leap_core.training.losses import KTO, Loss, LossInputs, log_likelihoods
from leap_core.training.microbatch import (
    Microbatch,
    collate_separate,
    collate_shared,
    split_into_microbatches,
)
from leap_core.training.packing import TokenRow
from leap_core.training.sampler import BatchSampler, Loader

# Sums of log-probabilities of each branch of a row.
Sums = list[list[float]]


@dataclass(frozen=True)
class BatchLayout:
    """How rows are laid out and cut into passes."""

    shared: bool
    flexible: bool
    pad: int
    budget: int
    most: int

    def passes(self, rows: Sequence[TokenRow], ranks: int) -> list[Microbatch]:
        """Passes over `rows`, as a rule at least one a rank."""
        most = max(1, min(self.most, -(-len(rows) // ranks)))
        if self.shared:
            lay = partial(collate_shared, flexible=self.flexible)
            return split_into_microbatches(
                rows, lay, lambda row: row.shared_tokens, self.budget, most
            )
        lay = partial(collate_separate, pad=self.pad)
        return split_into_microbatches(
            rows, lay, lambda row: row.separate_tokens, self.budget, most
        )


class MicrobatchTrainer(SFTTrainer):
    """SFTTrainer whose batches are lists of row numbers."""

    def __init__(
        self,
        *,
        method: Loss,
        material: TrainingSet,
        cut: BatchLayout,
        teacher: Any = None,
        memory: Path | None = None,
        **more: Any,
    ) -> None:
        """`teacher` gives the model to distil from, as a context manager; `memory` is a file for
        what has to survive a crash: the reference's log-probabilities."""
        self.method = method
        self.material = material
        self.cut = cut
        self.teacher = teacher
        self.memory = memory
        self._reference: Sums | None = None
        numbers = Dataset.from_dict({"input_ids": [[0]], "labels": [[0]]})
        held_out = numbers if material.held_out else None
        super().__init__(train_dataset=numbers, eval_dataset=held_out, **more)

    # What the trainer asks for

    def get_train_dataloader(self) -> Loader:
        material = self.material
        return Loader(BatchSampler(material.sizes, material.batch_size, self.args.seed))

    def floating_point_ops(self, inputs: Any) -> int:
        return 0

    def _save_checkpoint(self, model: Any, trial: Any) -> None:
        super(SFTTrainer, self)._save_checkpoint(model, trial)  # without a model card each time

    def training_step(self, model: Any, inputs: list[int], num_items_in_batch: Any = None) -> Any:
        """Gradient of the batch's mean loss; returns that loss."""
        references = self._references(model)
        rows = [self.material.rows[i] for i in inputs]
        teacher = [self.material.teacher[i] for i in inputs] if self.material.teacher else []
        reference = [references[i] for i in inputs] if references else []
        with self.maybe_activation_offload_context:
            loss = self._backward(model, rows, teacher, reference)
        if not torch.isfinite(loss):
            raise UpdateError(
                f"the loss is {loss.item()} at step {self.state.global_step + 1}; lower "
                "updater.options.learning_rate, or raise warmup"
            )
        return loss

    def evaluate(self, *args: Any, **more: Any) -> dict[str, float]:
        """Mean loss of the held-out rows, as {"eval_loss": …}."""
        model = self.model_wrapped if self.model_wrapped is not None else self.model
        start = len(self.material.rows)
        references = self._references(model)
        loss = 0.0
        rows, teacher = self.material.held_out, self.material.held_out_teacher
        reference = references[start:] if references else []
        with torch.no_grad(), _evaluating(model):
            kl = self._kl(model, rows, reference)
            for one, scale in self._passes(rows):
                loss += scale * float(self._loss(model, one, rows, teacher, reference, kl))
        total = sum(self.method.weight(row) for row in rows)
        metrics = {"eval_loss": self._summed(loss) / max(1, total)}
        self.log(dict(metrics))
        self.control: Any = self.callback_handler.on_evaluate(
            self.args, self.state, self.control, metrics
        )
        return metrics

    # A batch

    def _backward(
        self,
        model: Any,
        rows: Sequence[TokenRow],
        teacher: Sequence[TokenRow],
        reference: Sums,
    ) -> torch.Tensor:
        ranks = self.accelerator.num_processes
        kl = self._kl(model, rows, reference)
        model.train()
        total = max(1, sum(self.method.weight(row) for row in rows))
        passes = self._passes(rows)
        mean = torch.zeros((), device=self.accelerator.device)
        for number, (one, scale) in enumerate(passes, 1):
            last = number == len(passes)
            # Gradients meet once a batch; DDP averages over ranks, hence the factor.
            self.accelerator.gradient_state._set_sync_gradients(last)
            with nullcontext() if last else self.accelerator.no_sync(model):
                with self.compute_loss_context_manager():
                    loss = self._loss(model, one, rows, teacher, reference, kl)
                    loss = loss * (scale * ranks / total)
                self.accelerator.backward(loss)
            mean += loss.detach()
        return mean

    def _loss(
        self,
        model: Any,
        one: Microbatch,
        rows: Sequence[TokenRow],
        teacher: Sequence[TokenRow],
        reference: Sums,
        kl: float,
    ) -> torch.Tensor:
        """Sum of losses of a pass over some of `rows`."""
        device = self.accelerator.device
        one = one.to(device)
        seen = LossInputs(kl=kl)
        mine = [rows[i] for i in one.rows]
        roles = [b.role for row in mine for b in row.branches]
        if reference:
            sums = [value for i in one.rows for value in reference[i]]
            kept = [v for v, role in zip(sums, roles, strict=True) if role in self.method.roles]
            seen.reference = torch.tensor(kept, device=device)
            rejected = [role == "rejected" for role in roles if role in self.method.roles]
            seen.rejected = torch.tensor(rejected, device=device)
        if teacher:
            (theirs,) = self._lay_whole([teacher[i] for i in one.rows])
            with torch.no_grad(), self.teacher(model) as privileged, _evaluating(privileged):
                seen.teacher = theirs.to(device).logits(privileged)
        return self.method.loss(one.logits(model), one, seen)

    def _passes(self, rows: Sequence[TokenRow]) -> list[tuple[Microbatch, float]]:
        """This rank's passes with their weights: as many on every rank, spare ones at weight 0."""
        trained = [row.only(*self.method.roles) for row in rows]
        return self._share(self.cut.passes(trained, self.accelerator.num_processes))

    def _share(self, passes: list[Microbatch]) -> list[tuple[Microbatch, float]]:
        ranks, rank = self.accelerator.num_processes, self.accelerator.process_index
        mine = [(one, 1.0) for one in passes[rank::ranks]]
        spare = -(-len(passes) // ranks) - len(mine)
        return mine + [(passes[0], 0.0)] * spare

    def _lay_whole(self, rows: Sequence[TokenRow]) -> list[Microbatch]:
        """One pass over all of `rows`, whatever its size."""
        whole = BatchLayout(self.cut.shared, self.cut.flexible, self.cut.pad, 2**62, len(rows))
        return whole.passes(rows, 1)

    # What a batch is compared with

    def _references(self, model: Any) -> Sums:
        """Log-probabilities under the policy that the update began with, taken at the start."""
        if not self.method.reference:
            return []
        if self._reference is None:
            if self.memory is not None and self.memory.exists():
                self._reference = json.loads(self.memory.read_text(encoding="utf-8"))
            else:
                self._reference = self._sums(model, [*self.material.rows, *self.material.held_out])
                if self.memory is not None and self.accelerator.is_main_process:
                    self.memory.parent.mkdir(parents=True, exist_ok=True)
                    aside = self.memory.with_suffix(".writing")
                    aside.write_text(json.dumps(self._reference), encoding="utf-8")
                    aside.replace(self.memory)
        assert self._reference is not None
        return self._reference

    def _kl(self, model: Any, rows: Sequence[TokenRow], reference: Sums) -> float:
        """Mean log-ratio of mismatched replies, not below 0 (KTO's estimate of the KL)."""
        if not isinstance(self.method, KTO):
            return 0.0
        before = [
            value
            for row, sums in zip(rows, reference, strict=True)
            for branch, value in zip(row.branches, sums, strict=True)
            if branch.role == "mismatched"
        ]
        now = self._sums(model, [row.only("mismatched") for row in rows])
        after = [value for sums in now for value in sums]
        ratios = [a - b for a, b in zip(after, before, strict=True)]
        return max(0.0, sum(ratios) / len(ratios)) if ratios else 0.0

    @torch.no_grad()
    def _sums(self, model: Any, rows: Sequence[TokenRow]) -> Sums:
        """Log-probability of every branch of `rows`, without dropout; the ranks share the work."""
        found: dict[int, list[float]] = {}
        with _evaluating(model):
            for one, scale in self._share(self.cut.passes(rows, self.accelerator.num_processes)):
                placed = one.to(self.accelerator.device)
                with self.compute_loss_context_manager():
                    sums = log_likelihoods(placed.logits(model), placed).tolist()
                for index in one.rows if scale else ():
                    count = len(rows[index].branches)
                    found[index], sums = sums[:count], sums[count:]
        if self.accelerator.num_processes > 1:
            parts: list[Any] = [None] * self.accelerator.num_processes
            torch.distributed.all_gather_object(parts, found)
            found = {index: sums for part in parts for index, sums in part.items()}
        return [found[index] for index in range(len(rows))]

    def _summed(self, value: float) -> float:
        if self.accelerator.num_processes == 1:
            return value
        parts: list[Any] = [None] * self.accelerator.num_processes
        torch.distributed.all_gather_object(parts, value)
        return float(sum(parts))


@contextmanager
def _evaluating(model: Any) -> Iterator[None]:
    training = model.training
    model.eval()
    try:
        yield
    finally:
        model.train(training)
