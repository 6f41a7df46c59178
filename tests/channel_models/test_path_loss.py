from __future__ import annotations

from math import exp, log10, pi

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from channel_models.path_loss import PATH_LOSS, PathLoss
from channel_models.path_loss.free_space import FreeSpace
from channel_models.path_loss.inh import IndoorOffice
from channel_models.path_loss.log_distance import LogDistance
from channel_models.path_loss.lte_macro import LteMacro
from channel_models.path_loss.rma import RuralMacro
from channel_models.path_loss.two_ray import TwoRay
from channel_models.path_loss.uma import UrbanMacro
from channel_models.path_loss.umi import UrbanMicro

TOLERANCE_DB = 1e-6
DISTANCES_M = (10.0, 50.0, 100.0, 250.0, 500.0, 1000.0)
TWO_STATES = (UrbanMacro, UrbanMicro, RuralMacro, IndoorOffice)

# 3GPP TR 38.901 v16.1, Table 7.4.1-1, at 3.5 GHz and the heights that are the defaults: model, LOS, dB.
GOLDEN_DB = [
    (UrbanMacro, True, (69.839916, 77.212182, 83.138157, 91.678067, 98.269242, 109.411895)),
    (UrbanMacro, False, (79.415012, 92.510838, 103.037524, 118.207510, 129.915834, 141.666046)),
    (UrbanMicro, True, (66.761033, 79.089649, 85.314189, 95.080076, 107.113750, 119.153068)),
    (UrbanMicro, False, (73.456860, 94.180677, 104.643832, 118.644788, 129.264505, 139.889203)),
    (RuralMacro, True, (74.280364, 79.146555, 84.198415, 92.158747, 98.611922, 105.459646)),
    (RuralMacro, False, (74.280364, 83.262428, 92.673797, 107.304578, 118.822662, 130.424306)),
    (IndoorOffice, True, (60.728699, 72.679548, 77.882863)),
    (IndoorOffice, False, (69.473483, 95.931142, 107.450620)),
]


@pytest.mark.parametrize(("model", "sight", "golden_db"), GOLDEN_DB)
def test_table_7_4_1_1_at_3_5_ghz(model: type[PathLoss], sight: bool, golden_db: tuple[float, ...]) -> None:
    loss_db = model().loss_db(DISTANCES_M[: len(golden_db)], sight)
    np.testing.assert_allclose(loss_db, golden_db, rtol=0, atol=TOLERANCE_DB)


# Received power in dBm of 0 dBm at 5 GHz, no shadowing, tolerance 5e-2 dB: the vectors of ns-3,
# src/propagation/test/three-gpp-propagation-loss-model-test-suite.cc (h_UT 1.5 m). Its file lists the UMi vectors after
# the second without adding them to the suite; they are facts of the same hand computation.
NS3_DBM = [
    (RuralMacro, 35.0, True, (10, 100, 1000, 10000), (-77.3784, -87.2965, -108.5577, -140.3896)),
    (RuralMacro, 35.0, False, (10, 100, 1000, 5000), (-77.3784, -95.7718, -133.5223, -160.5169)),
    (UrbanMacro, 25.0, True, (10, 100, 1000, 5000), (-72.9380, -86.2362, -109.7252, -137.6794)),
    (UrbanMacro, 25.0, False, (10, 100, 1000, 5000), (-82.5131, -106.1356, -144.7641, -172.0753)),
    (UrbanMicro, 10.0, True, (10, 100, 1000, 5000), (-69.8591, -88.4122, -119.3114, -147.2696)),
    (UrbanMicro, 10.0, False, (10, 100, 1000, 5000), (-76.7563, -107.9432, -143.1886, -167.8617)),
    (IndoorOffice, 3.0, True, (1, 10, 50, 100), (-50.8072, -63.7630, -75.7750, -80.9802)),
    (IndoorOffice, 3.0, False, (1, 10, 50, 100), (-50.8072, -73.1894, -99.7824, -111.3062)),
]


@pytest.mark.parametrize(("model", "h_bs_m", "sight", "distances_m", "received_dbm"), NS3_DBM)
def test_ns3_vectors_of_3gpp_models(
    model: type[PathLoss],
    h_bs_m: float,
    sight: bool,
    distances_m: tuple[float, ...],
    received_dbm: tuple[float, ...],
) -> None:
    loss_db = model(carrier_hz=5e9, h_bs_m=h_bs_m, h_ut_m=1.5).loss_db(distances_m, sight)
    np.testing.assert_allclose(-loss_db, received_dbm, rtol=0, atol=5e-2)


