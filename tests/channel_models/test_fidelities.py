"""One transfer, told four ways."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import ks_2samp, kstest, norm

from channel_models.delay import MultiBlockDelay
from channel_models.fading.clarke import Clarke
from channel_models.fading.fading import Fading
from channel_models.fading.none import NoFading
from channel_models.fading.rayleigh import BlockRayleigh
from channel_models.loss.constant import ConstantLoss
from channel_models.loss.gilbert_elliott import GilbertElliottLoss
from channel_models.loss.loss_map import LossMap
from channel_models.loss.none import NoLoss
from channel_models.loss.outage import OutageLoss
from channel_models.loss.waterfall import WaterfallLoss
from channel_models.randomness import draws
from channel_models.rates.finite_blocklength import FiniteBlocklength
from channel_models.rates.rate_map import RateMap
from channel_models.rates.shannon import Shannon
from channel_models.retransmission import Retransmission
from channel_models.retransmission.chase_combining import ChaseCombining
from channel_models.retransmission.fountain import Fountain
from channel_models.retransmission.incremental_redundancy import IncrementalRedundancy
from channel_models.retransmission.none import NoRetransmission
from channel_models.retransmission.selective_repeat import SelectiveRepeat
from channel_models.retransmission.stop_and_wait import StopAndWait
from channel_models.sharing.policy import Allocation
from channel_models.transfer.delivery import Delivery
from channel_models.transfer.fidelity import FIDELITIES
from channel_models.transfer.fidelity.analytic import transmission_moments
from channel_models.transfer.fidelity.flow import expected_passes
from channel_models.transfer.link import Link
from channel_models.transfer.profile import LinkProfile, Silence

SNR = 10**0.5
SCHEMES: list[Retransmission] = [
    NoRetransmission(),
    SelectiveRepeat(retransmissions=1),
    SelectiveRepeat(retransmissions=30),
    StopAndWait(retransmissions=4, feedback_s=0.05),
    Fountain(overhead=0.1),
]
COMBINING: list[Retransmission] = [ChaseCombining(retransmissions=2), IncrementalRedundancy(retransmissions=3)]
LOSSES: list[LossMap] = [
    ConstantLoss(error_rate=0.1),
    ConstantLoss(error_rate=0.4),
    OutageLoss(threshold_db=0.0),
    WaterfallLoss(),
]
BURSTS = GilbertElliottLoss(good_to_bad=0.05, bad_to_good=0.25)


def make_link(
    fidelity: str,
    link_id: int,
    loss: LossMap,
    scheme: Retransmission,
    coherence_s: float = 0.05,
    rate: RateMap = Shannon(),  # noqa: B008
    allocation: Allocation = Allocation(),  # noqa: B008
    fading: Fading | None = None,
) -> Link:
    faded = fading or BlockRayleigh(seed=21, coherence_s=coherence_s)
    profile = LinkProfile(link_id, faded, rate, 1e6, SNR, allocation)
    return Link(link_id, profile, rate, 1.0, 21, "uplink", loss, scheme=scheme, fidelity=fidelity)


@settings(max_examples=60, deadline=None)
@given(
    scheme=st.sampled_from(SCHEMES),
    loss=st.sampled_from([*LOSSES, NoLoss(), BURSTS]),
    payload=st.integers(1, 200_000),
    collision=st.sampled_from([0.0, 0.2]),
    coherence_s=st.sampled_from([0.004, 0.05, 0.7]),
    start_s=st.floats(0.0, 1e4),
)
def test_packet_is_per_packet_event_to_the_bit(scheme, loss, payload, collision, coherence_s, start_s) -> None:
    share = Allocation(airtime=0.5, collision=collision)
    same_story("packet", "per_packet_event", loss, scheme, coherence_s, share, payload, start_s)


@settings(max_examples=40, deadline=None)
@given(
    scheme=st.sampled_from(COMBINING),
    loss=st.sampled_from([OutageLoss(threshold_db=0.0), OutageLoss(threshold_db=7.0), WaterfallLoss()]),
    payload=st.integers(1, 200_000),
    collision=st.sampled_from([0.0, 0.2]),
    start_s=st.floats(0.0, 1e4),
)
def test_so_it_is_with_combining(scheme, loss, payload, collision, start_s) -> None:
    same_story("packet", "per_packet_event", loss, scheme, 0.05, Allocation(collision=collision), payload, start_s)


def same_story(one: str, other: str, loss, scheme, coherence_s, allocation, payload, start_s) -> None:
    told = [
        make_link(fidelity, 0, loss, scheme, coherence_s, allocation=allocation).transfer(start_s, payload, 3)
        for fidelity in (one, other)
    ]
    first, second = ({**vars(delivery), "lost": delivery.lost.tolist()} for delivery in told)
    assert first == second


def test_packet_is_per_packet_event_after_switches_too() -> None:
    told = []
    for fidelity in ("packet", "per_packet_event"):
        link = make_link(fidelity, 0, OutageLoss(threshold_db=0.0), SelectiveRepeat())
        moving = link.start(2.0, 150_000, 0)
        moving.switch(2.3, Silence())
        moving.switch(2.9, replace(link.profile, mean_snr=1.0))
        told.append(moving.delivery())
    assert told[0].finish_s == told[1].finish_s
    assert told[0].lost.tolist() == told[1].lost.tolist()


def test_packet_and_per_packet_event_have_one_law() -> None:
    # Different draws this time: two samples of 600, two-sided KS at 1e-3: D < 1.95 sqrt(2/n).
    n = 600
    samples = [
        [make_link(fidelity, link, LOSSES[0], SCHEMES[2]).transfer(0.0, 146_000, 0).duration_s for link in links]
        for fidelity, links in (("packet", range(n)), ("per_packet_event", range(n, 2 * n)))
    ]
    assert ks_2samp(*samples).statistic < 1.95 * np.sqrt(2 / n)


@dataclass(frozen=True)
class Configuration:
    """What the means of fluid and packet are compared on."""

    scheme: Retransmission
    loss: LossMap
    payload_bytes: int
    coherence_s: float
    collision: float

    def deliveries(self, fidelity: str, count: int) -> list[Delivery]:
        share = Allocation(collision=self.collision)
        return [
            make_link(fidelity, link, self.loss, self.scheme, self.coherence_s, allocation=share).transfer(
                0.03, self.payload_bytes, 0
            )
            for link in range(count)
        ]


@settings(max_examples=40, deadline=None, derandomize=True)
@given(
    st.builds(
        Configuration,
        scheme=st.sampled_from(SCHEMES),
        loss=st.sampled_from(LOSSES),
        payload_bytes=st.integers(200_000, 500_000),
        coherence_s=st.sampled_from([0.02, 0.05]),
        collision=st.sampled_from([0.0, 0.1]),
    )
)
def test_fluid_and_packet_agree_in_the_mean(case: Configuration) -> None:
    n = 60
    fluid, packet = case.deliveries("fluid", n), case.deliveries("packet", n)
    for figure in ("duration_s", "on_air_s", "lost_bytes"):
        gap = np.array([getattr(a, figure) - getattr(b, figure) for a, b in zip(fluid, packet, strict=True)])
        # The link is the same in both: what is left is the noise of packets, and where there is none, rounding.
        assert abs(gap.mean()) <= max(4.4 * gap.std(ddof=1) / np.sqrt(n), 1e-9), figure


def test_fluid_without_loss_is_packet() -> None:
    for scheme in SCHEMES:
        fluid, packet = (make_link(f, 5, NoLoss(), scheme).transfer(0.7, 300_000, 0) for f in ("fluid", "packet"))
        assert fluid.finish_s == packet.finish_s
        assert (fluid.transmissions, fluid.bits_on_air, fluid.passes) == (
            packet.transmissions, packet.bits_on_air, packet.passes,
        )  # fmt: skip


def test_fluid_at_one_error_rate_is_arithmetic() -> None:
    # S E[transmissions] / C, with E = (1 - p^2)/(1 - p) = 1.1 on 1 Mb/s; residual p^2 = 1 %.
    profile = LinkProfile(0, NoFading(), Shannon(), 1e6, 1.0)
    link = Link(0, profile, Shannon(), 1.0, 1, "uplink", ConstantLoss(error_rate=0.1), fidelity="fluid",
                scheme=SelectiveRepeat(retransmissions=1))  # fmt: skip
    told = [link.transfer(0.0, 1000 * 1460, index) for index in range(400)]
    assert told[0].duration_s == pytest.approx(13.2, rel=1e-9)
    assert {delivery.duration_s for delivery in told} == {told[0].duration_s}
    assert (told[0].transmissions, told[0].bits_on_air, told[0].passes) == (1100, 13_200_000, 2)
    lost = np.array([delivery.lost.size for delivery in told])
    assert abs(lost.mean() - 10.0) <= 4.4 * lost.std(ddof=1) / 20


def test_passes_of_a_fluid_are_those_of_its_closed_form() -> None:
    # Where the loss is one number, pass by pass (with waits of no length) and S E[transmissions] agree.
    told = [
        make_link("fluid", 3, ConstantLoss(error_rate=0.3), scheme).transfer(0.0, 300_000, 0).duration_s
        for scheme in (SelectiveRepeat(retransmissions=6), StopAndWait(retransmissions=6, feedback_s=1e-12))
    ]
    assert told[0] == pytest.approx(told[1], abs=1e-9)


def test_a_dead_fluid_is_lost_after_every_attempt() -> None:
    got = make_link("fluid", 0, ConstantLoss(error_rate=1.0), SelectiveRepeat(retransmissions=3)).transfer(
        0.0, 14_600, 0
    )
    assert (got.lost.size, got.transmissions, got.passes) == (10, 40, 4)


def test_fluid_can_be_switched() -> None:
    link = make_link("fluid", 0, OutageLoss(threshold_db=0.0), SelectiveRepeat(), fading=NoFading())
    whole, held = link.transfer(0.0, 146_000, 0), link.start(0.0, 146_000, 0)
    held.switch(0.1, Silence())
    held.switch(5.1, link.profile)
    assert held.finish_s == pytest.approx(whole.finish_s + 5.0, abs=1e-9)


def test_expected_passes() -> None:
    assert expected_passes(100, 1550, 0.1) == pytest.approx(3.948609433, rel=1e-9)
    assert expected_passes(2, 1000, 0.1) == pytest.approx(2.0, abs=1e-12)
    assert expected_passes(5, 10, 0.0) == 1.0


def test_a_fluid_has_nothing_to_combine() -> None:
    with pytest.raises(ValueError, match="no attempts that ChaseCombining could combine: use fidelity packet"):
        make_link("fluid", 0, OutageLoss(), ChaseCombining())


@pytest.mark.parametrize("share", [1.0, 0.5])
def test_analytic_draws_the_renewal_law(share: float) -> None:
    # E[T] = S/C + (Tc/2) CV^2, Var[T] = S Tc CV^2/C + V/C^2
    n, payload = 3000, 1_460_000
    loss, scheme = ConstantLoss(error_rate=0.1), SelectiveRepeat(retransmissions=2)
    mean, variance = transmission_moments(scheme, 0.1)
    assert (mean, variance) == (pytest.approx(1.11), pytest.approx(1 + 0.3 + 0.05 - 1.11**2))
    law = MultiBlockDelay(mean * 12e6, share * 1e6, SNR, BlockRayleigh(coherence_s=0.05))
    std_s = np.sqrt(law.variance_s2 + variance * 1000 * 12_000**2 / law.rate_bps**2)
    told = [
        make_link("analytic", link, loss, scheme, allocation=Allocation(airtime=share)).transfer(0.0, payload, 0)
        for link in range(n)
    ]
    durations_s = [delivery.duration_s for delivery in told]
    assert kstest(durations_s, norm(law.mean_s, std_s).cdf).statistic < 1.95 / np.sqrt(n)
    assert told[0].on_air_s == pytest.approx(share * told[0].duration_s, rel=1e-12)
    lost = np.array([delivery.lost.size for delivery in told])
    assert abs(lost.mean() - 1.0) <= 4.4 * lost.std(ddof=1) / np.sqrt(n)


def test_analytic_packet_and_fluid_agree_in_the_mean() -> None:
    n, loss, scheme = 800, ConstantLoss(error_rate=0.1), SelectiveRepeat(retransmissions=30)
    told = {
        fidelity: np.array([
            make_link(fidelity, link, loss, scheme).transfer(0.0, 1_000_000, 0).duration_s for link in range(n)
        ])
        for fidelity in ("analytic", "fluid", "packet")
    }  # fmt: skip
    for one, other in (("analytic", "packet"), ("analytic", "fluid")):
        error = np.hypot(told[one].std(ddof=1), told[other].std(ddof=1)) / np.sqrt(n)
        assert abs(told[one].mean() - told[other].mean()) <= 4.4 * error
    # Spread: renewal theory and packets have the same, to 4.4 standard errors of a standard deviation.
    ratio = told["analytic"].std(ddof=1) / told["packet"].std(ddof=1)
    assert abs(np.log(ratio)) <= 4.4 * np.sqrt(1.0 / n)


def test_the_duration_is_drawn_apart_from_the_losses() -> None:
    # T = E[T] + z std[T], with the same z for every payload and of no place that losses are drawn from.
    link = make_link("analytic", 4, NoLoss(), SelectiveRepeat())
    law = MultiBlockDelay(8.0 * 1500 * 1000, 1e6, SNR, BlockRayleigh(coherence_s=0.05))
    for index in range(20):
        z = (link.transfer(0.0, 1_460_000, index).duration_s - law.mean_s) / np.sqrt(law.variance_s2)
        for purpose in ("loss", "collisions", "fading"):
            assert abs(z - draws(21, f"uplink/{purpose}").at(4, index).standard_normal()) > 1e-6


def test_analytic_is_pure_and_draws_no_channel() -> None:
    link = make_link("analytic", 4, NoLoss(), SelectiveRepeat())
    assert link.transfer(5.0, 1_000_000, 7).duration_s == pytest.approx(link.transfer(90.0, 1_000_000, 7).duration_s)
    assert link.transfer(5.0, 1_000_000, 7).duration_s != link.transfer(5.0, 1_000_000, 8).duration_s
    still = make_link("analytic", 4, NoLoss(), SelectiveRepeat(), fading=NoFading())
    exact = make_link("packet", 4, NoLoss(), SelectiveRepeat(), fading=NoFading())
    assert still.transfer(0.0, 1_000_000, 0).duration_s == pytest.approx(exact.transfer(0.0, 1_000_000, 0).duration_s)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: make_link("analytic", 0, OutageLoss(), SelectiveRepeat()), "not OutageLoss: use fidelity fluid"),
        (lambda: make_link("analytic", 0, BURSTS, SelectiveRepeat()), "not GilbertElliottLoss"),
        (lambda: make_link("analytic", 0, NoLoss(), SelectiveRepeat(), rate=FiniteBlocklength()), "FiniteBlocklength"),
        (lambda: make_link("analytic", 0, NoLoss(), StopAndWait()), "know no StopAndWait"),
        (lambda: make_link("analytic", 0, NoLoss(), SelectiveRepeat()).start(0.0, 10**6, 0, Silence()), "stays where"),
        (lambda: upload_analytically(fading=Clarke()), "independent, not Clarke"),
        (lambda: upload_analytically(coherence_s=float("inf")), "independent, not BlockRayleigh with blocks of inf"),
        (lambda: upload_analytically(coherence_s=1.0), "too few for a normal law; use fidelity fluid"),
    ],
)
def test_analytic_refuses_what_its_law_does_not_hold_for(call, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()


def upload_analytically(**channel) -> Delivery:
    return make_link("analytic", 0, NoLoss(), SelectiveRepeat(), **channel).transfer(0.0, 1_000_000, 0)


def test_analytic_cannot_be_switched() -> None:
    moving = make_link("analytic", 0, NoLoss(), SelectiveRepeat()).start(0.0, 1_000_000, 0)
    with pytest.raises(ValueError, match="cannot be switched to another link: use fidelity fluid or packet"):
        moving.switch(1.0, Silence())


def test_there_are_four() -> None:
    assert sorted(FIDELITIES) == ["analytic", "fluid", "packet", "per_packet_event"]
    for fidelity in FIDELITIES:
        got = make_link(fidelity, 0, NoLoss(), SelectiveRepeat()).transfer(1.0, 0, 0)
        assert (got.finish_s, got.packets, got.passes) == (1.0, 0, 0)
