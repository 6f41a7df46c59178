"""Stage 2: a reward model an objective, each from its own preference pairs, with the Bradley-Terry loss.

params of both: model (the base alone), reward (model, upload, rank, base, and at will objectives,
both when absent), data, client, seed, max_length, precision.
``reward.train`` further: steps, batch_size (pairs), learning_rate, weight_decay, clip, and at will engine
("native" when absent, or "trl").
inputs: reward.

The models of all clients and objectives share nothing but the frozen part of their encoder: they are trained
side by side, each by its own loss.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import hypot
from typing import Any

from torch import Tensor

from pwffsim.learning import preferences, reward
from pwffsim.learning.engines import REWARD_ENGINES
from pwffsim.learning.engines.engine import Fitted
from pwffsim.learning.jobs import Job, Stage, StageResult
from pwffsim.learning.pair_texts import Member
from pwffsim.learning.scoring import Scorer


def train(jobs: Sequence[Job]) -> list[StageResult]:
    """Some steps for each objective; parts: reward.

    facts: {objective}_loss_first, {objective}_loss_last, pairs (learnt from, all objectives), update_norm, finite.
    """
    fit = REWARD_ENGINES[jobs[0].params.get("engine", "native")]
    fitted = [model for scorer, members in _turns(jobs) for model in fit(scorer, members)]
    objectives = reward.objectives(jobs[0].params["reward"])
    each = [dict(zip(objectives, fitted[i :: len(jobs)], strict=True)) for i in range(len(jobs))]
    pairs = len(objectives) * jobs[0].params["steps"] * jobs[0].params["batch_size"]
    return [_trained(models, pairs) for models in each]


def _turns(jobs: Sequence[Job]) -> Iterator[tuple[Scorer, list[Member]]]:
    """The models of all clients, objective after objective, as many at once as the scorer takes, which holds them."""
    scorer = reward.scorer(jobs[0].params)
    objectives = reward.objectives(jobs[0].params["reward"])
    members = [Member(objective, job.params) for objective in objectives for job in jobs]
    states = [reward.part(job.inputs["reward"], objective) for objective in objectives for job in jobs]
    size = scorer.most or len(members)
    for start in range(0, len(members), size):
        scorer.load(states[start : start + size])
        yield scorer, members[start : start + size]


def _trained(models: dict[str, Fitted], pairs: int) -> StageResult:
    facts: dict[str, Any] = {
        **{f"{objective}_loss_first": model.losses[0] for objective, model in models.items()},
        **{f"{objective}_loss_last": model.losses[-1] for objective, model in models.items()},
        "pairs": pairs,
        "update_norm": hypot(*(model.moved for model in models.values())),
        "finite": all(model.finite for model in models.values()),
    }
    return StageResult({"reward": reward.whole({o: model.tensors for o, model in models.items()})}, facts)


def evaluate(jobs: Sequence[Job]) -> list[StageResult]:
    """Held-out pairs; facts: {objective}_accuracy (ties count half), {objective}_loss, {objective}_margin, pairs."""
    scores = [
        own
        for scorer, members in _turns(jobs)
        for own in preferences.all_scores(preferences.source(members, "test", scorer), scorer)
    ]
    objectives = reward.objectives(jobs[0].params["reward"])
    each = [dict(zip(objectives, scores[i :: len(jobs)], strict=True)) for i in range(len(jobs))]
    return [_measured(by_objective) for by_objective in each]


def _measured(scores: dict[str, Tensor]) -> StageResult:
    """Facts of (pairs, 2) scores of each objective."""
    facts: dict[str, Any] = {"pairs": sum(map(len, scores.values()))}
    for objective, own in scores.items():
        chosen, rejected = own.unbind(-1)
        hits = (chosen > rejected).double() + 0.5 * (chosen == rejected).double()
        facts[f"{objective}_accuracy"] = float(hits.mean())
        facts[f"{objective}_loss"] = float(preferences.bradley_terry(chosen - rejected))
        facts[f"{objective}_margin"] = float((chosen - rejected).mean())
    return StageResult(facts=facts)


STAGES: dict[str, Stage] = {"reward.train": train, "reward.evaluate": evaluate}
