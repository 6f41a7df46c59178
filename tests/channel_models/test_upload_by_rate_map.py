"""One upload under each rate map: 581,000 fp32 values (18.592 Mb) over 1 MHz at a mean SNR of 5 dB.

The closed forms at rel 1e-9 and, for two of them, Monte Carlo of real transfers, |mean - mu| <= 4.4 s/sqrt(n).
"""

from __future__ import annotations

from math import exp, log, sqrt

import numpy as np
import pytest

from channel_models.delay import MultiBlockDelay, QuasiStaticDelay, constant_rate_delay_s, rate_moments
from channel_models.fading.rayleigh import BlockRayleigh
from channel_models.loss.none import NoLoss
from channel_models.rates.fixed import FixedRate
from channel_models.rates.mcs_ladder import McsLadder
from channel_models.rates.rate_map import RateMap
from channel_models.rates.shannon import Shannon
from channel_models.rates.truncated_shannon import TruncatedShannon
from channel_models.retransmission.selective_repeat import SelectiveRepeat
from channel_models.transfer.link import Link
from channel_models.transfer.packets import Fluid, Packetisation, PacketScheme
from channel_models.transfer.profile import LinkProfile

ENTRIES = 581_000
BYTES, BITS = 4 * ENTRIES, 32 * ENTRIES
BAND_HZ, SNR, COHERENCE_S = 1e6, 10**0.5, 0.05
FADING = BlockRayleigh(coherence_s=COHERENCE_S)
LADDER, TRUNCATED = McsLadder(), TruncatedShannon(attenuation=0.4, min_snr_db=-10.0, max_snr_db=15.0)
UPLOADS = 3000


def test_the_payload() -> None:
    assert BITS == 18_592_000


def test_awgn_at_the_mean_snr() -> None:
    # S / (B log2(1 + g))
    assert constant_rate_delay_s(BITS, BAND_HZ, SNR, Shannon()) == pytest.approx(9.036765873, rel=1e-9)


def test_many_blocks_of_rayleigh_fading() -> None:
    # S / C, C = B log2(e) e^(1/g) E1(1/g); a block of 50 ms adds (Tc/2) CV^2, CV^2 = 0.324613985.
    law = MultiBlockDelay(BITS, BAND_HZ, SNR, FADING)
    assert BITS / law.rate_bps == pytest.approx(10.83466183, rel=1e-9)
    assert law.mean_s == pytest.approx(10.83466183 + 0.5 * COHERENCE_S * 0.324613985, rel=1e-9)


def test_the_modulation_and_coding_ladder_of_nr_at_a_block_error_rate_of_a_tenth() -> None:
    # S / ((1 - BLER) B sum_k (SE_k - SE_(k-1)) e^(-th_k/g))
    rises = np.diff((0.0, *LADDER.efficiencies_b_per_s_hz))
    reached = np.exp(-(10.0 ** (np.array(LADDER.thresholds_db) / 10.0)) / SNR)
    delay_s = BITS / (BAND_HZ * LADDER.goodput(SNR, FADING))
    assert delay_s == pytest.approx(18.592 / (0.9 * float(rises @ reached)), rel=1e-9)
    assert delay_s == pytest.approx(16.5929534774, rel=1e-9)


def test_the_best_fixed_rate_with_repeats() -> None:
    # S / (B R e^(-(2^R - 1)/g)) at its least: R = W0(g)/ln 2 = 1.553867205, goodput 0.842417144776 b/s/Hz
    best = FixedRate.best_for_rayleigh(SNR)
    delay_s = BITS / (BAND_HZ * best.goodput(SNR, FADING))
    assert best.efficiency_b_per_s_hz == pytest.approx(1.55386720526, rel=1e-9)
    assert delay_s == pytest.approx(18.592 / 0.842417144776, rel=1e-9)
    assert delay_s == pytest.approx(22.07, abs=5e-3)
    for factor in (0.99, 1.01):
        other = FixedRate(efficiency_b_per_s_hz=factor * best.efficiency_b_per_s_hz)
        assert BITS / (BAND_HZ * other.goodput(SNR, FADING)) > delay_s


