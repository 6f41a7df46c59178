"""Losses in bursts: the chain of Gilbert and Elliott."""

from __future__ import annotations

from math import sqrt

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from channel_models.fading.rayleigh import BlockRayleigh
from channel_models.loss import Reception
from channel_models.loss.gilbert_elliott import GilbertElliottLoss, GilbertElliottProcess
from channel_models.randomness import draws, stream

CHAINS = [(0.01, 0.1), (0.05, 0.25), (0.002, 0.05), (0.9, 0.8)]


def states(loss: GilbertElliottLoss, count: int, seed: int = 5) -> np.ndarray:
    return loss.process(stream(seed, "loss", 0)).bad(0, count)


def spells(bad: np.ndarray) -> np.ndarray:
    """Lengths of the bad spells that begin and end inside."""
    edges = np.flatnonzero(np.diff(np.concatenate(([False], bad, [False])).astype(np.int8)))
    starts, ends = edges[::2], edges[1::2]
    inside = (starts > 0) & (ends < bad.size)
    return (ends - starts)[inside]


@pytest.mark.parametrize(
    ("p", "r", "share", "burst", "inflation", "tail"),
    [
        (0.01, 0.1, 0.0909090909, 10, 17.181818, 0.38742049),
        (0.05, 0.25, 0.1666666667, 4, 5.666667, 0.0750847),
        (0.002, 0.05, 0.0384615385, 20, 37.461538, 0.6302494),
        # From Doppler: f_D = 10 Hz, threshold 0 dB, mean 5 dB, packets of 12 ms (p = N T/pi_G, r = N T/pi_B).
        (0.1691497, 0.4547735, 0.2711065859, 2.198897, None, None),
    ],
)
def test_closed_forms_golden(
    p: float, r: float, share: float, burst: float, inflation: float | None, tail: float | None
) -> None:
    # pi_B = p/(p + r); 1/r; (1 + l)/(1 - l) with l = 1 - p - r; P(spell >= 10) = (1 - r)^9.
    loss = GilbertElliottLoss(good_to_bad=p, bad_to_good=r)
    assert loss.bad_share == pytest.approx(share, abs=6e-8)
    assert loss.mean_burst == pytest.approx(burst, rel=5e-7)
    assert loss.mean_error_rate(1.0, BlockRayleigh()) == loss.bad_share
    assert inflation is None or loss.variance_inflation == pytest.approx(inflation, abs=5e-7)
    assert tail is None or loss.burst_tail(10) == pytest.approx(tail, abs=5e-8)


def test_spread_of_the_loss_golden() -> None:
    # sqrt(pi_B (1 - pi_B)/n (1 + l)/(1 - l)) = 0.0302675 for n = 1550 in the limit, 0.0073020 if independent.
    loss = GilbertElliottLoss()
    independent = loss.bad_share * (1 - loss.bad_share) / 1550
    assert sqrt(independent) == pytest.approx(0.0073020, abs=5e-8)
    assert sqrt(independent * loss.variance_inflation) == pytest.approx(0.0302675, abs=5e-8)
    # The exact sum has an end correction: below the limit, and near it.
    exact = loss.loss_share_variance(1550)
    assert 0.99 < exact / (independent * loss.variance_inflation) < 1.0
    # And with p + r = 1 the chain has no memory.
    plain = GilbertElliottLoss(good_to_bad=0.3, bad_to_good=0.7)
    assert plain.loss_share_variance(40) == pytest.approx(0.3 * 0.7 / 40, rel=1e-12)


@pytest.mark.parametrize(("p", "r"), CHAINS)
def test_bad_spells_are_geometric(p: float, r: float) -> None:
    from scipy.stats import chi2

    lengths = spells(states(GilbertElliottLoss(good_to_bad=p, bad_to_good=r), int(40_000 * (1 / p + 1 / r))))
    longest = max(2, int(np.log(100 / lengths.size) / np.log1p(-r)))
    cells = np.arange(1, longest + 1)
    expected = np.append(r * (1 - r) ** (cells - 1), (1 - r) ** longest) * lengths.size
    found = np.append([np.sum(lengths == cell) for cell in cells], np.sum(lengths > longest))
    statistic = float(np.sum((found - expected) ** 2 / expected))
    assert lengths.size > 30_000
    assert statistic < chi2.ppf(1 - 1e-4, cells.size)


