from __future__ import annotations

from dataclasses import dataclass, replace
from math import inf, log2, ulp

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from channel_models.fading.fading import Fading
from channel_models.fading.none import NoFading
from channel_models.fading.rayleigh import BlockRayleigh
from channel_models.loss.constant import ConstantLoss
from channel_models.loss.gilbert_elliott import GilbertElliottLoss
from channel_models.loss.loss_map import LossMap, Reception
from channel_models.loss.none import NoLoss
from channel_models.loss.outage import OutageLoss
from channel_models.randomness import draws
from channel_models.rates.shannon import Shannon
from channel_models.retransmission.selective_repeat import SelectiveRepeat
from channel_models.transfer.delivery import Delivery
from channel_models.transfer.link import Link
from channel_models.transfer.packets import Fluid, Packetisation, PacketScheme
from channel_models.transfer.profile import LinkProfile
from channel_models.transfer.work import LinkStalled

SNR = 10**0.5
RAYLEIGH = BlockRayleigh(seed=4, coherence_s=0.05)
PAYLOAD_BYTES = 2_324_000


def make_link(
    fading: Fading = RAYLEIGH,
    mean_snr: float = SNR,
    link_id: int = 0,
    retransmissions: int = 0,
    packetisation: PacketScheme = Packetisation(),  # noqa: B008
    loss_map: LossMap = NoLoss(),  # noqa: B008
    seed: int = 4,
    tx_power_w: float = 1.0,
    purpose: str = "uplink",
    max_transfer_s: float = 1e6,
) -> Link:
    """A private link of 1 MHz at Shannon's rate."""
    profile = LinkProfile(link_id, fading, Shannon(), 1e6, mean_snr)
    scheme = SelectiveRepeat(retransmissions=retransmissions)
    return Link(link_id, profile, Shannon(), tx_power_w, seed, purpose, loss_map, packetisation, scheme, max_transfer_s)


def make_flat(**changes) -> Link:
    """Exactly 1 Mb/s."""
    return make_link(fading=NoFading(), mean_snr=1.0, **changes)


@dataclass(frozen=True)
class Case:
    """One transfer, to be told twice."""

    seed: int
    start_block: int
    phase: float
    payload_bytes: int
    cut: Packetisation
    loss_map: LossMap
    repeats: int
    coherence_s: float

    @property
    def fading(self) -> BlockRayleigh:
        return BlockRayleigh(seed=self.seed, coherence_s=self.coherence_s)

    @property
    def link(self) -> Link:
        return make_link(
            fading=self.fading,
            loss_map=self.loss_map,
            seed=self.seed,
            retransmissions=self.repeats,
            packetisation=self.cut,
        )

    @property
    def start_s(self) -> float:
        return (self.start_block + self.phase) * self.coherence_s


CASES = st.builds(
    Case,
    seed=st.integers(0, 1000),
    start_block=st.integers(0, 10_000),
    phase=st.floats(0.01, 0.99),
    payload_bytes=st.integers(1, 400_000),
    cut=st.sampled_from([Packetisation(), Packetisation(1500, 0), Packetisation(9000, 20), Packetisation(701, 13)]),
    loss_map=st.sampled_from(
        [
            NoLoss(),
            ConstantLoss(error_rate=0.1),
            ConstantLoss(error_rate=0.9),
            ConstantLoss(error_rate=1.0),
            OutageLoss(threshold_db=0.0),
        ]
    ),
    repeats=st.integers(0, 5),
    coherence_s=st.sampled_from([0.004, 0.05, 0.9]),
)


