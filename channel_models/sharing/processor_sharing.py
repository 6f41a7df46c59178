"""All who are on air have equal shares of the time, and the shares change whenever somebody comes or goes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from channel_models.sharing import SHARING
from channel_models.sharing.policy import Allocation, Sharing, User

FloatArray = NDArray[np.float64]


@SHARING.register("processor_sharing")
@dataclass(frozen=True, kw_only=True)
class ProcessorSharing(Sharing):
    """Egalitarian processor sharing: airtime 1/n each while n are on air (Kleinrock 1967): round robin of short slots.

    On air a user has the whole band at full power, so neither its SNR nor its power changes with n.
    """

    dynamic: ClassVar[bool] = True

    def allocate(self, active: Sequence[User], population: Sequence[User], block: int) -> dict[int, Allocation]:
        return {user.client: Allocation(airtime=1.0 / len(active)) for user in active}


def finish_times_s(arrivals_s: ArrayLike, alone_s: ArrayLike) -> FloatArray:
    """When each job ends, f64[N], if all jobs present are served at equal shares of a constant speed.

    arrivals_s: f64[N] arrival times; alone_s: f64[N] how long each would take alone. Exact, by events: between them
    everyone present gains 1/n seconds of service a second. Raises ValueError for negative lengths or unequal counts.
    """
    arrival, left = (np.array(values, dtype=np.float64, ndmin=1) for values in (arrivals_s, alone_s))
    if arrival.shape != left.shape or not np.all(np.isfinite(arrival) & np.isfinite(left) & (left >= 0.0)):
        raise ValueError("arrivals_s and alone_s must be equally many finite numbers, alone_s at least 0")
    finish, now = np.full(arrival.shape, np.nan), -np.inf
    while np.any(waiting := np.isnan(finish)):
        present = waiting & (arrival <= now)
        coming = float(np.min(arrival[waiting & ~present], initial=np.inf))
        now, service = _next_event(now, coming, left[present])
        left[present] -= service
        finish[present & (left <= 0.0)] = now
    return finish


def _next_event(now_s: float, coming_s: float, left_s: FloatArray) -> tuple[float, float]:
    """Time of the next end or arrival, and the seconds of service that each one present has until then."""
    if not left_s.size:
        return coming_s, 0.0
    shortest = float(np.min(left_s))
    end_s = now_s + left_s.size * shortest
    return (end_s, shortest) if end_s <= coming_s else (coming_s, (coming_s - now_s) / left_s.size)
