"""Features of preference pairs under a frozen encoder: computed once a process for each client, and kept."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence

import torch
from torch import Tensor

from pwffsim.learning import pair_texts, reward
from pwffsim.learning.pair_texts import Member, Pairs
from pwffsim.learning.scoring import Encoder

_MOST_BYTES = 128 << 20
"""Features that stay in memory, least recently used first to go."""

_CHUNK = 32
"""Dialogues that pass the encoder at once."""

Name = tuple[str, ...]


class Kept:
    """Tensors by name, as many as fit.

    Args:
        most_bytes: what they may occupy together; the newest one stays even if it alone is larger.
    """

    def __init__(self, most_bytes: int) -> None:
        self._most_bytes = most_bytes
        self._tensors: OrderedDict[Name, Tensor] = OrderedDict()
        self.bytes = 0

    def get(self, name: Name) -> Tensor | None:
        """The tensor of this name, which is now the last to go."""
        if name in self._tensors:
            self._tensors.move_to_end(name)
        return self._tensors.get(name)

    def put(self, name: Name, tensor: Tensor) -> None:
        """Keep a tensor under a new name, and let go of others until all fit."""
        self._tensors[name] = tensor
        self.bytes += tensor.nbytes
        while self.bytes > self._most_bytes and len(self._tensors) > 1:
            self.bytes -= self._tensors.popitem(last=False)[1].nbytes


_KEPT = Kept(_MOST_BYTES)


def of(members: Sequence[Member], split: str, encoder: Encoder) -> list[Tensor]:
    """(pairs, 2, d) a member: features of the chosen and the rejected dialogue of each pair, without gradient.

    They are computed member by member, so that they do not depend on who else is at work or on what is kept.

    Args:
        members: of one encoder.
        split: "train" or "test".
        encoder: the frozen encoder that their params describe.
    """
    params = members[0].params
    under = (reward.identity(params), params.get("precision", "fp32"), split)
    return [_of(under, member, split, encoder) for member in members]


def _of(under: Name, member: Member, split: str, encoder: Encoder) -> Tensor:
    name = (*under, pair_texts.digest(member.params), member.objective)
    found = _KEPT.get(name)
    if found is None:
        found = compute(encoder, pair_texts.of(member, split))
        _KEPT.put(name, found)
    return found


@torch.no_grad()
def compute(encoder: Encoder, pairs: Pairs) -> Tensor:
    """(pairs, 2, d): what the encoder makes of pairs, those of like length together."""
    rows = [dialogue for pair in pairs for dialogue in pair]
    order = sorted(range(len(rows)), key=lambda i: len(rows[i].tokens))  # little padding
    pieces = [order[start : start + _CHUNK] for start in range(0, len(order), _CHUNK)]
    features = torch.cat([encoder.whole([rows[i] for i in piece]) for piece in pieces])
    back = torch.tensor(order, device=features.device).argsort()
    return features[back].unflatten(0, (-1, 2))
