"""Our own loop of reward models: as many side by side as the scorer holds."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from pwffsim.learning import preferences
from pwffsim.learning.engines.engine import Fitted
from pwffsim.learning.pair_texts import Member
from pwffsim.learning.scoring import Scorer
from pwffsim.learning.supervised import Optimisation, Optimiser


def fit(scorer: Scorer, members: Sequence[Member]) -> list[Fitted]:
    """Optimiser steps of models side by side."""
    params, before = members[0].params, scorer.stack.values.clone()
    pairs = preferences.source(members, "train", scorer)
    optimiser = Optimiser(scorer.stack, Optimisation(params["learning_rate"], params["weight_decay"], params["clip"]))
    losses = []
    for rows in preferences.draws(members, pairs.sizes):
        loss = preferences.bradley_terry(scorer.margins(pairs.features(rows)).view(rows.shape))
        optimiser.step(loss)
        losses.append(loss.detach())
    return _fitted(scorer, before, torch.stack(losses, dim=1))


def _fitted(scorer: Scorer, before: Tensor, losses: Tensor) -> list[Fitted]:
    after = scorer.stack.values.detach()
    moved = torch.linalg.vector_norm(after - before, dim=1, dtype=torch.float64)
    finite = torch.isfinite(moved) & torch.isfinite(losses).all(1)
    columns = (losses.tolist(), moved.tolist(), finite.tolist())
    return [Fitted(*one) for one in zip(scorer.stack.split(), *columns, strict=True)]
