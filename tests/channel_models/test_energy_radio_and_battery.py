from __future__ import annotations

from math import inf

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from channel_models.energy import ENERGY, Battery, RadioPower, RadioTimes, Roofline, training_flops, transmit_energy_j
from channel_models.energy.radio import NS3_WIFI, Activity

FULL = RadioPower(
    amplifier_efficiency=0.35,
    circuit_power_w=0.1,
    receive_power_w=0.5,
    tail_power_w=0.3,
    tail_s=2.0,
    idle_power_w=0.2,
    idle_s=5.0,
    sleep_power_w=0.01,
)


def sends(start_s: float, stop_s: float) -> Activity:
    return Activity(state="transmit", start_s=start_s, stop_s=stop_s)


def receives(start_s: float, stop_s: float) -> Activity:
    return Activity(state="receive", start_s=start_s, stop_s=stop_s)


# Radio


def test_transmit_energy_of_the_radio_golden() -> None:
    # P T = 10.83466183 J radiated; (P/eta + Pc) T = (1/0.35 + 0.1) T
    assert RadioPower().transmit_w(1.0) * 10.83466183 == pytest.approx(10.83466183, rel=1e-12)
    assert FULL.transmit_w(1.0) * 10.83466183 == pytest.approx(32.03964283, rel=1e-9)
    assert FULL.transmit_w(1.0) == pytest.approx(transmit_energy_j(1.0, 1.0, 0.35, 0.1), rel=1e-15)


def test_the_defaults_count_only_what_is_radiated() -> None:
    times = RadioPower().times([receives(0.0, 3.0), sends(4.0, 6.0)], 100.0)
    assert RadioPower().energy_j(1.5, times) == 3.0
    assert ENERGY["radio"] is RadioPower


def test_a_gap_is_tail_then_idle_then_sleep() -> None:
    assert FULL.gap(1.0) == RadioTimes(tail_s=1.0)
    assert FULL.gap(4.0) == RadioTimes(tail_s=2.0, idle_s=2.0)
    assert FULL.gap(10.0) == RadioTimes(tail_s=2.0, idle_s=5.0, sleep_s=3.0)
    assert FULL.gap(10.0, after_activity=False) == RadioTimes(idle_s=5.0, sleep_s=5.0)
    # 2 s x 0.3 W + 5 s x 0.2 W + 3 s x 0.01 W
    assert FULL.gap_energy_j(10.0) == pytest.approx(1.63, rel=1e-12)


def test_energy_of_a_round_by_hand() -> None:
    times = FULL.times([receives(1.0, 2.0), sends(10.0, 14.0)], 15.0)
    # idle 1; receive 1; tail 2, idle 5, sleep 1; transmit 4; tail 1
    assert times == RadioTimes(transmit_s=4.0, receive_s=1.0, tail_s=3.0, idle_s=6.0, sleep_s=1.0)
    by_hand_j = (0.7 / 0.35 + 0.1) * 4.0 + 0.5 * 1.0 + 0.3 * 3.0 + 0.2 * 6.0 + 0.01 * 1.0
    assert FULL.energy_j(0.7, times) == pytest.approx(by_hand_j, rel=1e-12)


stretches = st.lists(st.tuples(st.floats(0.0, 20.0), st.floats(0.0, 9.0), st.booleans()), max_size=8)


@settings(deadline=None)
@given(stretches, st.floats(0.0, 30.0))
def test_state_times_sum_to_the_horizon(parts: list[tuple[float, float, bool]], rest_s: float) -> None:
    now, activities = 0.0, []
    for gap_s, length_s, is_sent in parts:
        start_s, now = now + gap_s, now + gap_s + length_s
        activities.append((sends if is_sent else receives)(start_s, now))
    times = FULL.times(activities, now + rest_s)
    assert times.horizon_s == pytest.approx(now + rest_s, rel=1e-12, abs=1e-12)
    assert min(vars(times).values()) >= 0.0


def test_a_share_of_airtime_waits_idle_in_between() -> None:
    # a (P/eta + Pc) + (1 - a) P_idle
    assert FULL.transmit_w(1.0, 0.25) == pytest.approx(0.25 * (1.0 / 0.35 + 0.1) + 0.75 * 0.2, rel=1e-12)
    assert RadioPower().transmit_w(2.0, 0.5) == 1.0


