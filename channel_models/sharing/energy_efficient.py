"""A band of one's own, at the power that sends most bits for a joule.

A link of g SNR per watt that draws p/eta + P_c while it radiates p sends

    B log2(1 + g p) / (p/eta + P_c)         [b/J]

which is greatest at  p* = (e^(W0((P_c eta g - 1)/e) + 1) - 1) / g   (W0: Lambert W, principal branch). Without circuit
power the best power is none at all: then N0 ln 2 / g' joules a bit, in the limit, is the least any link needs.
Source: Isheden, Chong, Jorswieck and Fettweis, IEEE TWC 11(8), 2012 (fractional programming, Lambert W solution).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import e, expm1, log
from typing import ClassVar

import numpy as np

from channel_models.model import parameter
from channel_models.sharing import SHARING
from channel_models.sharing.policy import Allocation, Sharing, User
from channel_models.validation import non_negative, positive


@SHARING.register("energy_efficient")
@dataclass(frozen=True, kw_only=True)
class EnergyEfficient(Sharing):
    """Private bands at the power p* of most bits a joule at the mean SNR, at most the user's full power.

    Below full power the efficiency falls on both sides of p*, so the cap is the best power when p* exceeds it.
    """

    uses_snr: ClassVar[bool] = True

    circuit_power_w: float = parameter("Power of the circuits while transmitting.", default=0.1, above=0)
    amplifier_efficiency: float = parameter("Radiated over drawn power.", default=0.35, above=0, most=1)

    def allocate(self, active: Sequence[User], population: Sequence[User], block: int) -> dict[int, Allocation]:
        return {user.client: self._part(user) for user in active}

    def _part(self, user: User) -> Allocation:
        best_w = efficient_power_w(user.mean_snr / user.tx_power_w, self.circuit_power_w, self.amplifier_efficiency)
        factor = min(1.0, best_w / user.tx_power_w)
        return Allocation(snr=factor, power=factor)


def efficient_power_w(snr_per_w: float, circuit_power_w: float, amplifier_efficiency: float = 1.0) -> float:
    """p* [W], the radiated power of most bits a joule. Raises ValueError unless all three are positive."""
    from scipy.special import lambertw

    gain = positive("snr_per_w", snr_per_w)
    circuit = positive("circuit_power_w", circuit_power_w) * _efficiency(amplifier_efficiency) * gain
    return expm1(float(lambertw((circuit - 1.0) / e).real) + 1.0) / gain


def bits_per_joule(
    power_w: float,
    snr_per_w: float,
    bandwidth_hz: float,
    circuit_power_w: float = 0.0,
    amplifier_efficiency: float = 1.0,
) -> float:
    """B log2(1 + g p) / (p/eta + P_c) [b/J], at the mean SNR. Raises ValueError for unphysical values."""
    drawn_w = positive("power_w", power_w) / _efficiency(amplifier_efficiency)
    rate_bps = positive("bandwidth_hz", bandwidth_hz) * float(np.log1p(positive("snr_per_w", snr_per_w) * power_w))
    return rate_bps / log(2.0) / (drawn_w + non_negative("circuit_power_w", circuit_power_w))


def least_energy_j_per_bit(snr_hz_per_w: float) -> float:
    """N0 ln 2 / g [J/b], radiated: the wideband limit of a link with g / N0 = snr_hz_per_w [Hz/W]."""
    return log(2.0) / positive("snr_hz_per_w", snr_hz_per_w)


def _efficiency(value: float) -> float:
    if not 0.0 < value <= 1.0:
        raise ValueError(f"amplifier_efficiency must lie in (0, 1], got {value!r}")
    return value
