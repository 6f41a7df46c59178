"""Many links at once, each exactly as on its own."""

from __future__ import annotations

from dataclasses import replace
from math import inf

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from channel_models.fading.none import NoFading
from channel_models.fading.rayleigh import BlockRayleigh
from channel_models.fading.rician import BlockRician
from channel_models.loss.constant import ConstantLoss
from channel_models.loss.none import NoLoss
from channel_models.loss.outage import OutageLoss
from channel_models.rates.shannon import Shannon
from channel_models.retransmission.fountain import Fountain
from channel_models.retransmission.selective_repeat import SelectiveRepeat
from channel_models.retransmission.stop_and_wait import StopAndWait
from channel_models.sharing.policy import Allocation
from channel_models.transfer import cohort as module
from channel_models.transfer.cohort import Cohort
from channel_models.transfer.link import Link
from channel_models.transfer.profile import LinkProfile, Silence
from channel_models.transfer.work import LinkStalled

RAYLEIGH = BlockRayleigh(seed=15, coherence_s=0.05)


def pattern(fidelity="packet", loss=NoLoss(), scheme=SelectiveRepeat(), fading=RAYLEIGH, **allocation) -> Link:  # noqa: B008
    profile = LinkProfile(0, fading, Shannon(), 1e6, 1.0, Allocation(**allocation))
    return Link(0, profile, Shannon(), 1.0, 15, "uplink", loss, scheme=scheme, fidelity=fidelity, max_transfer_s=2e4)


def some_links(count: int) -> tuple[np.ndarray, np.ndarray]:
    generator = np.random.default_rng(count)
    return generator.permutation(count) * 3 + 1, 10 ** generator.uniform(-0.5, 2.0, count)


@settings(max_examples=60, deadline=None)
@given(
    fidelity=st.sampled_from(["fluid", "packet", "analytic"]),
    loss=st.sampled_from([NoLoss(), ConstantLoss(error_rate=0.2), OutageLoss(threshold_db=-8.0)]),
    scheme=st.sampled_from([SelectiveRepeat(), Fountain(), StopAndWait(feedback_s=0.1)]),
    fading=st.sampled_from([RAYLEIGH, BlockRician(seed=2), NoFading(), replace(RAYLEIGH, coherence_s=inf)]),
    airtime=st.sampled_from([1.0, 0.3]),
    payload=st.integers(0, 60_000),
    start_s=st.floats(0.0, 1e4),
)
def test_every_finish_is_that_of_the_link_alone(fidelity, loss, scheme, fading, airtime, payload, start_s) -> None:
    if fidelity == "analytic":
        loss, scheme, fading, payload = ConstantLoss(error_rate=0.2), SelectiveRepeat(), NoFading(), payload + 10**5
    if fading.block_s == inf:
        loss = ConstantLoss(error_rate=0.2)  # A link that is in outage for ever would stall.
    numbers, snr = some_links(12)
    cohort = Cohort(pattern(fidelity, loss, scheme, fading, airtime=airtime), numbers, snr)
    alone = [cohort.member(place).transfer(start_s, payload, 2).finish_s for place in range(12)]
    assert cohort.finish_s(start_s, payload, 2).tolist() == alone


@pytest.mark.parametrize("fidelity", ["fluid", "packet"])
def test_tiles_of_any_size_say_the_same(fidelity: str, monkeypatch) -> None:
    cohort = Cohort(pattern(fidelity, ConstantLoss(error_rate=0.1)), *some_links(300))
    at_once = cohort.finish_s(3.3, 100_000, 0)
    monkeypatch.setattr(module, "_TILE_CELLS", 500)
    assert np.array_equal(cohort.finish_s(3.3, 100_000, 0), at_once)


@pytest.mark.parametrize("blocks", [1, 7])
def test_links_that_need_more_blocks_than_drawn_get_them(blocks: int, monkeypatch) -> None:
    cohort = Cohort(pattern("fluid"), *some_links(40))
    at_once = cohort.finish_s(3.3, 100_000, 0)
    monkeypatch.setattr(module, "_MOST_BLOCKS", blocks)
    assert np.array_equal(cohort.finish_s(3.3, 100_000, 0), at_once)


def test_links_with_a_share_that_changes_go_one_by_one() -> None:
    turns = pattern(airtime=lambda first, count: 0.5 + 0.5 * (np.arange(first, first + count) % 2))
    cohort = Cohort(turns, *some_links(5))
    alone = [cohort.member(place).transfer(0.0, 50_000, 0).finish_s for place in range(5)]
    assert cohort.finish_s(0.0, 50_000, 0).tolist() == alone


def test_more_links_change_no_other() -> None:
    numbers, snr = some_links(50)
    few, many = (Cohort(pattern("fluid"), numbers[:n], snr[:n]).finish_s(0.0, 100_000, 0) for n in (20, 50))
    assert np.array_equal(few, many[:20])


@pytest.mark.parametrize("fidelity", ["fluid", "packet"])
def test_a_hopeless_link_is_named(fidelity: str) -> None:
    cohort = Cohort(pattern(fidelity), np.array([4, 8]), np.array([10.0, 1e-6]))
    with pytest.raises(LinkStalled, match="link 8"):
        cohort.finish_s(0.0, 100_000, 0)


def test_bad_cohorts_are_refused() -> None:
    with pytest.raises(ValueError, match="must be a LinkProfile, got Silence"):
        Cohort(replace(pattern(), profile=Silence()), np.arange(2), np.ones(2))
    with pytest.raises(ValueError, match="must be rows alike"):
        Cohort(pattern(), np.arange(2), np.ones(3))
