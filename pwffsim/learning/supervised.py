"""Supervised tuning: ``-log p(token | prompt, earlier tokens)``, averaged over the response tokens of a batch."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from pwffsim.learning.batching import IGNORED, Batch
from pwffsim.learning.policy import Policy


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
    """A fresh optimiser over some parameters; its moments live and die with it."""

    def __init__(self, parameters: Iterable[nn.Parameter], settings: Optimisation) -> None:
        self._parameters = list(parameters)
        self._clip = settings.clip
        self._adam = torch.optim.AdamW(
            self._parameters, lr=settings.learning_rate, weight_decay=settings.weight_decay, fused=True
        )

    def step(self, loss: Tensor) -> None:
        """Backward, clip, update, forget the gradient."""
        loss.backward()
        nn.utils.clip_grad_norm_(self._parameters, self._clip)
        self._adam.step()
        self._adam.zero_grad(set_to_none=True)


def response_logits(policy: Policy, batch: Batch) -> tuple[Tensor, Tensor]:
    """Logits and targets of the response tokens alone: (tokens, vocabulary), (tokens,)."""
    hidden = policy.hidden(batch.ids, use_cache=False).last_hidden_state[:, :-1]
    targets = batch.labels[:, 1:]
    wanted = targets != IGNORED
    return policy.logits(hidden[wanted]), targets[wanted]


def train(policy: Policy, batches: Iterable[Batch], settings: Optimisation) -> list[float]:
    """One optimiser step a batch; the loss of each."""
    optimiser = Optimiser(policy.parameters(), settings)
    losses = []
    for batch in batches:
        loss = functional.cross_entropy(*response_logits(policy, batch))
        optimiser.step(loss)
        losses.append(loss.item())
    return losses


@dataclass(frozen=True)
class Measure:
    """Sums over response tokens: negative log-likelihood in nats, hits of the most likely token, number of tokens."""

    loss: float
    hits: int
    tokens: int


@torch.no_grad()
def measure(policy: Policy, batches: Iterable[Batch]) -> Measure:
    """Teacher-forced loss and hits on response tokens."""
    loss, hits, tokens = 0.0, 0, 0
    for batch in batches:
        logits, targets = response_logits(policy, batch)
        loss += float(functional.cross_entropy(logits, targets, reduction="sum"))
        hits += int((logits.argmax(-1) == targets).sum())
        tokens += len(targets)
    return Measure(loss, hits, tokens)
