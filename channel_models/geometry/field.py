"""A Gaussian random field over the plane that is a pure function of position."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from math import pi, sqrt

import numpy as np
from numpy.typing import ArrayLike, NDArray

from channel_models.model import Model, parameter
from channel_models.randomness import stream
from channel_models.validation import count

FloatArray = NDArray[np.float64]

_CACHED_FIELDS = 1024
_ROWS_AT_ONCE = 1024


@dataclass(frozen=True, kw_only=True)
class GaussianField(Model):
    """Standard normal values with correlation e^(-distance/decorrelation) (Gudmundson 1991), one field an index.

    The field is a sum of M plane waves, sqrt(2/M) sum cos(k_m . x + phase_m). The wave vectors are drawn from the
    spectrum of the exponential correlation in the plane, P(|k| > q) = 1/sqrt(1 + (q decorrelation)^2), in strata of
    equal probability; the phases are uniform. Mean 0, variance 1 and the correlation are then exact over seeds. The
    approximation: values are sums of M terms, with an excess kurtosis of -1.5/M, and within one field the correlation
    scatters around the exponential by at most about sqrt(1/(2M)).

    No value depends on what was asked before, so a walk there and back meets the same values.

    Attributes:
        seed: root seed of the run, filled in by the simulator.
        purpose: what the field is for; fields of different purposes are independent.
    """

    decorrelation_m: float = parameter("Distance over which the correlation falls to 1/e.", default=50.0, above=0)
    waves: int = parameter("Plane waves in the sum.", default=128, least=16)
    seed: int = 0
    purpose: str = "field"

    def values(self, index: int, positions_m: ArrayLike) -> FloatArray:
        """f64[N], the field ``index`` at positions f64[N, 2]. Raises ValueError for another shape or a NaN position."""
        positions = checked_positions_m(positions_m)
        vectors, phases = _waves(self, count("index", index))
        tiles = [positions[at : at + _ROWS_AT_ONCE] for at in range(0, len(positions), _ROWS_AT_ONCE)]
        sums = [_sum_of_waves(tile, vectors, phases) for tile in tiles]
        return sqrt(2.0 / self.waves) * np.concatenate(sums) if sums else np.empty(0)


def checked_positions_m(positions_m: ArrayLike) -> FloatArray:
    """The positions as f64[N, 2]. Raises ValueError for another shape or a position that is not finite."""
    positions = np.asarray(positions_m, dtype=np.float64)
    if positions.ndim != 2 or positions.shape[1] != 2 or not np.all(np.isfinite(positions)):
        raise ValueError(f"positions_m must be finite, of shape [N, 2], got shape {positions.shape}")
    return positions


def _sum_of_waves(positions_m: FloatArray, vectors: FloatArray, phases: FloatArray) -> FloatArray:
    """f64[N], element by element: unlike in a matrix product, a position has the same bits in whatever company."""
    angles = positions_m[:, 0, None] * vectors[0]
    angles += positions_m[:, 1, None] * vectors[1]
    angles += phases
    return np.asarray(np.cos(angles, out=angles).sum(axis=1))


@lru_cache(maxsize=_CACHED_FIELDS)
def _waves(field: GaussianField, index: int) -> tuple[FloatArray, FloatArray]:
    """Wave vectors f64[2, M] in radians a metre and phases f64[M] of one field."""
    random = stream(field.seed, field.purpose, index)
    strata = np.arange(field.waves)
    level = (strata + 1.0 - random.random(field.waves)) / field.waves
    turn = 2.0 * pi * (random.permutation(field.waves) + random.random(field.waves)) / field.waves
    wavenumber = np.sqrt(1.0 / np.square(level) - 1.0) / field.decorrelation_m
    return wavenumber * np.array((np.cos(turn), np.sin(turn))), 2.0 * pi * random.random(field.waves)
