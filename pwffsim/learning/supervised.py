"""Supervised tuning: ``-log p(token | prompt, earlier tokens)``, averaged over the response tokens of a batch."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from pwffsim.learning import runtime
from pwffsim.learning.batching import IGNORED, Batch
from pwffsim.learning.policy import Policy
from pwffsim.learning.stacked import Stack


@dataclass(frozen=True)
class Optimisation:
    """AdamW (Loshchilov and Hutter 2017) with a constant rate and a bound on the gradient's norm.

    Attributes:
        learning_rate, weight_decay: of AdamW, betas 0.9 and 0.999, epsilon 1e-8.
        clip: largest norm of the whole gradient.
    """

    learning_rate: float
    weight_decay: float
    clip: float


class Optimiser:
    """A fresh optimiser over the states of C clients, each with its own moments and its own bound on the gradient."""

    def __init__(self, stack: Stack, settings: Optimisation) -> None:
        self._stack, self._clip = stack, settings.clip
        self._matrix = nn.Parameter(stack.values)
        self._adam = torch.optim.AdamW(
            [self._matrix], lr=settings.learning_rate, weight_decay=settings.weight_decay, fused=True
        )

    def step(self, losses: Tensor) -> None:
        """Backward from (C,), clip, update. A client's loss does not depend on another's state, so that the gradient of
        the sum holds each one's own."""
        gradients = self._stack.gradients(losses.sum())
        norms = torch.linalg.vector_norm(gradients, dim=1, keepdim=True)
        self._matrix.grad = gradients.mul_((self._clip / (norms + 1e-6)).clamp(max=1.0))
        self._adam.step()


def response_logits(policy: Policy, batch: Batch) -> tuple[Tensor, Tensor, Tensor]:
    """Logits (tokens, vocabulary) and targets (tokens,) of the response tokens alone, and whose they are (tokens,)."""
    hidden = policy.predicting(batch)
    targets = batch.labels[:, 1:]
    wanted = targets != IGNORED
    owners = torch.arange(policy.clients, device=targets.device).repeat_interleave(len(targets) // policy.clients)
    return policy.logits(hidden), targets[wanted], owners[wanted.nonzero()[:, 0]]


def by_client(values: Tensor, owners: Tensor, clients: int) -> Tensor:
    """Sums of (tokens,) by owner: (C,)."""
    return values.new_zeros(clients).index_add(0, owners, values)


def train(policy: Policy, batches: Iterable[Batch], settings: Optimisation) -> Tensor:
    """One optimiser step a batch, which holds the rows of all clients, client-major; losses before it, (steps, C)."""
    optimiser = Optimiser(policy.stack, settings)
    losses = []
    for batch in batches:
        with runtime.products(batch.ids.numel(), policy.network.config.hidden_size):
            loss = _mean_losses(policy, batch)
            optimiser.step(loss)
        losses.append(loss.detach())
    return torch.stack(losses).cpu()


def _mean_losses(policy: Policy, batch: Batch) -> Tensor:
    """(C,), nats a response token."""
    logits, targets, owners = response_logits(policy, batch)
    each = functional.cross_entropy(logits.float(), targets, reduction="none")
    return by_client(each, owners, policy.clients) / by_client(torch.ones_like(each), owners, policy.clients)


@dataclass(frozen=True)
class Measure:
    """Sums over response tokens, (C,) each: negative log-likelihood in nats, hits of the most likely token, tokens."""

    loss: Tensor
    hits: Tensor
    tokens: Tensor


@torch.no_grad()
def measure(policy: Policy, batches: Iterable[Batch]) -> Measure:
    """Teacher-forced loss and hits on response tokens, summed over batches in fp64."""
    total = torch.zeros(3, policy.clients, dtype=torch.float64, device=runtime.device())
    for batch in batches:
        logits, targets, owners = response_logits(policy, batch)
        loss = functional.cross_entropy(logits.float(), targets, reduction="none")
        hits = logits.argmax(-1) == targets
        columns = torch.stack([loss.double(), hits.double(), torch.ones_like(loss, dtype=torch.float64)])
        total += torch.zeros_like(total).index_add(1, owners, columns)
    return Measure(*total.cpu())