# ns-3, src/propagation/test/propagation-loss-model-test-suite.cc: wavelength 0.125 m, transmitted 0.05035702 W.
NS3_CARRIER_HZ = 2_398_339_664.0
NS3_TX_W = 0.05035702


@pytest.mark.parametrize(
    ("distance_m", "received_w", "tolerance_w"),
    [(100, 4.98265e-10, 5e-16), (500, 1.99306e-11, 5e-17), (1000, 4.98265e-12, 5e-18), (2000, 1.24566e-12, 5e-18)],
)
def test_ns3_vectors_of_friis(distance_m: float, received_w: float, tolerance_w: float) -> None:
    loss_db = float(FreeSpace(carrier_hz=NS3_CARRIER_HZ).loss_db(distance_m))
    assert NS3_TX_W * 10 ** (-loss_db / 10) == pytest.approx(received_w, rel=0, abs=tolerance_w)


@pytest.mark.parametrize(
    ("distance_m", "h_bs_m", "received_w"),
    [
        (100, 1.5, 4.98265e-10),
        (500, 1.5, 4.07891862e-12),
        (1000, 1.5, 2.5493241375e-13),
        (2000, 1.5, 1.593327585938e-14),
        (500, 2.5, 1.13303295e-11),
        (1000, 5.5, 3.42742467375e-12),
        (2000, 11.5, 9.36522547734e-13),
    ],
)
def test_ns3_vectors_of_two_rays(distance_m: float, h_bs_m: float, received_w: float) -> None:
    loss_db = float(TwoRay(carrier_hz=NS3_CARRIER_HZ, h_bs_m=h_bs_m, h_ut_m=1.5).loss_db(distance_m))
    assert NS3_TX_W * 10 ** (-loss_db / 10) == pytest.approx(received_w, rel=1e-4, abs=5e-16)


@pytest.mark.parametrize(("distance_m", "received_w"), [(10, 4.98265e-9), (20, 6.22831e-10), (80, 9.73173e-12)])
def test_ns3_vectors_of_log_distance(distance_m: float, received_w: float) -> None:
    # loss 40.045997 dB at 1 m, exponent 3
    loss_db = float(LogDistance(exponent=3.0, reference_loss_db=40.045997).loss_db(distance_m))
    assert NS3_TX_W * 10 ** (-loss_db / 10) == pytest.approx(received_w, rel=1e-6)


def test_two_rays_cross_at_226_m_without_a_jump() -> None:
    # 4 pi 1.5 1.5/0.125 = 226.1946 m, where (lambda/(4 pi d))^2 = h^4/d^4
    model = TwoRay(carrier_hz=NS3_CARRIER_HZ, h_bs_m=1.5, h_ut_m=1.5)
    assert model.crossover_m == pytest.approx(226.1946, abs=1e-4)
    below, above = model.loss_db([model.crossover_m, np.nextafter(model.crossover_m, np.inf)])
    assert above == pytest.approx(below, abs=1e-9)


@pytest.mark.parametrize(("distance_m", "golden_db"), [(10, 63.32914411), (100, 83.32914411), (1000, 103.32914411)])
def test_free_space(distance_m: float, golden_db: float) -> None:
    # 20 log10(4 pi d f/c) at 3.5 GHz
    assert float(FreeSpace().loss_db(distance_m)) == pytest.approx(golden_db, rel=0, abs=TOLERANCE_DB)


def test_lte_macro() -> None:
    # 128.1 + 37.6 log10(0.25) dB at 2 GHz; 21 log10(1.75) more at 3.5 GHz
    assert float(LteMacro().loss_db(250.0)) == pytest.approx(105.46254433, rel=0, abs=TOLERANCE_DB)
    raised = float(LteMacro(carrier_hz=3.5e9).loss_db(250.0) - LteMacro().loss_db(250.0))
    assert raised == pytest.approx(21 * log10(1.75), rel=1e-9)


def test_the_base_budget_is_853_m_of_uma_and_1946_m_of_lte_macro() -> None:
    # 1 W, 1 MHz, 5 dB, 290 K leave 138.975 dB
    assert float(UrbanMacro().loss_db(853.0, False)) == pytest.approx(138.975, abs=0.05)
    assert float(LteMacro().loss_db(1946.0)) == pytest.approx(138.975, abs=0.005)


