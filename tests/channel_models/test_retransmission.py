from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from channel_models.fading import BlockRayleigh, NoFading
from channel_models.loss import ConstantLoss, OutageLoss
from channel_models.packets import Packetisation
from channel_models.rates import Shannon
from channel_models.retransmission import (
    RETRANSMISSION,
    SelectiveRepeat,
    mean_passes,
    unlimited_transmissions,
)
from channel_models.transfer import Delivery, Link

BARE = Packetisation(payload_bytes=1500, header_bytes=0)


def uploads(error_rate: float, packets: int, retransmissions: int, count: int) -> list[Delivery]:
    link = Link(0, NoFading(), Shannon(), ConstantLoss(error_rate), 1e6, 1.0, 1.0, seed=77)
    return [link.transfer(0.0, packets * 1500, BARE, retransmissions, index) for index in range(count)]


def within_standard_errors(sample: np.ndarray, mean: float) -> bool:
    return abs(sample.mean() - mean) <= 4.4 * sample.std(ddof=1) / np.sqrt(sample.size)


@pytest.mark.parametrize(
    ("attempts", "transmissions", "residual"),
    [(1, 1.0, 0.1), (2, 1.1, 0.01), (4, 1.111, 1e-4), (8, 1.1111111, 1e-8)],
)
def test_capped_closed_forms_golden(attempts: int, transmissions: float, residual: float) -> None:
    scheme = SelectiveRepeat(attempts - 1)
    assert scheme.mean_transmissions(0.1) == pytest.approx(transmissions, rel=1e-9)
    assert scheme.residual_loss(0.1) == pytest.approx(residual, rel=1e-12)


@pytest.mark.parametrize(
    ("error_rate", "mean", "std", "passes"),
    [
        (0.1, 1722.222222, 13.83322178, 3.948609433),
        (0.01, 1565.656566, 3.976772, 2.145155745),
        (0.271106585890, 2126.511188, 28.12366116, 6.570934882),
    ],
)
def test_unlimited_closed_forms_golden(error_rate: float, mean: float, std: float, passes: float) -> None:
    assert unlimited_transmissions(1550, error_rate) == pytest.approx((mean, std), rel=1e-7)
    assert mean_passes(1550, error_rate) == pytest.approx(passes, rel=1e-9)


def test_edges_of_the_closed_forms() -> None:
    assert SelectiveRepeat(3).mean_transmissions(1.0) == 4.0
    assert SelectiveRepeat(3).mean_transmissions(0.0) == 1.0
    assert (mean_passes(0, 0.5), mean_passes(7, 0.0), mean_passes(1, 0.5)) == (0.0, 1.0, pytest.approx(2.0))
    assert unlimited_transmissions(10, 0.0) == (10.0, 0.0)
    for refused in (unlimited_transmissions, mean_passes):
        with pytest.raises(ValueError, match="infinite"):
            refused(10, 1.0)


def test_uncapped_passes_are_negative_binomial() -> None:
    n, p = 1550, 0.1
    told = uploads(p, n, 100, 1500)
    assert all(delivery.complete for delivery in told)
    sent = np.array([delivery.transmissions for delivery in told], dtype=float)
    mean, std = unlimited_transmissions(n, p)
    assert within_standard_errors(sent, mean)
    assert within_standard_errors(np.square(sent - mean), std**2)
    assert within_standard_errors(np.array([delivery.passes for delivery in told]), mean_passes(n, p))


def test_capped_passes_leave_the_residual() -> None:
    n, p, scheme = 500, 0.3, SelectiveRepeat(2)
    told = uploads(p, n, scheme.retransmissions, 1000)
    lost = np.array([delivery.lost.size for delivery in told], dtype=float)
    sent = np.array([delivery.transmissions for delivery in told], dtype=float)
    q = scheme.residual_loss(p)
    assert within_standard_errors(lost, n * q)
    assert within_standard_errors(np.square(lost - n * q), n * q * (1 - q))
    assert within_standard_errors(sent, n * scheme.mean_transmissions(p))
    assert max(delivery.passes for delivery in told) == scheme.attempts


def test_every_packet_is_lost_as_often_as_any_other() -> None:
    counts = np.zeros(200)
    for delivery in uploads(0.4, 200, 1, 4000):
        counts[delivery.lost] += 1
    expected = 4000 * 0.16
    chi2 = float(np.sum(np.square(counts - expected)) / (expected * 0.84))
    assert abs(chi2 - 200) < 4.4 * np.sqrt(2 * 200)


def test_what_befalls_a_packet_ignores_a_higher_cap() -> None:
    link = Link(0, NoFading(), Shannon(), ConstantLoss(0.5), 1e6, 1.0, 1.0, seed=5)
    lost = [set(link.transfer(0.0, 300_000, BARE, cap, 0).lost.tolist()) for cap in range(5)]
    assert all(more > less for more, less in pairwise(lost))


def test_an_outage_outlasts_repeats_within_its_block() -> None:
    fading = BlockRayleigh(seed=3, coherence_s=1000.0)
    bad = int(np.flatnonzero(fading.gain(0, 0, 100) < 0.2)[0])
    link = Link(0, fading, Shannon(), OutageLoss(0.5), 1e6, 1.0, 1.0, seed=3)
    got = link.transfer(1000.0 * bad, 15_000, BARE, 6, 0)
    assert got.lost.size == 10 and got.transmissions == 70


def test_registry_and_bad_caps() -> None:
    assert RETRANSMISSION["selective_repeat"](4).attempts == 5
    for cap in (-1, 1.5, True):
        with pytest.raises(ValueError, match="retransmissions must be an integer of at least 0"):
            SelectiveRepeat(cap)  # type: ignore[arg-type]
