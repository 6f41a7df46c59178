"""Jammers: what they do to a receiver's noise, and their row on the timeline."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from channel_models.interference.jammer import Jammer
from channel_models.interference.power import Interferers, inr
from pwffsim.kernel.clock import Kernel, ns
from pwffsim.runs.records import SpanKind
from pwffsim.world.diary import Diary, Recorder

FloatArray = NDArray[np.float64]

_STEADY_S = 1.0


@dataclass(frozen=True, eq=False)
class JammedNoise:
    """Interference-to-noise ratio of some jammers at one receiver; a jammer covers the whole band evenly.

    Attributes:
        jammers: those that reach the receiver, at least one.
        noise_w: its noise over the whole band.
    """

    jammers: Sequence[Jammer]
    noise_w: float

    @property
    def step_s(self) -> float:
        """The shortest period of those that come and go; one that never pauses changes twice, at any step."""
        return min((jammer.period_s for jammer in self.jammers if 0.0 < jammer.duty < 1.0), default=_STEADY_S)

    def steps(self, start_s: float, stop_s: float) -> tuple[FloatArray, FloatArray]:
        """Instants of change inside (start, stop), and the linear INR between them."""
        edges_s, power_w = Interferers(self.jammers).steps(start_s, stop_s)
        return edges_s[1:-1], inr(power_w, self.noise_w)


def write_down(kernel: Kernel, recorder: Recorder, name: str, jammer: Jammer) -> None:
    """A jammer's spans from the beginning to now; it goes its way whatever else happens."""
    diary, now_ns = Diary(kernel, recorder, name), kernel.now_ns
    if now_ns > 0:
        edges_s, power_w = jammer.steps(0.0, now_ns / 1e9)
        for start_s, stop_s, power in zip(edges_s[:-1], edges_s[1:], power_w, strict=True):
            if power > 0:
                diary.write(SpanKind.JAM, ns(start_s), min(ns(stop_s), now_ns))
    diary.close()
