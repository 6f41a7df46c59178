"""What a policy predicts at N response tokens, exact over its vocabulary of V, without ever holding (N, V) numbers.

Logits are linear in a state h: z = W h / T, p = softmax(z), T the temperature. With E and Cov over tokens v drawn from
p, and d the way from the reference policy's state to h:

    log p(a) = z_a - log sum_v exp z_v              its gradient in h:  (W_a - E W) / T
    KL(p || reference) = E u + log E exp(-u)        its gradient in h:  Cov(W) d / T^2        where u = W d / T
    entropy = log sum_v exp z_v - E z

The whole vocabulary is needed for p, E W and Cov(W) d alone, a few tokens at a time. All of it is in fp32: bf16 logits
would put probabilities off by several percent.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from pwffsim.learning import runtime

_LOGITS = 1 << 18
"""Logits that are held at once, unless those of `_LEAST` tokens are more."""

_LEAST = 64

_LARGEST = 80.0
"""exp of this is far from overflow in fp32."""


@dataclass(frozen=True)
class Head:
    """Where tokens are predicted.

    Attributes:
        weight: W, (V, d), frozen.
        temperature: T.
    """

    weight: Tensor
    temperature: float


@dataclass(frozen=True)
class Predictions:
    """What two policies predict at N tokens, (N,) each in nats.

    Attributes:
        log_probs, reference_log_probs: of the tokens that were drawn.
        entropy: of the policy.
        divergence: KL from the reference to the policy, never negative but for rounding of 1e-9.
        reference_states: (N, d).
        reference_normalisers: log sum_v exp of the reference policy's logits.
    """

    log_probs: Tensor
    reference_log_probs: Tensor
    entropy: Tensor
    divergence: Tensor
    reference_states: Tensor
    reference_normalisers: Tensor

    def __getitem__(self, wanted: Tensor) -> Predictions:
        """Those of some tokens."""
        return Predictions(**{name: column[wanted] for name, column in vars(self).items()})


@torch.no_grad()
def compare(head: Head, states: Tensor, reference_states: Tensor, tokens: Tensor) -> Predictions:
    """Both policies at tokens (N,), from the states (N, d) that predict them."""
    with runtime.precision("fp32"):
        scaled, reference = states / head.temperature, reference_states / head.temperature
        pieces = zip(*(_pieces(given, len(head.weight)) for given in (scaled, scaled - reference)), strict=True)
        columns = [_compare(head.weight, own, away) for own, away in pieces]
        normalisers, entropy, divergence, reference_normalisers = (
            torch.cat(column) for column in zip(*columns, strict=True)
        )
        drawn = head.weight[tokens]
        return Predictions(
            (scaled * drawn).sum(-1) - normalisers,
            (reference * drawn).sum(-1) - reference_normalisers,
            entropy,
            divergence,
            reference_states,
            reference_normalisers,
        )


def predict(
    head: Head, states: Tensor, tokens: Tensor, reference_states: Tensor, reference_normalisers: Tensor
) -> tuple[Tensor, Tensor]:
    """Log-probabilities of tokens (N,) and the divergence from the reference at each, (N,), with gradients in states.

    The divergence is a difference of normalisers here, off by some 1e-6 nats.
    """
    with runtime.precision("fp32"):
        scaled, reference = states.float() / head.temperature, reference_states / head.temperature
        found: tuple[Tensor, Tensor] = _Predict.apply(scaled, head.weight, tokens, reference, reference_normalisers)
        return found


class _Predict(torch.autograd.Function):
    """At T = 1."""

    @staticmethod
    def forward(
        context: Any, states: Tensor, weight: Tensor, tokens: Tensor, reference: Tensor, constant: Tensor
    ) -> Any:
        pieces = [_normalised(weight, piece) for piece in _pieces(states, len(weight))]
        normalisers, mean = (torch.cat(column) for column in zip(*pieces, strict=True))
        drawn, away = weight[tokens], states - reference
        context.save_for_backward(states, weight, drawn - mean, away)
        log_probs = (states * drawn).sum(-1) - normalisers
        return log_probs, (mean * away).sum(-1) - normalisers + constant

    @staticmethod
    def backward(context: Any, into_log_probs: Tensor, into_divergence: Tensor) -> Any:
        states, weight, towards, away = context.saved_tensors
        gradient = into_log_probs[:, None] * towards
        (far,) = into_divergence.nonzero(as_tuple=True)
        if len(far):
            gradient[far] += into_divergence[far, None] * _covariance(weight, states[far], away[far])
        return gradient, None, None, None, None


def _compare(weight: Tensor, states: Tensor, away: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Normalisers, entropy, divergence and the reference's normalisers of some tokens."""
    logits, u = states @ weight.T, away @ weight.T
    p, normalisers = _softmax(logits)
    mean = (p * u).sum(-1)
    divergence = _log_mean_exp(p, mean[:, None] - u)
    return normalisers, normalisers - (p * logits).sum(-1), divergence, normalisers + divergence - mean


def _log_mean_exp(p: Tensor, x: Tensor) -> Tensor:
    """log E exp x over the last dimension, to the last digit where x is small."""
    shift = (x.amax(-1, keepdim=True) - _LARGEST).clamp(min=0)
    return (p * (x - shift).expm1()).sum(-1).log1p() + shift.squeeze(-1)


def _normalised(weight: Tensor, states: Tensor) -> tuple[Tensor, Tensor]:
    """Normalisers (n,) and E W (n, d) of some tokens."""
    p, normalisers = _softmax(states @ weight.T)
    return normalisers, p @ weight


def _softmax(logits: Tensor) -> tuple[Tensor, Tensor]:
    """p (n, V) and the normalisers (n,): log p = z - normaliser at the largest z."""
    p = torch.softmax(logits, -1)
    return p, logits.amax(-1) - p.amax(-1).log()


def _covariance(weight: Tensor, states: Tensor, away: Tensor) -> Tensor:
    """Cov(W) d, (n, d)."""
    rows = len(weight)
    return torch.cat(
        [_spread(weight, *piece) for piece in zip(_pieces(states, rows), _pieces(away, rows), strict=True)]
    )


def _spread(weight: Tensor, states: Tensor, away: Tensor) -> Tensor:
    p, u = torch.softmax(states @ weight.T, -1), away @ weight.T
    return (p * (u - (p * u).sum(-1, keepdim=True))) @ weight


def _pieces(given: Tensor, vocabulary: int) -> Iterator[Tensor]:
    """A few tokens at a time."""
    return iter(given.split(max(_LEAST, _LOGITS // vocabulary)))