@pytest.mark.parametrize(
    ("activities", "horizon_s", "message"),
    [
        ([sends(0.0, 2.0), receives(1.0, 3.0)], 9.0, "overlap"),
        ([sends(3.0, 4.0), sends(0.0, 1.0)], 9.0, "order"),
        ([sends(0.0, 2.0)], 1.0, "horizon_s"),
        ([], float("nan"), "horizon_s"),
    ],
)
def test_time_is_not_counted_twice(activities: list[Activity], horizon_s: float, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        FULL.times(activities, horizon_s)


@pytest.mark.parametrize(
    ("state", "start_s", "stop_s"), [("talk", 0.0, 1.0), ("receive", 2.0, 1.0), ("receive", 0.0, inf)]
)
def test_an_impossible_activity_is_refused(state: str, start_s: float, stop_s: float) -> None:
    with pytest.raises(ValueError, match=r"state|start_s"):
        Activity(state=state, start_s=start_s, stop_s=stop_s)


@pytest.mark.parametrize("change", [{"amplifier_efficiency": 0.0}, {"amplifier_efficiency": 1.01}, {"tail_s": -1.0}])
def test_an_unphysical_radio_is_refused(change: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=next(iter(change))):
        RadioPower(**change)


def test_the_wifi_preset_draws_what_ns3_says() -> None:
    # I_tx = P/(V eta) + I_idle = 0.1/(3 x 0.1) + 0.273333 A, at 3 V
    assert NS3_WIFI.transmit_w(0.1) == pytest.approx(3.0 * (0.1 / 0.3 + 0.273333), rel=1e-12)
    assert NS3_WIFI.receive_w() == pytest.approx(0.939, rel=1e-12)
    assert NS3_WIFI.idle_power_w > NS3_WIFI.sleep_power_w > 0.0


# Battery


def test_a_battery_gives_what_it_holds_and_no_more() -> None:
    full = Battery(capacity_j=100.0)
    assert full.drained(30.0).stored_j == 70.0
    assert full.drained(30.0).state_of_charge == pytest.approx(0.7)
    assert full.drained(100.0).stored_j == 0.0
    with pytest.raises(ValueError, match="holds 70 J"):
        full.drained(30.0).drained(70.1)
    assert full.stored_j == 100.0


def test_charging_stops_at_the_capacity() -> None:
    assert Battery(capacity_j=100.0, level_j=20.0).charged(30.0).stored_j == 50.0
    assert Battery(capacity_j=100.0, level_j=20.0).charged(300.0).stored_j == 100.0


def test_milliampere_hours() -> None:
    # 5000 mAh x 3.6 C/mAh x 3.85 V
    assert Battery.of_mah(5000.0, 3.85).capacity_j == pytest.approx(69300.0, rel=1e-12)


@pytest.mark.parametrize(
    ("starts_s", "power_w", "empty_s"),
    [
        ([0.0], [2.0], 50.0),
        ([10.0], [2.0], 60.0),
        ([0.0, 10.0], [2.0, 8.0], 20.0),
        ([0.0, 10.0, 20.0], [5.0, 0.0, 5.0], 30.0),
        ([0.0, 10.0, 20.0], [5.0, -100.0, 5.0], 40.0),
        ([0.0, 10.0], [5.0, 0.0], inf),
        ([0.0, 10.0], [10.0, 10.0], 10.0),
    ],
)
def test_when_a_battery_is_empty(starts_s: list[float], power_w: list[float], empty_s: float) -> None:
    assert Battery(capacity_j=100.0).empty_at_s(starts_s, power_w) == pytest.approx(empty_s, rel=1e-12)


@settings(deadline=None)
@given(st.lists(st.floats(0.1, 9.0), min_size=1, max_size=6))
def test_draining_until_it_is_empty_takes_all(powers: list[float]) -> None:
    starts = np.arange(len(powers)) * 3.0
    battery = Battery(capacity_j=40.0)
    end_s = battery.empty_at_s(starts, powers)
    lengths = np.clip(end_s - starts, 0.0, np.append(np.full(len(powers) - 1, 3.0), inf))
    assert float(np.dot(lengths, powers)) == pytest.approx(40.0, rel=1e-9)


@pytest.mark.parametrize(
    ("change", "message"),
    [({"capacity_j": 0.0}, "capacity_j"), ({"level_j": 101.0}, "level_j"), ({"level_j": -1.0}, "level_j")],
)
def test_an_impossible_battery_is_refused(change: dict[str, float], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Battery(**({"capacity_j": 100.0} | change))


def test_a_course_of_power_must_be_in_order() -> None:
    with pytest.raises(ValueError, match="rise"):
        Battery(capacity_j=1.0).empty_at_s([1.0, 0.0], [1.0, 1.0])
    with pytest.raises(ValueError, match="equally many"):
        Battery(capacity_j=1.0).empty_at_s([1.0], [1.0, 1.0])
    with pytest.raises(ValueError, match="energy_j"):
        Battery(capacity_j=1.0).drained(-1.0)


# Compute


def test_the_roofline_is_the_slower_of_two() -> None:
    # max(FLOPs/(peak x utilisation), bytes/bandwidth)
    device = Roofline(peak_flops_per_s=1e12, memory_bytes_per_s=1e10, utilisation=0.4)
    assert device.duration_s(8e11, 1e9) == pytest.approx(2.0, rel=1e-12)
    assert device.duration_s(8e9, 1e10) == pytest.approx(1.0, rel=1e-12)
    assert device.ridge_flops_per_byte == pytest.approx(40.0)
    assert device.duration_s(0.0, 0.0) == 0.0


@pytest.mark.parametrize("change", [{"peak_flops_per_s": 0.0}, {"memory_bytes_per_s": 0.0}, {"utilisation": 1.2}])
def test_a_device_without_speed_is_refused(change: dict[str, float]) -> None:
    given_values = {"peak_flops_per_s": 1.0, "memory_bytes_per_s": 1.0, "utilisation": 1.0} | change
    with pytest.raises(ValueError, match=next(iter(change))):
        Roofline(**given_values)


def test_a_device_must_say_its_speed() -> None:
    with pytest.raises(TypeError, match="peak_flops_per_s"):
        Roofline(memory_bytes_per_s=1.0, utilisation=1.0)  # type: ignore[call-arg]


def test_flops_of_training() -> None:
    # 6 N a token; with a frozen base 4 N
    assert training_flops(1e9, 1e6, base_is_trained=True) == 6e15
    assert training_flops(1e9, 1e6, base_is_trained=False) == 4e15
