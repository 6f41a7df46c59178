"""Outage under co-channel interference, Rayleigh-faded signal and interferers alike.

K interferers of known mean INRs g_k, signal of mean SNR g, threshold t:

    P(SINR < t) = 1 - e^(-t/g) prod_k 1 / (1 + t g_k / g)

Base stations as a Poisson field, each user at the nearest, path loss exponent alpha > 2, no noise:

    P(SIR > t) = 1 / (1 + rho),   rho = t^(2/alpha) int_{t^(-2/alpha)}^inf du / (1 + u^(alpha/2))

which for alpha = 4 is sqrt(t) (pi/2 - atan(1/sqrt(t))). Source: Andrews, Baccelli and Ganti, IEEE Trans. Commun.
59(11), 2011.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from channel_models.validation import positive


def rayleigh_outage(threshold: float, mean_snr: float, interferer_inr: ArrayLike) -> float:
    """P(SINR < t), all linear; interferer_inr: mean INR of each interferer, f64[K], possibly none.

    Raises ValueError for a negative INR or a threshold or SNR that is not positive.
    """
    ratio = positive("threshold", threshold) / positive("mean_snr", mean_snr)
    interference = np.asarray(interferer_inr, dtype=np.float64)
    if not np.all(np.isfinite(interference) & (interference >= 0.0)):
        raise ValueError(f"interferer_inr must be finite numbers of at least 0, got {interferer_inr!r}")
    return float(-np.expm1(-ratio - np.sum(np.log1p(ratio * interference))))


def poisson_coverage(threshold: float, exponent: float = 4.0) -> float:
    """P(SIR > t) at the nearest of a Poisson field of base stations; it does not depend on their density.

    The integral is a hypergeometric function: rho = 2 t / (alpha - 2) 2F1(1, 1 - 2/alpha; 2 - 2/alpha; -t).
    Raises ValueError for an exponent of at most 2, where the interference is infinite.
    """
    from scipy.special import hyp2f1

    if positive("exponent", exponent) <= 2.0:
        raise ValueError(f"exponent must be above 2, got {exponent!r}: the interference of the whole plane is infinite")
    sir, order = positive("threshold", threshold), 2.0 / exponent
    rho = 2.0 * sir / (exponent - 2.0) * float(hyp2f1(1.0, 1.0 - order, 2.0 - order, -sir))
    return 1.0 / (1.0 + rho)
