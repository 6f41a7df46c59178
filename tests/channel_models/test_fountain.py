"""Rateless codes: enough packets, whichever they are."""

from __future__ import annotations

from math import ceil

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import nbinom

from channel_models.fading.none import NoFading
from channel_models.fading.rayleigh import BlockRayleigh
from channel_models.loss.constant import ConstantLoss
from channel_models.loss.gilbert_elliott import GilbertElliottLoss
from channel_models.loss.loss_map import LossMap
from channel_models.rates.shannon import Shannon
from channel_models.retransmission.fountain import Fountain
from channel_models.retransmission.selective_repeat import unlimited_transmissions
from channel_models.transfer.link import Link
from channel_models.transfer.packets import Packetisation
from channel_models.transfer.profile import LinkProfile
from channel_models.transfer.work import LinkStalled


def make_link(loss: LossMap, overhead: float = 0.0, fading=NoFading(), max_transfer_s: float = 1e6) -> Link:  # noqa: B008
    profile = LinkProfile(0, fading, Shannon(), 1e6, 1.0)
    scheme = Fountain(overhead=overhead)
    return Link(0, profile, Shannon(), 1.0, 3, "uplink", loss, Packetisation(), scheme, max_transfer_s)


def test_transmissions_are_negative_binomial() -> None:
    # Mean K/(1 - p), standard deviation sqrt(K p)/(1 - p): 1722.222222 and 13.83322178 at K = 1550, p = 0.1.
    link, n = make_link(ConstantLoss(error_rate=0.1)), 2000
    sent = np.array([link.transfer(0.0, 1550 * 1460, index).transmissions for index in range(n)], dtype=float)
    mean, std = unlimited_transmissions(1550, 0.1)
    assert (mean, std) == (pytest.approx(1722.222222, rel=1e-9), pytest.approx(13.83322178, rel=1e-9))
    assert abs(sent.mean() - mean) <= 4.4 * sent.std(ddof=1) / np.sqrt(n)
    cells = nbinom(1550, 0.9).ppf(np.arange(0.05, 1.0, 0.05)) + 1550
    expected = n * np.diff(nbinom(1550, 0.9).cdf(np.concatenate(([-np.inf], cells - 1550, [np.inf]))))
    seen = np.histogram(sent, np.concatenate(([0.0], cells + 0.5, [np.inf])))[0]
    assert float(np.sum(np.square(seen - expected) / expected)) < 19 + 4.4 * np.sqrt(2 * 19)


@settings(max_examples=40, deadline=None)
@given(payload=st.integers(1, 300_000), overhead=st.floats(0.0, 1.0), error_rate=st.floats(0.0, 0.9))
def test_enough_packets_arrive_and_no_more(payload: int, overhead: float, error_rate: float) -> None:
    link = make_link(ConstantLoss(error_rate=error_rate), overhead)
    got = link.transfer(0.0, payload, 0)
    needed = Fountain(overhead=overhead).needed(got.packets)
    assert got.packets * (1 + overhead) - 1e-6 <= needed <= ceil(got.packets * (1 + overhead))
    assert got.complete and got.transmissions >= needed
    chances = link.fate(payload, 0).chances.between(0, got.transmissions)
    assert int(np.count_nonzero(chances < 1.0 - error_rate)) == needed
    assert chances[-1] < 1.0 - error_rate


def test_overhead_of_whole_numbers_is_whole() -> None:
    assert [Fountain(overhead=0.1).needed(n) for n in (10, 11, 100)] == [11, 13, 110]
    assert Fountain(overhead=0.0).needed(1592) == 1592


def test_coded_packets_are_as_long_as_the_longest() -> None:
    got = make_link(ConstantLoss(error_rate=0.0), 0.5).transfer(0.0, 1461, 0)
    assert (got.packets, got.transmissions, got.bits_on_air) == (2, 3, 3 * 12_000)
    single = make_link(ConstantLoss(error_rate=0.0)).transfer(0.0, 100, 0)
    assert single.bits_on_air == 8 * 140


def test_bursts_are_outlasted() -> None:
    bursty = GilbertElliottLoss(good_to_bad=0.05, bad_to_good=0.05)
    assert make_link(bursty, fading=BlockRayleigh(seed=1)).transfer(0.0, 100_000, 0).complete


def test_a_channel_that_delivers_nothing_stalls() -> None:
    for fading in (NoFading(), BlockRayleigh(seed=1)):
        with pytest.raises(LinkStalled, match="max_transfer_s = 20 s"):
            make_link(ConstantLoss(error_rate=1.0), fading=fading, max_transfer_s=20.0).transfer(0.0, 14_600, 0)


def test_closed_forms_and_bad_overheads() -> None:
    assert Fountain().mean_transmissions(0.2) == pytest.approx(1.25)
    assert Fountain().residual_loss(0.5) == 0.0
    with pytest.raises(ValueError, match="overhead must be at least 0"):
        Fountain(overhead=-0.1)
