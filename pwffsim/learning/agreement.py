"""Mean cosine between updates, over pairs and over the tensors that both hold, in one pass.

With the unit vectors u_i = d_i / ||d_i|| of n updates (0 where d_i is 0 or not a number)

    sum_{i < j} cos(d_i, d_j) = (||sum_i u_i||^2 - #{i: u_i != 0}) / 2

so that one vector stands for all pairs. Where updates hold different tensors they fall into tiers A, B, ... of equal
holdings; a pair of tiers is compared on what both hold, K, by the vectors of either normalised over K:

    sum_{i in A, j in B} cos_K(d_i, d_j) = (sum_{i in A} u_i^K) . (sum_{j in B} u_j^K)
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

import torch
from torch import Tensor

from pwffsim.learning.payloads import Update

Names = frozenset[str]


class Agreement:
    """Takes updates one after another; memory is a vector for each tier and each of its common parts.

    Args:
        holdings: the names of the tensors of each update that will come, or of one of each kind.
    """

    def __init__(self, holdings: Sequence[Names]) -> None:
        self._tiers = list(dict.fromkeys(holdings))
        self._sums: dict[tuple[Names, Names], Tensor] = {}
        self._directed = dict.fromkeys(self._tiers, 0)
        self._updates = 0

    def add(self, update: Update) -> None:
        """Take one more update into account."""
        tier = frozenset(update.layout.places)
        self._updates += 1
        for common in {tier & other for other in self._tiers}:
            part = update.layout.part(update.payload, common)
            norm = float(torch.linalg.vector_norm(part))
            self._sums.setdefault((tier, common), torch.zeros_like(part))
            if norm > 0:
                self._sums[tier, common] += part / norm
                self._directed[tier] += common == tier

    def mean(self) -> float:
        """Mean cosine; 0 where there is no pair."""
        if self._updates < 2:
            return 0.0
        met = [tier for tier in self._tiers if (tier, tier) in self._sums]
        within = sum((float(self._sums[a, a].square().sum()) - self._directed[a]) / 2 for a in met)
        between = sum(float(self._sums[a, a & b] @ self._sums[b, a & b]) for a, b in combinations(met, 2))
        return (within + between) / (self._updates * (self._updates - 1) / 2)
