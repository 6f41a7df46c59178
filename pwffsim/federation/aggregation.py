"""Coefficients of a weighted average of updates. The sums themselves are recipes."""

from __future__ import annotations

from collections.abc import Sequence
from math import fsum


def coefficients(weights: Sequence[float], factors: Sequence[float]) -> tuple[float, ...]:
    """c_i = w_i s_i / sum_j w_j s_j, so that the coefficients of one aggregation sum to 1.

    The new global state is g + sum_i c_i (x_i - b_i), b_i being the global state that update i started from. With
    all b_i = g it is FedAvg. Buffered aggregation uses the same normalisation (FedBuff divides by the buffer's size
    instead, which shrinks the step of a stale buffer; here staleness only shifts weight within one buffer).

    Args:
        weights: w_i, positive.
        factors: s_i, staleness factors in (0, 1].

    Raises:
        ValueError: when there is no update or no positive weight.
    """
    products = [weight * factor for weight, factor in zip(weights, factors, strict=True)]
    total = fsum(products)
    if not products or not total > 0:
        raise ValueError("an aggregation needs at least one update of positive weight")
    return tuple(product / total for product in products)
