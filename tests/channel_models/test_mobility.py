from __future__ import annotations

from math import pi, sqrt

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import kstest

from channel_models.geometry.layout import distances_2d_m, hexagonal_sites_m
from channel_models.mobility import MOBILITY
from channel_models.mobility.linear import Linear
from channel_models.mobility.random_waypoint import RandomWaypoint
from channel_models.mobility.static import Static
from channel_models.placement import PLACEMENTS
from channel_models.placement.disc import Disc
from channel_models.placement.fixed import Fixed
from channel_models.placement.hexagon import Hexagon

ORIGIN = Fixed(x_m=(0.0,) * 8, y_m=(0.0,) * 8)
SMALL = {"x_min_m": -5.0, "x_max_m": 5.0, "y_min_m": -5.0, "y_max_m": 5.0}


def within_4_4_errors(samples: np.ndarray, mean: float) -> bool:
    return abs(samples.mean() - mean) <= 4.4 * samples.std(ddof=1) / sqrt(len(samples))


def test_a_disc_is_filled_evenly() -> None:
    # P(R < r) = (r^2 - r_min^2)/(r_max^2 - r_min^2); KS, n = 1e5
    positions = Disc(r_min_m=100.0, r_max_m=400.0, center_x_m=50.0, seed=1).positions_m(range(100_000))
    radius = np.hypot(positions[:, 0] - 50.0, positions[:, 1])
    law = kstest(radius, lambda r: (np.square(r) - 100.0**2) / (400.0**2 - 100.0**2))
    assert law.statistic < 1.95 / sqrt(100_000)
    turn = np.arctan2(positions[:, 1], positions[:, 0] - 50.0)
    assert kstest(turn, "uniform", args=(-pi, 2 * pi)).statistic < 1.95 / sqrt(100_000)


def test_a_hexagon_is_filled_evenly() -> None:
    # E[x^2] = E[y^2] = 5 R^2/24; the inscribed circle holds pi/(2 sqrt 3) of the area
    positions = Hexagon(r_max_m=1.0, r_min_m=0.0, seed=2).positions_m(range(30_000))
    for axis in range(2):
        assert within_4_4_errors(positions[:, axis], 0.0)
        assert within_4_4_errors(np.square(positions[:, axis]), 5 / 24)
    inside = np.hypot(*positions.T) < sqrt(0.75)
    assert within_4_4_errors(inside.astype(float), pi / (2 * sqrt(3)))
    for angle in np.deg2rad(np.arange(30, 390, 60)):
        assert np.max(positions @ (np.cos(angle), np.sin(angle))) <= sqrt(0.75) + 1e-12


def test_the_middle_of_a_hexagon_stays_free() -> None:
    positions = Hexagon(r_max_m=10.0, r_min_m=8.0, center_y_m=-3.0).positions_m(range(2000))
    assert np.hypot(positions[:, 0], positions[:, 1] + 3.0).min() >= 8.0


@pytest.mark.parametrize("name", ["disc", "hexagon"])
def test_a_client_stands_where_it_stands_whoever_else_is_asked(name: str) -> None:
    placement = PLACEMENTS[name](seed=5)
    together = placement.positions_m(range(50))
    np.testing.assert_array_equal(placement.positions_m([31, 7])[1], together[7])
    np.testing.assert_array_equal(placement.position_m(31), together[31])
    assert not np.array_equal(PLACEMENTS[name](seed=6).position_m(31), together[31])


def test_hexagonal_layout() -> None:
    # 1 + 3 n (n + 1) sites, each of the inner ones with six neighbours at the inter-site distance
    sites = hexagonal_sites_m(2, 500.0)
    assert sites.shape == (19, 2)
    assert sites[0].tolist() == [0.0, 0.0]
    between = distances_2d_m(sites, sites)
    for inner in range(7):
        assert np.sum(np.isclose(between[inner], 500.0)) == 6
    assert between[between > 0].min() == pytest.approx(500.0)


def test_static_clients_stay() -> None:
    model = Static(placement=Disc(seed=3))
    track = model.positions_m(4, [0.0, 1e3, 1e6])
    assert (track == Disc(seed=3).position_m(4)).all()


def test_straight_lines() -> None:
    # x(t) = x(0) + v t
    model = Linear(placement=Fixed(x_m=(10.0,), y_m=(20.0,)), speed_mps=3.0, heading_deg=90.0)
    np.testing.assert_allclose(model.positions_m(0, [0.0, 2.0]), [(10.0, 20.0), (10.0, 26.0)], rtol=1e-12)


def test_headings_are_uniform_where_none_is_given() -> None:
    model = Linear(placement=Fixed(x_m=(0.0,) * 5000, y_m=(0.0,) * 5000), seed=9)
    ends = np.array([model.positions_m(client, 1.0)[0] for client in range(5000)])
    turn = np.arctan2(ends[:, 1], ends[:, 0])
    assert kstest(turn, "uniform", args=(-pi, 2 * pi)).statistic < 1.95 / sqrt(5000)


