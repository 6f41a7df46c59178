"""Mobility: where a client is at a time, a pure function of (seed, client, time).

Queries may come in any order: no position depends on which were asked before.
"""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from channel_models.model import Model
from channel_models.placement import Placement
from channel_models.registry import Registry

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Mobility(Model):
    """Base of mobility models in the horizontal plane.

    Attributes:
        placement: where each client is at time 0, filled in by the simulator.
        seed: root seed of the run, filled in by the simulator.
    """

    moves: ClassVar[bool] = True
    """Whether a client is ever anywhere else than at the start."""

    placement: Placement = field(hash=False)
    seed: int = 0

    @abstractmethod
    def positions_m(self, client: int, times_s: ArrayLike) -> FloatArray:
        """f64[T, 2] at T times (seconds, a scalar counts as one). Raises ValueError for a negative or NaN time."""


MOBILITY: Registry[Mobility] = Registry("mobility")


def checked_times_s(times_s: ArrayLike) -> FloatArray:
    """The times as f64[T]. Raises ValueError for one that is negative or not finite."""
    times = np.atleast_1d(np.asarray(times_s, dtype=np.float64))
    if not np.all((times >= 0) & np.isfinite(times)):
        raise ValueError(f"times_s must be finite numbers of at least 0, got {times_s!r}")
    return times
