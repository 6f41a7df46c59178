"""Rows as padded tensors, and the order in which they are learnt from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from channel_models.randomness import stream
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
    ids = torch.full((len(rows), length), pad)
    labels = torch.full((len(rows), length), IGNORED)
    for i, row in enumerate(rows):
        ids[i, : len(row)] = torch.tensor((*row.prompt, *row.response))
        labels[i, len(row.prompt) : len(row)] = torch.tensor(row.response)
    return Batch(ids, labels)


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


def chunks(rows: Sequence[Encoded], size: int) -> list[Sequence[Encoded]]:
    """All rows in pieces of at most `size`."""
    return [rows[start : start + size] for start in range(0, len(rows), size)]
