"""Examiners: reward models of both objectives that no client trains against, one yardstick for all methods.

They are fitted centrally on pairs that no client trains on, of all clients' kinds, and score the responses of an
evaluation in standard deviations of their scores on those pairs. How well a client's own reward model still orders
responses is its rank correlation (Spearman's) with the judge, or with the examiner where the corpus has none: rewards
that drift from what they stand for lose it (Gao et al. 2022, arXiv 2210.10760).

params of an evaluation: examiner (reward: of both objectives; pool; shard: its digest), weight.
inputs: examiner, the state of both its reward models.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from pwffsim.data.rows import OBJECTIVES
from pwffsim.learning import preferences, reward, shards
from pwffsim.learning.declarations import EXAMINER
from pwffsim.learning.jobs import Job
from pwffsim.learning.scoring import Dialogue, Features

FloatArray = NDArray[np.float64]


def facts(
    jobs: Sequence[Job],
    dialogues: Sequence[Dialogue],
    features: Mapping[str, Features],
    own: Mapping[str, Tensor],
) -> list[dict[str, Any]]:
    """What the examiner finds in each client's responses; nothing where no examiner was asked.

    examined_{objective}, examined_sum, examined_weighted (by the client's preference, whatever its method aims at), and
    agreement_{objective} of each objective that the client has a reward model of, absent where either score is the same
    for all responses.

    Args:
        jobs: C evaluations.
        dialogues: (C B), client-major.
        features: objective -> what the clients' reward models read.
        own: objective -> (C B,), their scores.
    """
    if EXAMINER not in jobs[0].params:
        return [{} for _ in jobs]
    examined = _by_client(_scores(jobs[0], dialogues, features), len(jobs))
    gold = _by_client(_judged(jobs[0], dialogues), len(jobs)) or examined
    mine = _by_client({objective: _numbers(scores) for objective, scores in own.items()}, len(jobs))
    return [
        {**_means(found, job.params["weight"]), **_agreement(rewards, standard)}
        for job, found, rewards, standard in zip(jobs, examined, mine, gold, strict=True)
    ]


@torch.no_grad()
def _scores(job: Job, dialogues: Sequence[Dialogue], features: Mapping[str, Features]) -> dict[str, FloatArray]:
    """Objective -> (C B,): one examiner for all clients, so that their rows are one client's to it."""
    asked = Job({**job.params, **job.params[EXAMINER], "client": None}, job.inputs)
    pair, state = reward.resident(EXAMINER, [asked]), job.inputs[EXAMINER]
    pair.load([state])
    scales = preferences.scales([asked], pair, [state])
    shared = dict.fromkeys(pair.scorers, next(iter(features.values())))
    read = shared if pair.frozen else pair.features(dialogues)
    return {o: _numbers(scales[o](scorer.scores(read[o]))) for o, scorer in pair.scorers.items()}


def _numbers(scores: Tensor) -> FloatArray:
    numbers: FloatArray = scores.double().cpu().numpy()
    return numbers


def _judged(job: Job, dialogues: Sequence[Dialogue]) -> dict[str, FloatArray]:
    """Objective -> (C B,), of the corpus's judge; empty where it has none."""
    judges = shards.federation(job.params["data"]).judges
    return {o: np.array([judge(d.prompt, d.response) for d in dialogues]) for o, judge in judges.items()}


def _by_client(scores: Mapping[str, FloatArray], clients: int) -> list[dict[str, FloatArray]]:
    """Objective -> (B,), client by client; no clients where there is no objective."""
    pieces = {objective: np.split(own, clients) for objective, own in scores.items()}
    return [dict(zip(pieces, piece, strict=True)) for piece in zip(*pieces.values(), strict=True)]


def _means(scores: Mapping[str, FloatArray], weight: float) -> dict[str, float]:
    means = {objective: float(own.mean()) for objective, own in scores.items()}
    weights = dict(zip(OBJECTIVES, (weight, 1 - weight), strict=True))
    return {
        **{f"examined_{objective}": mean for objective, mean in means.items()},
        "examined_sum": sum(means.values()),
        "examined_weighted": sum(weights[objective] * mean for objective, mean in means.items()),
    }


def _agreement(own: Mapping[str, FloatArray], standard: Mapping[str, FloatArray]) -> dict[str, float]:
    """Spearman's rank correlation, objective by objective."""
    from scipy.stats import spearmanr

    return {
        f"agreement_{objective}": float(spearmanr(scores, standard[objective]).statistic)
        for objective, scores in own.items()
        if np.ptp(scores) > 0 and np.ptp(standard[objective]) > 0
    }
