from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from channel_models.link_budget import QUANTITIES, LinkBudget, thermal_noise_w
from channel_models.units import db_to_linear, dbm_to_w, linear_to_db, w_to_dbm


def test_thermal_noise_golden() -> None:
    # N = k T B: 1.380649e-23 J/K at 290 K, in 1 MHz and, in dBm, in 1 Hz.
    assert thermal_noise_w(1e6) == pytest.approx(4.0038821e-15, rel=1e-9)
    assert w_to_dbm(thermal_noise_w(1.0)) == pytest.approx(-173.97518719422808, rel=1e-9)
    assert thermal_noise_w(2e6) == pytest.approx(2 * thermal_noise_w(1e6), rel=1e-15)


def test_base_case_implies_139_db_of_path_loss() -> None:
    budget = LinkBudget(1e6, tx_power_w=1.0, noise_figure_db=0.0, mean_snr_db=5.0).solved()
    # P/(k T B g), in dB: 1 W, 1 MHz, 5 dB.
    assert budget.path_loss_db == pytest.approx(138.9751871942281, abs=1e-6)
    assert budget.derived == "path_loss_db"
    assert budget.mean_snr == pytest.approx(3.16227766, rel=1e-9)
    assert budget.noise_w == pytest.approx(4.0038821e-15, rel=1e-9)


@settings(deadline=None)
@given(
    bandwidth_hz=st.floats(1e3, 1e9),
    power_w=st.floats(1e-4, 100.0),
    figure_db=st.floats(0.0, 20.0),
    loss_db=st.floats(40.0, 200.0),
    temperature_k=st.floats(10.0, 400.0),
)
def test_whichever_quantity_is_derived_the_budget_is_the_same(
    bandwidth_hz: float, power_w: float, figure_db: float, loss_db: float, temperature_k: float
) -> None:
    noise_w = 1.380649e-23 * temperature_k * bandwidth_hz * 10 ** (figure_db / 10)
    snr_db = 10 * np.log10(power_w * 10 ** (-loss_db / 10) / noise_w)
    full = dict(zip(QUANTITIES, (power_w, figure_db, loss_db, float(snr_db)), strict=True))
    for derived in QUANTITIES:
        three = {name: value for name, value in full.items() if name != derived}
        if derived == "noise_figure_db" and figure_db < 1e-9:
            continue
        solved = LinkBudget(bandwidth_hz, temperature_k=temperature_k, **three).solved()
        assert solved.derived == derived
        for name, value in full.items():
            assert getattr(solved, name) == pytest.approx(value, rel=1e-9, abs=1e-9)
        assert solved.noise_w == pytest.approx(noise_w, rel=1e-9)
        assert solved.mean_snr * solved.noise_w == pytest.approx(
            solved.tx_power_w * 10 ** (-solved.path_loss_db / 10), rel=1e-9
        )


def test_bandwidth_and_power_move_the_snr_unless_it_is_pinned() -> None:
    free = LinkBudget(1e6, tx_power_w=1.0, noise_figure_db=0.0, path_loss_db=139.0).solved()
    wide = LinkBudget(2e6, tx_power_w=1.0, noise_figure_db=0.0, path_loss_db=139.0).solved()
    strong = LinkBudget(1e6, tx_power_w=2.0, noise_figure_db=0.0, path_loss_db=139.0).solved()
    assert free.mean_snr / wide.mean_snr == pytest.approx(2.0, rel=1e-12)
    assert strong.mean_snr / free.mean_snr == pytest.approx(2.0, rel=1e-12)
    pinned = LinkBudget(2e6, tx_power_w=1.0, noise_figure_db=0.0, mean_snr_db=5.0).solved()
    assert pinned.mean_snr_db == 5.0


@pytest.mark.parametrize(
    ("three", "message"),
    [
        ({}, "given none; add 3 of tx_power_w, noise_figure_db, path_loss_db, mean_snr_db"),
        (
            {"tx_power_w": 1.0, "mean_snr_db": 5.0},
            "given tx_power_w=1.0, mean_snr_db=5.0; add 1 of noise_figure",
        ),
        (
            {"tx_power_w": 1.0, "noise_figure_db": 0.0, "path_loss_db": 139.0, "mean_snr_db": 5.0},
            "over-determined: given tx_power_w=1.0.*drop one",
        ),
        (
            {"tx_power_w": 0.0, "noise_figure_db": 0.0, "mean_snr_db": 5.0},
            "tx_power_w must be a finite number above",
        ),
        (
            {"tx_power_w": 1.0, "noise_figure_db": -1.0, "mean_snr_db": 5.0},
            "noise_figure_db must be a finite",
        ),
        ({"tx_power_w": 1.0, "path_loss_db": -1.0, "mean_snr_db": 5.0}, "path_loss_db must be a finite"),
        (
            {"tx_power_w": 1.0, "noise_figure_db": 1.0, "mean_snr_db": float("nan")},
            "mean_snr_db must be a finite",
        ),
        (
            {"tx_power_w": 1.0, "path_loss_db": 150.0, "mean_snr_db": 5.0},
            "implies noise_figure_db = -11.025 dB",
        ),
        ({"tx_power_w": 1.0, "noise_figure_db": 0.0, "mean_snr_db": 200.0}, "implies path_loss_db = -56.0"),
    ],
)
def test_bad_budgets_are_named(three: dict[str, float], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        LinkBudget(1e6, **three)


@pytest.mark.parametrize("bandwidth_hz", [0.0, -1.0, float("inf")])
def test_bandwidth_must_be_positive(bandwidth_hz: float) -> None:
    with pytest.raises(ValueError, match="bandwidth_hz"):
        LinkBudget(bandwidth_hz, tx_power_w=1.0, noise_figure_db=0.0, mean_snr_db=5.0)


@settings(deadline=None)
@given(st.floats(-300.0, 300.0))
def test_decibels_go_there_and_back(value_db: float) -> None:
    assert linear_to_db(db_to_linear(value_db)) == pytest.approx(value_db, abs=1e-9)
    assert w_to_dbm(dbm_to_w(value_db)) == pytest.approx(value_db, abs=1e-9)


def test_decibels_of_arrays_and_of_zero() -> None:
    assert db_to_linear(np.array([0.0, 10.0, 30.0])) == pytest.approx([1.0, 10.0, 1000.0])
    assert linear_to_db(np.array([0.0, 1.0, 100.0])).tolist() == [-np.inf, 0.0, 20.0]
    assert dbm_to_w(30.0) == 1.0
    assert dbm_to_w(23.0) == pytest.approx(0.19952623149688797, rel=1e-12)


@pytest.mark.parametrize("ratio", [-1e-30, float("nan")])
def test_a_negative_power_has_no_decibels(ratio: float) -> None:
    with pytest.raises(ValueError, match="cannot be negative or NaN"):
        linear_to_db(ratio)
