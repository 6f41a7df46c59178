from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from channel_models.fading.fading import Fading
from channel_models.fading.none import NoFading
from channel_models.fading.rayleigh import BlockRayleigh
from channel_models.loss.constant import ConstantLoss
from channel_models.loss.loss_map import LossMap
from channel_models.loss.outage import OutageLoss
from channel_models.rates.shannon import Shannon
from channel_models.retransmission import RETRANSMISSION, Retransmission
from channel_models.retransmission.none import NoRetransmission
from channel_models.retransmission.selective_repeat import SelectiveRepeat, mean_passes, unlimited_transmissions
from channel_models.retransmission.stop_and_wait import StopAndWait
from channel_models.transfer.delivery import Delivery
from channel_models.transfer.link import Link
from channel_models.transfer.packets import Packetisation
from channel_models.transfer.profile import LinkProfile

BARE = Packetisation(payload_bytes=1500, header_bytes=0)


def make_link(loss_map: LossMap, scheme: Retransmission, seed: int = 77, fading: Fading | None = None) -> Link:
    """1 Mb/s where it does not fade."""
    profile = LinkProfile(0, fading or NoFading(), Shannon(), 1e6, 1.0)
    return Link(0, profile, Shannon(), 1.0, seed, "uplink", loss_map, BARE, scheme)


def uploads(error_rate: float, packets: int, retransmissions: int, count: int) -> list[Delivery]:
    link = make_link(ConstantLoss(error_rate=error_rate), SelectiveRepeat(retransmissions=retransmissions))
    return [link.transfer(0.0, packets * 1500, index) for index in range(count)]


def within_standard_errors(sample: np.ndarray, mean: float) -> bool:
    return abs(sample.mean() - mean) <= 4.4 * sample.std(ddof=1) / np.sqrt(sample.size)


@pytest.mark.parametrize(
    ("attempts", "transmissions", "residual"),
    [(1, 1.0, 0.1), (2, 1.1, 0.01), (4, 1.111, 1e-4), (8, 1.1111111, 1e-8)],
)
def test_capped_closed_forms_golden(attempts: int, transmissions: float, residual: float) -> None:
    scheme = SelectiveRepeat(retransmissions=attempts - 1)
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
    assert SelectiveRepeat(retransmissions=3).mean_transmissions(1.0) == 4.0
    assert SelectiveRepeat(retransmissions=3).mean_transmissions(0.0) == 1.0
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
    n, p, scheme = 500, 0.3, SelectiveRepeat(retransmissions=2)
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
    half = ConstantLoss(error_rate=0.5)
    links = [make_link(half, SelectiveRepeat(retransmissions=cap)) for cap in range(5)]
    lost = [set(link.transfer(0.0, 300_000, 0).lost.tolist()) for link in links]
    assert all(more > less for more, less in pairwise(lost))


def test_an_outage_outlasts_repeats_within_its_block() -> None:
    fading = BlockRayleigh(seed=3, coherence_s=1000.0)
    bad = int(np.flatnonzero(fading.gain(0, 0, 100) < 0.2)[0])
    link = make_link(OutageLoss(threshold_db=-3.0), SelectiveRepeat(retransmissions=6), 3, fading)
    got = link.transfer(1000.0 * bad, 15_000, 0)
    assert got.lost.size == 10 and got.transmissions == 70


def test_registry_and_bad_caps() -> None:
    assert RETRANSMISSION["selective_repeat"](retransmissions=4).attempts == 5
    assert {"none", "stop_and_wait", "chase_combining", "incremental_redundancy", "fountain"} < set(RETRANSMISSION)
    with pytest.raises(ValueError, match="retransmissions must be at least 0"):
        SelectiveRepeat(retransmissions=-1)
    with pytest.raises(ValueError, match="error_rate must lie in"):
        SelectiveRepeat().mean_transmissions(1.5)


