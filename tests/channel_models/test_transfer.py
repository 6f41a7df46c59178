from __future__ import annotations

from dataclasses import dataclass, replace
from math import inf, log2

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from channel_models.fading import BlockRayleigh, NoFading
from channel_models.loss import ConstantLoss, NoLoss, OutageLoss
from channel_models.packets import Fluid, Packetisation
from channel_models.randomness import stream
from channel_models.rates import Shannon
from channel_models.transfer import Delivery, Link, LinkStalled

SNR = 10**0.5
RAYLEIGH = BlockRayleigh(seed=4, coherence_s=0.05)
BASE = Link(0, RAYLEIGH, Shannon(), NoLoss(), bandwidth_hz=1e6, mean_snr=SNR, tx_power_w=1.0, seed=4)
FLAT = replace(BASE, fading=NoFading(), mean_snr=1.0)  # exactly 1 Mb/s
PAYLOAD_BYTES = 2_324_000


@dataclass(frozen=True)
class Case:
    """One transfer over the base link, to be told twice."""

    seed: int
    start_block: int
    phase: float
    payload_bytes: int
    cut: Packetisation
    loss_map: NoLoss | ConstantLoss | OutageLoss
    repeats: int
    coherence_s: float

    @property
    def link(self) -> Link:
        fading = BlockRayleigh(self.seed, self.coherence_s)
        return replace(BASE, fading=fading, loss_map=self.loss_map, seed=self.seed)

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
    loss_map=st.sampled_from([NoLoss(), ConstantLoss(0.1), ConstantLoss(0.9), ConstantLoss(1.0), OutageLoss(1.0)]),
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
        generator = stream(case.seed, "uplink/loss", self.link.link_id, 17)
        self.lost = list(range(count))
        for attempt in range(case.repeats + 1):
            draws = generator.random(count)
            self.lost = [packet for packet in self.lost if self.is_lost(packet, draws[packet])]
            self.first_pass_s = self.now_s if attempt == 0 else self.first_pass_s
            if not self.lost:
                break

    def is_lost(self, packet: int, draw: float) -> bool:
        size = self.case.cut.payload_bytes
        carried = min(size, self.case.payload_bytes - packet * size)
        bits = 8 * (carried + self.case.cut.header_bytes)
        self.bits_on_air, self.transmissions = self.bits_on_air + bits, self.transmissions + 1
        snr = self.send(float(bits))
        return draw < float(self.link.loss_map.packet_error_rate(snr))

    def send(self, left_bits: float) -> float:
        """Send to the end and return the SNR of the block in which that is."""
        while True:
            snr = self.link.mean_snr * float(self.link.fading.gain(self.link.link_id, self.block, 1)[0])
            rate_bps = self.link.bandwidth_hz * log2(1 + snr)
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
    got = case.link.transfer(case.start_s, case.payload_bytes, case.cut, case.repeats, 17)
    assert got.lost.tolist() == told.lost
    assert (got.transmissions, got.bits_on_air) == (told.transmissions, told.bits_on_air)
    assert got.air_time_s == pytest.approx(told.now_s, abs=1e-8)
    assert got.air_time_s - got.retransmission_s == pytest.approx(told.first_pass_s, abs=1e-8)


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
    link = replace(BASE, loss_map=ConstantLoss(error_rate), tx_power_w=power_w)
    got = link.transfer(start_s, payload, Packetisation(), repeats, 0)
    assert got.payload_bytes == payload == got.delivered_bytes + got.lost_bytes
    assert got.lost_bytes == sum(stop - start for start, stop in got.lost_ranges)
    assert got.complete == (got.lost_bytes == 0)
    assert got.packets <= got.transmissions <= got.packets * (repeats + 1)
    assert got.bits_on_air >= 8 * (payload + 40 * got.packets)
    assert got.air_time_s >= got.retransmission_s >= 0.0
    assert got.start_s <= got.first_pass_s <= got.finish_s == start_s + got.air_time_s
    assert got.energy_j == power_w * got.air_time_s
    if payload:
        assert got.mean_rate_bps * got.air_time_s == pytest.approx(got.bits_on_air, rel=1e-12)


