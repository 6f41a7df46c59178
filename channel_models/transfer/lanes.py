"""The work functions of many links side by side, as matrices: a row a link, a column a segment.

    W(t) = integral of rate x airtime from the start of the link's own transfer on

Row by row it is ``Work``, to the bit: sums run from segment to segment, so that neither the rows beside a row nor the
columns behind its end change anything.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import isinf
from typing import NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from channel_models.fading.course import Course
from channel_models.loss.loss_map import LossMap, Reception
from channel_models.transfer.profile import LinkProfile
from channel_models.transfer.work import carried_bits

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
Scalar = TypeVar("Scalar", bound=np.generic)


class Place(NamedTuple):
    """When so much work is done: seconds since the start f64[n], infinite where that is beyond the last segment; and
    the segment that it ends in, int64[n]."""

    elapsed_s: FloatArray
    segment: IntArray


@dataclass(frozen=True, eq=False)
class Lanes:
    """Links from the starts of their transfers on.

    edges_s: of segments, in seconds since the start, f64[N, K + 1]; edge_bits: W there, f64[N, K + 1]; snr, flow_bps:
    linear SNR and rate x airtime in the segments, rate_bps: while on air, f64[N, K]; mean_snr: linear f64[N]; band_hz,
    airtime, power: of the allocation.
    """

    edges_s: FloatArray
    edge_bits: FloatArray
    snr: FloatArray
    rate_bps: FloatArray
    flow_bps: FloatArray
    mean_snr: FloatArray
    band_hz: float
    airtime: float
    power: float

    def locate(self, rows: IntArray, bits: FloatArray) -> Place:
        """Where bits f64[n] are done on rows int64[n]."""
        last = self.snr.shape[1] - 1
        done = self.of(rows, self.edge_bits)[:, 1:] >= bits[:, None]
        beyond = ~done[:, last]
        at = np.where(beyond, last, done.argmax(axis=1))
        flow_bps = self.flow_bps[rows, at]
        missing = bits - self.edge_bits[rows, at]
        inside_s = np.divide(missing, flow_bps, out=np.zeros_like(missing), where=flow_bps > 0)
        elapsed_s = np.minimum(self.edges_s[rows, at] + inside_s, self.edges_s[rows, at + 1])
        elapsed_s[beyond] = np.inf
        return Place(elapsed_s, at)

    def of(self, rows: IntArray, matrix: NDArray[Scalar]) -> NDArray[Scalar]:
        """Some rows, or all of them without a copy."""
        return matrix if rows.size == matrix.shape[0] else matrix[rows]

    def reception(self, rows: IntArray, segments: IntArray, bits: FloatArray | float) -> Reception:
        """What packets of so many bits meet that end in segments of rows, both int64[n]."""
        efficiency = self.rate_bps[rows, segments] / self.band_hz
        return Reception(self.snr[rows, segments], self.mean_snr[rows], efficiency, bits)

    def error_rates(self, loss_map: LossMap, bits: FloatArray) -> FloatArray:
        """Probability f64[N, K] that packets of each row's bits f64[N] are lost that end in each segment."""
        efficiency = (self.rate_bps / self.band_hz).ravel()
        mean_snr, sizes = (np.repeat(column, self.snr.shape[1]) for column in (self.mean_snr, bits))
        rates = loss_map.packet_error_rate(Reception(self.snr.ravel(), mean_snr, efficiency, sizes))
        return rates.reshape(self.snr.shape)

    def on_air_s(self, start_s: FloatArray, stop_s: FloatArray) -> FloatArray:
        """Seconds on air f64[N] in spans [start, stop) of seconds since the start, which are not beyond the last
        segment."""
        return self._lengths_s(start_s, stop_s).cumsum(axis=1)[:, -1]

    def whole(self, elapsed_s: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Seconds on air f64[N] from the start on, and the sum f64[N] of linear SNR x seconds over them."""
        lengths_s = self._lengths_s(np.zeros_like(elapsed_s), elapsed_s)
        snr_s = self.snr[:, : lengths_s.shape[1]] * lengths_s
        return lengths_s.cumsum(axis=1)[:, -1], snr_s.cumsum(axis=1)[:, -1]

    def _lengths_s(self, start_s: FloatArray, stop_s: FloatArray) -> FloatArray:
        """Seconds on air in each segment, as far as any span goes, f64[N, K]."""
        width = np.count_nonzero((self.edges_s[:, 1:] < stop_s.max()).any(axis=0)) + 1
        cuts_s = np.maximum(self.edges_s[:, : width + 1], start_s[:, None])
        np.minimum(cuts_s, stop_s[:, None], out=cuts_s)
        return (cuts_s[:, 1:] - cuts_s[:, :-1]) * self.airtime


def lanes(
    pattern: LinkProfile, course: Course, rows: IntArray, mean_snr: FloatArray, start_s: FloatArray, segments: int
) -> Lanes:
    """Links like a pattern, by place in the course of their gains int64[N] and linear mean SNR f64[N], each from its
    start f64[N] on, so many segments."""
    allocation, block_s = pattern.allocation, pattern.block_s
    first = blocks_of(block_s, start_s)
    gain = course.gains(rows, first, segments)
    own_snr = mean_snr * allocation.snr
    snr = own_snr[:, None] * gain
    rate_bps = pattern.band_hz * pattern.rate_map.spectral_efficiency(snr)
    airtime = float(allocation.airtime_of(0, 1)[0])
    ends = first[:, None] + np.arange(1.0, segments + 1.0)
    edges_s = np.zeros((start_s.size, segments + 1))
    np.subtract(ends * block_s, start_s[:, None], out=edges_s[:, 1:])
    flow_bps = rate_bps * airtime
    edge_bits = np.zeros_like(edges_s)
    edge_bits[:, 1:] = carried_bits(edges_s, flow_bps)
    edge_bits.cumsum(axis=1, out=edge_bits)
    return Lanes(edges_s, edge_bits, snr, rate_bps, flow_bps, own_snr, pattern.band_hz, airtime, allocation.power)


def blocks_of(block_s: float, time_s: FloatArray) -> IntArray:
    """``block_of`` of many times, int64[n]."""
    if isinf(block_s):
        return np.zeros(time_s.size, dtype=np.int64)
    block = np.floor_divide(time_s, block_s)
    while np.any(early := (block + 1.0) * block_s <= time_s):
        block += early
    while np.any(late := (block > 0) & (block * block_s > time_s)):
        block -= late
    return block.astype(np.int64)
