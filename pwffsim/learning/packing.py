"""Where the tokens of a padded batch lie when nothing but what a loss depends on is computed.

A batch is (rows, length), client-major. A response token is predicted from the tokens before it, so that a row needs
its tokens up to the last but one. Those of a client lie side by side in its block of T slots, T the same for all
clients; attention alone wants them in rows. The slots that predict something, K a client, are all that the last block
need work out.

Every block and every row ends in a place without a token. Such places read each other, and nothing reads them, so that
their gradients are zero and the transpose of every move is again a move.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from pwffsim.learning.batching import IGNORED, Batch, bucket


@dataclass(frozen=True)
class Move:
    """Which element goes where: ``y[i] = x[there[i]]``, and its transpose ``dx[j] = dy[back[j]]``."""

    there: Tensor
    back: Tensor

    def __call__(self, x: Tensor) -> Tensor:
        """(elements, n) -> (as many as `there` has, n)."""
        return _Moved.apply(x, self.there, self.back)


class _Moved(torch.autograd.Function):
    @staticmethod
    def forward(context: Any, x: Tensor, there: Tensor, back: Tensor) -> Tensor:
        context.save_for_backward(back)
        return x.index_select(0, there)

    @staticmethod
    def backward(context: Any, gradient: Tensor) -> Any:
        (back,) = context.saved_tensors
        return gradient.index_select(0, back), None, None


@dataclass(frozen=True)
class Packing:
    """The tokens of C clients' rows in blocks of slots.

    Attributes:
        rows: number of rows of the batch.
        length: places in a row, at most; the last one is empty.
        packed: from places of rows, (rows length), to slots, (C T), and back.
        wanted: from slots, (C T), to those that predict a response token, (C K), and back.
        predicting: (N,), the places of these among the (C K), row after row.
        ids, positions: (C T), of the token in each slot; position 0 where there is none.
    """

    rows: int
    length: int
    packed: Move
    wanted: Move
    predicting: Tensor
    ids: Tensor
    positions: Tensor

    def heads(self, count: int) -> tuple[Move, Move]:
        """Moves for attention with so many heads, elements being a head's part of a token: queries, keys and values,
        (C T, 3, heads) -> (3, rows, heads, length), and what it gives, (rows, heads, length) -> (C T, heads)."""
        slot = self.packed.back.view(self.rows, 1, self.length)
        row, place = self.packed.there[:, None] // self.length, self.packed.there[:, None] % self.length
        head, part = torch.arange(count, device=slot.device), torch.arange(3, device=slot.device)[:, None]
        given = (row * count + head) * self.length + place
        asked = (slot * 3 + part.view(3, 1, 1, 1)) * count + head[:, None]
        spread = given[:, None] + part * (self.rows * count * self.length)
        back = slot * count + head[:, None]
        return Move(asked.flatten(), spread.flatten()), Move(given.flatten(), back.flatten())


def pack(batch: Batch, clients: int) -> Packing:
    """The packing of a batch of so many clients, client-major."""
    wanted = functional.pad(batch.labels[:, 1:] != IGNORED, (0, 1))
    lengths = (wanted * torch.arange(1, wanted.shape[1] + 1, device=wanted.device)).amax(1)
    length = bucket(int(lengths.max()) + 1)
    real = torch.arange(length, device=wanted.device) < lengths[:, None]
    packed, filled = _compressed(real.view(clients, -1))
    positions = torch.zeros_like(packed.there).index_copy_(0, filled, packed.there[filled] % length)
    ids, predicts = (_cut(grid, length).flatten()[packed.there] for grid in (batch.ids, wanted))
    kept, predicting = _compressed(predicts.view(clients, -1))
    return Packing(len(wanted), length, packed, kept, predicting, ids, positions)


def _cut(grid: Tensor, length: int) -> Tensor:
    return functional.pad(grid, (0, length - grid.shape[1]))


def _compressed(mask: Tensor) -> tuple[Move, Tensor]:
    """The move of (C, n) elements to blocks of slots, the true ones first and at least one other last, and where the
    true ones are then."""
    clients, elements = mask.shape
    counts = mask.sum(1)
    slots = bucket(int(counts.max()) + 1)
    first = torch.arange(clients, device=mask.device)[:, None]
    there = (~mask).to(torch.uint8).argsort(dim=1, stable=True)[:, :slots] + first * elements
    back = torch.where(mask, mask.cumsum(1) - 1, slots - 1) + first * slots
    filled = torch.arange(slots, device=mask.device) < counts[:, None]
    return Move(there.flatten(), back.flatten()), filled.flatten().nonzero()[:, 0]
