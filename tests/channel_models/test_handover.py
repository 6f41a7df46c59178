from __future__ import annotations

from math import ceil, sqrt

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from channel_models.geometry.handover import Handover, HandoverEvent, ReceivedPower
from channel_models.geometry.layout import distances_2d_m
from channel_models.geometry.shadowing import Shadowing
from channel_models.mobility.linear import Linear
from channel_models.mobility.random_waypoint import RandomWaypoint
from channel_models.path_loss.log_distance import LogDistance
from channel_models.placement.fixed import Fixed
from channel_models.randomness import draws

SITES_M = np.array([(0.0, 0.0), (1000.0, 0.0)])
PATH_LOSS = LogDistance(exponent=3.5)


def straight(speed_mps: float) -> ReceivedPower:
    """Received power on a straight path from site 0, 1 m aside, to site 1."""
    mobility = Linear(placement=Fixed(x_m=(0.0,), y_m=(1.0,)), speed_mps=speed_mps, heading_deg=0.0)
    return lambda times: -PATH_LOSS.loss_db(distances_2d_m(mobility.positions_m(0, times), SITES_M))


def noisy(seed: int, cells: int = 3) -> ReceivedPower:
    """Power that jumps at every measurement of 10 ms, around slow waves: many handovers and broken runs."""

    def received(times_s: np.ndarray) -> np.ndarray:
        samples = np.rint(times_s / 0.01).astype(int)
        noise = np.array([draws(seed, "noise").at(int(at)).normal(0.0, 1.0, cells) for at in samples])
        return noise + 6.0 * np.sin(times_s[:, None] * (0.7 + 0.4 * np.arange(cells)))

    return received


def by_the_book(rules: Handover, received: ReceivedPower, samples: int) -> list[HandoverEvent]:
    """Event A3 one measurement at a time, as the standard words it: an independent witness."""
    powers = received(np.arange(samples) * rules.interval_s)
    serving, since, blind = int(np.argmax(powers[0])), {}, 0
    events = []
    for at, row in enumerate(powers):
        if at < blind:
            continue
        better = [cell for cell in range(len(row)) if row[cell] > row[serving] + rules.hysteresis_db]
        since = {cell: since.get(cell, at) for cell in better}
        ripe = [cell for cell in better if (at - since[cell]) * rules.interval_s >= rules.time_to_trigger_s - 1e-9]
        if ripe:
            target = max(ripe, key=lambda cell: row[cell])
            events.append(HandoverEvent(at * rules.interval_s, serving, target))
            serving, since = target, {}
            blind = at + max(1, ceil(rules.interruption_s / rules.interval_s - 1e-9))
    return events


@pytest.mark.parametrize("hysteresis_db", [0.0, 3.0, 6.0])
@pytest.mark.parametrize("time_to_trigger_s", [0.0, 0.16, 2.0])
def test_a_straight_path_between_two_cells(hysteresis_db: float, time_to_trigger_s: float) -> None:
    # 10 n log10(d_0/d_1) = hysteresis: x/(L - x) = 10^(h/(10 n)); then the time to trigger, rounded up to the grid
    rules = Handover(hysteresis_db=hysteresis_db, time_to_trigger_s=time_to_trigger_s, interval_s=0.04)
    ratio = 10 ** (hysteresis_db / 35.0)
    crossing_s = 1000.0 * ratio / (1 + ratio) / 20.0
    (event,) = rules.follow(straight(20.0)).events(60.0)
    assert (event.source, event.target) == (0, 1)
    assert 0.0 <= event.time_s - crossing_s - time_to_trigger_s <= 0.04 + 1e-3


def test_the_cell_and_the_gap_around_a_handover() -> None:
    attachment = Handover(interruption_s=0.3).follow(straight(20.0))
    (event,) = attachment.events(49.0)
    assert attachment.cell_at(np.nextafter(event.time_s, 0.0)) == 0
    assert attachment.cell_at(event.time_s) == 1
    assert attachment.is_interrupted(event.time_s)
    assert attachment.is_interrupted(event.time_s + 0.29)
    assert not attachment.is_interrupted(event.time_s + 0.31)
    assert not attachment.is_interrupted(event.time_s - 0.01)


