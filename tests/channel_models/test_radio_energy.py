from __future__ import annotations

import pytest

from channel_models.energy import ComputeModel, CycleModel, transmit_energy_j


def test_transmit_energy_golden() -> None:
    assert transmit_energy_j(1.0, 10.834662) == 10.834662
    drawn_j = transmit_energy_j(1.0, 10.83466183, amplifier_efficiency=0.35, circuit_w=0.1)
    assert drawn_j == pytest.approx(32.03964283, rel=1e-9)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"power_w": -1.0, "air_time_s": 1.0}, "power_w"),
        ({"power_w": 1.0, "air_time_s": -1.0}, "air_time_s"),
        ({"power_w": 1.0, "air_time_s": float("nan")}, "air_time_s"),
        ({"power_w": 1.0, "air_time_s": 1.0, "amplifier_efficiency": 0.0}, "amplifier_efficiency"),
        ({"power_w": 1.0, "air_time_s": 1.0, "amplifier_efficiency": 35.0}, "amplifier_efficiency"),
        ({"power_w": 1.0, "air_time_s": 1.0, "circuit_w": -0.1}, "circuit_w"),
    ],
)
def test_unphysical_radios_are_refused(arguments: dict[str, float], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        transmit_energy_j(**arguments)


def test_compute_is_flops_over_speed() -> None:
    model = ComputeModel()
    assert model.duration_s(flops=4e12, sustained_gflops=1000.0) == pytest.approx(4.0, rel=1e-15)
    assert model.energy_j(power_w=5.0, duration_s=4.0) == 20.0
    assert model.duration_s(0.0, 1.0) == 0.0


@pytest.mark.parametrize("sustained_gflops", [0.0, -1.0, float("inf"), float("nan")])
def test_a_device_without_speed_is_an_error_not_a_free_computation(sustained_gflops: float) -> None:
    with pytest.raises(ValueError, match="sustained_gflops"):
        ComputeModel().duration_s(1e9, sustained_gflops)


def test_negative_work_is_refused() -> None:
    with pytest.raises(ValueError, match="flops"):
        ComputeModel().duration_s(-1.0, 1.0)
    with pytest.raises(ValueError, match="duration_s"):
        ComputeModel().energy_j(1.0, -1.0)


def test_cycle_model_golden() -> None:
    yang = CycleModel(switched_capacitance=1e-28)
    assert yang.energy_j(cycles=2e4 * 500, frequency_hz=1e9) == pytest.approx(1e-3, rel=1e-12)
    assert yang.duration_s(cycles=2e4 * 500, frequency_hz=1e9) == pytest.approx(0.01, rel=1e-12)
    chen = CycleModel(switched_capacitance=1e-27)
    assert chen.energy_j(cycles=40 * 636160, frequency_hz=1e9) == pytest.approx(0.0254464, rel=1e-12)
    with pytest.raises(ValueError, match="switched_capacitance"):
        CycleModel(0.0)