def test_log_distance_starts_from_free_space() -> None:
    # PL(d0) + 10 n log10(d/d0), PL(1 m) = 20 log10(4 pi/lambda)
    golden_db = float(FreeSpace().loss_db(1.0)) + 35.0 * log10(200.0)
    assert float(LogDistance().loss_db(200.0)) == pytest.approx(golden_db, rel=1e-9)
    assert float(LogDistance(exponent=2.0).loss_db(200.0)) == pytest.approx(float(FreeSpace().loss_db(200.0)), rel=1e-9)


def test_breakpoints_take_light_at_3e8() -> None:
    # 4 h'_BS h'_UT f/c with h' = h - 1 m; 2 pi h_BS h_UT f/c; c = 3e8 m/s (note 1 of the table)
    assert UrbanMacro().breakpoint_m == pytest.approx(560.0, rel=1e-12)
    assert UrbanMicro().breakpoint_m == pytest.approx(210.0, rel=1e-12)
    assert RuralMacro().breakpoint_m == pytest.approx(2 * pi * 35 * 1.5 * 3.5e9 / 3e8, rel=1e-12)
    assert RuralMacro().breakpoint_m == pytest.approx(3848.451, abs=5e-4)


@pytest.mark.parametrize("model", [UrbanMacro(), UrbanMicro(), RuralMacro()], ids=lambda model: model.name)
def test_no_jump_at_the_breakpoint(model: UrbanMacro | UrbanMicro | RuralMacro) -> None:
    # Up to the difference of d_2D and d_3D there: hundredths of a decibel.
    around_m = model.breakpoint_m * np.array([1 - 1e-9, 1 + 1e-9])
    below, above = model.loss_db(around_m, True)
    assert above == pytest.approx(below, abs=0.03)


LOS_GOLDEN = [
    # Table 7.4.2-1, h_UT <= 13 m
    (UrbanMicro(), (1.0, 0.51958541, 0.23098475, 0.07289457, 0.03600090, 0.018)),
    (UrbanMacro(), (1.0, 0.64940219, 0.34767084, 0.08954515, 0.03634458, 0.01800013)),
    (RuralMacro(), tuple(exp(-(d - 10) / 1000) for d in DISTANCES_M)),
    (IndoorOffice(), (exp(-3.5 / 32.6) * 0.32, *(exp(-(d - 6.5) / 32.6) * 0.32 for d in DISTANCES_M[1:]))),
    (IndoorOffice(office="open"), (exp(-5 / 70.8), *(exp(-(d - 49) / 211.7) * 0.54 for d in DISTANCES_M[1:]))),
]


@pytest.mark.parametrize(("model", "golden"), LOS_GOLDEN)
def test_probability_of_line_of_sight(model: PathLoss, golden: tuple[float, ...]) -> None:
    np.testing.assert_allclose(model.los_probability(DISTANCES_M), golden, rtol=0, atol=5e-9)


def test_sight_is_certain_when_near() -> None:
    assert IndoorOffice().los_probability([0.0, 1.2]).tolist() == [1.0, 1.0]
    # between 1.2 and 6.5 m: e^(-(d - 1.2)/4.7)
    assert float(IndoorOffice().los_probability(5.0)) == pytest.approx(exp(-3.8 / 4.7), rel=1e-12)
    for model in (UrbanMacro(), UrbanMicro()):
        assert model.los_probability([0.0, 18.0]).tolist() == [1.0, 1.0]


def test_tall_terminals_see_a_macro_cell_more_often() -> None:
    # C = ((23 - 13)/10)^1.5 is out of range at 23 m; at 22.5 m C = 0.95^1.5
    low, high = (float(UrbanMacro(h_ut_m=h).los_probability(100.0)) for h in (1.5, 22.5))
    assert high / low == pytest.approx(1 + 0.95**1.5 * 1.25 * exp(-100 / 150), rel=1e-12)


@given(d=st.floats(0.0, 5000.0), h=st.floats(1.5, 22.5))
def test_probabilities_stay_in_the_unit_interval(d: float, h: float) -> None:
    for model in (
        UrbanMacro(h_ut_m=h),
        UrbanMicro(h_ut_m=h),
        RuralMacro(),
        IndoorOffice(),
        IndoorOffice(office="open"),
    ):
        assert 0.0 <= float(model.los_probability(d)) <= 1.0


def test_sight_of_tall_terminals_is_cut_at_certainty() -> None:
    # the table's formula gives 1.0006 at 18.125 m for h_UT = 18 m
    assert float(UrbanMacro(h_ut_m=18.0).los_probability(18.125)) == 1.0


