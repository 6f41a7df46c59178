"""Preference pairs as features, and the Bradley-Terry loss (Bradley and Terry 1952; Ouyang et al. 2022)."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from pwffsim.data.rows import Preference
from pwffsim.learning import reward, shards, state
from pwffsim.learning.reward import Pair
from pwffsim.learning.scoring import Dialogue, Scorer
from pwffsim.learning.tokens import tokenizer


def bradley_terry(chosen: Tensor, rejected: Tensor) -> Tensor:
    """Mean of ``-log sigmoid(r+ - r-)``."""
    return -functional.logsigmoid(chosen - rejected).mean()


@dataclass(frozen=True)
class Pairs:
    """Preference pairs, one dialogue for each side."""

    chosen: Sequence[Dialogue]
    rejected: Sequence[Dialogue]

    def __len__(self) -> int:
        return len(self.chosen)


Scores = Callable[[Scorer, Sequence[int] | None], tuple[Tensor, Tensor]]
"""(scorer, rows or None for all) -> scores of the chosen and of the rejected responses."""


def scores_of(params: Mapping[str, Any], pair: Pair, split: str, objective: str) -> Scores:
    """How to score a client's pairs: from features kept in memory where the encoder is frozen, else through it.

    Args:
        params: model, reward, data, client, max_length.
        pair: the resident reward models.
        split: "train" or "test".
        objective: whose pairs.
    """
    if pair.frozen:
        chosen, rejected = _features(_description(params), split, objective)

        def from_features(scorer: Scorer, rows: Sequence[int] | None) -> tuple[Tensor, Tensor]:
            wanted = slice(None) if rows is None else list(rows)
            return scorer.scores(chosen[wanted]), scorer.scores(rejected[wanted])

        return from_features
    pairs = pairs_of(params, split, objective)

    def through_encoder(scorer: Scorer, rows: Sequence[int] | None) -> tuple[Tensor, Tensor]:
        if rows is None:
            return reward.score(scorer, pairs.chosen), reward.score(scorer, pairs.rejected)
        both = [pairs.chosen[i] for i in rows] + [pairs.rejected[i] for i in rows]
        scores = scorer.scores(scorer.encoder.whole(both))
        return scores[: len(rows)], scores[len(rows) :]

    return through_encoder


def pairs_of(params: Mapping[str, Any], split: str, objective: str) -> Pairs:
    """A client's pairs of one objective."""
    client = shards.shard(params)
    rows: Sequence[Preference] = {"train": client.preferences_train, "test": client.preferences_test}[split][objective]
    text, length = tokenizer(params["model"]["tokenizer"]), params["max_length"]

    def dialogue(prompt: str, response: str) -> Dialogue:
        return Dialogue(prompt, response, text.sequence(prompt, response, length))

    return Pairs([dialogue(r.prompt, r.chosen) for r in rows], [dialogue(r.prompt, r.rejected) for r in rows])


@dataclass(frozen=True)
class Scale:
    """Mean and standard deviation of a reward model's scores, to put its rewards on one scale."""

    mean: float
    deviation: float

    def __call__(self, scores: Tensor) -> Tensor:
        return (scores - self.mean) / self.deviation


def scales(params: Mapping[str, Any], pair: Pair, group: Mapping[str, Tensor]) -> dict[str, Scale]:
    """Objective -> scale of its reward model over all responses in the client's own training pairs.

    Args:
        params: as for :func:`scores_of`.
        pair: the resident reward models, which hold `group`.
        group: their state.
    """
    key = f"{_description(params)}/{state.content_digest(group)}"
    if key not in _SCALES:
        if len(_SCALES) >= _MOST_SCALES:
            _SCALES.clear()
        _SCALES[key] = {objective: _scale(params, pair, objective) for objective in pair.scorers}
    return _SCALES[key]


_MOST_SCALES = 4096
_SCALES: dict[str, dict[str, Scale]] = {}


@torch.no_grad()
def _scale(params: Mapping[str, Any], pair: Pair, objective: str) -> Scale:
    scores = torch.cat(scores_of(params, pair, "train", objective)(pair.scorers[objective], None))
    return Scale(float(scores.mean()), max(float(scores.std(correction=0)), 1e-6))


def _description(params: Mapping[str, Any]) -> str:
    named = ("model", "reward", "data", "client", "shard", "max_length")
    return json.dumps({name: params.get(name) for name in named}, sort_keys=True)


@lru_cache(maxsize=512)
def _features(description: str, split: str, objective: str) -> tuple[Tensor, Tensor]:
    params = {name: value for name, value in json.loads(description).items() if value is not None}
    pair = reward.resident("reward", params["reward"], params["model"], params["max_length"])
    pairs = pairs_of(params, split, objective)
    encoder = pair.scorers[objective].encoder
    return reward.whole_features(encoder, pairs.chosen), reward.whole_features(encoder, pairs.rejected)
