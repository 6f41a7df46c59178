"""Advantages of group relative policy optimisation (Shao et al. 2024, arXiv 2402.03300) for two objectives, as pure
functions: responses to one prompt are a group, in which each is held against the others; there is no critic.

Shapes: C clients of B responses each, client-major, groups of G one after another.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch
from torch import Tensor

PerObjective = Mapping[str, Tensor]

_LEAST_DEVIATION = 1e-4
"""Added to standard deviations, as trl adds it."""


def group_normalised(scores: Tensor, size: int) -> Tensor:
    """``(r - mean) / (std + 1e-4)`` within each group of `size`, (C B,); std with Bessel's correction."""
    return _normalised(scores.view(-1, size)).flatten()


def sum_then_normalise(scores: PerObjective, weights: PerObjective, size: int) -> Tensor:
    """The weighted reward, normalised in its group, (C B,): the objective whose rewards spread more counts for more.

    Args:
        scores: objective -> (C B,).
        weights: objective -> (C,), a client's own.
        size: G.
    """
    return group_normalised(_weighted(scores, weights), size)


def normalise_then_sum(scores: PerObjective, weights: PerObjective, size: int) -> Tensor:
    """Each objective normalised in its group, then their weighted sum over a client's whole batch, (C B,): the weights
    alone say what counts (GDPO, Liu et al. 2026, arXiv 2601.05242, as trl has it). Args as above."""
    each = {o: group_normalised(own, size) for o, own in scores.items()}
    clients = len(next(iter(weights.values())))
    return _normalised(_weighted(each, weights).view(clients, -1)).flatten()


Normalise = Callable[[PerObjective, PerObjective, int], Tensor]

NORMALISATIONS: dict[str, Normalise] = {
    "sum_then_normalise": sum_then_normalise,
    "normalise_then_sum": normalise_then_sum,
}
"""Name in scenarios -> (scores, weights, group size) -> advantages of whole responses."""


def _normalised(rows: Tensor) -> Tensor:
    deviation = rows.std(1, keepdim=True) + _LEAST_DEVIATION
    return (rows - rows.mean(1, keepdim=True)) / deviation


def _weighted(each: PerObjective, weights: PerObjective) -> Tensor:
    """(C B,)."""
    terms = [own.view(len(weights[o]), -1) * weights[o][:, None] for o, own in each.items()]
    return torch.stack(terms).sum(0).flatten()
