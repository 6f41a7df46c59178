"""Where base stations stand, and how far."""

from __future__ import annotations

from math import sqrt

import numpy as np
from numpy.typing import ArrayLike

from channel_models.geometry.field import FloatArray, checked_positions_m
from channel_models.validation import count, positive


def hexagonal_sites_m(rings: int, inter_site_m: float) -> FloatArray:
    """f64[1 + 3 rings (rings + 1), 2], the centre of a hexagonal grid and the rings around it, nearest first."""
    reach = count("rings", rings)
    pairs = ((q, r) for q in range(-reach, reach + 1) for r in range(-reach, reach + 1) if abs(q + r) <= reach)
    steps = sorted(pairs, key=lambda at: (at[0] ** 2 + at[0] * at[1] + at[1] ** 2, at))
    return positive("inter_site_m", inter_site_m) * np.array([(q + 0.5 * r, sqrt(0.75) * r) for q, r in steps])


def distances_2d_m(positions_m: ArrayLike, sites_m: ArrayLike) -> FloatArray:
    """f64[N, S] horizontal distances from N positions [N, 2] to S sites [S, 2]."""
    difference = checked_positions_m(positions_m)[:, None, :] - checked_positions_m(sites_m)[None, :, :]
    return np.hypot(difference[..., 0], difference[..., 1])
