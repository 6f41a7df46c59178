"""How much a client counts in an aggregation, before staleness."""

from __future__ import annotations

from collections.abc import Callable

Weight = Callable[[int], float]
"""Number of rows that the client trains on -> its weight."""


def samples(rows: int) -> float:
    """w = n, the client's number of rows (FedAvg, arXiv 1602.05629)."""
    return float(rows)


def uniform(rows: int) -> float:
    """w = 1."""
    return 1.0


WEIGHTS: dict[str, Weight] = {"samples": samples, "uniform": uniform}
