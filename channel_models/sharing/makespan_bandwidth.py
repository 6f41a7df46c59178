"""Bandwidths with which all of the population finish at the same time, the least time that the band allows.

With power P over b hertz a link of s = P g / N0 [Hz] (mean SNR times band) carries

    R = b log2(1 + s/b)  <  s / ln 2        [b/s]

so that a rate R needs, with u = R ln 2 / s < 1 and y = -W_{-1}(-u e^-u) / u (Lambert W),

    b = s / (y - 1)                         [Hz]

The makespan is the T at which the bandwidths for S_i / T sum to the band. Source: Yang, Chen, Saad,
Hong and Shikh-Bahaei, IEEE TWC 20(3), 2021 (bandwidth by Lambert W and bisection); W: Corless et al., Adv. Comput.
Math. 5, 1996.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import log
from typing import ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from channel_models.sharing import SHARING
from channel_models.sharing.policy import Allocation, Sharing, User, check_members
from channel_models.validation import positive

FloatArray = NDArray[np.float64]

_POLISHING_STEPS = 2
_BRANCH_ROOM = 1e-2
_SLACK = 1e-9


@SHARING.register("makespan_bandwidth")
@dataclass(frozen=True, kw_only=True)
class MakespanBandwidth(Sharing):
    """Static division at full power: user i has the fraction that finishes its bits together with all others.

    Rates are Shannon's at the mean SNR: under fading the users finish near each other, not together.
    Raises ValueError for a member of the population without bits, whose share would be nothing.
    """

    by_population: ClassVar[bool] = True
    uses_snr: ClassVar[bool] = True

    def allocate(self, active: Sequence[User], population: Sequence[User], block: int) -> dict[int, Allocation]:
        check_members(active, population)
        _check_bits(population)
        fractions = makespan_fractions([user.mean_snr for user in population], [user.bits for user in population])
        part = {user.client: float(width) for user, width in zip(population, fractions, strict=True)}
        return {user.client: Allocation(bandwidth=(b := part[user.client]), snr=1.0 / b) for user in active}


def wideband_limit_bps(snr_hz: float) -> float:
    """s / ln 2 [b/s]: what power s = P g / N0 [Hz] carries over an unlimited band."""
    return positive("snr_hz", snr_hz) / log(2.0)


def bandwidth_for_rate_hz(rate_bps: ArrayLike, snr_hz: ArrayLike) -> FloatArray:
    """The b [Hz] with b log2(1 + s/b) = R, elementwise; s = P g / N0 [Hz].

    Raises ValueError for a rate that is not positive or not below the wideband limit s / ln 2.
    """
    snr = np.asarray(snr_hz, dtype=np.float64)
    load = np.asarray(rate_bps, dtype=np.float64) * log(2.0) / snr
    if not np.all((load > 0.0) & (load < 1.0)):
        raise ValueError(
            f"rate_bps must lie above 0 and below snr_hz / ln 2, got rate_bps={rate_bps!r}, snr_hz={snr_hz!r}: "
            "no bandwidth carries more at that power"
        )
    return snr * _relative_width(load)


def makespan_fractions(mean_snr: ArrayLike, bits: ArrayLike) -> FloatArray:
    """Fractions of the band, of sum 1, with which all payloads finish together.

    mean_snr: linear, over the whole band; bits: payloads. Raises ValueError unless all of them are positive.
    """
    snr, payload = _positive("mean_snr", mean_snr), _positive("bits", bits)
    widths = bandwidth_for_rate_hz(payload / _common_finish(snr, payload), snr)
    return widths / np.sum(widths)


def makespan_s(mean_snr: ArrayLike, bits: ArrayLike, bandwidth_hz: float) -> float:
    """Seconds in which all payloads finish together, each at Shannon's rate of its part of the band."""
    snr, payload = _positive("mean_snr", mean_snr), _positive("bits", bits)
    return _common_finish(snr, payload) / positive("bandwidth_hz", bandwidth_hz)


def _common_finish(snr: FloatArray, bits: FloatArray) -> float:
    """T B [s Hz] with fractions summing to 1: between everyone having the whole band and equal parts of it."""
    from scipy.optimize import brentq

    users = snr.size
    soonest = np.max(bits * log(2.0) / np.log1p(snr)) * (1.0 - _SLACK)
    latest = np.max(users * bits * log(2.0) / np.log1p(users * snr)) * (1.0 + _SLACK)

    def excess(finish: float) -> float:
        return float(np.sum(snr * _relative_width(bits / finish * log(2.0) / snr))) - 1.0

    return float(brentq(excess, soonest, latest, xtol=1e-300, rtol=1e-14))


def _relative_width(load: FloatArray) -> FloatArray:
    """x = b/s with x ln(1 + 1/x) = u, 0 < u < 1 (above: as just below 1). Lambert W, polished by Newton.

    Near u = 1 the branch point of W costs all digits: there the expansion 1/(2 (1 - u)) - 2/3 is the start.
    """
    from scipy.special import lambertw

    load = np.minimum(load, np.nextafter(1.0, 0.0))
    room = 1.0 - load
    ratio = -np.real(lambertw(-load * np.exp(-load), k=-1)) / load
    width = np.where(room < _BRANCH_ROOM, 0.5 / room - 2.0 / 3.0, 1.0 / np.maximum(ratio - 1.0, _BRANCH_ROOM))
    for _ in range(_POLISHING_STEPS):
        slope = np.log1p(1.0 / width) - 1.0 / (1.0 + width)
        width = width - (width * np.log1p(1.0 / width) - load) / slope
    return width


def _check_bits(population: Sequence[User]) -> None:
    idle = [user.client for user in population if user.bits <= 0.0]
    if idle:
        raise ValueError(f"clients {idle} have no bits to send: leave them out of the population")


def _positive(name: str, values: ArrayLike) -> FloatArray:
    array = np.atleast_1d(np.asarray(values, dtype=np.float64))
    if not (array.size and np.all(np.isfinite(array) & (array > 0.0))):
        raise ValueError(f"{name} must be finite numbers above 0, got {values!r}")
    return array