def test_a_megabit_at_a_megabit_a_second_takes_a_second() -> None:
    got = FLAT.transfer(10.0, 125_000, Fluid(), 0, 0)
    assert got.finish_s == pytest.approx(11.0, abs=1e-12)
    assert got.energy_j == pytest.approx(1.0, abs=1e-12)
    assert got.mean_rate_bps == pytest.approx(1e6, rel=1e-12)
    assert got.mean_snr_db == pytest.approx(0.0, abs=1e-12)


def test_headers_and_repeats_take_air_time_and_energy() -> None:
    link = replace(FLAT, loss_map=ConstantLoss(0.1), tx_power_w=2.0)
    got = link.transfer(0.0, PAYLOAD_BYTES, Packetisation(), 20, 0)
    assert got.complete and got.transmissions > got.packets == 1592
    first_pass_bits = 8 * (PAYLOAD_BYTES + 40 * 1592)
    assert got.first_pass_s == pytest.approx(first_pass_bits / 1e6, rel=1e-12)
    assert got.air_time_s == pytest.approx(got.bits_on_air / 1e6, rel=1e-12)
    assert got.retransmission_s == pytest.approx((got.bits_on_air - first_pass_bits) / 1e6, rel=1e-9)
    assert got.energy_j == pytest.approx(2.0 * got.bits_on_air / 1e6, rel=1e-12)


def test_constant_channel_upload_golden() -> None:
    link = replace(BASE, fading=NoFading())
    assert link.transfer(0.0, PAYLOAD_BYTES, Fluid(), 0, 0).air_time_s == pytest.approx(9.036765873, abs=6e-10)
    assert link.transfer(0.0, 21_200_000, Fluid(), 0, 0).air_time_s == pytest.approx(82.43521365, abs=6e-9)


def test_a_dead_channel_loses_all_after_every_attempt() -> None:
    got = replace(FLAT, loss_map=ConstantLoss(1.0)).transfer(0.0, 14_600, Packetisation(), 3, 0)
    assert got.lost.tolist() == list(range(10))
    assert got.lost_ranges == ((0, 14_600),)
    assert (got.transmissions, got.passes, got.delivered_bytes) == (40, 4, 0)


def test_a_packet_takes_the_fate_of_the_block_it_ends_in() -> None:
    gains = RAYLEIGH.gain(0, 0, 200)
    falls = np.flatnonzero((gains[:-1] > 1.0) & (gains[1:] < 0.2))
    rises = np.flatnonzero((gains[:-1] < 0.2) & (gains[1:] > 1.0))
    link = replace(BASE, loss_map=OutageLoss(0.5 * SNR))
    for blocks, delivered in ((falls, False), (rises, True)):
        edge_s = (int(blocks[0]) + 1) * 0.05
        assert link.transfer(edge_s - 1e-5, 500, Packetisation(), 0, 0).complete is delivered
        assert link.transfer(edge_s - 0.04, 500, Packetisation(), 0, 0).complete is not delivered


def test_nothing_to_send_takes_no_time() -> None:
    for scheme in (Packetisation(), Fluid()):
        got = BASE.transfer(1.01, 0, scheme, 4, 0)
        assert got.complete and got.start_s == got.first_pass_s == got.finish_s == 1.01
        assert (got.packets, got.passes, got.transmissions, got.bits_on_air, got.energy_j) == (
            0,
            0,
            0,
            0,
            0.0,
        )
        gain = RAYLEIGH.gain(0, 20, 1)[0]
        assert got.mean_snr_db == pytest.approx(10 * np.log10(SNR * gain), rel=1e-12)
        assert got.mean_rate_bps == pytest.approx(1e6 * np.log2(1 + SNR * gain), rel=1e-12)


def figures(got: Delivery) -> tuple[object, ...]:
    return (got.finish_s, got.energy_j, got.transmissions, got.mean_snr_db, tuple(got.lost.tolist()))