def test_a_packet_lost_is_a_model_lost_golden() -> None:
    # P(all n arrive) = (1 - PER)^n: a PER of 0.001 loses 80 % of the models that fill 1592 packets.
    for packets, whole in ((1592, 0.2033561), (14521, 4.9029e-7)):
        assert (1.0 - NoRetransmission().residual_loss(1e-3)) ** packets == pytest.approx(whole, rel=2e-5)
    link = make_link(ConstantLoss(error_rate=1e-3), NoRetransmission())
    complete = np.array([link.transfer(0.0, 1592 * 1500, index).complete for index in range(2000)], dtype=float)
    assert within_standard_errors(complete, 0.2033561)


def test_none_is_one_pass() -> None:
    lossy = ConstantLoss(error_rate=0.3)
    once = make_link(lossy, NoRetransmission()).transfer(0.0, 90_000, 3)
    assert (
        once.lost.tolist()
        == make_link(lossy, SelectiveRepeat(retransmissions=0)).transfer(0.0, 90_000, 3).lost.tolist()
    )
    assert (once.passes, once.transmissions, NoRetransmission().mean_transmissions(0.3)) == (1, 60, 1.0)


def test_repeats_cost_time_and_energy() -> None:
    # E[transmissions] at p = 0.1 is 10/9; at an outage of 1 - exp(-1/g) (0 dB at g = 5 dB) 1/(1 - 0.271) = 1.37.
    assert SelectiveRepeat(retransmissions=400).mean_transmissions(0.271106585890) == pytest.approx(1.371943, rel=1e-6)
    got = uploads(0.1, 1000, 100, 1)[0]
    assert got.radiated_j == pytest.approx(got.transmissions * 0.012, rel=1e-9)
    assert got.radiated_j > 1.05 * 12.0


def test_waits_take_time_but_no_energy() -> None:
    link = make_link(ConstantLoss(error_rate=0.1), StopAndWait(retransmissions=100, feedback_s=0.5))
    quick = make_link(ConstantLoss(error_rate=0.1), SelectiveRepeat(retransmissions=100))
    got, free = link.transfer(2.0, 150_000, 1), quick.transfer(2.0, 150_000, 1)
    assert got.passes == free.passes > 1 and got.transmissions == free.transmissions
    assert got.duration_s == pytest.approx(free.duration_s + 0.5 * (got.passes - 1), abs=1e-9)
    assert got.on_air_s == pytest.approx(free.duration_s, abs=1e-9)
    assert got.radiated_j == pytest.approx(free.radiated_j, abs=1e-9)
    assert got.first_pass_s == free.first_pass_s


def test_rounds_of_stop_and_wait_have_their_mean() -> None:
    # E[rounds] = sum over m of 1 - (1 - p^m)^n = 3.948609433 at n = 1550, p = 0.1; one wait less.
    link = make_link(ConstantLoss(error_rate=0.1), StopAndWait(retransmissions=100, feedback_s=1.0))
    told = [link.transfer(0.0, 1550 * 1500, index) for index in range(600)]
    waited = np.array([delivery.duration_s - delivery.on_air_s for delivery in told])
    assert within_standard_errors(waited, 3.948609433 - 1.0)


def test_no_wait_after_the_last_attempt() -> None:
    link = make_link(ConstantLoss(error_rate=1.0), StopAndWait(retransmissions=2, feedback_s=1.0))
    got = link.transfer(0.0, 15_000, 0)
    assert (got.passes, got.lost.size) == (3, 10)
    assert got.duration_s - got.on_air_s == pytest.approx(2.0, abs=1e-12)


def test_a_channel_fades_on_while_the_sender_waits() -> None:
    fading = BlockRayleigh(seed=3, coherence_s=0.01)
    outage = OutageLoss(threshold_db=-3.0)
    link = make_link(outage, StopAndWait(retransmissions=9, feedback_s=0.2), 3, fading)
    got = link.transfer(0.0, 150_000, 0)
    free = make_link(outage, SelectiveRepeat(retransmissions=9), 3, fading).transfer(0.0, 150_000, 0)
    assert got.first_pass_s == free.first_pass_s and got.passes > 1
    assert got.radiated_j == got.on_air_s == pytest.approx(got.duration_s - 0.2 * (got.passes - 1), abs=1e-9)
