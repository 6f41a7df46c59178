"""How many clients share a batch: what a scenario asks for, and what pays on its model."""

from __future__ import annotations

from pwffsim.compute.fusion import Together, alone
from pwffsim.compute.recipe import Recipe
from pwffsim.learning.declarations import together
from pwffsim.world.blueprint import Blueprint


def fusion(blueprint: Blueprint) -> Together:
    """The rule of a scenario: ``compute.fusion``."""
    wanted = blueprint.scenario.compute.fusion
    if wanted == "off":
        return alone
    policy, encoder = blueprint.policy, blueprint.encoder or blueprint.policy

    def most(recipe: Recipe) -> int:
        model = encoder if recipe.stage.startswith("reward.") else policy
        paying = together(recipe.stage, recipe.params, model.width, model.layers)
        return paying if wanted == "auto" else min(wanted, paying)

    return most
