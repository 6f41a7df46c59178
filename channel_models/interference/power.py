"""Interference as a piecewise-constant power at the receiver, and what it makes of an SNR.

    SINR = S / (N + I) = SNR / (1 + INR)        INR = I / N

Powers add in watts, never in dB, and none is negative: a negative interference would turn SINR into something that no
receiver sees.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from channel_models.validation import positive

FloatArray = NDArray[np.float64]


class Interferer(Protocol):
    """A source of interference, known for all times."""

    def steps(self, start_s: float, stop_s: float) -> tuple[FloatArray, FloatArray]:
        """Edges f64[n + 1] from start to stop and the received power f64[n] in watts between them."""
        ...


@dataclass(frozen=True)
class Interferers:
    """Several sources at one receiver, as one."""

    sources: Sequence[Interferer]

    def steps(self, start_s: float, stop_s: float) -> tuple[FloatArray, FloatArray]:
        """Edges f64[n + 1] from start to stop and the sum of received powers f64[n] in watts between them.

        Raises ValueError for an empty stretch or a source of negative power.
        """
        check_stretch(start_s, stop_s)
        steps = [source.steps(start_s, stop_s) for source in self.sources]
        edges = np.unique(np.concatenate([np.array([start_s, stop_s]), *(edges for edges, _ in steps)]))
        power = np.zeros(edges.size - 1)
        for source_edges, source_power in steps:
            power += _powers(source_power)[np.searchsorted(source_edges, edges[:-1], side="right") - 1]
        return edges, power


def inr(interference_w: ArrayLike, noise_w: float) -> FloatArray:
    """I / N, linear. Raises ValueError for negative interference or a noise that is not positive."""
    return _powers(interference_w) / positive("noise_w", noise_w)


def sinr(snr: ArrayLike, interference_to_noise: ArrayLike) -> FloatArray:
    """SNR / (1 + INR), linear. Raises ValueError for a negative SNR or INR: powers are not negative."""
    ratios = {
        name: np.asarray(value, dtype=np.float64) for name, value in (("snr", snr), ("inr", interference_to_noise))
    }
    for name, ratio in ratios.items():
        if not np.all(ratio >= 0.0):
            raise ValueError(f"{name} must be at least 0, got {ratio!r}: give ratios of powers, linear and not in dB")
    return ratios["snr"] / (1.0 + ratios["inr"])


def check_stretch(start_s: float, stop_s: float) -> None:
    """Raises ValueError unless start_s < stop_s, both finite."""
    if not -np.inf < start_s < stop_s < np.inf:
        raise ValueError(f"a stretch of time needs start_s < stop_s, both finite, got {start_s!r} .. {stop_s!r}")


def _powers(power_w: ArrayLike) -> FloatArray:
    power = np.asarray(power_w, dtype=np.float64)
    if not np.all(np.isfinite(power) & (power >= 0.0)):
        raise ValueError(f"an interference power must be a finite number of at least 0 W, got {power_w!r}")
    return power
