"""Who takes part in a round, from what the server may know before it."""

from __future__ import annotations

from collections.abc import Callable, Sequence

Selector = Callable[[Sequence[int]], list[int]]
"""Clients that could take part -> those that do, in client order."""


def everyone(candidates: Sequence[int]) -> list[int]:
    """All of them, as in the paper."""
    return sorted(candidates)


SELECTORS: dict[str, Selector] = {"all": everyone}
