"""Time and energy of computation: sustained speed, clock cycles, roofline, and the operations of training."""

from __future__ import annotations

from dataclasses import dataclass

from channel_models.model import Model, parameter
from channel_models.validation import non_negative, positive

_FLOPS_PER_GFLOP = 1e9
_FORWARD_FLOPS = 2.0
_INPUT_GRADIENT_FLOPS = 2.0
_WEIGHT_GRADIENT_FLOPS = 2.0


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


@dataclass(frozen=True, kw_only=True)
class Roofline(Model):
    """T = max(FLOPs / (peak x utilisation), bytes / memory bandwidth) (Williams, Waterman and Patterson 2009).

    There are no default speeds: a device without one is an error, never a computation that takes no time.
    """

    peak_flops_per_s: float = parameter("Peak floating-point operations a second.", above=0)
    memory_bytes_per_s: float = parameter("Bytes a second to and from memory.", above=0)
    utilisation: float = parameter("Share of the peak that is reached (model FLOPs utilisation).", above=0, most=1)

    def duration_s(self, flops: float, memory_bytes: float) -> float:
        """Seconds for so many operations and so many bytes to and from memory, both going on at once."""
        compute_s = non_negative("flops", flops) / (self.peak_flops_per_s * self.utilisation)
        return max(compute_s, non_negative("memory_bytes", memory_bytes) / self.memory_bytes_per_s)

    @property
    def ridge_flops_per_byte(self) -> float:
        """Arithmetic intensity at which the two bounds meet; below it memory decides."""
        return self.peak_flops_per_s * self.utilisation / self.memory_bytes_per_s


def training_flops(parameters: float, tokens: float, *, base_is_trained: bool) -> float:
    """Operations of training a dense transformer of N parameters on so many tokens: 6 N, or 4 N, a token.

    Forward 2 N, gradients of the inputs 2 N, gradients of the weights 2 N (Kaplan et al. 2020); adapters on a frozen
    base need no gradients of its weights, and their own parameters are few. Attention scores are left out.
    """
    by_parameter = _FORWARD_FLOPS + _INPUT_GRADIENT_FLOPS + _WEIGHT_GRADIENT_FLOPS * base_is_trained
    return by_parameter * non_negative("parameters", parameters) * non_negative("tokens", tokens)
