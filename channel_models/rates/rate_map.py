"""What every rate map answers."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from channel_models.fading.fading import Fading
from channel_models.model import Model
from channel_models.registry import Registry

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class RateMap(Model):
    """How many bits a second and hertz a link carries at an SNR.

    A map that carries loss (a finite blocklength, a target block error rate) sends at a rate at which a known share of
    packets fails: ``error_rate`` says which, and no other loss map may count it again.
    """

    carries_loss: ClassVar[bool] = False
    has_snr: ClassVar[bool] = True
    """Whether rates follow from an SNR (recorded rates do not: nothing that needs an SNR stands beside them)."""

    @property
    def efficiencies(self) -> tuple[float, ...] | None:
        """Every b/s/Hz above 0 that can occur, one a modulation and coding scheme; None where any rate can."""
        return None

    @abstractmethod
    def spectral_efficiency(self, snr: ArrayLike) -> FloatArray:
        """b/s/Hz at linear SNRs, in their shape; 0 where nothing can be sent. Raises ValueError for a negative SNR."""

    def ergodic(self, mean_snr: float, fading: Fading) -> float:
        """E[spectral_efficiency(mean_snr gain)] in b/s/Hz: never the efficiency at the mean SNR."""
        return fading.expectation(lambda gain: self.spectral_efficiency(mean_snr * gain))

    def error_rate(self, snr: ArrayLike) -> FloatArray:
        """Share of packets that fails by the map's own choice of rate, at linear SNRs."""
        return np.zeros_like(np.asarray(snr, dtype=np.float64))


RATE_MAPS: Registry[RateMap] = Registry("rates")
"""Rate maps by scenario name."""


def linear_snr(snr: ArrayLike) -> FloatArray:
    """Linear SNRs as f64. Raises ValueError for a negative or NaN one: it would be a negative power (or interference)
    and its rate a complex number."""
    values = np.asarray(snr, dtype=np.float64)
    if not np.all(values >= 0.0):
        worst = values[~(values >= 0.0)].flat[0]
        raise ValueError(f"snr must be a linear power ratio of at least 0, got {worst}: convert dB by db_to_linear")
    return values
