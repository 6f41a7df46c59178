"""Hybrid ARQ: closed forms, and transfers that meet them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from channel_models.fading.none import NoFading
from channel_models.fading.rayleigh import BlockRayleigh
from channel_models.loss.constant import ConstantLoss
from channel_models.loss.loss_map import LossMap
from channel_models.loss.outage import OutageLoss
from channel_models.loss.waterfall import WaterfallLoss
from channel_models.rates.finite_blocklength import FiniteBlocklength
from channel_models.rates.fixed import FixedRate
from channel_models.retransmission import Retransmission
from channel_models.retransmission.chase_combining import ChaseCombining, chase_outage, chase_outage_in_one_block
from channel_models.retransmission.incremental_redundancy import (
    IncrementalRedundancy,
    redundancy_outage,
    redundancy_outage_in_one_block,
    renewal_throughput,
)
from channel_models.retransmission.none import NoRetransmission
from channel_models.sharing.policy import Allocation
from channel_models.transfer.delivery import Delivery
from channel_models.transfer.link import Link
from channel_models.transfer.packets import Packetisation
from channel_models.transfer.profile import LinkProfile

SNR = 10**0.5
RATE = 2.0
AT_RATE = OutageLoss(threshold_db=10 * np.log10(2**RATE - 1))
BOTH = (ChaseCombining, IncrementalRedundancy)


def upload(
    scheme: Retransmission, loss: LossMap, coherence_s: float, index: int, packets: int = 50, collision: float = 0.0
) -> Delivery:
    """Packets of 1500 bytes at a fixed 2 b/s/Hz over 1 MHz: 6 ms each."""
    fading = BlockRayleigh(seed=12, coherence_s=coherence_s)
    rate = FixedRate(efficiency_b_per_s_hz=RATE)
    profile = LinkProfile(index, fading, rate, 1e6, SNR, Allocation(collision=collision))
    cut = Packetisation(payload_bytes=1500, header_bytes=0)
    return Link(index, profile, rate, 1.0, 12, "uplink", loss, cut, scheme).transfer(0.0, 1500 * packets, 0)


def test_chase_combining_golden() -> None:
    # P(Gamma(M) < (2^R - 1)/g); in one block 1 - exp(-(2^R - 1)/(M g)); R (1 - p_M)/(1 + p_1 + .. + p_(M-1)).
    outages = [chase_outage(attempts, 3.0, SNR) for attempts in (1, 2, 3, 4)]
    assert outages == pytest.approx([0.6127494, 0.2453713, 0.0711085, 0.0160018], abs=5e-8)
    together = [chase_outage_in_one_block(attempts, 3.0, SNR) for attempts in (1, 2, 3, 4)]
    assert together == pytest.approx([0.6127494, 0.3777054, 0.2711066, 0.2111435], abs=6e-8)
    got = [renewal_throughput(RATE, outages[:attempts]) for attempts in (1, 2, 4)]
    assert got == pytest.approx([0.7745012, 0.9358289, 1.0200947], abs=5e-8)


def test_incremental_redundancy_golden() -> None:
    # P(log2(1 + g x_1) + .. + log2(1 + g x_M) < R)
    outages = [redundancy_outage(attempts, RATE, SNR) for attempts in (1, 2, 3, 4)]
    assert outages == pytest.approx([0.612749418, 0.159276011, 0.025655894, 0.002993173], abs=5e-10)
    got = [renewal_throughput(RATE, outages[:attempts]) for attempts in (2, 4)]
    assert got == pytest.approx([1.0425971, 1.1092142], abs=1e-7)


def test_two_attempts_by_quadrature() -> None:
    # P = int_0^R f(y) F(R - y) dy in 30 digits.
    mpmath = pytest.importorskip("mpmath")
    for rate in (0.5, 2.0, 4.0):
        exact = mpmath.quad(
            lambda y, rate=rate: mpmath.log(2) * 2**y / SNR * mpmath.exp(-(2**y - 1) / SNR)
            * (1 - mpmath.exp(-(2 ** (rate - y) - 1) / SNR)),
            [0, rate],
        )  # fmt: skip
        assert redundancy_outage(2, rate, SNR) == pytest.approx(float(exact), rel=1e-9)


def test_one_attempt_is_the_outage_of_the_block() -> None:
    expected = 1 - np.exp(-3 / SNR)
    for outage in (
        chase_outage(1, 3.0, SNR),
        chase_outage_in_one_block(1, 3.0, SNR),
        redundancy_outage(1, RATE, SNR),
        redundancy_outage_in_one_block(1, RATE, SNR),
    ):
        assert outage == pytest.approx(expected, rel=1e-9)
    assert redundancy_outage_in_one_block(2, RATE, SNR) == pytest.approx(1 - np.exp(-1 / SNR), rel=1e-9)


@pytest.mark.parametrize("scheme", BOTH)
@pytest.mark.parametrize("collision", [0.0, 0.25])
@pytest.mark.parametrize("loss", [AT_RATE, WaterfallLoss()])
def test_one_attempt_is_none_exactly(scheme, collision: float, loss: LossMap) -> None:
    for index in range(20):
        got = upload(scheme(retransmissions=0), loss, 0.02, index, collision=collision)
        none = upload(NoRetransmission(), loss, 0.02, index, collision=collision)
        assert got.lost.tolist() == none.lost.tolist()
        assert (got.finish_s, got.radiated_j, got.transmissions) == (none.finish_s, none.radiated_j, none.transmissions)


@settings(deadline=None)
@given(
    snrs=st.lists(st.floats(0.0, 100.0), min_size=1, max_size=6),
)
def test_effective_snr_is_the_sum_or_the_sum_of_information(snrs: list[float]) -> None:
    gathered = {scheme: np.zeros(1) for scheme in BOTH}
    for snr in snrs:
        for scheme in BOTH:
            gathered[scheme] = scheme().combine(gathered[scheme], np.array([snr]))
    assert gathered[ChaseCombining][0] == pytest.approx(sum(snrs), rel=1e-9, abs=1e-12)
    information = sum(np.log1p(snr) for snr in snrs)
    assert np.log1p(gathered[IncrementalRedundancy][0]) == pytest.approx(information, rel=1e-9, abs=1e-12)
    # ln(1 + sum) <= sum of ln(1 + snr): parity is worth at least a repeat.
    assert gathered[IncrementalRedundancy][0] >= gathered[ChaseCombining][0] * (1 - 1e-9)


@pytest.mark.parametrize("attempts", [1, 2, 3, 4])
def test_transfers_meet_the_outage_of_independent_blocks(attempts: int) -> None:
    # One packet a block (coherence 2 ms, 6 ms a packet, and the packet goes by its last block): blocks are independent.
    for scheme, outage in (
        (ChaseCombining, chase_outage(attempts, 3.0, SNR)),
        (IncrementalRedundancy, redundancy_outage(attempts, RATE, SNR)),
    ):
        told = [upload(scheme(retransmissions=attempts - 1), AT_RATE, 0.002, index) for index in range(150)]
        lost = np.array([delivery.lost.size / 50 for delivery in told])
        spread = max(lost.std(ddof=1), np.sqrt(outage * (1 - outage) / 50))
        assert abs(lost.mean() - outage) <= 4.4 * spread / np.sqrt(150)


def test_transfers_meet_the_throughput() -> None:
    # R (1 - p_M) / (1 + p_1 + .. + p_(M-1)), here bits delivered over 6 ms a transmission and 1 MHz.
    outages = [chase_outage(attempts, 3.0, SNR) for attempts in (1, 2, 3, 4)]
    told = [upload(ChaseCombining(), AT_RATE, 0.002, index, packets=200) for index in range(100)]
    delivered = np.array([8.0 * delivery.delivered_bytes for delivery in told])
    symbols = np.array([1e6 * delivery.duration_s for delivery in told])
    wanted = renewal_throughput(RATE, outages)
    residual = delivered - wanted * symbols
    assert abs(residual.mean()) <= 4.4 * residual.std(ddof=1) / 10


@pytest.mark.parametrize("scheme", BOTH)
def test_transfers_meet_the_outage_of_one_block(scheme) -> None:
    forms = {ChaseCombining: chase_outage_in_one_block(3, 3.0, SNR),
             IncrementalRedundancy: redundancy_outage_in_one_block(3, RATE, SNR)}  # fmt: skip
    lost = np.array([upload(scheme(retransmissions=2), AT_RATE, 1e3, index, packets=2).lost.size / 2
                     for index in range(1500)])  # fmt: skip
    assert abs(lost.mean() - forms[scheme]) <= 4.4 * lost.std(ddof=1) / np.sqrt(1500)


def test_an_attempt_that_is_spoilt_delivers_nothing() -> None:
    # With every packet in a collision nothing ever arrives, however good the channel.
    got = upload(ChaseCombining(), OutageLoss(threshold_db=-100.0), 0.002, 0, collision=1.0)
    assert got.lost.size == 50 and got.transmissions == 200


@pytest.mark.parametrize("scheme", BOTH)
def test_what_is_spoilt_is_not_combined(scheme) -> None:
    # An SNR of which two attempts, both heard, are just enough: of two attempts (1 - c)^2 of the packets arrive, not
    # the share 1 - c of those whose second attempt is heard.
    spoilt, packets = 0.4, 4000
    rate = FixedRate(efficiency_b_per_s_hz=RATE)
    profile = LinkProfile(0, NoFading(), rate, 1e6, 0.6 * (2**RATE - 1), Allocation(collision=spoilt))
    cut = Packetisation(payload_bytes=1500, header_bytes=0)
    link = Link(0, profile, rate, 1.0, 12, "uplink", AT_RATE, cut, scheme(retransmissions=1))
    arrived, expected = 1 - link.transfer(0.0, 1500 * packets, 0).lost.size / packets, (1 - spoilt) ** 2
    assert abs(arrived - expected) <= 4.4 * np.sqrt(expected * (1 - expected) / packets)


def test_combining_takes_a_loss_that_follows_the_snr() -> None:
    with pytest.raises(ValueError, match=r"ChaseCombining combines attempts, which does nothing to .*ConstantLoss"):
        upload(ChaseCombining(), ConstantLoss(error_rate=0.1), 0.002, 0)
    profile = LinkProfile(0, BlockRayleigh(), FiniteBlocklength(), 1e6, SNR)
    with pytest.raises(ValueError, match="FiniteBlocklength: use a loss that follows"):
        Link(0, profile, FiniteBlocklength(), 1.0, 0, scheme=IncrementalRedundancy())


def test_more_attempts_than_needed_are_not_made() -> None:
    assert upload(IncrementalRedundancy(retransmissions=50), AT_RATE, 0.002, 0).lost.size == 0


def test_bad_arguments_are_named() -> None:
    for call in (
        lambda: chase_outage(0, 3.0, SNR),
        lambda: chase_outage(1, -3.0, SNR),
        lambda: redundancy_outage(1, 2.0, 0.0),
        lambda: redundancy_outage(1.5, 2.0, SNR),
    ):
        with pytest.raises(ValueError, match="must be"):
            call()