@given(d=st.floats(10.0, 145.0))
def test_obstruction_never_helps(d: float) -> None:
    for model in TWO_STATES:
        assert float(model().loss_db(d, False)) >= float(model().loss_db(d, True))


def test_vectorised_over_links_and_states() -> None:
    distance = np.array([[20.0, 400.0], [900.0, 3000.0]])
    sight = np.array([True, False])
    both = UrbanMacro().loss_db(distance, sight)
    assert both.shape == (2, 2)
    for row, column in np.ndindex(2, 2):
        assert both[row, column] == float(UrbanMacro().loss_db(distance[row, column], sight[column]))


OUT_OF_RANGE = [
    (UrbanMacro(), 9.9, True, "UrbanMacro: line-of-sight 2D distance must lie in 10 .. 5000 m.*got 9.9 m"),
    (UrbanMicro(), 5001.0, False, "UrbanMicro: obstructed 2D distance must lie in 10 .. 5000 m.*got 5001 m"),
    (RuralMacro(), 10_001.0, True, "RuralMacro.*10 .. 10000 m"),
    (RuralMacro(), 7000.0, False, "RuralMacro: obstructed.*10 .. 5000 m.*got 7000 m"),
    (IndoorOffice(), 150.0, False, "IndoorOffice: 3D distance must lie in 1 .. 150 m"),
    (IndoorOffice(), 200.0, True, "IndoorOffice.*150 m.*got 200 m"),
    (LteMacro(), 34.0, None, "LteMacro.*35"),
    (FreeSpace(), 0.0, None, "FreeSpace.*got 0 m"),
    (LogDistance(reference_m=10.0), 9.0, None, "LogDistance.*10"),
    (UrbanMacro(), float("nan"), True, "UrbanMacro.*nan"),
]


@pytest.mark.parametrize(("model", "distance_m", "sight", "message"), OUT_OF_RANGE)
def test_outside_the_range_is_refused(model: PathLoss, distance_m: float, sight: bool | None, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        model.loss_db([100.0, distance_m], sight)


def test_rural_sight_reaches_beyond_obstructed_range() -> None:
    assert RuralMacro().loss_db([7000.0, 3000.0], [True, False]).shape == (2,)


def test_a_model_of_two_states_wants_to_know_which() -> None:
    with pytest.raises(ValueError, match="UrbanMicro has two states: say line_of_sight"):
        UrbanMicro().loss_db(100.0)


@pytest.mark.parametrize(
    ("model", "values", "message"),
    [
        (UrbanMacro, {"h_bs_m": 35.0}, "UrbanMacro: h_bs_m must be at most 25"),
        (UrbanMacro, {"h_ut_m": 1.0}, "h_ut_m must be at least 1.5"),
        (UrbanMacro, {"h_ut_m": 15.0, "h_e_m": 15.0}, "h_e_m must be below h_ut_m"),
        (UrbanMicro, {"carrier_hz": 120e9}, "UrbanMicro: carrier_hz must be at most 1e"),
        (RuralMacro, {"carrier_hz": 60e9}, "RuralMacro: carrier_hz must be at most 3e"),
        (RuralMacro, {"street_width_m": 60.0}, "street_width_m must be at most 50"),
        (IndoorOffice, {"office": "attic"}, "office must be one of mixed, open"),
        (IndoorOffice, {"spec_version": "19.2"}, "spec_version must be one of 16.1"),
    ],
)
def test_parameters_outside_the_standard_are_refused(
    model: type[PathLoss], values: dict[str, object], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        model(**values)


def test_shadowing_of_the_table() -> None:
    # Tables 7.4.1-1 and 7.5-6: RMa has 4 dB up to the breakpoint, 6 dB beyond
    assert RuralMacro().shadowing_sigma_db([3848.0, 3849.0, 3000.0], [True, True, False]).tolist() == [4.0, 6.0, 8.0]
    assert UrbanMicro().shadowing_sigma_db([50.0, 50.0], [True, False]).tolist() == [4.0, 7.82]
    assert IndoorOffice().shadowing_decorrelation_m(False) == 6.0
    with pytest.raises(ValueError, match="FreeSpace states no shadowing: give a sigma_db"):
        FreeSpace().shadowing_sigma_db(50.0, True)


def test_every_model_has_a_name_and_defaults() -> None:
    assert set(PATH_LOSS) >= {"free_space", "inh", "log_distance", "lte_macro", "rma", "two_ray", "uma", "umi"}
    for name in PATH_LOSS:
        assert float(PATH_LOSS[name]().loss_db(100.0, True)) > 60.0
