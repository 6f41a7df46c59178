"""How fast a link is, and how often it is nothing: the law beside drawn blocks."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from channel_models.loss.loss_map import Reception
from channel_models.rates import RateMap
from channel_models.transfer.profile import LinkProfile
from pwffsim.survey.blocks import Blocks
from pwffsim.survey.figures import LEVELS, Compared, Quantiles, compared, quantiles_of
from pwffsim.survey.law import SnrLaw

FloatArray = NDArray[np.float64]

USUAL_PACKET_BITS = 12_000.0
_SNRS = np.geomspace(1e-6, 1e8, 1401)
_POINTS = 161


@dataclass(frozen=True)
class RateFigures:
    """A link's rate over time, with the share of the medium that it has under full load.

    Attributes:
        mean_rate_bps: over the time, on air or not.
        rate_bps: quantiles, in time.
        silence_probability: share of time in which nothing can be sent.
        block_loss_probability: share of time in which a packet that ended would be lost: an outage step's share of
            blocks, or the mean packet error rate.
    """

    mean_rate_bps: Compared
    rate_bps: Quantiles
    silence_probability: Compared
    block_loss_probability: Compared


def rate_figures(blocks: Blocks) -> RateFigures:
    """Rates of a link from its drawn blocks and from its law."""
    law, rates_bps, weights = _law(blocks), blocks.carried_bps, blocks.weights
    closed = None if law is None else _rate_closed_forms(blocks, law)
    silent = (rates_bps == 0).astype(np.float64)
    return RateFigures(
        mean_rate_bps=compared(mean_rate_bps(blocks), rates_bps, weights, _trend(blocks)),
        rate_bps=Quantiles(None if closed is None else closed[0], quantiles_of(rates_bps, weights)),
        silence_probability=compared(None if closed is None else closed[1], silent, weights),
        block_loss_probability=compared(_mean_loss(blocks, law), loss_of(blocks, blocks.snr, blocks.rate_bps), weights),
    )


def loss_of(blocks: Blocks, snr: FloatArray, rate_bps: FloatArray | None = None) -> FloatArray:
    """P(a packet of 1500 bytes fails that ends at a SINR), f64[n]: by the loss map, the rate map or a collision."""
    link, profile = blocks.hop.link, blocks.hop.profile
    faded = isinstance(profile, LinkProfile)
    efficiency = link.rate_map.spectral_efficiency(snr) if faded and rate_bps is None else _efficiency(blocks, rate_bps)
    mean_snr = profile.mean_snr * profile.allocation.snr
    by_channel = link.loss_map.packet_error_rate(Reception(snr, mean_snr, efficiency, USUAL_PACKET_BITS))
    chosen = link.rate_map.carries_loss and not link.loss_map.by_scheme
    by_choice = link.rate_map.error_rate(snr) if chosen else np.zeros_like(by_channel)
    return 1.0 - (1.0 - by_channel) * (1.0 - by_choice) * (1.0 - profile.allocation.collision)


def spectral_efficiency(blocks: Blocks, snr: FloatArray) -> FloatArray:
    """b/s/Hz of the link's rate map at linear SINRs."""
    return np.asarray(blocks.hop.link.rate_map.spectral_efficiency(snr))


def transmission_loss(blocks: Blocks) -> float | None:
    """P(a transmission fails), E[rate x loss] / E[rate]: more packets end in blocks in which more are sent."""
    law = _law(blocks)
    if law is None:
        constant = not blocks.hop.link.loss_map.needs_snr and blocks.hop.link.loss_map.memoryless
        return float(loss_of(blocks, blocks.snr[:1], blocks.rate_bps[:1])[0]) if constant else None
    sent = law.mean(lambda snr: spectral_efficiency(blocks, snr))
    if sent == 0.0:
        return None
    return law.mean(lambda snr: spectral_efficiency(blocks, snr) * loss_of(blocks, snr)) / sent


def rate_curve(blocks: Blocks) -> tuple[FloatArray, FloatArray] | None:
    """Rates [b/s] and P(rate <= that), for a plot of the law; None where it has no density."""
    law = _law(blocks)
    if law is None or not law.has_density or not _rises(blocks.hop.link.rate_map):
        return None
    levels = np.linspace(0.001, 0.999, _POINTS)
    snr = np.array([law.quantile(float(p)) for p in levels])
    return _scale_bps(blocks) * spectral_efficiency(blocks, snr), levels


