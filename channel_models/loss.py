"""Packet loss maps: the probability that a packet is lost, given the SNR of the block in which it ends."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from channel_models.fading import Fading
from channel_models.validation import positive, probability

FloatArray = NDArray[np.float64]


class LossMap(Protocol):
    """Packet error rates by linear SNR."""

    @property
    def lossless(self) -> bool:
        """True if no packet can ever be lost."""
        ...

    def packet_error_rate(self, snr: ArrayLike) -> FloatArray:
        """Probabilities in [0, 1], in the shape of ``snr`` (instantaneous, linear)."""
        ...

    def mean_error_rate(self, mean_snr: float, fading: Fading) -> float:
        """E[packet_error_rate] over blocks. Under an adaptive rate more packets end in good blocks, so the
        share of packets lost is smaller than this share of blocks."""
        ...


@dataclass(frozen=True)
class NoLoss:
    """Every packet arrives."""

    lossless = True

    def packet_error_rate(self, snr: ArrayLike) -> FloatArray:
        return np.zeros_like(np.asarray(snr, dtype=np.float64))

    def mean_error_rate(self, mean_snr: float, fading: Fading) -> float:
        return 0.0


@dataclass(frozen=True)
class ConstantLoss:
    """Every transmission of a packet is lost with the same probability, whatever the SNR."""

    error_rate: float

    def __post_init__(self) -> None:
        probability("error_rate", self.error_rate)

    @property
    def lossless(self) -> bool:
        return self.error_rate == 0.0

    def packet_error_rate(self, snr: ArrayLike) -> FloatArray:
        return np.full_like(np.asarray(snr, dtype=np.float64), self.error_rate)

    def mean_error_rate(self, mean_snr: float, fading: Fading) -> float:
        return self.error_rate


@dataclass(frozen=True)
class OutageLoss:
    """Outage step: a packet is lost if and only if the linear SNR of its block is below the threshold.

    Mean over Rayleigh blocks: 1 - exp(-threshold/mean_snr).
    """

    threshold_snr: float

    def __post_init__(self) -> None:
        positive("threshold_snr", self.threshold_snr)

    @property
    def lossless(self) -> bool:
        return False

    def packet_error_rate(self, snr: ArrayLike) -> FloatArray:
        return (np.asarray(snr, dtype=np.float64) < self.threshold_snr).astype(np.float64)

    def mean_error_rate(self, mean_snr: float, fading: Fading) -> float:
        return fading.outage(self.threshold_snr, mean_snr)


LOSS_MAPS: dict[str, type[NoLoss] | type[ConstantLoss] | type[OutageLoss]] = {
    "none": NoLoss,
    "constant": ConstantLoss,
    "outage": OutageLoss,
}
"""Loss maps by scenario name; the fields of each class are its parameters."""
