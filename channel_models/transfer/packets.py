"""Packetisation: a payload cut into packets with headers, and back from lost packets to lost bytes."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from channel_models.validation import count as checked_count

BITS_PER_BYTE = 8

IntArray = NDArray[np.int64]
ByteRange = tuple[int, int]


class PacketScheme(Hashable, Protocol):
    """How a payload of some bytes goes on the air."""

    @property
    def divisible(self) -> bool:
        """True if the payload is cut into packets that can be lost one by one."""
        ...

    def count(self, total_bytes: int) -> int:
        """Number of packets (0 for an empty payload)."""
        ...

    def sizes_bits(self, total_bytes: int) -> IntArray:
        """Bits on the air of each packet in order, int64[count], headers included."""
        ...

    def byte_ranges(self, lost: IntArray, total_bytes: int) -> list[ByteRange]:
        """Payload bytes [start, stop) of the given packets, neighbours merged."""
        ...


@dataclass(frozen=True)
class Packetisation:
    """Packets of ``payload_bytes`` behind ``header_bytes`` each; the last one carries what is left.

    The default is TCP over IPv4 at an MTU of 1500 bytes: 1460 + 40, 365 float32 values a packet.
    """

    payload_bytes: int = 1460
    header_bytes: int = 40
    divisible = True

    def __post_init__(self) -> None:
        checked_count("payload_bytes", self.payload_bytes, least=1)
        checked_count("header_bytes", self.header_bytes)

    def count(self, total_bytes: int) -> int:
        return -(-checked_count("total_bytes", total_bytes) // self.payload_bytes)

    def sizes_bits(self, total_bytes: int) -> IntArray:
        packets = self.count(total_bytes)
        sizes = np.full(packets, BITS_PER_BYTE * (self.payload_bytes + self.header_bytes), dtype=np.int64)
        if packets:
            last_bytes = total_bytes - (packets - 1) * self.payload_bytes
            sizes[-1] = BITS_PER_BYTE * (last_bytes + self.header_bytes)
        return sizes

    def byte_ranges(self, lost: IntArray, total_bytes: int) -> list[ByteRange]:
        """Raises ValueError for a packet number that the payload does not have."""
        if np.size(lost) == 0:
            return []
        numbers = np.unique(np.asarray(lost, dtype=np.int64))
        if numbers[0] < 0 or numbers[-1] >= self.count(total_bytes):
            raise ValueError(f"packet numbers must lie in 0 .. {self.count(total_bytes) - 1}, got {numbers}")
        runs = np.split(numbers, np.flatnonzero(np.diff(numbers) > 1) + 1)
        size = self.payload_bytes
        return [(int(run[0]) * size, min((int(run[-1]) + 1) * size, total_bytes)) for run in runs]


@dataclass(frozen=True)
class Fluid:
    """No packets and no headers: the payload's bits flow as one, and none of them can be lost."""

    divisible = False

    def count(self, total_bytes: int) -> int:
        return int(checked_count("total_bytes", total_bytes) > 0)

    def sizes_bits(self, total_bytes: int) -> IntArray:
        return np.full(self.count(total_bytes), BITS_PER_BYTE * total_bytes, dtype=np.int64)

    def byte_ranges(self, lost: IntArray, total_bytes: int) -> list[ByteRange]:
        if np.asarray(lost).size:
            raise ValueError("a fluid payload has no packets that could be lost")
        return []
