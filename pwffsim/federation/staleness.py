"""Staleness rules: the factor by which an update counts that began `staleness` versions ago."""

from __future__ import annotations

from collections.abc import Callable

Rule = Callable[[int, float], float]
"""(staleness in versions, exponent) -> factor in (0, 1]."""


def constant(staleness: int, exponent: float) -> float:
    """s(tau) = 1."""
    return 1.0


def polynomial(staleness: int, exponent: float) -> float:
    """s(tau) = (1 + tau) ** -exponent (Xie et al., FedAsync, arXiv 1903.03934; FedBuff uses exponent 1/2)."""
    return float((1 + staleness) ** -exponent)


STALENESS: dict[str, Rule] = {"constant": constant, "polynomial": polynomial}
