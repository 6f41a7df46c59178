"""The state at the start, a recipe a group: one group's settings do not change where another begins."""

from __future__ import annotations

from pwffsim.compute.recipe import Compute, Recipe
from pwffsim.federation.method import Group
from pwffsim.world.blueprint import Blueprint


class Beginning:
    """First values of the parameter groups.

    Args:
        blueprint: shapes and settings.
        compute: where recipes are carried out.
        lora_modules: LoRA modules a block.
    """

    def __init__(self, blueprint: Blueprint, compute: Compute, lora_modules: int) -> None:
        self._blueprint = blueprint
        self._compute = compute
        self._lora_modules = lora_modules

    def part(self, group: Group) -> str:
        """Reference of a group's tensors."""
        own = self._blueprint.group_params(group, self._lora_modules)
        recipe = Recipe("initialise", {"group": group, "seed": self._blueprint.scenario.seed, **own})
        return self._compute.submit(recipe).part(group)
