"""What a transfer came to."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from channel_models.transfer.packets import ByteRange

IntArray = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Delivery:
    """The outcome of a transfer.

    start_s, first_pass_s, finish_s: absolute times of the start, of the end of the first pass over all packets, and of
    the end. on_air_s: the part of it in which the sender was on air; radiated_j: energy radiated meanwhile. packets:
    number of packets; passes: rounds of feedback; transmissions: with repeats; bits_on_air: headers and repeats
    included. lost: int64 numbers of the packets never delivered; lost_ranges: their payload bytes [start, stop).
    payload_bytes = delivered_bytes + lost_bytes. mean_snr_db: average of the linear SINR over the time on air, in dB;
    mean_rate_bps = bits_on_air / (finish - start) (both: the value at the start if the transfer took no time).
    """

    start_s: float
    first_pass_s: float
    finish_s: float
    on_air_s: float
    radiated_j: float
    payload_bytes: int
    packets: int
    passes: int
    transmissions: int
    bits_on_air: int
    lost: IntArray
    lost_ranges: tuple[ByteRange, ...]
    lost_bytes: int
    mean_snr_db: float
    mean_rate_bps: float

    @property
    def duration_s(self) -> float:
        """Seconds from start to finish."""
        return self.finish_s - self.start_s

    @property
    def retransmission_s(self) -> float:
        """The part of it after the first pass."""
        return self.finish_s - self.first_pass_s

    @property
    def delivered_bytes(self) -> int:
        """Payload bytes that arrived."""
        return self.payload_bytes - self.lost_bytes

    @property
    def complete(self) -> bool:
        """True if every byte arrived."""
        return self.lost.size == 0
