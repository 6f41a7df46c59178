"""The waterfall of an uncoded packet: it is lost if any of its bits is wrong."""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt

import numpy as np
from numpy.typing import ArrayLike

from channel_models.fading.fading import Fading
from channel_models.loss.loss_map import LOSS_MAPS, USUAL_PACKET_BITS, FloatArray, LossMap, Reception
from channel_models.model import parameter
from channel_models.rates.partial_mean import mean_between
from channel_models.rates.rate_map import linear_snr
from channel_models.units import db_to_linear

_NO_ERRORS_ABOVE = 60.0


@LOSS_MAPS.register("waterfall")
@dataclass(frozen=True, kw_only=True)
class WaterfallLoss(LossMap):
    """Antipodal (BPSK) bits, independent errors: BER = Q(sqrt(2 G snr)), PER = 1 - (1 - BER)^bits, with the SNR of the
    block in which the packet ends and the bits of that packet.

    G is a coding gain, 0 dB for uncoded bits. Source: Proakis, Digital Communications, ch. 4.
    """

    coding_gain_db: float = parameter("Gain G on the SNR of each bit.", default=0.0, least=-400, most=400)

    def bit_error_rate(self, snr: ArrayLike) -> FloatArray:
        """Q(sqrt(2 G snr)) = erfc(sqrt(G snr))/2 at linear SNRs."""
        from scipy.special import erfc

        return 0.5 * erfc(np.sqrt(db_to_linear(self.coding_gain_db) * linear_snr(snr)))

    def error_rate(self, snr: ArrayLike, bits: ArrayLike) -> FloatArray:
        """1 - (1 - BER)^bits, accurate for small BER."""
        return -np.expm1(np.asarray(bits, dtype=np.float64) * np.log1p(-self.bit_error_rate(snr)))

    def packet_error_rate(self, reception: Reception) -> FloatArray:
        return self.error_rate(reception.snr, reception.bits)

    def mean_error_rate(self, mean_snr: float, fading: Fading, bits: float = USUAL_PACKET_BITS) -> float:
        """E[PER] over fading for packets of one length; never the PER at the mean BER."""
        top = _NO_ERRORS_ABOVE / db_to_linear(self.coding_gain_db)
        return mean_between(lambda snr: self.error_rate(snr, bits), 0.0, top, mean_snr, fading)

    def threshold_snr(self, bits: float = USUAL_PACKET_BITS) -> float:
        """w0, the integral of the PER over the linear SNR: where the waterfall is, if it were a step."""
        from scipy.integrate import quad

        unit = 1.0 / db_to_linear(self.coding_gain_db)
        value, _ = quad(
            lambda x: self.error_rate(unit * x, bits), 0.0, _NO_ERRORS_ABOVE, epsabs=0, epsrel=1e-12, limit=400
        )
        return unit * float(value)

    def rayleigh_bound(self, mean_snr: float, bits: float = USUAL_PACKET_BITS) -> float:
        """1 - exp(-w0/g), which the mean PER over Rayleigh fading of linear mean SNR g nears from below as g grows
        (Xi, Burr, Wei and Grace, IEEE Trans. Wireless Commun. 10(5), 2011)."""
        return float(-np.expm1(-self.threshold_snr(bits) / mean_snr))

    def rayleigh_bit_error_rate(self, mean_snr: float) -> float:
        """E[BER] over Rayleigh fading: (1 - sqrt(G g/(1 + G g)))/2."""
        g = db_to_linear(self.coding_gain_db) * mean_snr
        return 0.5 * (1.0 - sqrt(g / (1.0 + g)))
