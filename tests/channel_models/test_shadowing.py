from __future__ import annotations

from math import exp, log, sqrt

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import kstest, kurtosis

from channel_models.geometry.coverage import Coverage
from channel_models.geometry.field import GaussianField
from channel_models.geometry.line_of_sight import LineOfSight
from channel_models.geometry.shadowing import Shadowing, mean_excess_db
from channel_models.path_loss.log_distance import LogDistance
from channel_models.path_loss.uma import UrbanMacro
from channel_models.randomness import stream

DECORRELATION_M = 40.0
LAGS = np.array([0.0, 0.5, 1.0, 2.0])
FIELDS = 4000


def within_4_4_errors(samples: np.ndarray, mean: float) -> bool:
    return abs(samples.mean() - mean) <= 4.4 * samples.std(ddof=1) / sqrt(len(samples))


@pytest.fixture(scope="module")
def many_fields() -> np.ndarray:
    """f64[fields, points]: at 0, at three lags to the east, at the same to the north-west, of independent fields."""
    field = GaussianField(decorrelation_m=DECORRELATION_M, seed=11)
    east = np.outer(LAGS, (1.0, 0.0))
    askew = np.outer(LAGS[1:], (-sqrt(0.5), sqrt(0.5)))
    points = DECORRELATION_M * np.vstack((east, askew))
    return np.array([field.values(index, points) for index in range(FIELDS)])


@pytest.mark.parametrize(("point", "lag"), [(0, 0.0), (1, 0.5), (2, 1.0), (3, 2.0), (4, 0.5), (5, 1.0), (6, 2.0)])
def test_correlation_is_exponential_in_every_direction(many_fields: np.ndarray, point: int, lag: float) -> None:
    # E[g(0) g(x)] = exp(-|x|/d)
    assert within_4_4_errors(many_fields[:, 0] * many_fields[:, point], exp(-lag))


def test_mean_and_variance(many_fields: np.ndarray) -> None:
    assert within_4_4_errors(many_fields[:, 0], 0.0)
    assert within_4_4_errors(np.square(many_fields[:, 3]), 1.0)


def test_values_are_normal() -> None:
    # Kolmogorov-Smirnov, n = 1e5, positions far apart
    field = GaussianField(decorrelation_m=DECORRELATION_M, seed=3)
    places = stream(1, "places").random((500, 2)) * 1e6
    values = np.concatenate([field.values(index, places) for index in range(200)])
    assert kstest(values, "norm").statistic < 1.95 / sqrt(values.size)
    # The approximation that the model states: excess kurtosis -1.5/M
    assert abs(kurtosis(values)) < 0.1


def test_one_field_is_exponential_within_its_stated_scatter() -> None:
    # Averaged along one field, the correlation is sum cos(k_m . x)/M: off by at most about sqrt(1/(2M))
    field = GaussianField(decorrelation_m=DECORRELATION_M, seed=5)
    places = stream(2, "places").random((100_000, 2)) * 1e6
    here = field.values(0, places)
    for lag in LAGS[1:]:
        there = field.values(0, places + np.array((lag * DECORRELATION_M, 0.0)))
        assert np.mean(here * there) == pytest.approx(exp(-lag), abs=4.4 * sqrt(1 / (2 * 128)))


@given(order=st.permutations(range(12)))
def test_a_pure_function_of_position(order: list[int]) -> None:
    model = Shadowing(seed=4)
    track = np.column_stack((np.arange(12.0) * 7.0, np.zeros(12)))
    forwards = model.loss_db(2, track)
    np.testing.assert_array_equal(model.loss_db(2, track[order]), forwards[order])
    one_by_one = [model.loss_db(2, track[[row]])[0] for row in order]
    np.testing.assert_array_equal(one_by_one, forwards[order])


def test_standing_still_changes_nothing_and_other_sites_do_not_disturb() -> None:
    model, place = Shadowing(seed=8), np.array([[12.0, -3.0]])
    first = model.loss_db(0, place)
    for site in range(1, 5):
        assert model.loss_db(site, place) != first
    assert model.loss_db(0, place) == first
    assert Shadowing(seed=9).loss_db(0, place) != first


def test_sites_share_half_of_the_variance() -> None:
    # correlation between sites at one place: site_correlation
    place = np.array([[30.0, 40.0]])
    pairs = np.array([[Shadowing(seed=seed).standard(site, place)[0] for site in (0, 1)] for seed in range(3000)])
    assert within_4_4_errors(pairs.prod(axis=1), 0.5)
    assert within_4_4_errors(np.square(pairs[:, 1]), 1.0)


@pytest.mark.parametrize(("sigma_db", "golden_db"), [(4, 1.842068), (6, 4.144653), (8, 7.368272), (10, 11.512925)])
def test_mean_gain_exceeds_the_gain_of_the_mean(sigma_db: float, golden_db: float) -> None:
    # (ln 10/20) sigma^2
    assert mean_excess_db(sigma_db) == pytest.approx(golden_db, rel=0, abs=5.1e-7)
    assert mean_excess_db(sigma_db) == pytest.approx(log(10) / 20 * sigma_db**2, rel=1e-12)


def test_mean_of_the_drawn_linear_gain() -> None:
    # E[10^(-X/10)] = 10^(excess/10); averaging dB would give 1
    places = stream(3, "places").random((50_000, 2)) * 1e7
    loss_db = np.concatenate([Shadowing(sigma_db=4.0, seed=seed).loss_db(0, places[seed::40]) for seed in range(40)])
    gains = 10 ** (-loss_db / 10)
    assert within_4_4_errors(gains, 10 ** (mean_excess_db(4.0) / 10))
    assert not within_4_4_errors(gains, 1.0)