class PacketByPacket:
    """A transfer in plain Python, one packet and one block at a time, with the same draws."""

    def __init__(self, case: Case) -> None:
        self.case, self.link = case, case.link
        self.block, self.now_s = case.start_block, 0.0
        self.bits_on_air, self.transmissions, self.first_pass_s = 0, 0, 0.0
        count = -(-case.payload_bytes // case.cut.payload_bytes)
        self.chances = draws(case.seed, "uplink/loss").at(self.link.link_id, 17).random(count * (case.repeats + 1))
        self.lost = list(range(count))
        for attempt in range(case.repeats + 1):
            self.lost = [packet for packet in self.lost if self.is_lost(packet)]
            self.first_pass_s = self.now_s if attempt == 0 else self.first_pass_s
            if not self.lost:
                break

    def is_lost(self, packet: int) -> bool:
        chance = self.chances[self.transmissions]
        size = self.case.cut.payload_bytes
        carried = min(size, self.case.payload_bytes - packet * size)
        bits = 8 * (carried + self.case.cut.header_bytes)
        self.bits_on_air, self.transmissions = self.bits_on_air + bits, self.transmissions + 1
        snr = self.send(float(bits))
        reception = Reception(np.array([snr]), SNR, np.nan, float(bits))
        return bool(chance >= 1.0 - self.link.loss_map.packet_error_rate(reception)[0])

    def send(self, left_bits: float) -> float:
        """Send to the end and return the SNR of the block in which that is."""
        while True:
            snr = SNR * float(self.case.fading.gain(self.link.link_id, self.block, 1)[0])
            rate_bps = 1e6 * log2(1 + snr)
            edge_s = (self.block + 1) * self.case.coherence_s - self.case.start_s
            if self.now_s + left_bits / rate_bps <= edge_s:
                self.now_s += left_bits / rate_bps
                return snr
            left_bits -= rate_bps * (edge_s - self.now_s)
            self.now_s, self.block = edge_s, self.block + 1


@settings(max_examples=40, deadline=None)
@given(CASES)
def test_packets_go_as_one_by_one_in_plain_python(case: Case) -> None:
    told = PacketByPacket(case)
    got = case.link.transfer(case.start_s, case.payload_bytes, 17)
    assert got.lost.tolist() == told.lost
    assert (got.transmissions, got.bits_on_air) == (told.transmissions, told.bits_on_air)
    assert got.duration_s == pytest.approx(told.now_s, abs=1e-8)
    assert got.duration_s - got.retransmission_s == pytest.approx(told.first_pass_s, abs=1e-8)


@settings(max_examples=60, deadline=None)
@given(
    start_s=st.floats(0.0, 1e7),
    payload=st.integers(0, 3_000_000),
    error_rate=st.floats(0.0, 1.0),
    repeats=st.integers(0, 8),
    power_w=st.floats(0.0, 10.0),
)
def test_bytes_time_and_energy_are_conserved(
    start_s: float, payload: int, error_rate: float, repeats: int, power_w: float
) -> None:
    link = make_link(loss_map=ConstantLoss(error_rate=error_rate), tx_power_w=power_w, retransmissions=repeats)
    got = link.transfer(start_s, payload, 0)
    assert got.payload_bytes == payload == got.delivered_bytes + got.lost_bytes
    assert got.lost_bytes == sum(stop - start for start, stop in got.lost_ranges)
    assert got.complete == (got.lost_bytes == 0)
    assert got.packets <= got.transmissions <= got.packets * (repeats + 1)
    assert got.bits_on_air >= 8 * (payload + 40 * got.packets)
    assert got.duration_s >= got.retransmission_s >= 0.0
    assert got.start_s <= got.first_pass_s <= got.finish_s == pytest.approx(start_s + got.duration_s, rel=1e-15)
    assert got.radiated_j == power_w * got.on_air_s
    assert got.on_air_s == pytest.approx(got.duration_s, rel=1e-9, abs=1e-8)
    if payload:
        clock_s = 4 * ulp(got.finish_s)
        bits = got.mean_rate_bps * got.duration_s
        assert bits == pytest.approx(got.bits_on_air, rel=1e-12, abs=got.mean_rate_bps * clock_s)


def test_a_megabit_at_a_megabit_a_second_takes_a_second() -> None:
    got = make_flat(packetisation=Fluid()).transfer(10.0, 125_000, 0)
    assert got.finish_s == pytest.approx(11.0, abs=1e-12)
    assert got.radiated_j == pytest.approx(1.0, abs=1e-12)
    assert got.mean_rate_bps == pytest.approx(1e6, rel=1e-12)
    assert got.mean_snr_db == pytest.approx(0.0, abs=1e-12)


def test_headers_and_repeats_take_air_time_and_energy() -> None:
    link = make_flat(loss_map=ConstantLoss(error_rate=0.1), tx_power_w=2.0, retransmissions=20)
    got = link.transfer(0.0, PAYLOAD_BYTES, 0)
    assert got.complete and got.transmissions > got.packets == 1592
    first_pass_bits = 8 * (PAYLOAD_BYTES + 40 * 1592)
    assert got.first_pass_s == pytest.approx(first_pass_bits / 1e6, rel=1e-12)
    assert got.duration_s == pytest.approx(got.bits_on_air / 1e6, rel=1e-12)
    assert got.retransmission_s == pytest.approx((got.bits_on_air - first_pass_bits) / 1e6, rel=1e-9)
    assert got.radiated_j == pytest.approx(2.0 * got.bits_on_air / 1e6, rel=1e-12)


def test_constant_channel_upload_golden() -> None:
    # S / (B log2(1 + g)) at g = 5 dB.
    link = make_link(fading=NoFading(), packetisation=Fluid())
    assert link.transfer(0.0, PAYLOAD_BYTES, 0).duration_s == pytest.approx(9.036765873, abs=6e-10)
    assert link.transfer(0.0, 21_200_000, 0).duration_s == pytest.approx(82.43521365, abs=6e-9)


def test_a_dead_channel_loses_all_after_every_attempt() -> None:
    got = make_flat(loss_map=ConstantLoss(error_rate=1.0), retransmissions=3).transfer(0.0, 14_600, 0)
    assert got.lost.tolist() == list(range(10))
    assert got.lost_ranges == ((0, 14_600),)
    assert (got.transmissions, got.passes, got.delivered_bytes) == (40, 4, 0)


def test_a_packet_takes_the_fate_of_the_block_it_ends_in() -> None:
    gains = RAYLEIGH.gain(0, 0, 200)
    falls = np.flatnonzero((gains[:-1] > 1.0) & (gains[1:] < 0.2))
    rises = np.flatnonzero((gains[:-1] < 0.2) & (gains[1:] > 1.0))
    link = make_link(loss_map=OutageLoss(threshold_db=10 * np.log10(0.5 * SNR)))
    for blocks, delivered in ((falls, False), (rises, True)):
        edge_s = (int(blocks[0]) + 1) * 0.05
        assert link.transfer(edge_s - 1e-5, 500, 0).complete is delivered
        assert link.transfer(edge_s - 0.04, 500, 0).complete is not delivered


def test_nothing_to_send_takes_no_time() -> None:
    for scheme in (Packetisation(), Fluid()):
        got = make_link(packetisation=scheme).transfer(1.01, 0, 0)
        assert got.complete and got.start_s == got.first_pass_s == got.finish_s == 1.01
        assert (got.packets, got.passes, got.transmissions, got.bits_on_air, got.radiated_j) == (0, 0, 0, 0, 0.0)
        gain = RAYLEIGH.gain(0, 20, 1)[0]
        assert got.mean_snr_db == pytest.approx(10 * np.log10(SNR * gain), rel=1e-12)
        assert got.mean_rate_bps == pytest.approx(1e6 * np.log2(1 + SNR * gain), rel=1e-12)


def figures(got: Delivery) -> tuple[object, ...]:
    return (got.finish_s, got.radiated_j, got.transmissions, got.mean_snr_db, tuple(got.lost.tolist()))


def ten_links(extra: int, backwards: bool) -> dict[tuple[int, int], tuple[object, ...]]:
    """Three uploads each of ten links, among those of some more links, asked for in either order."""
    fading = BlockRayleigh(seed=8, coherence_s=0.05)
    asked = [(index, number) for index in range(3) for number in range(10 + extra)]
    told = {}
    for index, number in reversed(asked) if backwards else asked:
        link = make_link(fading, link_id=number, loss_map=ConstantLoss(error_rate=0.2), seed=8, retransmissions=1)
        got = link.transfer(20.0 * index, 200_000, index)
        if number < 10:
            told[index, number] = figures(got)
    return told


def test_more_links_or_another_order_change_no_other_link() -> None:
    alone = ten_links(extra=0, backwards=False)
    assert ten_links(extra=1, backwards=False) == alone
    assert ten_links(extra=3, backwards=True) == alone
    assert len(set(alone.values())) == 30


@pytest.mark.parametrize(
    "half",
    [ConstantLoss(error_rate=0.5), GilbertElliottLoss(good_to_bad=0.5, bad_to_good=0.5)],
    ids=["chances", "states"],
)
def test_directions_and_transfers_meet_their_own_draws(half: LossMap) -> None:
    fates = {
        tuple(other.transfer(0.0, 100_000, index).lost.tolist())
        for other in (
            make_flat(loss_map=half),
            make_flat(loss_map=half, purpose="downlink"),
            make_flat(loss_map=half, link_id=1),
            make_flat(loss_map=half, seed=5),
        )
        for index in (0, 1)
    }
    assert len(fates) == 8


def test_delays_of_links_are_uncorrelated() -> None:
    n = 400
    delays_s = np.array(
        [
            [make_link(link_id=link, packetisation=Fluid()).transfer(15.0 * k, 500_000, k).duration_s for k in range(n)]
            for link in (0, 1)
        ]
    )
    assert abs(np.corrcoef(delays_s)[0, 1]) < 4.4 / np.sqrt(n)
    assert abs(np.corrcoef(delays_s[0, 1:], delays_s[0, :-1])[0, 1]) < 4.4 / np.sqrt(n)


def test_a_hopeless_link_raises_and_names_itself() -> None:
    with pytest.raises(LinkStalled, match=r"link 6 .*mean SNR of -80\.00 dB.*raise the SNR"):
        make_link(link_id=6, mean_snr=1e-8).transfer(0.0, PAYLOAD_BYTES, 0)


def test_repeats_count_against_the_time_limit() -> None:
    dead = ConstantLoss(error_rate=1.0)
    link = make_flat(loss_map=dead, max_transfer_s=1.0, retransmissions=1)
    assert link.transfer(0.0, 50_000, 0).passes == 2
    with pytest.raises(LinkStalled, match="max_transfer_s = 1 s"):
        make_flat(loss_map=dead, max_transfer_s=1.0, retransmissions=2).transfer(0.0, 50_000, 0)


def test_a_fluid_cannot_be_lossy() -> None:
    with pytest.raises(ValueError, match="a fluid payload has no packets that OutageLoss or Shannon could lose"):
        make_link(loss_map=OutageLoss(threshold_db=0.0), packetisation=Fluid())
    assert make_link(loss_map=ConstantLoss(error_rate=0.0), packetisation=Fluid()).transfer(0.0, 100, 0).complete


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: make_link().transfer(-1.0, 10, 0), "start_s must be"),
        (lambda: make_link().transfer(inf, 10, 0), "start_s must be"),
        (lambda: make_link().transfer(0.0, -10, 0), "total_bytes must be"),
        (lambda: make_link(retransmissions=-1), "retransmissions must be"),
        (lambda: make_link().transfer(0.0, 10, -1), "transfer_index must be"),
        (lambda: make_link(link_id=-1), "link_id must be"),
        (lambda: make_link(mean_snr=0.0), "mean_snr must be"),
        (lambda: make_link(tx_power_w=-1.0), "tx_power_w must be"),
        (lambda: make_link(max_transfer_s=0.0), "max_transfer_s must be"),
        (lambda: replace(make_link(), fidelity="guess"), "fidelity must be one of analytic, fluid, packet"),
    ],
)
def test_bad_arguments_are_named(call, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()
