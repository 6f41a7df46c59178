"""A link that replays recorded rates."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from math import inf, nan

import numpy as np

from channel_models.sharing.policy import Allocation
from channel_models.traces.errors import TraceEnded
from channel_models.traces.rate_trace import RateTrace
from channel_models.transfer.profile import WHOLE, Segments

_PIECES_A_BLOCK = 64


@dataclass(frozen=True, eq=False)
class RecordedProfile:
    """The rate is the recording's at that time, whatever fades; the allocation's share of band and air applies to it.

    There is no SNR (it is NaN), so only losses that need none go with it. link_id: index of the link, for messages.
    """

    link_id: int
    trace: RateTrace
    allocation: Allocation = WHOLE

    mean_snr = nan
    band_hz = nan
    blocks_ahead = inf

    @cached_property
    def block_s(self) -> float:
        """About 64 pieces of the recording."""
        return self.trace.duration_s * min(_PIECES_A_BLOCK / self.trace.rates_bps.size, 1.0)

    @cached_property
    def mean_rate_bps(self) -> float:
        """Time average over one pass."""
        airtime = self.allocation.airtime
        return self.trace.mean_rate_bps * self.allocation.bandwidth * (1.0 if callable(airtime) else airtime)

    @property
    def label(self) -> str:
        return f"link {self.link_id} (recorded, mean rate {self.mean_rate_bps:.6g} b/s)"

    def stretch(self, first_block: int, count: int, origin_s: float) -> Segments:
        """Raises TraceEnded where a recording that is not looped has nothing more."""
        start_s, stop_s = first_block * self.block_s, (first_block + count) * self.block_s
        if self.trace.at_end == "refuse":
            if start_s >= self.trace.duration_s:
                raise TraceEnded(f"{self.label}: what is still to be sent", self.trace.duration_s)
            stop_s = min(stop_s, self.trace.duration_s)
        edges_s, rates_bps = self.trace.stretch(start_s, stop_s)
        airtime = self.allocation.airtime_of(first_block, 1)[0]
        rates_bps = rates_bps * self.allocation.bandwidth
        return Segments(
            edges_s[1:] + (start_s - origin_s),
            np.full(rates_bps.size, nan),
            rates_bps,
            np.full(rates_bps.size, airtime),
        )
