"""Patterns of causal attention: which of the tokens up to its own a token attends to, and how many pairs that makes.

Full attention of a sequence of s tokens works on s (s + 1) / 2 pairs of a query and a key. A sparse pattern leaves some
of them out (Child et al. 2019, "Generating Long Sequences with Sparse Transformers", arXiv 1904.10509); its density rho
is the share that stays.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from fractions import Fraction
from functools import lru_cache
from typing import Any, ClassVar, Protocol

import numpy as np


class UnsupportedPattern(ValueError):
    """A pattern that a family of models cannot attend by."""


class Pattern(Protocol):
    """Which pairs of tokens attention works on."""

    __dataclass_fields__: ClassVar[dict[str, Any]]

    def __hash__(self) -> int:
        """Equal patterns are one key."""
        ...

    def allows(self, query: Any, key: Any) -> Any:
        """Whether the token at position `query` attends to that at `key`: integers, or arrays or tensors of them."""
        ...


@dataclass(frozen=True)
class Full:
    """All tokens up to its own."""

    def allows(self, query: Any, key: Any) -> Any:
        """key <= query."""
        return key <= query


@dataclass(frozen=True)
class Local:
    """The last `window` tokens, its own among them: w s - w (w - 1) / 2 pairs where w <= s."""

    window: int

    def allows(self, query: Any, key: Any) -> Any:
        """0 <= query - key < window."""
        return (key <= query) & (query - key < self.window)


@dataclass(frozen=True)
class Strided:
    """The last `window` tokens, and before them those at distances that are multiples of `stride`."""

    window: int
    stride: int

    def allows(self, query: Any, key: Any) -> Any:
        """0 <= query - key < window, or query - key a multiple of stride."""
        apart = query - key
        return (key <= query) & ((apart < self.window) | (apart % self.stride == 0))


@dataclass(frozen=True)
class Fixed:
    """The tokens of its own block of `stride`, and the last `window` of every earlier block, which sum it up.

    Raises:
        ValueError: when a block is shorter than its summary.
    """

    window: int
    stride: int

    def __post_init__(self) -> None:
        if self.window > self.stride:
            raise ValueError(
                f"pattern 'fixed' with a window of {self.window} in blocks of {self.stride}: take at most the stride"
            )

    def allows(self, query: Any, key: Any) -> Any:
        """The same block, or one of the last `window` places of an earlier one."""
        same = query // self.stride == key // self.stride
        return (key <= query) & (same | (key % self.stride >= self.stride - self.window))


FULL = Full()

SPARSE = ("gpt2",)
"""Families whose attention may be other than full: those whose blocks the learning room goes through itself."""

PATTERNS: dict[str, type[Pattern]] = {"full": Full, "local": Local, "strided": Strided, "fixed": Fixed}
"""Name in scenarios -> pattern, whose fields are its parameters."""


def pattern(settings: Mapping[str, Any] | None) -> Pattern:
    """The pattern of settings: its name under ``pattern``, its parameters beside it; None stands for full attention.

    Raises:
        ValueError: for a parameter that is missing or that the pattern does not have, or a value that it cannot have.
    """
    if settings is None:
        return FULL
    name, given = settings["pattern"], {key: value for key, value in settings.items() if key != "pattern"}
    wanted = [field.name for field in fields(PATTERNS[name])]
    if missing := [key for key in wanted if key not in given]:
        raise ValueError(f"pattern {name!r} needs {' and '.join(missing)}")
    if foreign := [key for key in given if key not in wanted]:
        raise ValueError(f"pattern {name!r} has no {' and no '.join(foreign)}; leave it out")
    return PATTERNS[name](**given)


def check_family(attention: Pattern, family: str) -> None:
    """Whether models of this family can attend by a pattern.

    Raises:
        UnsupportedPattern: when they cannot.
    """
    if attention != FULL and family not in SPARSE:
        raise UnsupportedPattern(
            f"attention of {family} models is full only; other patterns are for {', '.join(SPARSE)}"
        )


@lru_cache(maxsize=1024)
def pairs(attention: Pattern, length: int, first: int = 0) -> int:
    """Pairs of a query and a key in a sequence of so many tokens, those of the queries from `first` on."""
    queries, keys = np.arange(first, length)[:, None], np.arange(length)
    return int(np.count_nonzero(attention.allows(queries, keys)))


def density(attention: Pattern, length: int) -> Fraction:
    """rho: the pattern's share of all causal pairs of a sequence, 0 < rho <= 1."""
    return Fraction(pairs(attention, length), pairs(FULL, length))
