"""Rates in steps: the modulation and coding schemes of 5G NR."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from channel_models.fading.fading import Fading
from channel_models.model import parameter
from channel_models.rates.rate_map import RATE_MAPS, FloatArray, RateMap, linear_snr
from channel_models.units import db_to_linear

NR_MCS = (3, 5, 7, 9, 13, 16, 20, 24, 27)
"""Indices in 3GPP TS 38.214, table 5.1.3.1-1, of nine schemes, each of which needs more SNR than the one before."""

NR_EFFICIENCIES = (0.4902, 0.7402, 1.0273, 1.3262, 1.9141, 2.5703, 3.3223, 4.5234, 5.3320)
"""Their spectral efficiencies in b/s/Hz, from the same table."""

NR_THRESHOLDS_DB = (-2.923, -1.131, 0.655, 2.440, 5.960, 8.014, 12.206, 16.492, 18.947)
"""SNRs at which code blocks of 2000 bits fail with probability 0.1, good to about 0.3 dB: derived from the block error
rate tables of Sionna 2.2 (PUSCH, table 1; NVIDIA, Apache-2.0) by the interpolation of the loss map ``bler_table``."""


@RATE_MAPS.register("mcs_ladder")
@dataclass(frozen=True, kw_only=True)
class McsLadder(RateMap):
    """The scheme of greatest efficiency whose threshold the SNR reaches; below the first threshold nothing is sent.

    A packet (a transport block) fails with ``target_bler`` nominally, which is the error rate at the threshold and an
    upper bound above it. The loss map ``bler_table`` puts the error rate at the block's SNR in its place; every other
    loss map would count losses twice.
    """

    carries_loss: ClassVar[bool] = True

    thresholds_db: tuple[float, ...] = parameter(
        "Least SNR of each scheme, rising.", default=NR_THRESHOLDS_DB, least=-400, most=400
    )
    efficiencies_b_per_s_hz: tuple[float, ...] = parameter(
        "Rate of each scheme for each hertz, rising.", default=NR_EFFICIENCIES, above=0
    )
    target_bler: float = parameter("Share of packets lost at the thresholds.", default=0.1, above=0, below=1)

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0 < len(self.thresholds_db) == len(self.efficiencies_b_per_s_hz):
            raise ValueError(
                "McsLadder: efficiencies_b_per_s_hz must have one entry for each of thresholds_db, got "
                f"{len(self.efficiencies_b_per_s_hz)} and {len(self.thresholds_db)}"
            )
        for key in ("thresholds_db", "efficiencies_b_per_s_hz"):
            if np.any(np.diff(getattr(self, key)) <= 0):
                raise ValueError(f"McsLadder: {key} must rise from scheme to scheme, got {getattr(self, key)}")

    @property
    def efficiencies(self) -> tuple[float, ...]:
        return self.efficiencies_b_per_s_hz

    @cached_property
    def thresholds_snr(self) -> FloatArray:
        """Thresholds as linear SNRs, f64[schemes]."""
        return db_to_linear(np.array(self.thresholds_db))

    def scheme(self, snr: ArrayLike) -> NDArray[np.int64]:
        """Number of the scheme chosen, from 0; -1 where none can be."""
        return np.searchsorted(self.thresholds_snr, linear_snr(snr), side="right") - 1

    def spectral_efficiency(self, snr: ArrayLike) -> FloatArray:
        return self._steps[self.scheme(snr) + 1]

    def ergodic(self, mean_snr: float, fading: Fading) -> float:
        """Sum over schemes of the rise in efficiency times P(snr >= threshold): exact for any law."""
        reached = [1.0 - fading.outage(float(threshold), mean_snr) for threshold in self.thresholds_snr]
        return float(np.dot(np.diff(self._steps), reached))

    def goodput(self, mean_snr: float, fading: Fading) -> float:
        """(1 - target_bler) E[se], b/s/Hz."""
        return (1.0 - self.target_bler) * self.ergodic(mean_snr, fading)

    def silence(self, mean_snr: float, fading: Fading) -> float:
        """P(no scheme can be used)."""
        return fading.outage(float(self.thresholds_snr[0]), mean_snr)

    def error_rate(self, snr: ArrayLike) -> FloatArray:
        """The nominal error rate at any SNR."""
        return np.full_like(linear_snr(snr), self.target_bler)

    @cached_property
    def _steps(self) -> FloatArray:
        return np.array((0.0, *self.efficiencies_b_per_s_hz))