def test_truncated_shannon() -> None:
    # E[se] = (alpha/ln 2) [ln(1+a) e^(-a/g) + e^(1/g) (E1((1+a)/g) - E1((1+b)/g))], a = -10 dB, b = 15 dB
    from scipy.special import exp1

    a, b = 10**-1.0, 10**1.5
    tail = exp(1 / SNR) * float(exp1((1 + a) / SNR) - exp1((1 + b) / SNR))
    mean = 0.4 / log(2) * (log(1 + a) * exp(-a / SNR) + tail)
    assert mean == pytest.approx(0.6855222153, rel=1e-9)
    for found in (TRUNCATED.ergodic(SNR, FADING), TRUNCATED.rayleigh_ergodic(SNR)):
        assert BITS / (BAND_HZ * found) == pytest.approx(18.592 / mean, rel=1e-9)
    assert 18.592 / mean == pytest.approx(27.12, abs=5e-3)


def test_one_draw_an_upload() -> None:
    # S / (B log2(1 - g ln p)): quantiles, as there is no mean
    law = QuasiStaticDelay(BITS, BAND_HZ, SNR)
    quantiles = [law.quantile(p) for p in (0.5, 0.9, 0.99)]
    assert quantiles == pytest.approx([11.10350498, 44.81396042, 411.8913524], rel=1e-9)
    assert quantiles == pytest.approx([18.592 / np.log2(1 - SNR * np.log(p)) for p in (0.5, 0.9, 0.99)], rel=1e-9)


def test_the_maps_tell_delays_that_differ_threefold() -> None:
    maps: list[RateMap] = [Shannon(), LADDER, TRUNCATED]
    shares = [1.0, 0.9, 1.0]
    delays_s = [BITS / (BAND_HZ * s * m.ergodic(SNR, FADING)) for s, m in zip(shares, maps, strict=True)]
    assert delays_s == pytest.approx([10.835, 16.593, 27.121], abs=5e-4)


def uploads(rate_map: RateMap, packets: PacketScheme, scheme: SelectiveRepeat) -> list[float]:
    """Durations of many uploads in s, each of a link of its own."""
    links = (
        Link(index, LinkProfile(index, FADING, rate_map, BAND_HZ, SNR), rate_map, 1.0, seed=41, loss_map=NoLoss(),
             packetisation=packets, scheme=scheme)
        for index in range(UPLOADS)
    )  # fmt: skip
    return [link.transfer(0.0, BYTES, 0).duration_s for link in links]


@pytest.mark.parametrize(
    ("rate_map", "packets", "share", "delay_s"),
    [
        (TRUNCATED, Fluid(), 1.0, 27.12092998),
        # Packets without headers, each sent until it arrives: 1/(1 - BLER) times in the mean.
        (LADDER, Packetisation(payload_bytes=1400, header_bytes=0), 0.9, 16.59295348),
    ],
    ids=["truncated_shannon", "mcs_ladder"],
)
def test_real_transfers_take_as_long(rate_map: RateMap, packets: PacketScheme, share: float, delay_s: float) -> None:
    # E[T] = S/(share C) + (Tc/2) CV^2, by renewal theory
    efficiency, cv2 = rate_moments(rate_map, FADING, SNR)
    expected_s = BITS / (BAND_HZ * share * efficiency) + 0.5 * COHERENCE_S * cv2
    assert expected_s == pytest.approx(delay_s + 0.5 * COHERENCE_S * cv2, rel=1e-9)
    found_s = np.array(uploads(rate_map, packets, SelectiveRepeat(retransmissions=60)))
    assert abs(found_s.mean() - expected_s) <= 4.4 * found_s.std(ddof=1) / sqrt(UPLOADS)
