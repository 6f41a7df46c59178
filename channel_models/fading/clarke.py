"""Clarke's model: Rayleigh fading that is continuous in time, by a sum of sinusoids."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import pi, sqrt
from typing import ClassVar, NamedTuple

import numpy as np

from channel_models.fading.fading import CHUNK_BLOCKS, FADING, LEAST_BLOCK_S, ChunkedFading, FloatArray
from channel_models.fading.rayleigh import RayleighLaw
from channel_models.model import parameter
from channel_models.randomness import draws

LONGEST_SLOT_DOPPLERS = 0.1


@FADING.register("clarke")
@dataclass(frozen=True, kw_only=True)
class Clarke(RayleighLaw, ChunkedFading):
    """Power gain |h(t)|^2 of h(t) = sqrt(2/M) sum_n e^(j psi_n) cos(2 pi f_D t cos(alpha_n) + phi_n),
    alpha_n = (2 pi n - pi + theta)/(4 M), with independent uniform psi_n, phi_n, theta of each link.

    The field has the autocorrelation J0(2 pi f_D tau), the power gain J0^2 and unit mean. h is a function of time: the
    gain of a slot is the one at its centre, so shorter slots show the same fading in more detail and never change its
    memory. Any slot is reached at once.

    With M oscillators the power variance is 1 - 1/(2M) for Rayleigh's 1; from M = 16 on the level crossing rate and
    the share of time in a fade are within 3 % of Rayleigh's, whose closed forms this class answers. Slots are not
    independent.

    Source: Zheng and Xiao, IEEE Trans. Commun. 51(6), 2003, with a phase for each oscillator (under their one common
    phase the law of the gain at t = 0 is not the exponential).
    """

    doppler_hz: float = parameter(
        "Largest Doppler shift, speed times carrier frequency over the speed of light.", default=10.0, above=0
    )
    oscillators: int = parameter("Sinusoids in the sum.", default=32, least=16, most=1024)
    slot_s: float | None = parameter(
        "Length of a slot in which the gain is constant; at most (and by default) 0.1 / doppler_hz.",
        default=None,
        least=LEAST_BLOCK_S,
    )
    independent_blocks: ClassVar[bool] = False

    def __post_init__(self) -> None:
        super().__post_init__()
        longest_s = LONGEST_SLOT_DOPPLERS / self.doppler_hz
        if not LEAST_BLOCK_S <= self.block_s <= longest_s * (1 + 1e-12):
            raise ValueError(
                f"Clarke: slot_s must be at least {LEAST_BLOCK_S:g} and at most 0.1/doppler_hz = {longest_s:g} s, "
                f"got {self.block_s:g}: shorten the slot or lower doppler_hz"
            )

    @property
    def block_s(self) -> float:
        return LONGEST_SLOT_DOPPLERS / self.doppler_hz if self.slot_s is None else self.slot_s

    def fill(self, rows: Iterable[FloatArray], links: Sequence[int], chunk: int, first: int) -> None:
        times_s = (np.arange(CHUNK_BLOCKS, dtype=np.float64) + (chunk * CHUNK_BLOCKS + 0.5)) * self.block_s
        for row, link in zip(rows, links, strict=True):
            row[:] = _power(_waves(self, link), times_s)[first : first + row.size]


class _Waves(NamedTuple):
    """f64[M, 1] each: Doppler shift, phase in cycles, and the two components of the amplitude."""

    shift_hz: FloatArray
    phase_cycles: FloatArray
    in_phase: FloatArray
    quadrature: FloatArray


def _waves(model: Clarke, link: int) -> _Waves:
    count = model.oscillators
    uniform = draws(model.seed, f"{model.purpose}/fading").at(link).random(2 * count + 1)[:, np.newaxis]
    theta, psi, phase_cycles = 2.0 * pi * uniform[0] - pi, 2.0 * pi * uniform[1 : count + 1], uniform[count + 1 :]
    alpha = (2.0 * pi * np.arange(1, count + 1)[:, np.newaxis] - pi + theta) / (4.0 * count)
    scale = sqrt(2.0 / count)
    return _Waves(model.doppler_hz * np.cos(alpha), phase_cycles, scale * np.cos(psi), scale * np.sin(psi))


def _power(waves: _Waves, times_s: FloatArray) -> FloatArray:
    """|h|^2 at f64[256] times: always a whole chunk, so that its sums have one order of terms."""
    cycles = waves.shift_hz * times_s + waves.phase_cycles
    waveform = np.cos(2.0 * pi * (cycles - np.rint(cycles)))
    return np.square((waves.in_phase * waveform).sum(axis=0)) + np.square((waves.quadrature * waveform).sum(axis=0))
