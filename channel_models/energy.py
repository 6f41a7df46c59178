"""Energy of radios and processors."""

from __future__ import annotations

from dataclasses import dataclass

from channel_models.validation import non_negative, positive

_FLOPS_PER_GFLOP = 1e9


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


@dataclass(frozen=True)
class ComputeModel:
    """Computation at a sustained speed: T = FLOPs / sustained FLOP/s, E = P x T.

    There is no default speed: a device without one is an error, never a computation that takes no time.
    """

    def duration_s(self, flops: float, sustained_gflops: float) -> float:
        """Seconds for so many floating-point operations at a sustained speed in GFLOP/s (10^9 a second)."""
        return non_negative("flops", flops) / (positive("sustained_gflops", sustained_gflops) * _FLOPS_PER_GFLOP)

    def energy_j(self, power_w: float, duration_s: float) -> float:
        """Joules of a device that draws so many watts while it computes."""
        return non_negative("power_w", power_w) * non_negative("duration_s", duration_s)


@dataclass(frozen=True)
class CycleModel:
    """Dynamic power of CMOS: T = C D / f, E = kappa C D f^2 for each local iteration.

    switched_capacitance kappa [W s^3]: 1e-28 in Yang et al. (IEEE TWC 20(3)); C D: cycles a sample times
    samples.
    """

    switched_capacitance: float

    def __post_init__(self) -> None:
        positive("switched_capacitance", self.switched_capacitance)

    def duration_s(self, cycles: float, frequency_hz: float) -> float:
        """Seconds for so many cycles at a clock frequency."""
        return non_negative("cycles", cycles) / positive("frequency_hz", frequency_hz)

    def energy_j(self, cycles: float, frequency_hz: float) -> float:
        """Joules for so many cycles at a clock frequency."""
        return self.switched_capacitance * non_negative("cycles", cycles) * positive("frequency_hz", frequency_hz) ** 2