def ten_links(extra: int, backwards: bool) -> dict[tuple[int, int], tuple[object, ...]]:
    """Three uploads each of ten links, among those of some more links, asked for in either order."""
    fading = BlockRayleigh(seed=8, coherence_s=0.05)
    link = replace(BASE, fading=fading, loss_map=ConstantLoss(0.2), seed=8)
    asked = [(index, number) for index in range(3) for number in range(10 + extra)]
    told = {}
    for index, number in reversed(asked) if backwards else asked:
        got = replace(link, link_id=number).transfer(20.0 * index, 200_000, Packetisation(), 1, index)
        if number < 10:
            told[index, number] = figures(got)
    return told


def test_more_links_or_another_order_change_no_other_link() -> None:
    alone = ten_links(extra=0, backwards=False)
    assert ten_links(extra=1, backwards=False) == alone
    assert ten_links(extra=3, backwards=True) == alone
    assert len(set(alone.values())) == 30


def test_directions_and_transfers_meet_their_own_draws() -> None:
    link = replace(FLAT, loss_map=ConstantLoss(0.5))
    fates = {
        tuple(other.transfer(0.0, 100_000, Packetisation(), 0, index).lost.tolist())
        for other in (
            link,
            replace(link, purpose="downlink"),
            replace(link, link_id=1),
            replace(link, seed=5),
        )
        for index in (0, 1)
    }
    assert len(fates) == 8


def test_delays_of_links_are_uncorrelated() -> None:
    n = 400
    delays_s = np.array(
        [
            [replace(BASE, link_id=link).transfer(15.0 * k, 500_000, Fluid(), 0, k).air_time_s for k in range(n)]
            for link in (0, 1)
        ]
    )
    assert abs(np.corrcoef(delays_s)[0, 1]) < 4.4 / np.sqrt(n)
    assert abs(np.corrcoef(delays_s[0, 1:], delays_s[0, :-1])[0, 1]) < 4.4 / np.sqrt(n)


def test_a_hopeless_link_raises_and_names_itself() -> None:
    with pytest.raises(LinkStalled, match=r"link 6 .*mean SNR of -80\.00 dB.*raise the SNR"):
        replace(BASE, link_id=6, mean_snr=1e-8).transfer(0.0, PAYLOAD_BYTES, Packetisation(), 0, 0)


def test_repeats_count_against_the_time_limit() -> None:
    link = replace(FLAT, loss_map=ConstantLoss(1.0), max_transfer_s=1.0)
    assert link.transfer(0.0, 50_000, Packetisation(), 1, 0).passes == 2
    with pytest.raises(LinkStalled, match="max_transfer_s = 1 s"):
        link.transfer(0.0, 50_000, Packetisation(), 2, 0)


def test_a_fluid_cannot_be_lossy() -> None:
    with pytest.raises(ValueError, match="a fluid payload has no packets that OutageLoss could lose"):
        replace(BASE, loss_map=OutageLoss(1.0)).transfer(0.0, 100, Fluid(), 0, 0)
    assert replace(BASE, loss_map=ConstantLoss(0.0)).transfer(0.0, 100, Fluid(), 0, 0).complete


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: BASE.transfer(-1.0, 10, Packetisation(), 0, 0), "start_s must be"),
        (lambda: BASE.transfer(inf, 10, Packetisation(), 0, 0), "start_s must be"),
        (lambda: BASE.transfer(0.0, -10, Packetisation(), 0, 0), "total_bytes must be"),
        (lambda: BASE.transfer(0.0, 10, Packetisation(), -1, 0), "retransmissions must be"),
        (lambda: BASE.transfer(0.0, 10, Packetisation(), 0, -1), "transfer_index must be"),
        (lambda: replace(BASE, link_id=-1), "link_id must be"),
        (lambda: replace(BASE, mean_snr=0.0), "mean_snr must be"),
        (lambda: replace(BASE, bandwidth_hz=-1.0), "bandwidth_hz must be"),
        (lambda: replace(BASE, tx_power_w=-1.0), "tx_power_w must be"),
        (lambda: replace(BASE, max_transfer_s=0.0), "max_transfer_s must be"),
    ],
)
def test_bad_arguments_are_named(call, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()
