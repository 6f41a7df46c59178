"""Scores of preference pairs, and the Bradley-Terry loss (Bradley and Terry 1952; Ouyang et al. 2022).

M members, each the model of one objective of one client, are scored side by side by one scorer, which holds their
states in this order.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from pwffsim.learning import batching, pair_features, pair_texts, reward, runtime, state
from pwffsim.learning.jobs import Job
from pwffsim.learning.pair_texts import Member
from pwffsim.learning.reward import Pair
from pwffsim.learning.scoring import Scorer

_CHUNK = 16
"""Pairs of a member that are scored at once."""


def bradley_terry(margins: Tensor) -> Tensor:
    """``-log sigmoid(r+ - r-)`` of margins r+ - r-, averaged over the last dimension, that of the pairs."""
    return -functional.logsigmoid(margins).mean(-1)


class Source(Protocol):
    """The pairs of M members, ready to be scored.

    Attributes:
        sizes: (M,), how many pairs each has.
    """

    sizes: Sequence[int]

    def features(self, rows: Tensor) -> Tensor:
        """Rows (M, B), numbers of pairs of each member -> (M B, 2, d), features of the chosen and the rejected."""
        ...


class FromFeatures:
    """Pairs as features in memory: the encoder is frozen."""

    def __init__(self, members: Sequence[Member], split: str, scorer: Scorer) -> None:
        tables = pair_features.of(members, split, scorer.encoder)
        self.sizes: Sequence[int] = [len(table) for table in tables]
        self._table = torch.cat(tables)
        self._starts = (torch.tensor(self.sizes).cumsum(0) - torch.tensor(self.sizes))[:, None]

    def features(self, rows: Tensor) -> Tensor:
        return self._table.index_select(0, (rows + self._starts).flatten().to(self._table.device))


class ThroughEncoder:
    """Pairs as texts, which pass an encoder that is trained."""

    def __init__(self, members: Sequence[Member], split: str, scorer: Scorer) -> None:
        self._encoder = scorer.encoder
        self._pairs = [pair_texts.of(member, split) for member in members]
        self.sizes: Sequence[int] = [len(pairs) for pairs in self._pairs]

    def features(self, rows: Tensor) -> Tensor:
        wanted = zip(self._pairs, rows.tolist(), strict=True)
        batch = [dialogue for pairs, own in wanted for i in own for dialogue in pairs[i]]
        return self._encoder.whole(batch).unflatten(0, (-1, 2))


def source(members: Sequence[Member], split: str, scorer: Scorer) -> Source:
    """The pairs of some members: from features kept in memory where the encoder is frozen, else through it."""
    frozen = members[0].params["reward"]["upload"] == "head"
    return (FromFeatures if frozen else ThroughEncoder)(members, split, scorer)


def draws(members: Sequence[Member], sizes: Sequence[int]) -> Iterator[Tensor]:
    """(M, B) a step: which of its pairs each model learns from.

    Args:
        members: whose params say seed, steps and batch_size.
        sizes: (M,), how many pairs each has.
    """
    steps, batch_size = members[0].params["steps"], members[0].params["batch_size"]
    each = [
        batching.draws(member.params["seed"], size, steps, batch_size, f"pairs.{member.objective}")
        for member, size in zip(members, sizes, strict=True)
    ]
    yield from torch.from_numpy(np.array(each)).unbind(1)


@torch.no_grad()
def all_scores(pairs: Source, scorer: Scorer) -> list[Tensor]:
    """Scores of all pairs of each member, (pairs, 2) fp64 on the CPU; who has fewer repeats the last one meanwhile."""
    last = torch.tensor(pairs.sizes)[:, None] - 1
    rows = torch.minimum(torch.arange(max(pairs.sizes)), last)
    pieces = [scorer.scores(pairs.features(piece)).view(*piece.shape, 2) for piece in rows.split(_CHUNK, dim=1)]
    found = torch.cat(pieces, dim=1).double().cpu()
    return [scores[:size] for scores, size in zip(found, pairs.sizes, strict=True)]


@dataclass(frozen=True)
class Scale:
    """Mean and standard deviation, (C,) each, of reward models' scores, to put the rewards of each on one scale."""

    mean: Tensor
    deviation: Tensor

    def __call__(self, scores: Tensor) -> Tensor:
        """(C rows, ...) -> the same shape."""
        blocks = scores.reshape(len(self.mean), -1)
        return ((blocks - self.mean[:, None]) / self.deviation[:, None]).view(scores.shape)


def scales(jobs: Sequence[Job], pair: Pair, groups: Sequence[Mapping[str, Tensor]]) -> dict[str, Scale]:
    """Objective -> scales of its reward models over all responses in each client's own training pairs.

    They are kept under what they depend on, the whole call: reward models change in no round of alignment.

    Args:
        jobs: whose params are as a member's.
        pair: the resident reward models, which hold `groups`.
        groups: their states.
    """
    params = jobs[0].params
    each = [(pair_texts.digest(j.params), state.content_digest(group)) for j, group in zip(jobs, groups, strict=True)]
    key = (reward.identity(params), params.get("precision", "fp32"), *each)
    if key not in _SCALES:
        _SCALES[key] = {objective: _scale(jobs, objective, scorer) for objective, scorer in pair.scorers.items()}
        if len(_SCALES) > _MOST_SCALES:
            _SCALES.popitem(last=False)
    _SCALES.move_to_end(key)
    return _SCALES[key]


_MOST_SCALES = 1024
_SCALES: OrderedDict[tuple[object, ...], dict[str, Scale]] = OrderedDict()


def _scale(jobs: Sequence[Job], objective: str, scorer: Scorer) -> Scale:
    members = [Member(objective, job.params) for job in jobs]
    scores = all_scores(source(members, "train", scorer), scorer)
    mean = torch.stack([own.mean() for own in scores])
    deviation = torch.stack([own.std(correction=0) for own in scores]).clamp(min=1e-6)
    device = runtime.device()
    return Scale(mean.float().to(device), deviation.float().to(device))
