"""A fleet says of each link, to the bit, what the link says on its own."""

from __future__ import annotations

from dataclasses import replace
from math import inf

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from channel_models.fading.clarke import Clarke
from channel_models.fading.course import Course
from channel_models.fading.none import NoFading
from channel_models.fading.rayleigh import BlockRayleigh
from channel_models.fading.rician import BlockRician
from channel_models.loss.constant import ConstantLoss
from channel_models.loss.gilbert_elliott import GilbertElliottLoss
from channel_models.loss.none import NoLoss
from channel_models.loss.outage import OutageLoss
from channel_models.rates.shannon import Shannon
from channel_models.retransmission.none import NoRetransmission
from channel_models.retransmission.selective_repeat import SelectiveRepeat
from channel_models.retransmission.stop_and_wait import StopAndWait
from channel_models.sharing.policy import Allocation
from channel_models.transfer.fleet import Fleet, NotInVectorsError, refusal
from channel_models.transfer.lanes import blocks_of
from channel_models.transfer.link import Link
from channel_models.transfer.packets import Fluid, Packetisation
from channel_models.transfer.profile import LinkProfile, Silence, block_of

FADINGS = (
    BlockRayleigh(seed=3, coherence_s=0.05),
    BlockRician(seed=3, coherence_s=0.02),
    Clarke(seed=3),
    NoFading(),
    BlockRayleigh(seed=3, coherence_s=inf),
)
LOSSES = {
    "packet": (NoLoss(), OutageLoss(threshold_db=-2.0), OutageLoss(threshold_db=3.0)),
    "fluid": (NoLoss(), OutageLoss(threshold_db=0.0), ConstantLoss(error_rate=0.3), ConstantLoss(error_rate=1.0)),
}
SCHEMES = (NoRetransmission(), SelectiveRepeat(retransmissions=1), SelectiveRepeat(retransmissions=40))


def links_like(pattern: Link, mean_snr: list[float]) -> list[Link]:
    profile = pattern.profile
    assert isinstance(profile, LinkProfile)
    return [
        replace(pattern, link_id=at, profile=replace(profile, link_id=at, mean_snr=snr))
        for at, snr in enumerate(mean_snr)
    ]


def a_link(fading=FADINGS[0], loss=LOSSES["packet"][1], scheme=SCHEMES[1], fidelity="packet", **changes) -> Link:
    profile = LinkProfile(0, fading, Shannon(), 1e6, 3.0, changes.pop("allocation", Allocation()))
    return Link(0, profile, Shannon(), 0.5, 7, "uplink", loss, scheme=scheme, fidelity=fidelity, **changes)


def told_alone(link: Link, start_s: float, payload_bytes: int, index: int) -> tuple:
    transmission = link.start(start_s, payload_bytes, index)
    delivery, log = transmission.delivery(), transmission.log
    half = transmission.work.exposure([(0.0, 0.5 * log.elapsed_s)]).on_air_s
    return (
        log.first_pass_s,
        log.elapsed_s,
        delivery.packets,
        log.transmissions,
        log.bits_on_air,
        delivery.lost_bytes,
        delivery.on_air_s,
        delivery.mean_snr_db,
        delivery.mean_rate_bps,
        half,
    )


@st.composite
def voyages(draw):
    fidelity = draw(st.sampled_from(("packet", "fluid")))
    changes = {"packetisation": draw(st.sampled_from((Packetisation(), Packetisation(700, 20))))}
    loss = draw(st.sampled_from(LOSSES[fidelity]))
    if loss.lossless and draw(st.booleans()):
        changes["packetisation"] = Fluid()
    allocation = draw(st.sampled_from((Allocation(), Allocation(bandwidth=0.5, snr=2.0), Allocation(airtime=0.3))))
    scheme = draw(st.sampled_from(SCHEMES))
    link = a_link(draw(st.sampled_from(FADINGS)), loss, scheme, fidelity, allocation=allocation, **changes)
    size = draw(st.integers(1, 7))
    rows = st.tuples(st.floats(0.3, 30.0), st.floats(0.0, 1e5), st.sampled_from((1, 1460, 1461, 40_000, 131_072)))
    return link, draw(st.lists(rows, min_size=size, max_size=size)), draw(st.integers(0, 5))


