"""Rows as padded tensors, and the order in which they are learnt from."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from channel_models.randomness import stream
from pwffsim.learning import runtime
from pwffsim.learning.tokens import Encoded

IGNORED = -100
"""Label of a token that carries no loss."""

_BUCKET = 8
"""Lengths are padded to multiples of this, so that few shapes occur."""


@dataclass(frozen=True)
class Batch:
    """Rows padded on the right.

    Attributes:
        ids: (rows, length); causal attention makes padding on the right invisible to the tokens before it.
        labels: (rows, length); ``IGNORED`` but for response tokens.
    """

    ids: Tensor
    labels: Tensor

    @property
    def tokens(self) -> int:
        """Number of response tokens that carry loss."""
        return int((self.labels[:, 1:] != IGNORED).sum())

    @property
    def targets(self) -> Tensor:
        """(N,): the response tokens, row after row."""
        return self.labels[:, 1:][self.labels[:, 1:] != IGNORED]


def collate(rows: Sequence[Encoded], pad: int) -> Batch:
    """Rows side by side, prompts and padding without labels."""
    length = bucket(max(len(row) for row in rows))
    ids, labels = np.full((len(rows), length), pad), np.full((len(rows), length), IGNORED)
    for i, row in enumerate(rows):
        ids[i, : len(row)] = (*row.prompt, *row.response)
        labels[i, len(row.prompt) : len(row)] = row.response
    return Batch(*(torch.from_numpy(grid).to(runtime.device()) for grid in (ids, labels)))


def bucket(length: int) -> int:
    """The next multiple of 8."""
    return -(-length // _BUCKET) * _BUCKET


def draws(seed: int, rows: int, steps: int, batch_size: int, purpose: str = "batches") -> list[list[int]]:
    """Which rows each step takes: permutations of all rows one after another, cut into batches.

    Pure in (seed, purpose), so that the order of one client's rows does not depend on anybody else's.
    """
    wanted = steps * batch_size
    epochs = [stream(seed, purpose, epoch).permutation(rows) for epoch in range(-(-wanted // rows))]
    order = np.concatenate(epochs)[:wanted].tolist() if epochs else []
    return [order[start : start + batch_size] for start in range(0, wanted, batch_size)]


def side_by_side(clients: Sequence[Sequence[Encoded]], size: int, pad: int) -> Iterator[Batch]:
    """All rows of all clients, client-major, at most `size` rows a client at once, the shortest of each first; who has
    fewer has empty rows."""
    empty, clients = Encoded((pad,), ()), [sorted(rows, key=len) for rows in clients]
    most = max(map(len, clients))
    for start in range(0, most, size):
        count = min(size, most - start)
        pieces = [[*rows[start : start + count]] for rows in clients]
        yield collate([row for piece in pieces for row in (*piece, *[empty] * (count - len(piece)))], pad)
