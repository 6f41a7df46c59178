"""A recorded signal-to-noise ratio over time, as gains of a fading channel."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from math import ceil
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from channel_models.traces.rate_trace import MAX_PIECES, check_pieces, frozen_array
from channel_models.units import db_to_linear, linear_to_db
from channel_models.validation import positive

FloatArray = NDArray[np.float64]
Missing = Literal["refuse", "hold"]

PLAUSIBLE_DB = (-200.0, 200.0)


_ROUNDING = 1e-9


@dataclass(frozen=True, eq=False, kw_only=True)
class SnrTrace:
    """Piecewise-constant SNR from time 0 on.

    times_s: f64[K], where the pieces begin: 0 first, increasing. snr_db: f64[K], NaN where missing. duration_s: where
    the last piece ends. missing: ``"refuse"`` (ValueError), or ``"hold"``: the value before it (before the first: the
    first) holds on. Raises ValueError for other arrays.
    """

    times_s: FloatArray
    snr_db: FloatArray
    duration_s: float
    missing: Missing = "refuse"

    def __post_init__(self) -> None:
        positive("duration_s", self.duration_s)
        object.__setattr__(self, "times_s", frozen_array("times_s", self.times_s))
        object.__setattr__(self, "snr_db", frozen_array("snr_db", filled(self.snr_db, self.missing)))
        check_pieces(self.times_s, self.snr_db, self.duration_s)
        if not np.all((self.snr_db >= PLAUSIBLE_DB[0]) & (self.snr_db <= PLAUSIBLE_DB[1])):
            raise ValueError(f"snr_db must lie in {PLAUSIBLE_DB[0]:g} .. {PLAUSIBLE_DB[1]:g} dB: is the unit dB?")

    @cached_property
    def mean_snr(self) -> float:
        """Time average of the linear SNR (never the average of dB, which is lower)."""
        return float(self._edge_integrals[-1]) / self.duration_s

    @property
    def mean_snr_db(self) -> float:
        """10 log10 of mean_snr."""
        return linear_to_db(self.mean_snr)

    def gains(self, block_s: float) -> FloatArray:
        """Linear power gain f64[ceil(duration / block_s)] by blocks, of mean exactly 1; what is left over by rounding,
        below a billionth of a block, is none.

        A block's gain is the time average of the linear SNR over it (the last one: over what is recorded of it),
        divided by the mean of all blocks. Raises ValueError for a block above half the recording and for more than
        2**25 blocks.
        """
        if not 0 < positive("block_s", block_s) <= self.duration_s / 2:
            raise ValueError(f"block_s must be at most half the recording ({self.duration_s / 2:g} s), got {block_s!r}")
        if self.duration_s / block_s > MAX_PIECES:
            raise ValueError(
                f"block_s = {block_s!r} makes more than {MAX_PIECES} blocks of {self.duration_s:g} s: raise it"
            )
        edges_s = np.append(np.arange(ceil(self.duration_s / block_s - _ROUNDING)) * block_s, self.duration_s)
        averages = np.diff(np.interp(edges_s, self._edges_s, self._edge_integrals)) / np.diff(edges_s)
        return averages / np.mean(averages)

    @cached_property
    def _edges_s(self) -> FloatArray:
        return np.append(self.times_s, self.duration_s)

    @cached_property
    def _edge_integrals(self) -> FloatArray:
        return np.concatenate(([0.0], np.cumsum(db_to_linear(self.snr_db) * np.diff(self._edges_s))))


def filled(values: FloatArray, missing: Missing) -> FloatArray:
    """Values with the missing ones (NaN) held. Raises ValueError if they are refused, or if all are missing."""
    if missing not in get_args(Missing):
        raise ValueError(f"missing must be one of {', '.join(get_args(Missing))}, got {missing!r}")
    array = np.asarray(values, dtype=np.float64)
    known = np.flatnonzero(~np.isnan(array))
    if known.size == array.size:
        return array
    if missing == "refuse" or not known.size:
        raise ValueError(f"{array.size - known.size} of {array.size} values are missing: hold them, or give others")
    last_known = np.searchsorted(known, np.arange(array.size), side="right") - 1
    return array[known[np.maximum(last_known, 0)]]