@pytest.mark.parametrize(("p", "r"), CHAINS)
def test_the_chain_turns_the_right_way(p: float, r: float) -> None:
    # Shares of good -> bad among good and bad -> good among bad: p and r, not r and p, nor their complements.
    bad = states(GilbertElliottLoss(good_to_bad=p, bad_to_good=r), 400_000)
    before, after = bad[:-1], bad[1:]
    for leave, here, there in ((p, ~before, after), (r, before, ~after)):
        share = np.mean(there[here])
        assert abs(share - leave) <= 4.4 * sqrt(leave * (1 - leave) / np.sum(here))


@pytest.mark.parametrize("slot", [0, 1, 7])
def test_every_slot_is_stationary(slot: int) -> None:
    loss = GilbertElliottLoss(good_to_bad=0.05, bad_to_good=0.25)
    bad = np.array([loss.process(draws(3, "loss").at(link)).bad(slot, 1)[0] for link in range(8_000)])
    assert abs(bad.mean() - 1 / 6) <= 4.4 * sqrt(5 / 36 / bad.size)


def test_spread_of_the_loss_meets_its_closed_form() -> None:
    loss = GilbertElliottLoss(good_to_bad=0.05, bad_to_good=0.25, loss_good=0.1, loss_bad=0.7)
    chain = states(loss, 200 * 5_000)
    lost = stream(9, "which").random(chain.size) < np.where(chain, 0.7, 0.1)
    shares = lost.reshape(5_000, 200).mean(axis=1)
    variance = loss.loss_share_variance(200)
    assert loss.stationary_loss == pytest.approx(0.2, rel=1e-12)
    assert abs(shares.mean() - 0.2) <= 4.4 * sqrt(variance / shares.size)
    spread = np.square(shares - 0.2)
    assert abs(spread.mean() - variance) <= 4.4 * spread.std() / sqrt(spread.size)


@settings(deadline=None, max_examples=50)
@given(st.lists(st.tuples(st.integers(0, 3000), st.integers(0, 300)), min_size=1, max_size=8))
def test_states_do_not_depend_on_how_they_are_asked_for(questions: list[tuple[int, int]]) -> None:
    loss = GilbertElliottLoss(good_to_bad=0.2, bad_to_good=0.3)
    whole, process = states(loss, 3300), loss.process(stream(5, "loss", 0))
    for first, count in questions:
        assert process.bad(first, count).tolist() == whole[first : first + count].tolist()


def test_states_are_safe_from_other_draws_of_the_same_generator() -> None:
    generator = stream(5, "loss", 0)
    process = GilbertElliottProcess(GilbertElliottLoss(), generator)
    early = process.bad(0, 10)
    generator.random(1000)
    assert process.bad(0, 5000).tolist() == states(GilbertElliottLoss(), 5000).tolist()
    assert process.bad(0, 10).tolist() == early.tolist()


def test_loss_by_state_and_slot() -> None:
    loss = GilbertElliottLoss(good_to_bad=0.2, bad_to_good=0.3, loss_good=0.01, loss_bad=0.5)
    met = Reception(np.ones(50), 1.0, 1.0, 1.0)
    rates = loss.process(stream(5, "loss", 0)).error_rate(100, met)
    expected = np.where(states(loss, 150)[100:], 0.5, 0.01)
    assert rates.tolist() == expected.tolist()
    assert {0.01, 0.5} == set(rates.tolist())
    assert loss.packet_error_rate(met).tolist() == pytest.approx([0.4 * 0.5 + 0.6 * 0.01] * 50)


def test_alternation_and_near_stillness() -> None:
    bad = states(GilbertElliottLoss(good_to_bad=1.0, bad_to_good=1.0), 100)
    assert np.all(bad[1:] != bad[:-1])
    assert np.unique(states(GilbertElliottLoss(good_to_bad=1e-9, bad_to_good=1e-9), 100)).size == 1


@pytest.mark.parametrize("change", [{"good_to_bad": 0.0}, {"bad_to_good": 1.1}, {"loss_bad": -0.1}])
def test_impossible_chains_are_refused(change: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=f"{next(iter(change))} must be"):
        GilbertElliottLoss(**change)


def test_slots_begin_at_zero() -> None:
    with pytest.raises(ValueError, match="first_slot must be at least 0, got -1"):
        GilbertElliottLoss().process(stream(0, "loss")).bad(-1, 2)
