"""What the scenarios of 3GPP TR 38.901 share: two states, a range for each, and the tables' structure."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from math import inf
from typing import ClassVar

import numpy as np
from numpy.typing import ArrayLike

from channel_models.model import parameter
from channel_models.path_loss import FloatArray, PathLoss, distances_within

HIGHEST_HZ = 100e9
LOWEST_HZ = 0.5e9
SPEED_OF_LIGHT_M_PER_S = 3.0e8
"""The speed of light as note 1 of Table 7.4.1-1 sets it for breakpoint distances."""


@dataclass(frozen=True, kw_only=True)
class Tr38901(PathLoss):
    """Loss of Table 7.4.1-1 with line of sight, and max(that, the obstructed formula) without.

    A scenario gives its two formulas, the horizontal range of each, the spread of its shadowing and the distances over
    which shadowing and the line-of-sight state decorrelate (Tables 7.5-6 and 7.6.3.1-2).
    """

    los_range_m: ClassVar[tuple[float, float]]
    nlos_range_m: ClassVar[tuple[float, float]]
    range_3d_m: ClassVar[tuple[float, float]] = (0.0, inf)
    sigma_db: ClassVar[tuple[float, float]]
    decorrelation_m: ClassVar[tuple[float, float]]
    los_decorrelation_m: ClassVar[float]

    carrier_hz: float = parameter("Carrier frequency.", default=3.5e9, least=LOWEST_HZ, most=HIGHEST_HZ)
    h_bs_m: float = parameter("Height of the base station's antenna.", above=0)
    h_ut_m: float = parameter("Height of the terminal's antenna.", above=0)
    spec_version: str = parameter("Version of 3GPP TR 38.901.", default="16.1", choices=("16.1",))

    @abstractmethod
    def los_db(self, d2d_m: FloatArray, d3d_m: FloatArray) -> FloatArray:
        """Loss with line of sight."""

    @abstractmethod
    def nlos_db(self, d3d_m: FloatArray) -> FloatArray:
        """The obstructed formula PL', before the maximum with :meth:`los_db`."""

    def loss_db(self, distance_2d_m: ArrayLike, line_of_sight: ArrayLike | None = None) -> FloatArray:
        if line_of_sight is None:
            raise ValueError(f"{type(self).__name__} has two states: say line_of_sight, e.g. drawn by los_probability")
        distance, sight = np.broadcast_arrays(
            np.asarray(distance_2d_m, dtype=np.float64), np.asarray(line_of_sight, bool)
        )
        distances_within(self, distance[sight], *self.los_range_m, kind="line-of-sight 2D")
        distances_within(self, distance[~sight], *self.nlos_range_m, kind="obstructed 2D")
        d3d = distances_within(self, np.hypot(distance, self.h_bs_m - self.h_ut_m), *self.range_3d_m, kind="3D")
        clear = self.los_db(distance, d3d)
        return np.where(sight, clear, np.maximum(clear, self.nlos_db(d3d)))

    def shadowing_sigma_db(self, distance_2d_m: ArrayLike, line_of_sight: ArrayLike) -> FloatArray:
        sight = np.broadcast_arrays(np.asarray(line_of_sight, bool), np.asarray(distance_2d_m))[0]
        return np.where(sight, *self.sigma_db)

    def shadowing_decorrelation_m(self, line_of_sight: bool) -> float:
        return self.decorrelation_m[0 if line_of_sight else 1]

    @property
    def carrier_ghz(self) -> float:
        """The carrier in GHz, the unit of the tables."""
        return self.carrier_hz / 1e9


def street_breakpoint_m(h_bs_m: float, h_ut_m: float, h_e_m: float, carrier_hz: float) -> float:
    """d'_BP = 4 (h_BS - h_E)(h_UT - h_E) f_c/c of UMa and UMi, with h_E the height of the effective environment."""
    return 4.0 * (h_bs_m - h_e_m) * (h_ut_m - h_e_m) * carrier_hz / SPEED_OF_LIGHT_M_PER_S


def sight_above_streets(distance_2d_m: FloatArray, decay_m: float) -> FloatArray:
    """18/d + e^(-d/decay)(1 - 18/d) beyond 18 m, 1 up to there: UMi, and UMa before its correction for height."""
    near = 18.0 / np.maximum(distance_2d_m, 18.0)
    return np.asarray(near + np.exp(-distance_2d_m / decay_m) * (1.0 - near))