def share_on_air(blocks: Blocks) -> float | None:
    """The constant share of time on air; None for one that changes by block."""
    airtime = blocks.hop.allocation.airtime
    return None if callable(airtime) else airtime


def _law(blocks: Blocks) -> SnrLaw | None:
    return None if share_on_air(blocks) is None else blocks.law()


def mean_rate_bps(blocks: Blocks) -> float | None:
    """The long-run rate: of a recording, or the rate map's ergodic one, averaged over what the mean SINR was."""
    if blocks.parts:
        means = [mean_rate_bps(part) for part in blocks.parts]
        known = [mean for mean in means if mean is not None]
        weights = [float(part.lengths_s.sum()) for part in blocks.parts]
        return float(np.average(known, weights=weights)) if len(known) == len(means) else None
    law, profile = _law(blocks), blocks.hop.profile
    if law is None or not isinstance(profile, LinkProfile):
        return _recorded_mean(blocks)
    fading, rate_map = profile.fading, blocks.hop.link.rate_map
    return _scale_bps(blocks) * law.average(lambda mean_snr: rate_map.ergodic(mean_snr, fading))


def _rate_closed_forms(blocks: Blocks, law: SnrLaw) -> tuple[tuple[float, ...] | None, float | None]:
    """Quantiles of the rate and P(rate = 0), where the rate map rises with the SNR."""
    profile, rate_map = blocks.hop.profile, blocks.hop.link.rate_map
    assert isinstance(profile, LinkProfile)
    if not _rises(rate_map):
        return None, None
    snr = np.array([law.quantile(p) for p in LEVELS])
    quantiles = _scale_bps(blocks) * spectral_efficiency(blocks, snr)
    least = _least_snr(rate_map)
    silent = law.average(lambda mean_snr: profile.fading.outage(least, mean_snr))
    return tuple(float(rate) for rate in quantiles), silent


def _scale_bps(blocks: Blocks) -> float:
    """Bits a second for each b/s/Hz."""
    return float(blocks.hop.profile.band_hz) * (share_on_air(blocks) or 0.0)


def _recorded_mean(blocks: Blocks) -> float | None:
    profile = blocks.hop.profile
    recorded = not isinstance(profile, LinkProfile) and share_on_air(blocks) is not None
    return profile.mean_rate_bps if recorded else None


def _mean_loss(blocks: Blocks, law: SnrLaw | None) -> float | None:
    """By the loss map's own closed form where it is the only cause, else by the law."""
    link, profile = blocks.hop.link, blocks.hop.profile
    alone = not link.rate_map.carries_loss and not link.loss_map.by_scheme and profile.allocation.collision == 0.0
    if law is None:
        return transmission_loss(blocks)
    if alone and isinstance(profile, LinkProfile) and link.loss_map.needs_snr:
        fading = profile.fading
        return law.average(lambda mean_snr: link.loss_map.mean_error_rate(mean_snr, fading))
    return law.mean(lambda snr: loss_of(blocks, snr))


def _trend(blocks: Blocks) -> FloatArray | None:
    """The rate without fading; None where there is none, or none to tell."""
    if np.any(np.isnan(blocks.means)):
        return None
    trend = spectral_efficiency(blocks, blocks.means) * blocks.airtime
    return trend if np.any(trend > 0.0) else None


def _efficiency(blocks: Blocks, rate_bps: FloatArray | None) -> FloatArray:
    assert rate_bps is not None, "a recorded link has rates and no SINR"
    return np.asarray(rate_bps / blocks.hop.profile.band_hz)


def _rises(rate_map: RateMap) -> bool:
    return bool(np.all(np.diff(rate_map.spectral_efficiency(_SNRS)) >= 0.0))


def _least_snr(rate_map: RateMap) -> float:
    """The linear SNR below which a rate map that rises sends nothing: bisection in dB; 0 if it always sends."""
    low, high = _SNRS[0], _SNRS[-1]
    if rate_map.spectral_efficiency(low) > 0.0:
        return 0.0
    if rate_map.spectral_efficiency(high) == 0.0:
        return float("inf")
    while high > low * (1.0 + 1e-14):
        middle = float(np.sqrt(low * high))
        if middle in (low, high):
            break
        low, high = (low, middle) if rate_map.spectral_efficiency(middle) > 0.0 else (middle, high)
    return float(high)
