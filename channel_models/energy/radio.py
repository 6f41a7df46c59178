"""What a radio draws in each of its states, and how long it is in which.

    E = (P/eta + P_c) T_tx + P_rx T_rx + P_tail T_tail + P_idle T_idle + P_sleep T_sleep        [J]

The times of all states sum to the horizon: every second of a radio is accounted for once. Source: the state machine
of the ns-3 Wi-Fi radio energy model (tx, rx, idle, sleep; drawn power linear in the radiated one); the tail of a
cellular radio that stays connected after traffic, Huang et al., MobiSys 2012.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import inf, isnan

import numpy as np
from numpy.typing import NDArray

from channel_models.model import Model, parameter
from channel_models.validation import non_negative, probability

_STATES = ("transmit", "receive")


def transmit_energy_j(
    power_w: float, air_time_s: float, amplifier_efficiency: float = 1.0, circuit_w: float = 0.0
) -> float:
    """E = (P/eta + P_c) T [J]: radiated power P over the amplifier's efficiency eta, plus circuit power.

    The defaults give the energy on air, P x T; T includes every retransmission. Raises ValueError for
    negative quantities or an efficiency outside (0, 1].
    """
    if not 0.0 < amplifier_efficiency <= 1.0:
        raise ValueError(f"amplifier_efficiency must lie in (0, 1], got {amplifier_efficiency!r}")
    power_w = non_negative("power_w", power_w) / amplifier_efficiency + non_negative("circuit_w", circuit_w)
    return power_w * non_negative("air_time_s", air_time_s)


@dataclass(frozen=True, kw_only=True)
class RadioTimes:
    """Seconds in each state; they sum to the horizon."""

    transmit_s: float = 0.0
    receive_s: float = 0.0
    tail_s: float = 0.0
    idle_s: float = 0.0
    sleep_s: float = 0.0

    @property
    def horizon_s(self) -> float:
        """Sum over the states [s]."""
        return self.transmit_s + self.receive_s + self.tail_s + self.idle_s + self.sleep_s

    def __add__(self, other: RadioTimes) -> RadioTimes:
        return RadioTimes(**{name: value + getattr(other, name) for name, value in vars(self).items()})


@dataclass(frozen=True, kw_only=True)
class Activity:
    """A stretch [start_s, stop_s) of one state, "transmit" or "receive". Raises ValueError for another state."""

    state: str
    start_s: float
    stop_s: float

    def __post_init__(self) -> None:
        if self.state not in _STATES:
            raise ValueError(f"state must be one of {', '.join(_STATES)}, got {self.state!r}")
        if not 0.0 <= self.start_s <= self.stop_s < inf:
            raise ValueError(f"an activity needs 0 <= start_s <= stop_s, got {self.start_s!r} .. {self.stop_s!r}")


@dataclass(frozen=True, kw_only=True)
class RadioPower(Model):
    """Power drawn by a half-duplex radio, by state. The defaults count what is radiated alone, P x T.

    After an activity the radio stays tail_s in its tail, then idle_s idle, and then sleeps until the next one.
    """

    amplifier_efficiency: float = parameter("Radiated over drawn power of the amplifier.", default=1.0, above=0, most=1)
    circuit_power_w: float = parameter("Drawn while transmitting, besides the amplifier.", default=0.0, least=0)
    receive_power_w: float = parameter("Drawn while receiving.", default=0.0, least=0)
    tail_power_w: float = parameter("Drawn in the tail after an activity.", default=0.0, least=0)
    tail_s: float = parameter("How long the tail lasts.", default=0.0, least=0)
    idle_power_w: float = parameter("Drawn while idle and ready.", default=0.0, least=0)
    idle_s: float = parameter("Idle time before sleep; infinite: never asleep.", default=inf, least=0, infinite=True)
    sleep_power_w: float = parameter("Drawn while asleep.", default=0.0, least=0)

    def transmit_w(self, power_w: float, airtime: float = 1.0) -> float:
        """(P/eta + P_c) a + P_idle (1 - a) [W]: mean power while a share a of the time is on air, idle between."""
        on_air_w = non_negative("power_w", power_w) / self.amplifier_efficiency + self.circuit_power_w
        return on_air_w * probability("airtime", airtime) + self.idle_power_w * (1.0 - airtime)

    def receive_w(self) -> float:
        """Power while receiving [W]."""
        return self.receive_power_w

    def gap(self, length_s: float, *, after_activity: bool = True) -> RadioTimes:
        """A gap without activity: first the tail (unless nothing came before), then idle, the rest asleep."""
        left_s = non_negative("length_s", length_s)
        tail_s = min(left_s, self.tail_s) if after_activity else 0.0
        idle_s = min(left_s - tail_s, self.idle_s)
        return RadioTimes(tail_s=tail_s, idle_s=idle_s, sleep_s=left_s - tail_s - idle_s)

    def gap_energy_j(self, length_s: float, *, after_activity: bool = True) -> float:
        """Energy of a gap [J]."""
        return self.energy_j(0.0, self.gap(length_s, after_activity=after_activity))

    def gap_energies_j(self, lengths_s: NDArray[np.float64], *, after_activity: bool = True) -> NDArray[np.float64]:
        """``gap_energy_j`` of many gaps, to the bit, f64[n]."""
        tail_s = np.minimum(lengths_s, self.tail_s) if after_activity else np.zeros_like(lengths_s)
        idle_s = np.minimum(lengths_s - tail_s, self.idle_s)
        asleep_s = lengths_s - tail_s - idle_s
        return self.tail_power_w * tail_s + self.idle_power_w * idle_s + self.sleep_power_w * asleep_s

    def times(self, activities: Sequence[Activity], horizon_s: float) -> RadioTimes:
        """Seconds in each state over [0, horizon_s), given all activities in order.

        Raises ValueError for activities that overlap (the radio is half-duplex) or reach beyond the horizon.
        """
        total, now_s = RadioTimes(), 0.0
        for activity in activities:
            if activity.start_s < now_s:
                raise ValueError(f"activities overlap or are out of order: {activity} starts before {now_s:g} s")
            total += self.gap(activity.start_s - now_s, after_activity=now_s > 0.0)
            total += RadioTimes(**{f"{activity.state}_s": activity.stop_s - activity.start_s})
            now_s = activity.stop_s
        if isnan(horizon_s) or horizon_s < now_s:
            raise ValueError(f"horizon_s must be at least {now_s:g} s, the end of the last activity, got {horizon_s!r}")
        return total + self.gap(horizon_s - now_s, after_activity=now_s > 0.0)

    def energy_j(self, power_w: float, times: RadioTimes) -> float:
        """Energy [J] of so long in each state, at radiated power ``power_w`` while transmitting."""
        return (
            self.transmit_w(power_w) * times.transmit_s
            + self.receive_power_w * times.receive_s
            + self.tail_power_w * times.tail_s
            + self.idle_power_w * times.idle_s
            + self.sleep_power_w * times.sleep_s
        )


NS3_WIFI = RadioPower(
    amplifier_efficiency=0.10,
    circuit_power_w=0.273333 * 3.0,
    receive_power_w=0.313 * 3.0,
    idle_power_w=0.273 * 3.0,
    sleep_power_w=0.033 * 3.0,
)
"""Defaults of ns-3 3.44 at 3.0 V: wifi-radio-energy-model.cc (idle 273 mA, receive 313 mA, sleep 33 mA) and
wifi-tx-current-model.cc (linear: P / (V eta) + 273.333 mA, eta 0.10)."""