@pytest.mark.parametrize("interruption_s", [0.0, 0.05])
@pytest.mark.parametrize("time_to_trigger_s", [0.0, 0.03, 0.1])
@pytest.mark.parametrize("seed", range(3))
def test_against_the_rule_measurement_by_measurement(
    seed: int, time_to_trigger_s: float, interruption_s: float
) -> None:
    rules = Handover(
        hysteresis_db=1.5, time_to_trigger_s=time_to_trigger_s, interruption_s=interruption_s, interval_s=0.01
    )
    expected = by_the_book(rules, noisy(seed), 1500)
    assert len(expected) >= 5
    assert list(rules.follow(noisy(seed)).events(14.99)) == expected


@given(times=st.permutations([0.0, 0.7, 2.55, 2.56, 5.0, 9.9]))
def test_questions_in_any_order(times: list[float]) -> None:
    rules = Handover(hysteresis_db=1.0, time_to_trigger_s=0.02, interval_s=0.01)
    attachment = rules.follow(noisy(7))
    answers = {time: (attachment.cell_at(time), attachment.is_interrupted(time)) for time in times}
    fresh = {time: rules.follow(noisy(7)) for time in times}
    assert answers == {time: (one.cell_at(time), one.is_interrupted(time)) for time, one in fresh.items()}


def test_hysteresis_stops_ping_pong() -> None:
    def swaying(times_s: np.ndarray) -> np.ndarray:
        return np.column_stack((np.zeros_like(times_s), 2.0 * np.sin(times_s)))

    assert len(Handover(hysteresis_db=0.0).follow(swaying).events(60.0)) > 15
    assert Handover(hysteresis_db=2.5).follow(swaying).events(60.0) == ()


def test_the_strongest_of_several_is_taken_and_a_broken_run_starts_again() -> None:
    def received(times_s: np.ndarray) -> np.ndarray:
        late = times_s >= 1.0
        broken = late & ~np.isclose(times_s, 1.2)
        return np.column_stack((np.zeros_like(times_s), 5.0 * broken - 1.0, 4.5 * late - 1.0, 9.0 * broken - 1.0))

    rules = Handover(hysteresis_db=3.0, time_to_trigger_s=0.25, interval_s=0.05)
    # cell 3 is the strongest but its run breaks at 1.2 s; cell 2 alone lasts from 1.0 to 1.25 s
    assert rules.follow(received).events(1.3) == (HandoverEvent(pytest.approx(1.25), 0, 2),)
    short = Handover(hysteresis_db=3.0, time_to_trigger_s=0.1, interval_s=0.05)
    assert short.follow(received).events(1.15) == (HandoverEvent(pytest.approx(1.1), 0, 3),)


def test_one_cell_never_hands_over() -> None:
    attachment = Handover().follow(lambda times: np.zeros((len(times), 1)))
    assert attachment.events(100.0) == ()
    assert attachment.cell_at(100.0) == 0


def test_a_walk_among_shadowed_cells_is_the_same_twice() -> None:
    sites = np.array([(-300.0, 0.0), (300.0, 0.0), (0.0, 400.0)])
    walk = RandomWaypoint(placement=Fixed(x_m=(0.0,), y_m=(0.0,)), seed=5, speed_min_mps=5.0, speed_max_mps=15.0)
    shadowing = Shadowing(seed=5)

    def received(times_s: np.ndarray) -> np.ndarray:
        places = walk.positions_m(0, times_s)
        shadow_db = np.column_stack([shadowing.loss_db(site, places) for site in range(len(sites))])
        return -PATH_LOSS.loss_db(np.maximum(distances_2d_m(places, sites), 1.0)) - shadow_db

    straight_on, jumping = Handover().follow(received), Handover().follow(received)
    jumping.cell_at(200.0)
    events = straight_on.events(200.0)
    assert len(events) >= 3
    assert jumping.events(200.0) == events
    assert all(event.source != event.target for event in events)


def test_bad_arguments_are_named() -> None:
    with pytest.raises(ValueError, match=r"Handover: interval_s must be at least 0\.001"):
        Handover(interval_s=0.0)
    with pytest.raises(ValueError, match="finite number of at least 0 s, got -1"):
        Handover().follow(straight(1.0)).cell_at(-1.0)
    with pytest.raises(ValueError, match=r"shape \[times, cells\], got shape \(1,\)"):
        Handover().follow(lambda times: np.zeros(len(times)))


def test_grid_times_are_multiples_of_the_interval() -> None:
    rules = Handover(hysteresis_db=1.0, time_to_trigger_s=0.02, interval_s=0.01)
    steps = np.array([event.time_s for event in rules.follow(noisy(3)).events(10.0)]) / 0.01
    np.testing.assert_allclose(steps, np.rint(steps), atol=1e-6 * sqrt(2))