def test_sigma_scales_and_zero_is_none() -> None:
    places = np.array([[1.0, 2.0], [300.0, -50.0]])
    np.testing.assert_allclose(Shadowing(sigma_db=6.0).loss_db(0, places), 6.0 * Shadowing().standard(0, places))
    assert Shadowing(sigma_db=0.0).loss_db(0, places).tolist() == [0.0, 0.0]


def test_many_positions_equal_few() -> None:
    places = stream(4, "places").random((40_000, 2)) * 1000.0
    model = Shadowing()
    np.testing.assert_array_equal(model.loss_db(0, places)[39_987:], model.loss_db(0, places[39_987:]))
    assert model.loss_db(0, np.empty((0, 2))).shape == (0,)


def test_share_of_sight_is_its_probability() -> None:
    # P(Phi(g) < p) = p, one place a seed
    place = np.array([[100.0, 0.0]])
    chance = UrbanMacro().los_probability([100.0])
    seen = np.array([float(LineOfSight(seed=seed).states(0, place, chance)[0]) for seed in range(4000)])
    assert within_4_4_errors(seen, float(chance[0]))


def test_sight_is_certain_at_the_ends_and_shared_by_neighbours() -> None:
    places = stream(5, "places").random((2000, 2)) * 2000.0
    model = LineOfSight(decorrelation_m=50.0)
    assert model.states(0, places, np.ones(2000)).all()
    assert not model.states(0, places, np.zeros(2000)).any()
    half = np.full(2000, 0.5)
    near = np.mean(model.states(0, places, half) == model.states(0, places + 0.5, half))
    # two normals of correlation r share their sign with probability 1/2 + asin(r)/pi
    assert near > 0.9 > np.mean(model.states(0, places, half) == model.states(0, places + 5000.0, half))


def test_certain_sight_draws_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Models of one state have P(sight) = 1 everywhere, and no field need be summed up for them."""
    monkeypatch.setattr(GaussianField, "values", lambda *_: pytest.fail("drawn"))
    states = LineOfSight(seed=3).states(0, np.zeros((5, 2)), np.ones(5))
    assert states.dtype == np.bool_ and states.tolist() == [True] * 5


def test_bad_arguments_are_named() -> None:
    with pytest.raises(ValueError, match=r"positions_m must be finite, of shape \[N, 2\]"):
        Shadowing().loss_db(0, np.zeros(2))
    with pytest.raises(ValueError, match="site must be an integer of at least 0, got -1"):
        Shadowing().loss_db(-1, np.zeros((1, 2)))
    with pytest.raises(ValueError, match="Shadowing: decorrelation_m must be above 0"):
        Shadowing(decorrelation_m=0.0)
    with pytest.raises(ValueError, match="los_probability must lie in"):
        LineOfSight().states(0, np.zeros((1, 2)), [1.5])


SITES_M = ((0.0, 0.0), (600.0, 0.0))


def test_coverage_adds_up_its_parts() -> None:
    coverage = Coverage(
        path_loss=UrbanMacro(),
        sites_m=SITES_M,
        shadowing=Shadowing(sigma_db=None, seed=1),
        line_of_sight=LineOfSight(seed=1),
    )
    places = stream(6, "places").random((300, 2)) * 400.0 + 50.0
    loss_db = coverage.loss_db(places)
    assert loss_db.shape == (300, 2)
    distance_m = np.hypot(places[:, 0] - 600.0, places[:, 1])
    sight = LineOfSight(seed=1).states(1, places, UrbanMacro().los_probability(distance_m))
    assert 0 < sight.sum() < 300
    shadow_db = np.where(sight, 4.0, 6.0) * Shadowing(seed=1).standard(1, places)
    np.testing.assert_allclose(loss_db[:, 1], UrbanMacro().loss_db(distance_m, sight) + shadow_db, rtol=1e-12)
    np.testing.assert_array_equal(coverage.loss_db(places[[17]])[0], loss_db[17])


def test_coverage_without_chance_is_path_loss() -> None:
    coverage = Coverage(path_loss=LogDistance(), sites_m=SITES_M)
    assert coverage.loss_db([(0.0, 300.0)])[0, 0] == pytest.approx(float(LogDistance().loss_db(300.0)), rel=1e-12)


def test_a_least_distance_must_be_asked_for() -> None:
    with pytest.raises(ValueError, match=r"must lie in 10 .. 5000 m.*set a least_distance_m"):
        Coverage(path_loss=UrbanMacro(), sites_m=SITES_M, line_of_sight=LineOfSight()).loss_db([(1.0, 1.0)])
    near = Coverage(path_loss=UrbanMacro(), sites_m=SITES_M, line_of_sight=LineOfSight(), least_distance_m=10.0)
    assert near.loss_db([(1.0, 1.0)])[0, 0] == pytest.approx(float(UrbanMacro().loss_db(10.0, True)), rel=1e-12)


def test_coverage_names_what_is_missing() -> None:
    with pytest.raises(ValueError, match="UrbanMacro has two states: say line_of_sight"):
        Coverage(path_loss=UrbanMacro(), sites_m=SITES_M).loss_db([(50.0, 50.0)])
    with pytest.raises(ValueError, match="LogDistance states no shadowing: give a sigma_db"):
        Coverage(path_loss=LogDistance(), sites_m=SITES_M, shadowing=Shadowing(sigma_db=None)).loss_db([(50.0, 50.0)])
    with pytest.raises(ValueError, match="no path loss model states one"):
        Shadowing(sigma_db=None).loss_db(0, [(0.0, 0.0)])
