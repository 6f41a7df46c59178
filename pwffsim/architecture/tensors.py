"""A tensor by name and shape."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from math import prod

BYTES_PER_ELEMENT = 4
"""fp32, in memory and on the air."""


@dataclass(frozen=True, slots=True)
class TensorShape:
    """Name and shape of a tensor that nobody has made yet."""

    name: str
    shape: tuple[int, ...]

    @property
    def elements(self) -> int:
        """Number of elements."""
        return prod(self.shape)

    @property
    def size_bytes(self) -> int:
        """Size in fp32."""
        return self.elements * BYTES_PER_ELEMENT


def total_bytes(tensors: Iterable[TensorShape]) -> int:
    """Bytes of all tensors together."""
    return sum(tensor.size_bytes for tensor in tensors)


def total_elements(tensors: Iterable[TensorShape]) -> int:
    """Elements of all tensors together."""
    return sum(tensor.elements for tensor in tensors)
