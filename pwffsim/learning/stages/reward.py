"""Stage 2: two reward models, each from its own preference pairs, with the Bradley-Terry loss.

params of both: model, reward (model, upload, rank, base), data, client, seed, max_length.
``reward.train`` further: steps, batch_size (pairs), learning_rate, weight_decay, clip.
inputs: reward.
"""

from __future__ import annotations

from math import isfinite

import torch

from pwffsim.data.rows import OBJECTIVES
from pwffsim.learning import batching, preferences, reward, state
from pwffsim.learning.stages.stage import Inputs, Params, Stage, StageResult
from pwffsim.learning.supervised import Optimisation, Optimiser


def train(params: Params, inputs: Inputs) -> StageResult:
    """Some steps for each objective; parts: reward.

    facts: {objective}_loss_first, {objective}_loss_last, pairs (learnt from, both objectives), update_norm, finite.
    """
    pair = reward.resident("reward", params["reward"], params["model"], params["max_length"])
    pair.load(inputs["reward"])
    losses = {objective: _fit(params, pair, objective) for objective in OBJECTIVES}
    group = pair.read()
    facts = {
        **{f"{objective}_loss_first": values[0] for objective, values in losses.items()},
        **{f"{objective}_loss_last": values[-1] for objective, values in losses.items()},
        "pairs": len(OBJECTIVES) * params["steps"] * params["batch_size"],
        "update_norm": state.distance(group, inputs["reward"]),
        "finite": all(isfinite(v) for values in losses.values() for v in values) and state.all_finite(group.values()),
    }
    return StageResult({"reward": group}, facts)


def _fit(params: Params, pair: reward.Pair, objective: str) -> list[float]:
    """Loss of every step of one objective's model."""
    scorer, scores = pair.scorers[objective], preferences.scores_of(params, pair, "train", objective)
    rows = len(preferences.pairs_of(params, "train", objective))
    settings = Optimisation(params["learning_rate"], params["weight_decay"], params["clip"])
    optimiser, losses = Optimiser(scorer.parameters.values(), settings), []
    for draw in batching.draws(params["seed"], rows, params["steps"], params["batch_size"], f"pairs.{objective}"):
        loss = preferences.bradley_terry(*scores(scorer, draw))
        optimiser.step(loss)
        losses.append(loss.item())
    return losses


@torch.no_grad()
def evaluate(params: Params, inputs: Inputs) -> StageResult:
    """Held-out pairs; facts: {objective}_accuracy (ties count half), {objective}_loss, {objective}_margin, pairs."""
    pair = reward.resident("reward", params["reward"], params["model"], params["max_length"])
    pair.load(inputs["reward"])
    facts: dict[str, float] = {"pairs": 0}
    for objective in OBJECTIVES:
        chosen, rejected = preferences.scores_of(params, pair, "test", objective)(pair.scorers[objective], None)
        hits = (chosen > rejected).double() + 0.5 * (chosen == rejected).double()
        facts[f"{objective}_accuracy"] = float(hits.mean())
        facts[f"{objective}_loss"] = float(preferences.bradley_terry(chosen, rejected))
        facts[f"{objective}_margin"] = float((chosen - rejected).double().mean())
        facts["pairs"] += len(chosen)
    return StageResult(facts=facts)


STAGES: dict[str, Stage] = {"reward.train": train, "reward.evaluate": evaluate}
