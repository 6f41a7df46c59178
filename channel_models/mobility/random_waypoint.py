"""Random waypoints."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from math import log

import numpy as np
from numpy.typing import ArrayLike

from channel_models.mobility import MOBILITY, FloatArray, Mobility, checked_times_s
from channel_models.model import parameter
from channel_models.randomness import draws

_FIRST_LEGS = 16
_CACHED_PATHS = 4096


_LEAST_SIDE_M = 1.0


@dataclass(frozen=True)
class _Path:
    """Legs of one client: leg j leaves corner j at ``leave_s[j]`` and reaches corner j + 1 at ``arrive_s[j]``."""

    corners_m: FloatArray
    leave_s: FloatArray
    arrive_s: FloatArray

    def at(self, times_s: FloatArray) -> FloatArray:
        leg = np.searchsorted(self.leave_s, times_s, side="right") - 1
        travel = self.arrive_s[leg] - self.leave_s[leg]
        part = np.minimum((times_s - self.leave_s[leg]) / travel, 1.0)[:, None]
        return np.asarray((1.0 - part) * self.corners_m[leg] + part * self.corners_m[leg + 1])


@MOBILITY.register("random_waypoint")
@dataclass(frozen=True, kw_only=True)
class RandomWaypoint(Mobility):
    """From where it stands a client walks straight to a uniform point of the area, pauses, and so on.

    Speed is uniform in [speed_min, speed_max] for each leg, the pause exponential. Positions are exact along the legs,
    at any time. Two things every user of the model should know (Yoon, Liu and Noble 2003; Le Boudec and Vojnovic 2005):
    slow legs last longer, so the mean speed over time is :attr:`mean_speed_mps`, less than the mean of the range, and
    would fall to 0 if the least speed were 0, which is refused; and clients come to dwell in the middle of the area,
    whatever their placement was.
    """

    x_min_m: float = parameter("Western edge of the area.", default=-500.0)
    x_max_m: float = parameter("Eastern edge of the area.", default=500.0)
    y_min_m: float = parameter("Southern edge of the area.", default=-500.0)
    y_max_m: float = parameter("Northern edge of the area.", default=500.0)
    speed_min_mps: float = parameter("Least speed of a leg in metres a second.", default=0.5, above=0)
    speed_max_mps: float = parameter("Greatest speed of a leg in metres a second.", default=1.5, above=0, most=1e4)
    mean_pause_s: float = parameter("Mean of the exponential pause at each waypoint.", default=0.0, least=0)

    def __post_init__(self) -> None:
        super().__post_init__()
        for low, high in (("x_min_m", "x_max_m"), ("y_min_m", "y_max_m")):
            if getattr(self, high) - getattr(self, low) < _LEAST_SIDE_M:
                raise ValueError(
                    f"RandomWaypoint: {low} must lie {_LEAST_SIDE_M:g} m or more below {high}, got {getattr(self, low)}"
                )
        if self.speed_min_mps > self.speed_max_mps:
            raise ValueError(f"RandomWaypoint: speed_min_mps must be at most speed_max_mps, got {self.speed_min_mps!r}")

    @property
    def mean_speed_mps(self) -> float:
        """Mean speed over the time spent walking: (v_max - v_min)/ln(v_max/v_min), the harmonic mean of the range."""
        if self.speed_min_mps == self.speed_max_mps:
            return self.speed_min_mps
        return (self.speed_max_mps - self.speed_min_mps) / log(self.speed_max_mps / self.speed_min_mps)

    def positions_m(self, client: int, times_s: ArrayLike) -> FloatArray:
        times = checked_times_s(times_s)
        horizon, legs = times.max(initial=0.0), _FIRST_LEGS
        while (path := _path(self, client, legs)).arrive_s[-1] < horizon:
            legs *= 2
        return path.at(times)


@lru_cache(maxsize=_CACHED_PATHS)
def _path(model: RandomWaypoint, client: int, legs: int) -> _Path:
    """The first legs of a client's path; more legs leave the earlier ones as they are."""
    start, random = model.placement.position_m(client), draws(model.seed, "mobility/waypoint")
    uniform = np.array([random.at(client, leg).random(4) for leg in range(legs)])
    low, high = np.array((model.x_min_m, model.y_min_m)), np.array((model.x_max_m, model.y_max_m))
    corners = np.vstack((start, low + uniform[:, :2] * (high - low)))
    speed = model.speed_min_mps + uniform[:, 2] * (model.speed_max_mps - model.speed_min_mps)
    walk_s = np.hypot(*np.diff(corners, axis=0).T) / speed
    pause_s = -model.mean_pause_s * np.log1p(-uniform[:, 3])
    leave_s = np.concatenate(([0.0], np.cumsum(walk_s + pause_s)[:-1]))
    return _Path(corners, leave_s, leave_s + walk_s)
