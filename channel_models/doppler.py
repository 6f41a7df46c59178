"""Doppler spread of a moving link in isotropic scattering (Clarke), and what follows from it in closed form.

Symbols: f_D maximum Doppler shift [Hz]; rho = threshold amplitude over rms amplitude, so that the power threshold is
rho^2 times the mean power; K Rician factor (linear; 0 is Rayleigh); J0 Bessel function; Q1 Marcum's Q function.

Sources: Clarke 1968; Jakes 1974; Rice 1948; Stueber, Principles of Mobile Communication (Rician crossings); Wang and
Moayeri 1995 (Markov chain of a Rayleigh channel).
"""

from __future__ import annotations

from math import ceil, exp, pi, sqrt

import numpy as np
from numpy.typing import ArrayLike, NDArray

from channel_models.validation import non_negative, positive

FloatArray = NDArray[np.float64]

SPEED_OF_LIGHT_M_PER_S = 299_792_458.0
COHERENCE_DEFINITIONS = {
    "geometric": sqrt(9.0 / (16.0 * pi)),
    "half_correlation": 9.0 / (16.0 * pi),
    "quarter_period": 0.25,
}
_PANELS_PER_PERIOD = 4.0
_PANELS_AT_ONCE = 65_536
_NODES = 8


def max_doppler_hz(speed_mps: float, carrier_hz: float) -> float:
    """f_D = v f_c / c in Hz. Raises ValueError for a negative speed or a carrier that is not above 0."""
    return non_negative("speed_mps", speed_mps) * positive("carrier_hz", carrier_hz) / SPEED_OF_LIGHT_M_PER_S


def coherence_time_s(doppler_hz: float, definition: str = "geometric") -> float:
    """Coherence time factor / f_D in seconds, by the definition that is named.

    ``geometric`` sqrt(9/(16 pi)) = 0.4231, ``half_correlation`` 9/(16 pi) = 0.179 (power correlation about one half),
    ``quarter_period`` 1/4. They differ by 2.4x: a result must say which it used. Raises ValueError for an unknown name
    and for f_D not above 0.
    """
    if definition not in COHERENCE_DEFINITIONS:
        raise ValueError(f"definition must be one of {', '.join(COHERENCE_DEFINITIONS)}, got {definition!r}")
    return COHERENCE_DEFINITIONS[definition] / positive("doppler_hz", doppler_hz)


def clarke_correlation(delay_s: ArrayLike, doppler_hz: float) -> FloatArray:
    """Correlation J0(2 pi f_D tau) of the complex gain at times tau apart."""
    from scipy.special import j0

    phase = 2.0 * pi * non_negative("doppler_hz", doppler_hz) * np.asarray(delay_s, dtype=np.float64)
    return np.asarray(j0(phase), dtype=np.float64)


def power_correlation(delay_s: ArrayLike, doppler_hz: float) -> FloatArray:
    """Correlation J0^2(2 pi f_D tau) of the power gain of a Rayleigh link at times tau apart."""
    return np.square(clarke_correlation(delay_s, doppler_hz))


def level_crossing_rate_hz(rho: ArrayLike, doppler_hz: float, rician_k: float = 0.0) -> FloatArray:
    """Downward crossings a second of the level rho.

    sqrt(2 pi (K+1)) f_D rho e^(-K-(K+1) rho^2) I0(2 rho sqrt(K(K+1))); K = 0 gives sqrt(2 pi) f_D rho e^(-rho^2),
    largest at rho = 1/sqrt 2. The line of sight is taken without Doppler shift of its own.
    """
    from scipy.special import i0e

    level, k = _levels(rho), non_negative("rician_k", rician_k)
    bessel_argument = 2.0 * level * sqrt(k * (k + 1.0))
    exponent = bessel_argument - k - (k + 1.0) * level**2
    scale = sqrt(2.0 * pi * (k + 1.0)) * non_negative("doppler_hz", doppler_hz)
    return np.asarray(scale * level * np.exp(exponent) * i0e(bessel_argument), dtype=np.float64)


def fade_probability(rho: ArrayLike, rician_k: float = 0.0) -> FloatArray:
    """P(amplitude < rho rms) = 1 - Q1(sqrt(2K), rho sqrt(2(K+1))); K = 0 gives 1 - e^(-rho^2)."""
    level, k = _levels(rho), non_negative("rician_k", rician_k)
    if k == 0.0:
        return np.asarray(-np.expm1(-np.square(level)), dtype=np.float64)
    return _noncentral(2.0 * (k + 1.0) * np.square(level), 2.0 * k)


