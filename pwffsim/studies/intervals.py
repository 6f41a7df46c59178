"""Means over seeds with Student's interval, and differences between what shared its seeds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import nan, sqrt
from statistics import fmean, stdev
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pandas import Series

LEVEL = 0.95


@dataclass(frozen=True)
class Interval:
    """A mean and where it may lie.

    Attributes:
        mean: of the values.
        low, high: mean -+ t s / sqrt(n) at 95 %; nan for a single value, from which nothing follows.
        count: n.
    """

    mean: float
    low: float
    high: float
    count: int

    @property
    def half(self) -> float:
        """Half its width."""
        return (self.high - self.low) / 2

    def scaled(self, factor: float) -> Interval:
        """In another unit."""
        ends = sorted((factor * self.low, factor * self.high))
        return Interval(factor * self.mean, ends[0], ends[1], self.count)


def student(values: Sequence[float]) -> Interval:
    """Mean and 95 % interval of Student's t with n - 1 degrees of freedom (values taken as independent and normal).

    Raises:
        ValueError: without a value.
    """
    if not len(values):
        raise ValueError("no value: there is no mean")
    mean, count = fmean(values), len(values)
    if count == 1:
        return Interval(mean, nan, nan, 1)
    half = _quantile(count - 1) * stdev(values) / sqrt(count)
    return Interval(mean, mean - half, mean + half, count)


def paired(left: Series, right: Series) -> Interval | None:
    """The interval of left - right over the seeds that both have; None where they have none in common.

    With equal seeds, fading and data are the same draws (streams are functions of seed, purpose, link and client), so
    that what they add to both falls out of the difference.
    """
    both = left.index.intersection(right.index)
    return student((left[both] - right[both]).to_list()) if len(both) else None


def ratio(left: Series, right: Series) -> Interval | None:
    """The interval of left / right over the seeds that both have; None without one, or where the divisor is 0."""
    both = left.index.intersection(right.index)
    usable = len(both) and (right[both] != 0).all()
    return student((left[both] / right[both]).to_list()) if usable else None


def _quantile(freedom: int) -> float:
    from scipy.stats import t

    return float(t.ppf((1 + LEVEL) / 2, freedom))