@given(times=st.lists(st.floats(0.0, 5e4), min_size=1, max_size=30), client=st.integers(0, 7))
def test_waypoints_in_any_order(times: list[float], client: int) -> None:
    model = RandomWaypoint(placement=ORIGIN, seed=6, mean_pause_s=30.0)
    one_by_one = np.vstack([model.positions_m(client, time) for time in reversed(times)])[::-1]
    fresh = RandomWaypoint(placement=ORIGIN, seed=6, mean_pause_s=30.0).positions_m(client, times)
    np.testing.assert_array_equal(fresh, one_by_one)


@given(start_s=st.floats(0.0, 2e4), step_s=st.floats(1e-3, 100.0))
def test_nobody_outruns_the_greatest_speed_or_leaves(start_s: float, step_s: float) -> None:
    model = RandomWaypoint(placement=ORIGIN, seed=2, speed_max_mps=2.0)
    here, there = model.positions_m(1, [start_s, start_s + step_s])
    assert np.hypot(*(there - here)) <= 2.0 * step_s + 1e-9
    assert np.abs(here).max() <= 500.0


def test_legs_are_straight_and_of_even_speed() -> None:
    model = RandomWaypoint(placement=ORIGIN, seed=2, speed_min_mps=1.0, speed_max_mps=1.0)
    times = np.linspace(0.0, 2000.0, 20_001)
    velocity = np.diff(model.positions_m(3, times), axis=0) / 0.1
    speed = np.hypot(*velocity.T)
    turns = speed < 1.0 - 1e-9
    assert 1 <= turns.sum() <= 15
    np.testing.assert_allclose(speed[~turns], 1.0, rtol=1e-9)
    bends = np.abs(np.diff(velocity, axis=0)).max(axis=1) > 1e-9
    assert bends.sum() <= 2 * turns.sum()


def test_the_start_is_the_placement() -> None:
    placement = Disc(seed=12)
    start = RandomWaypoint(placement=placement, seed=12).positions_m(5, 0.0)
    np.testing.assert_allclose(start[0], placement.position_m(5), rtol=1e-12)


def test_clients_pause_as_long_as_stated() -> None:
    # share of time at rest: E[pause]/(E[pause] + E[walk]), E[walk] = E[length]/v, E[length] = 0.5214 side (square)
    model = RandomWaypoint(
        **SMALL,
        placement=Disc(r_max_m=5.0, r_min_m=0.0),
        seed=1,
        speed_min_mps=1.0,
        speed_max_mps=1.0,
        mean_pause_s=5.0,
    )
    steps = np.array([np.ptp(model.positions_m(client, [400.0, 400.001]), axis=0).max() for client in range(2000)])
    assert within_4_4_errors((steps == 0.0).astype(float), 5.0 / (5.0 + 5.21405))


def test_mean_speed_over_time_is_the_harmonic_one_and_does_not_decay() -> None:
    # (v_max - v_min)/ln(v_max/v_min), below the mean (v_max + v_min)/2 of the range
    model = RandomWaypoint(
        **SMALL, placement=Disc(r_max_m=5.0, r_min_m=0.0), seed=4, speed_min_mps=0.2, speed_max_mps=2.0
    )
    assert model.mean_speed_mps == pytest.approx(1.8 / np.log(10.0), rel=1e-12)
    for at_s in (300.0, 600.0):
        tracks = [model.positions_m(client, [at_s, at_s + 1e-4]) for client in range(1500)]
        speeds = np.array([np.hypot(*(there - here)) / 1e-4 for here, there in tracks])
        assert within_4_4_errors(speeds, model.mean_speed_mps)
        assert not within_4_4_errors(speeds, 1.1)


def test_a_least_speed_of_zero_is_refused() -> None:
    with pytest.raises(ValueError, match="RandomWaypoint: speed_min_mps must be above 0"):
        RandomWaypoint(placement=ORIGIN, speed_min_mps=0.0)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: RandomWaypoint(placement=ORIGIN, x_min_m=600.0), "x_min_m must lie 1 m or more below x_max_m"),
        (lambda: RandomWaypoint(placement=ORIGIN, speed_min_mps=9.0), "speed_min_mps must be at most speed_max_mps"),
        (lambda: Static(placement=ORIGIN).positions_m(0, [-1.0]), "times_s must be finite"),
        (lambda: Disc(r_min_m=600.0), "Disc: r_min_m must be below r_max_m"),
        (lambda: Hexagon(r_min_m=499.0), "Hexagon: r_min_m must be below 433"),
        (lambda: Fixed(x_m=(1.0,), y_m=()), "x_m and y_m must have one entry a client, got 1 and 0"),
        (lambda: ORIGIN.position_m(8), "client 8 has no position"),
        (lambda: Disc().position_m(-1), "client must be an integer of at least 0"),
        (lambda: RandomWaypoint(placement=Disc()).positions_m(-1, 0.0), "client must be an integer of at least 0"),
    ],
)
def test_bad_arguments_are_named(make: object, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make()


def test_registries_know_the_models_by_name() -> None:
    assert set(MOBILITY) >= {"static", "linear", "random_waypoint"}
    assert set(PLACEMENTS) >= {"fixed", "disc", "hexagon"}
