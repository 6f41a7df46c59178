"""A tensor by name and shape."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
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


class Payload(tuple[TensorShape, ...]):
    """Tensors that travel together, in the order in which their bytes do; what all messages say of them, counted once.

    It is a tuple, and equal to one of the same tensors.
    """

    @classmethod
    def of(cls, tensors: Iterable[TensorShape]) -> Payload:
        """These tensors as a payload; one that is a payload already stays the same object."""
        return tensors if isinstance(tensors, cls) else cls(tensors)

    @cached_property
    def size_bytes(self) -> int:
        """Bytes of all tensors together."""
        return total_bytes(self)

    @cached_property
    def listing(self) -> tuple[tuple[str, int], ...]:
        """Name and bytes of each tensor."""
        return tuple((tensor.name, tensor.size_bytes) for tensor in self)


def total_bytes(tensors: Iterable[TensorShape]) -> int:
    """Bytes of all tensors together."""
    return sum(tensor.size_bytes for tensor in tensors)


def total_elements(tensors: Iterable[TensorShape]) -> int:
    """Elements of all tensors together."""
    return sum(tensor.elements for tensor in tensors)
