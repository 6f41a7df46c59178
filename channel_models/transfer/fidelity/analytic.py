"""One normal number a transfer, by renewal theory: the channel itself is never drawn."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from math import inf, isinf, sqrt
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from channel_models.delay import rate_moments
from channel_models.loss.loss_map import LossMap
from channel_models.randomness import draws
from channel_models.rates.rate_map import RateMap
from channel_models.retransmission.scheme import PassLog, Retransmission
from channel_models.sharing.policy import Allocation
from channel_models.transfer.fate import Fate, unseen
from channel_models.transfer.fidelity.fidelity import Fidelity
from channel_models.transfer.profile import LinkProfile, Profile, Segments
from channel_models.transfer.work import Work

IntArray = NDArray[np.int64]

_LEAST_DEVIATIONS = 6.0
_NEGLIGIBLE = 1e-17


class Analytic(Fidelity):
    """The duration is normal, from any phase of a block, with

        E[T] = S/C + (Tc/2) CV^2,        Var[T] = S Tc CV^2/C + V/C^2

    S and V: mean and variance of the bits on the air, C: ergodic rate, CV: coefficient of variation of a block's rate
    (``MultiBlockDelay``). It takes independent blocks, many of them in a transfer, and losses that do not depend on the
    channel; a transfer cannot be switched. Counts are rounded expectations; lost packets are drawn one by one.
    """

    switchable: ClassVar[bool] = False

    def check(self, scheme: Retransmission, loss_map: LossMap, rate_map: RateMap) -> None:
        depends = (loss_map.needs_snr or not loss_map.memoryless) and not loss_map.lossless
        if depends or rate_map.carries_loss:
            culprit = loss_map if depends else rate_map
            raise ValueError(
                f"analytic transfers take losses that are the same for every packet, not {type(culprit).__name__}: use "
                "fidelity fluid or packet, or loss constant"
            )
        if scheme.combines or scheme.feedback_s:
            raise ValueError(
                f"analytic transfers know no {type(scheme).__name__}: use fidelity packet, or selective_repeat"
            )

    def work(self, profile: Profile, start_s: float, max_transfer_s: float) -> Work:
        return Work(MeanProfile(_plain(profile)), start_s, max_transfer_s)

    def run(self, scheme: Retransmission, work: Work, sizes_bits: IntArray, fate: Fate) -> PassLog:
        profile = work.profile
        assert isinstance(profile, MeanProfile)
        sizes = scheme.sizes_on_air(sizes_bits).astype(np.float64)
        error_rate = 1.0 - (1.0 - _error_rate(fate)) * (1.0 - profile.allocation.collision)
        mean, variance = transmission_moments(scheme, error_rate)
        bits = mean * float(sizes.sum())
        elapsed_s = profile.duration_s(bits, variance * float(sizes @ sizes), _normal(fate))
        work.check_duration(elapsed_s, bits)
        lost = np.flatnonzero(fate.chances.between(0, fate.packets) < float(scheme.residual_loss(error_rate)))
        return PassLog(lost, 1, round(mean * sizes.size), round(bits), elapsed_s / mean, elapsed_s)


@dataclass(frozen=True, eq=False)
class MeanProfile:
    """A link that always has its long-run mean rate, with what is known of the spread around it."""

    link: LinkProfile
    block_s: float = inf

    @cached_property
    def mean_rate_bps(self) -> float:
        return self._moments[0]

    @property
    def allocation(self) -> Allocation:
        return self.link.allocation

    @property
    def mean_snr(self) -> float:
        return self.link.mean_snr

    @property
    def band_hz(self) -> float:
        return self.link.band_hz

    @property
    def blocks_ahead(self) -> float:
        return inf

    @property
    def label(self) -> str:
        return self.link.label

    def stretch(self, first_block: int, count: int, origin_s: float) -> Segments:
        airtime = float(self.link.allocation.airtime_of(0, 1)[0])
        snr = np.full(1, self.link.mean_snr * self.link.allocation.snr)
        return Segments(np.full(1, inf), snr, np.full(1, self.mean_rate_bps / airtime), np.full(1, airtime))

    def duration_s(self, bits: float, variance_bits2: float, normal: float) -> float:
        """E[T] + normal std[T]. Raises ValueError where that could be negative: too few blocks for a normal law."""
        rate_bps, block_cv2_s = self._moments
        mean_s = bits / rate_bps + 0.5 * block_cv2_s
        std_s = sqrt(bits * block_cv2_s / rate_bps + variance_bits2 / rate_bps**2)
        if mean_s < _LEAST_DEVIATIONS * std_s:
            raise ValueError(
                f"{bits:.0f} bits over {self.label} end within {mean_s / self.link.block_s:.1f} blocks: too few for a "
                "normal law; use fidelity fluid or packet"
            )
        return max(mean_s + normal * std_s, 0.0)

    @cached_property
    def _moments(self) -> tuple[float, float]:
        """Mean rate x airtime [b/s], and Tc CV^2 [s]."""
        link = self.link
        efficiency, cv2 = rate_moments(link.rate_map, link.fading, link.mean_snr * link.allocation.snr)
        airtime = float(link.allocation.airtime_of(0, 1)[0])
        return airtime * link.band_hz * efficiency, cv2 * link.fading.block_s if cv2 > 0.0 else 0.0


def transmission_moments(scheme: Retransmission, error_rate: float) -> tuple[float, float]:
    """Mean and variance of the transmissions of a packet, each of which fails with probability p < 1:
    E[X^2] = sum over k = 0 .. M - 1 of (2 k + 1) p^k."""
    mean = float(scheme.mean_transmissions(error_rate))
    square, attempt, reached = 0.0, 0, 1.0
    while attempt < scheme.attempts and (2 * attempt + 1) * reached > _NEGLIGIBLE:
        square, attempt, reached = square + (2 * attempt + 1) * reached, attempt + 1, reached * error_rate
    return mean, square - mean * mean


def _plain(profile: Profile) -> LinkProfile:
    """The profile, if the closed form holds for it."""
    if not isinstance(profile, LinkProfile) or profile.interference is not None or profile.mean_snr_at is not None:
        raise ValueError("analytic transfers take a link that stays where it is, alone: use fidelity fluid or packet")
    if callable(profile.allocation.airtime) or profile.allocation.gain is not None:
        raise ValueError("analytic transfers take a share that never changes: use fidelity fluid or packet")
    if not profile.fading.independent_blocks or _one_block(profile):
        raise ValueError(
            f"analytic transfers take blocks that are independent, not {type(profile.fading).__name__} with blocks of "
            f"{profile.block_s:g} s: use fidelity fluid or packet"
        )
    return profile


def _one_block(profile: LinkProfile) -> bool:
    """Whether one draw of a channel that fades lasts for ever."""
    return isinf(profile.block_s) and profile.fading.gain_variance() > 0.0


def _error_rate(fate: Fate) -> float:
    if fate.lossless:
        return 0.0
    return float(fate.loss_map.packet_error_rate(unseen(1))[0])


def _normal(fate: Fate) -> float:
    place = draws(fate.seed, f"{fate.purpose}/analytic").at(fate.link, fate.transfer)
    return float(place.standard_normal())
