"""One direction of everybody's links."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from channel_models.transfer.fleet import Fleet, Flights, NotInVectorsError
from channel_models.transfer.link import Link
from pwffsim.kernel.clock import NS_PER_S
from pwffsim.world.abreast.terms import NotAbreastError

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

_LATEST_NS = 2**53
"""Up to here every nanosecond is a float of its own, so that vectors divide as integers do."""


@dataclass(frozen=True, eq=False)
class Ride:
    """Transfers of all clients, an entry a client: begun and ended, and when all packets had been sent once.

    ``flights`` tells the rest.
    """

    start_ns: IntArray
    first_pass_ns: IntArray
    end_ns: IntArray
    flights: Flights

    @property
    def start_s(self) -> FloatArray:
        """Seconds at which each began."""
        return seconds(self.start_ns)

    def on_air_s(self, begin_ns: IntArray, end_ns: IntArray) -> FloatArray:
        """Seconds on air f64[N] between two times of each transfer."""
        begin_s, stop_s = (seconds(at_ns) - self.start_s for at_ns in (begin_ns, end_ns))
        return self.flights.on_air_s(np.maximum(begin_s, 0.0), stop_s)


class Way:
    """Uplinks or downlinks: counts the transfers, and carries everybody's next one."""

    def __init__(self, links: Sequence[Link]) -> None:
        self._fleet = Fleet(links)
        self._carried = 0

    @property
    def tx_power_w(self) -> float:
        """Radiated power, of all links alike."""
        return self._fleet.pattern.tx_power_w

    @property
    def power(self) -> float:
        """Share of it at which all of them radiate while on air."""
        return self._fleet.power

    def full_power_s(self, on_air_s: FloatArray) -> FloatArray:
        """Seconds f64[n] at full power that radiate as much as seconds on air f64[n]."""
        radiated_j = self.tx_power_w * (self.power * on_air_s)
        return radiated_j / self.tx_power_w if self.tx_power_w > 0 else 0.0 * radiated_j

    def carry(self, start_ns: IntArray, payload_bytes: IntArray) -> Ride:
        """Raises NotAbreastError for a transfer that takes no time, or longer than the link allows."""
        start_s = seconds(start_ns)
        try:
            flights = self._fleet.fly(start_s, payload_bytes, self._carried)
        except NotInVectorsError as error:
            raise NotAbreastError(str(error)) from error
        self._carried += 1
        end_ns, first_ns = ns(start_s + flights.elapsed_s), ns(start_s + flights.first_pass_s)
        if np.any(first_ns <= start_ns):
            raise NotAbreastError("a transfer takes less than a nanosecond")
        return Ride(start_ns, first_ns, end_ns, flights)


def seconds(ns: IntArray) -> FloatArray:
    """Nanoseconds as seconds. Raises NotAbreastError beyond 2^53 ns (104 days)."""
    if ns.max(initial=0) >= _LATEST_NS:
        raise NotAbreastError("the run lasts longer than 2^53 ns")
    return ns / NS_PER_S


def ns(seconds: FloatArray) -> IntArray:
    """Seconds as the nearest whole nanoseconds."""
    return np.rint(seconds * NS_PER_S).astype(np.int64)
