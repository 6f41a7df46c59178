"""Which updates arrive, and weights that keep their mean right although some do not.

With reception probabilities 1 - q_k, the aggregate

    sum_k p_k 1{k received} / (1 - q_k) x_k

has the mean sum_k p_k x_k whatever the q_k (inverse-probability weights, Horvitz and Thompson 1952). Dividing the
received weights by their sum instead draws the mean towards those who are received more often.
"""

from __future__ import annotations

from math import expm1, log1p

import numpy as np
from numpy.typing import ArrayLike, NDArray

from channel_models.randomness import stream
from channel_models.validation import count, probability

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]


def upload_loss(packet_loss: float, packets: int, attempts: int = 1) -> float:
    """1 - (1 - p^M)^n: an upload of n packets fails if one of them is lost in all of its M attempts.

    Raises ValueError for a loss outside [0, 1], no packets or no attempts.
    """
    residual = probability("packet_loss", packet_loss) ** count("attempts", attempts, least=1)
    many = count("packets", packets, least=1)
    return 1.0 if residual == 1.0 else -expm1(many * log1p(-residual))


def expected_received(loss: ArrayLike) -> float:
    """sum(1 - q_k): mean number of updates that arrive."""
    return float(np.sum(1.0 - _losses(loss)))


def none_received_probability(loss: ArrayLike) -> float:
    """prod q_k."""
    return float(np.prod(_losses(loss)))


def all_received_probability(loss: ArrayLike) -> float:
    """prod (1 - q_k)."""
    return float(np.prod(1.0 - _losses(loss)))


def received(loss: ArrayLike, seed: int, round_index: int, purpose: str = "participation") -> BoolArray:
    """Who is received in a round, bool[N]: independent, pure in (seed, purpose, round), every round under one law."""
    losses = _losses(loss)
    return stream(seed, purpose, round_index).random(losses.size) >= losses


def unbiased_weights(weights: ArrayLike, loss: ArrayLike, arrived: ArrayLike) -> FloatArray:
    """p_k 1{received} / (1 - q_k), f64[N]: of mean p_k. Their sum is not 1 in any one round, only in the mean.

    Raises ValueError for unequal counts or for a client that is never received and yet has weight.
    """
    share, losses, here = np.asarray(weights, dtype=np.float64), _losses(loss), np.asarray(arrived, dtype=bool)
    if not share.shape == losses.shape == here.shape:
        raise ValueError(
            f"weights, loss and arrived must be equally many, got {share.size}, {losses.size}, {here.size}"
        )
    if np.any((losses == 1.0) & (share != 0.0)):
        raise ValueError("loss must be below 1 for every client with weight: one never received cannot be weighed in")
    return np.divide(share * here, 1.0 - losses, out=np.zeros_like(share), where=here)


def renormalised_weights(weights: ArrayLike, arrived: ArrayLike) -> FloatArray:
    """p_k 1{received} / sum of the received, f64[N]: biased towards good links when losses differ.

    Raises ValueError when nobody with weight is received: such a round has no aggregate.
    """
    kept = np.asarray(weights, dtype=np.float64) * np.asarray(arrived, dtype=bool)
    if not np.sum(kept) > 0.0:
        raise ValueError("nobody with weight was received: keep the last global model in such a round")
    return kept / np.sum(kept)


def _losses(loss: ArrayLike) -> FloatArray:
    array = np.atleast_1d(np.asarray(loss, dtype=np.float64))
    if not np.all((array >= 0.0) & (array <= 1.0)):
        raise ValueError(f"loss must lie in [0, 1], got {loss!r}")
    return array
