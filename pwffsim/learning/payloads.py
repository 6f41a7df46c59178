"""Payloads of updates: tensors sorted by name, one after another as fp32, and the differences that they stand for."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import sqrt

import torch
from torch import Tensor

from pwffsim.learning import state
from pwffsim.learning.jobs import Inputs

_BYTES = 4


class Layout:
    """Where tensors lie in a payload.

    Args:
        tensors: by name.

    Attributes:
        places: name -> slice, in the order of names.
        size: number of elements.
    """

    def __init__(self, tensors: Mapping[str, Tensor]) -> None:
        self.places: dict[str, slice] = {}
        self.size = 0
        for name in sorted(tensors):
            start, self.size = self.size, self.size + tensors[name].numel()
            self.places[name] = slice(start, self.size)

    def flat(self, tensors: Mapping[str, Tensor]) -> Tensor:
        """f64[size]: the tensors of these names, on the CPU."""
        pieces = [tensors[name].detach().flatten() for name in self.places]
        return (torch.cat(pieces) if pieces else torch.zeros(0)).cpu().double()

    def part(self, flat: Tensor, names: Iterable[str]) -> Tensor:
        """The elements of some names, in the order of names; a view where these are all."""
        wanted = sorted(names)
        if len(wanted) == len(self.places):
            return flat
        return torch.cat([flat[:0], *(flat[self.places[name]] for name in wanted)])

    def split(self, flat: Tensor, like: Mapping[str, Tensor]) -> state.Group:
        """fp32 tensors of the shapes of others."""
        whole = flat.float()
        return {name: whole[place].view(like[name].shape).clone() for name, place in self.places.items()}


@dataclass(frozen=True)
class Update:
    """What one client contributes.

    Attributes:
        coefficient: c_i.
        layout: of its own tensors.
        payload: f64[d], update less base, zero where bytes were lost.
        lost: the slices of it that never came.
        deviation: root mean square of all that was to be sent.
    """

    coefficient: float
    layout: Layout
    payload: Tensor
    lost: Sequence[slice]
    deviation: float


class Updates:
    """The updates of a sum, read one at a time: no more than one is in memory.

    Args:
        inputs: ``update{i}/{group}`` and ``base{i}/{group}``.
        groups: which ones travel.
    """

    def __init__(self, inputs: Inputs, groups: Sequence[str]) -> None:
        self._inputs = inputs
        self._groups = groups
        self._base: tuple[list[Mapping[str, Tensor]], Layout, Tensor] | None = None

    def names(self, i: int) -> frozenset[str]:
        """Of the tensors that update i holds."""
        return frozenset(name for part in self._parts("update", i) for name in part)

    def read(self, i: int, coefficient: float, lost: Sequence[Sequence[int]]) -> Update:
        """Update i, of which the elements that a lost range touches never came.

        Args:
            i: which.
            coefficient: c_i.
            lost: byte ranges [start, stop) of the payload.

        Raises:
            ValueError: when a range lies outside the payload.
        """
        new = _merged(self._parts("update", i))
        layout = Layout(new)
        payload = layout.flat(new) - self._flat_base(i, layout)
        deviation = float(torch.linalg.vector_norm(payload)) / sqrt(max(layout.size, 1))
        gaps = [_elements(i, start, stop, layout.size) for start, stop in lost]
        for gap in gaps:
            payload[gap] = 0.0
        return Update(coefficient, layout, payload, gaps, deviation)

    def _flat_base(self, i: int, layout: Layout) -> Tensor:
        """What update i began from; flattened once for neighbours that began from the same."""
        parts = self._parts("base", i)
        if self._base is None or not self._same(parts, layout):
            self._base = parts, layout, layout.flat(_merged(parts))
        return self._base[2]

    def _same(self, parts: Sequence[Mapping[str, Tensor]], layout: Layout) -> bool:
        assert self._base is not None
        known, like, _ = self._base
        return like.places == layout.places and all(a is b for a, b in zip(parts, known, strict=True))

    def _parts(self, kind: str, i: int) -> list[Mapping[str, Tensor]]:
        return [self._inputs[f"{kind}{i}/{group}"] for group in self._groups]


def _merged(parts: Iterable[Mapping[str, Tensor]]) -> dict[str, Tensor]:
    return {name: tensor for part in parts for name, tensor in part.items()}


def _elements(i: int, start: int, stop: int, size: int) -> slice:
    """The elements that a range of bytes touches, of a payload of so many."""
    if not 0 <= start < stop <= size * _BYTES:
        raise ValueError(f"lost bytes {start}..{stop} lie outside the payload of {size * _BYTES} bytes of update {i}")
    return slice(start // _BYTES, -(-stop // _BYTES))