def average_fade_duration_s(rho: ArrayLike, doppler_hz: float, rician_k: float = 0.0) -> FloatArray:
    """Mean time below the level: P(below)/LCR; K = 0 gives (e^(rho^2) - 1)/(rho f_D sqrt(2 pi)) seconds."""
    crossings = level_crossing_rate_hz(rho, positive("doppler_hz", doppler_hz), rician_k)
    return np.asarray(fade_probability(rho, rician_k) / crossings, dtype=np.float64)


def effective_correlation_time_s(horizon_s: float, doppler_hz: float) -> float:
    """Block length that gives a T-second average of the power gain its true variance under Clarke's model.

    integral over |t| < T of (1 - |t|/T) J0^2(2 pi f_D t) dt. It grows like log(T) without limit, so no fixed block
    length is right for every upload: at 10 Hz it is 0.059 s for 1 s and 0.105 s for 100 s, against a coherence time
    of 0.042 s. Gauss-Legendre quadrature, four panels a Doppler period.
    """
    horizon, doppler = positive("horizon_s", horizon_s), positive("doppler_hz", doppler_hz)
    panels = ceil(_PANELS_PER_PERIOD * max(1.0, horizon * doppler))
    starts = range(0, panels, _PANELS_AT_ONCE)
    return sum(_weighted(at, min(at + _PANELS_AT_ONCE, panels), horizon / panels, horizon, doppler) for at in starts)


def outdated_csi_outage(estimated_gain: float, threshold_gain: float, delay_s: float, doppler_hz: float) -> float:
    """P(gain < threshold | the gain was estimated ``delay_s`` ago), Rayleigh fading of unit mean power.

    1 - Q1(sqrt(2 r^2 x/(1-r^2)), sqrt(2 t/(1-r^2))), r = J0(2 pi f_D tau), x the estimate, t the threshold. With no
    delay or no motion the estimate is the gain, and the answer is 0 or 1.
    """
    gain, threshold = non_negative("estimated_gain", estimated_gain), non_negative("threshold_gain", threshold_gain)
    squared = float(power_correlation(non_negative("delay_s", delay_s), doppler_hz))
    if squared == 1.0:
        return float(gain < threshold)
    return float(_noncentral(2.0 * threshold / (1.0 - squared), 2.0 * squared * gain / (1.0 - squared)))


def gilbert_elliott(threshold_snr: float, mean_snr: float, doppler_hz: float, packet_s: float) -> tuple[float, float]:
    """Transition probabilities (p, r) a packet, good to bad and bad to good, of a Rayleigh link.

    p = N T/pi_G, r = N T/pi_B, with N the level crossing rate at rho = sqrt(threshold/mean), T the packet's airtime and
    pi_B = 1 - e^(-threshold/mean) (SNRs linear). The chain's share of bad packets is then exactly pi_B and its mean
    burst the average fade duration. Raises ValueError when a packet is so long that a transition would need a
    probability above 1: fades then start and end within packets and no two-state chain of packets describes them.
    """
    ratio = positive("threshold_snr", threshold_snr) / positive("mean_snr", mean_snr)
    crossings = float(level_crossing_rate_hz(sqrt(ratio), positive("doppler_hz", doppler_hz)))
    events = crossings * positive("packet_s", packet_s)
    good, bad = exp(-ratio), float(fade_probability(sqrt(ratio)))
    if events > min(good, bad):
        longest = min(good, bad) / crossings
        raise ValueError(
            f"packet_s must be at most {longest:g} s at these SNRs and {doppler_hz:g} Hz, got {packet_s:g}"
        )
    return events / good, events / bad


def _levels(rho: ArrayLike) -> FloatArray:
    level = np.asarray(rho, dtype=np.float64)
    if not np.all(level > 0):
        raise ValueError(f"rho must be above 0 (amplitude over rms amplitude, not dB), got {rho!r}")
    return level


def _noncentral(x: ArrayLike, noncentrality: float) -> FloatArray:
    """1 - Q1(sqrt a, sqrt x): the law of a noncentral chi-square variable of two degrees of freedom."""
    from scipy.special import chndtr

    return np.asarray(chndtr(x, 2.0, noncentrality), dtype=np.float64)


def _weighted(first: int, last: int, width_s: float, horizon_s: float, doppler_hz: float) -> float:
    """Integral over panels first .. last - 1 of the triangle-weighted power correlation, both signs of the lag."""
    nodes, weights = np.polynomial.legendre.leggauss(_NODES)
    lag_s = width_s * (np.arange(first, last)[:, None] + 0.5 * (nodes + 1.0))
    values = (1.0 - lag_s / horizon_s) * power_correlation(lag_s, doppler_hz)
    return float(width_s * np.sum(values @ weights))
