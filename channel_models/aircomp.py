"""Over-the-air aggregation: everybody sends at once, and the channel adds.

Each client inverts its channel, so that all arrive with one power rho0, and keeps silent in a block whose power gain
is below a threshold g_th, where inversion would cost too much (truncated channel inversion). For Rayleigh fading,
power gains Exp(1), a mean power P and noise sigma^2:

    rho0 = P / E1(g_th)        P(silent) = 1 - e^(-g_th)        MSE of the mean of |A| entries = sigma^2 / (rho0 |A|^2)

Entries are analog amplitudes, two a complex symbol, scaled to unit variance; P, rho0 and sigma^2 are those of the
whole band. Source: Zhu, Wang and Huang, IEEE TWC 19(1), 2020.
"""

from __future__ import annotations

from math import sqrt

import numpy as np
from numpy.typing import ArrayLike, NDArray

from channel_models.randomness import stream
from channel_models.validation import count, non_negative, positive, positive_or_infinite

FloatArray = NDArray[np.float64]

_ENTRIES_PER_SYMBOL = 2.0


def truncation_probability(gain_threshold: float) -> float:
    """1 - e^(-g_th): share of blocks in which a client keeps silent."""
    return float(-np.expm1(-positive("gain_threshold", gain_threshold)))


def aligned_power(mean_power: float, gain_threshold: float) -> float:
    """rho0 = P / E1(g_th): received power that inversion can hold at mean radiated power P.

    In the unit of ``mean_power``: watts give watts, a mean SNR gives the SNR after inversion. Without a threshold it
    is 0, for E1(0) is infinite: hence thresholds are above 0.
    """
    from scipy.special import exp1

    return positive("mean_power", mean_power) / float(exp1(positive("gain_threshold", gain_threshold)))


def common_snr(mean_snr: ArrayLike, gain_threshold: float) -> float:
    """SNR after inversion that all clients can hold, linear: that of the weakest mean SNR."""
    return aligned_power(float(np.min(np.asarray(mean_snr, dtype=np.float64))), gain_threshold)


def participants(gain: ArrayLike, gain_threshold: float) -> NDArray[np.bool_]:
    """Who sends in which block: bool of the shape of ``gain`` (power gains of unit mean), gain >= g_th."""
    return np.asarray(gain, dtype=np.float64) >= positive("gain_threshold", gain_threshold)


def mean_squared_error(aligned_snr: float, senders: int) -> float:
    """sigma^2 / (rho0 |A|^2): of the mean over |A| senders, an entry, in units of the entries' variance."""
    return 1.0 / (positive("aligned_snr", aligned_snr) * count("senders", senders, least=1) ** 2)


def noise_deviation(aligned_snr: float, senders: ArrayLike, entry_deviation: float = 1.0) -> FloatArray:
    """Standard deviation of the noise on the mean of each entry, of the shape of ``senders``.

    entry_deviation: that of the entries before scaling. Raises ValueError where nobody sends: there is no mean.
    """
    many = np.asarray(senders)
    if np.any(many < 1):
        raise ValueError("senders must be at least 1 in every block: an entry that nobody sends has no mean")
    return non_negative("entry_deviation", entry_deviation) / (sqrt(positive("aligned_snr", aligned_snr)) * many)


def latency_s(entries: int, bandwidth_hz: float) -> float:
    """d / (2 B) [s] for d entries, however many clients send: two entries a symbol, B symbols a second."""
    return count("entries", entries) / (_ENTRIES_PER_SYMBOL * positive("bandwidth_hz", bandwidth_hz))


def blocks_of_entries(
    entries: int, bandwidth_hz: float, coherence_s: float, start_s: float = 0.0
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Which entries go out in which coherence block: (blocks i64[n], edges i64[n + 1]).

    Entries edges[j] .. edges[j + 1] - 1 are sent in block blocks[j]; symbols leave at B a second from start_s on, and
    one belongs to the block in which it begins.
    """
    symbols = -(-count("entries", entries) // 2)
    began_s = non_negative("start_s", start_s) + np.arange(symbols) / positive("bandwidth_hz", bandwidth_hz)
    block = np.floor(began_s / positive_or_infinite("coherence_s", coherence_s)).astype(np.int64)
    blocks, first = np.unique(block, return_index=True)
    return blocks, np.append(2 * first, entries).astype(np.int64)


def noisy_mean(
    values: ArrayLike, sends: ArrayLike, aligned_snr: float, seed: int, round_index: int, purpose: str = "aircomp"
) -> FloatArray:
    """What the server makes of what it receives, with equal weights: the plain mean over each entry's senders plus
    noise, f64[d]; NaN where nobody sends.

    values: f64[clients, d]; sends: bool[clients, d], who sends which entry. Entries are scaled to unit variance by the
    common root mean square of the values: clients that weigh their entries differently before they send them need
    another scale, for with this one those of great weight would exceed their power. Pure in (seed, purpose, round).
    Raises ValueError for unequal shapes.
    """
    update, on_air = np.asarray(values, dtype=np.float64), np.asarray(sends, dtype=bool)
    if update.ndim != 2 or update.shape != on_air.shape:
        raise ValueError(f"values and sends must both be [clients, entries], got {update.shape} and {on_air.shape}")
    scale = float(np.sqrt(np.mean(np.square(update))))
    noise = stream(seed, purpose, round_index).standard_normal(update.shape[1])
    senders = np.where(on_air.any(axis=0), on_air.sum(axis=0), np.nan)
    return (
        np.where(on_air, update, 0.0).sum(axis=0) + noise * scale / sqrt(positive("aligned_snr", aligned_snr))
    ) / senders
