"""The examiner's reward models: fitted once a run on pairs that no client trains on, the same for every method.

What they depend on is the data, the settings of the reward stage and the seed, so that runs of one seed and different
methods find them in the store. They take as many optimiser steps as a client does in the whole reward stage.
"""

from __future__ import annotations

from typing import Any

from channel_models.randomness import derive_seed
from pwffsim.compute.recipe import Compute, Recipe
from pwffsim.learning.declarations import EXAMINER
from pwffsim.world.blueprint import Blueprint, Shard


def fitted(blueprint: Blueprint, compute: Compute) -> str:
    """Reference of the state of both models."""
    assert blueprint.unseen is not None, "examiners have pairs of their own"
    seed, models = blueprint.scenario.seed, {"model": dict(blueprint.base), "reward": blueprint.both_rewards()}
    start = compute.submit(Recipe("initialise", {"group": "reward", "seed": seed, **models}))
    params = {**models, **unseen_rows(blueprint.unseen), **_steps(blueprint)}
    hints = {"data": blueprint.data}
    return compute.submit(Recipe("reward.train", params, {"reward": start.part("reward")}, hints)).part("reward")


def unseen_rows(unseen: Shard) -> dict[str, Any]:
    """Which pairs a recipe reads: those that no client trains on."""
    return {"client": None, "pool": EXAMINER, "shard": {"preferences": unseen.digests["preferences"]}}


def _steps(blueprint: Blueprint) -> dict[str, Any]:
    scenario, settings = blueprint.scenario, blueprint.reward
    return {
        "seed": derive_seed(scenario.seed, "examiner.train"),
        "max_length": scenario.model.max_length,
        "precision": scenario.compute.precision,
        "steps": settings.rounds * settings.local_steps,
        "batch_size": settings.batch_size,
        "learning_rate": settings.learning_rate,
        "weight_decay": settings.weight_decay,
        "clip": settings.clip,
    }
