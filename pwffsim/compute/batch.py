"""What an executor is given: recipes that one call of a stage carries out, with the places of their inputs and results
in the store.

The place of a result says who shared its batch, since that shows in its last bits:

    alone       a = hash(environment, stage, params, places of inputs)
    together    hash(hash(a_1 ... a_n), i), for the i-th of n

so results of different groupings never stand for one another, whoever finds them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from pwffsim.compute.recipe import Recipe, address, split_reference


@dataclass(frozen=True, eq=False)
class Batch:
    """Recipes of one stage, ready to be carried out.

    Attributes:
        recipes: alike but for what is a client's own; references of inputs are places in the store.
        places: where each result belongs.
    """

    recipes: tuple[Recipe, ...]
    places: tuple[str, ...]

    @property
    def title(self) -> str:
        """For messages."""
        clients = [recipe.params["client"] for recipe in self.recipes if recipe.params.get("client") is not None]
        who = f" of client {', '.join(map(str, clients))}" if clients else ""
        return f"{self.recipes[0].stage}{who}"


def batch(recipes: Sequence[Recipe], place_of: Callable[[str], str], environment: str) -> Batch:
    """A batch of recipes.

    Args:
        recipes: whose inputs refer to recipes by key.
        place_of: key of a recipe -> place of its result.
        environment: digest of what computes.
    """
    placed = tuple(_placed(recipe, place_of) for recipe in recipes)
    alone = [recipe.key(environment) for recipe in placed]
    return Batch(placed, tuple(alone if len(alone) == 1 else _together(address(alone), len(alone))))


def _together(everybody: str, size: int) -> list[str]:
    return [address([everybody, i]) for i in range(size)]


def _placed(recipe: Recipe, place_of: Callable[[str], str]) -> Recipe:
    return Recipe(recipe.stage, recipe.params, {n: _moved(r, place_of) for n, r in recipe.inputs.items()}, recipe.hints)


def _moved(reference: str, place_of: Callable[[str], str]) -> str:
    key, part = split_reference(reference)
    return f"{place_of(key)}/{part}"