@settings(max_examples=120, deadline=None)
@given(voyages())
def test_every_number_is_that_of_the_link_alone(voyage):
    pattern, rows, index = voyage
    links = links_like(pattern, [snr for snr, _, _ in rows])
    starts, sizes = np.array([start for _, start, _ in rows]), np.array([size for _, _, size in rows])
    flights = Fleet(links).fly(starts, sizes, index)
    on_air_s, mean_snr_db = flights.whole()
    half_s = flights.on_air_s(np.zeros(len(rows)), 0.5 * flights.elapsed_s)
    for at, link in enumerate(links):
        told = (
            flights.first_pass_s[at],
            flights.elapsed_s[at],
            flights.packets[at],
            flights.transmissions[at],
            flights.bits_on_air[at],
            flights.lost_bytes[at],
            on_air_s[at],
            mean_snr_db[at],
            flights.mean_rate_bps[at],
            half_s[at],
        )
        assert told == told_alone(link, float(starts[at]), int(sizes[at]), index)


def test_neither_rows_beside_a_row_nor_their_number_change_it():
    snr = [0.5 + 0.01 * at for at in range(700)]
    links, starts = links_like(a_link(), snr), np.linspace(0.0, 99.0, 700)
    sizes = np.full(700, 400_000)
    together, few = Fleet(links).fly(starts, sizes, 1), Fleet(links[300:303]).fly(starts[300:303], sizes[:3], 1)
    assert together.elapsed_s[300:303].tolist() == few.elapsed_s.tolist()
    assert together.whole()[1][300:303].tolist() == few.whole()[1].tolist()


@pytest.mark.parametrize(
    ("link", "why"),
    [
        (a_link(loss=ConstantLoss(error_rate=0.1)), "ConstantLoss leaves to chance"),
        (a_link(loss=GilbertElliottLoss()), "GilbertElliottLoss leaves to chance"),
        (a_link(scheme=StopAndWait()), "StopAndWait"),
        (a_link(fidelity="per_packet_event"), "per_packet_event"),
        (a_link(allocation=Allocation(collision=0.1)), "others spoil"),
        (replace(a_link(), profile=Silence()), "recorded, disturbed or on the move"),
    ],
)
def test_what_it_cannot_tell_is_refused_with_a_reason(link, why):
    assert why in (refusal(link) or "")
    with pytest.raises(NotInVectorsError, match=why):
        Fleet([link])


def test_a_transfer_that_stalls_is_refused():
    slow = links_like(a_link(fading=NoFading(), loss=NoLoss(), max_transfer_s=10.0), [1.0, 1e-4])
    with pytest.raises(NotInVectorsError, match="stalls"):
        Fleet(slow).fly(np.zeros(2), np.array([100_000, 100_000]), 0)


def test_links_that_are_not_alike_are_no_fleet():
    with pytest.raises(ValueError, match="all alike"):
        Fleet([a_link(), a_link(scheme=NoRetransmission())])
    with pytest.raises(ValueError, match="at least one link"):
        Fleet([])


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 50), st.integers(0, 1000)), min_size=1, max_size=6), st.integers(0, 600))
def test_gains_from_blocks_of_ones_own_are_those_of_each_link(places, count):
    links, firsts = zip(*places, strict=True)
    for fading in FADINGS[:3]:
        rows = fading.gains_from(links, firsts, count)
        assert all(np.array_equal(row, fading.gain(*place, count)) for row, place in zip(rows, places, strict=True))


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.tuples(st.sets(st.integers(0, 4), min_size=1), st.integers(0, 1500), st.integers(1, 300)), max_size=6)
)
def test_a_course_asked_in_any_order_gives_the_gains_of_each_link(asked):
    links = [3, 50, 0, 7, 2**20]
    for fading in FADINGS[:3]:
        course = Course(fading, links)
        for rows, first, count in asked:
            firsts = [first + 100 * row for row in rows]
            found = course.gains(np.array([*rows]), np.array(firsts), count)
            expected = [fading.gain(links[row], block, count) for row, block in zip(rows, firsts, strict=True)]
            assert np.array_equal(found, expected)


@given(st.lists(st.floats(0.0, 1e9), min_size=1), st.sampled_from((0.05, 0.1, 1e-3, 1 / 3, inf)))
def test_blocks_of_many_times_are_those_of_each(times_s, block_s):
    profile = Silence(block_s=block_s)
    assert blocks_of(block_s, np.array(times_s)).tolist() == [block_of(profile, time_s) for time_s in times_s]
