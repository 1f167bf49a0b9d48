"""What is minimised: one class a method, over the logits of the replies of a pass.

A method's losses are sums over what it counts (`weight`), so that a batch may be cut into passes,
and passes be spread over processes, without a change in the gradient.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import ClassVar, Literal

import torch
from torch.nn.functional import cross_entropy, kl_div, logsigmoid

from leap_core.training.microbatch import Microbatch
from leap_core.training.packing import Role, TokenRow

Sums = Callable[[Sequence[TokenRow]], Sequence[Sequence[float]]]


class Loss:
    """A loss.

    Attributes:
        roles: branches that the gradient goes through.
        reference: whether it compares with the log-probabilities of the policy it began with.
        dropout: whether dropout stays on; comparisons with a reference turn it off, as TRL does.
    """

    roles: ClassVar[tuple[Role, ...]] = ("chosen",)
    reference: ClassVar[bool] = False
    dropout: ClassVar[bool] = True

    def weight(self, row: TokenRow) -> int:
        """How much of the batch's mean a row is."""
        return row.replies

    def loss(self, logits: torch.Tensor, one: Microbatch, seen: LossInputs) -> torch.Tensor:
        """Sum of losses of a pass; `logits` are [replies, vocabulary]."""
        raise NotImplementedError


class LossInputs:
    """What a pass is compared with.

    Attributes:
        reference: log-probability of each branch's reply under the reference, float [branches].
        rejected: whether the branch is a rejected reply, bool [branches].
        kl: estimate of the KL divergence from the reference, over the whole batch.
        teacher: the teacher's logits, [replies, vocabulary].
    """

    def __init__(
        self,
        reference: torch.Tensor | None = None,
        rejected: torch.Tensor | None = None,
        kl: float = 0.0,
        teacher: torch.Tensor | None = None,
    ) -> None:
        self.reference = reference
        self.rejected = rejected
        self.kl = kl
        self.teacher = teacher


def log_likelihoods(logits: torch.Tensor, one: Microbatch) -> torch.Tensor:
    """Log-probability of each branch's reply, float [branches]."""
    tokens = -cross_entropy(logits, one.labels, reduction="none")
    return tokens.new_zeros(one.branches).index_add(0, one.branch, tokens)


class SFT(Loss):
    """Negative log-likelihood, averaged over the reply tokens of a batch."""

    def loss(self, logits: torch.Tensor, one: Microbatch, seen: LossInputs) -> torch.Tensor:
        return cross_entropy(logits, one.labels, reduction="sum")


class DPO(Loss):
    """Direct preference optimisation (Rafailov et al. 2023, Eq. 7), averaged over pairs.

    `sft_weight` adds the negative log-likelihood of each chosen reply, averaged over its tokens
    (Pang et al. 2024, Eq. 1).
    """

    roles = ("chosen", "rejected")
    reference = True
    dropout = False

    def __init__(self, beta: float, sft_weight: float = 0.0) -> None:
        self.beta = beta
        self.sft_weight = sft_weight

    def weight(self, row: TokenRow) -> int:
        return len(row.branches) // 2

    def loss(self, logits: torch.Tensor, one: Microbatch, seen: LossInputs) -> torch.Tensor:
        assert seen.reference is not None
        likelihoods = log_likelihoods(logits, one)
        chosen, rejected = (likelihoods - seen.reference).view(-1, 2).unbind(1)
        loss = -logsigmoid(self.beta * (chosen - rejected)).sum()
        if self.sft_weight:
            lengths = torch.bincount(one.branch, minlength=one.branches)
            loss = loss - self.sft_weight * (likelihoods / lengths).view(-1, 2)[:, 0].sum()
        return loss


class KTO(Loss):
    """Kahneman–Tversky optimisation (Ethayarajh et al. 2024, Eq. 7), averaged over replies.

    The KL term is estimated over the whole batch, from prompts with other examples' replies.
    """

    roles = ("chosen", "rejected")
    reference = True
    dropout = False

    def __init__(self, beta: float, desirable: float, undesirable: float) -> None:
        self.beta = beta
        self.desirable = desirable
        self.undesirable = undesirable

    def weight(self, row: TokenRow) -> int:
        return len(row.only(*self.roles).branches)

    def loss(self, logits: torch.Tensor, one: Microbatch, seen: LossInputs) -> torch.Tensor:
        assert seen.reference is not None and seen.rejected is not None
        ratios = log_likelihoods(logits, one) - seen.reference
        sign = 1.0 - 2.0 * seen.rejected.to(ratios.dtype)
        weight = torch.where(seen.rejected, self.undesirable, self.desirable)
        return (weight * (1 - torch.sigmoid(sign * self.beta * (ratios - seen.kl)))).sum()


class Distill(Loss):
    """KL divergence between the privileged self and the student at every token of a reply."""

    def __init__(self, divergence: Literal["forward", "reverse"], temperature: float) -> None:
        self.divergence = divergence
        self.temperature = temperature

    def loss(self, logits: torch.Tensor, one: Microbatch, seen: LossInputs) -> torch.Tensor:
        assert seen.teacher is not None
        student = torch.log_softmax(logits / self.temperature, -1)
        teacher = torch.log_softmax(seen.teacher / self.temperature, -1)
        if self.divergence == "reverse":
            student, teacher = teacher, student
        return kl_div(student, teacher, reduction="sum", log_target=True) * self.temperature**2
