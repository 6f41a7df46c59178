"""Who shares a batch: a pure function of the recipes that are wanted, never of time, workers, or what a store holds.

Recipes can share a batch when their stage can take several clients, and they differ in nothing but what is a client's
own. Each has a depth: the number of such steps on the longest way to it from what was computed before. Those of one
kind and one depth cannot rest on one another. They are dealt into batches of nearly equal size, no larger than the
stage takes, in the order of clients: who was announced first hangs on the radio, and does not matter. In a synchronous
run these are the clients of a round. In an asynchronous one they are those whose updates rest on equally many others in
a row, whatever version of the global state each began from: sums are not counted in the depth.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from sys import maxsize

from pwffsim.compute.recipe import Recipe, canonical, split_reference
from pwffsim.learning.declarations import OWN

Together = Callable[[Recipe], int]
"""How many of its kind a recipe can share a batch with, itself included."""


def alone(recipe: Recipe) -> int:
    """No fusion."""
    return 1


@dataclass(frozen=True)
class _Kind:
    signature: str
    depth: int


def groups(recipes: Mapping[str, Recipe], together: Together) -> list[list[str]]:
    """Keys dealt into batches, those of a batch after all that they rest on.

    Args:
        recipes: what is wanted, by key; each after all that it rests on.
        together: the largest batch.
    """
    depths: dict[str, int] = {}
    kinds: dict[_Kind, list[str]] = {}
    dealt: dict[str, list[str]] = {}
    for key, recipe in recipes.items():
        most = together(recipe)
        depths[key] = _depth(recipe, depths) + (most > 1)
        if most > 1:
            kinds.setdefault(_Kind(_signature(recipe), depths[key]), []).append(key)
        else:
            dealt[key] = [key]
    for members in kinds.values():
        in_order = sorted(members, key=lambda key: _standing(key, recipes[key]))
        for group in _dealt(in_order, min(together(recipes[key]) for key in members)):
            dealt |= dict.fromkeys(group, group)
    return list(_ordered(recipes, dealt))


def _depth(recipe: Recipe, depths: Mapping[str, int]) -> int:
    return max((depths.get(split_reference(reference)[0], 0) for reference in recipe.inputs.values()), default=0)


def _signature(recipe: Recipe) -> str:
    """What recipes that share a batch have in common; what is the server's alone stands alone."""
    model = {name: value for name, value in recipe.params.get("model", {}).items() if name != "lora_modules_per_block"}
    common = {name: value for name, value in recipe.params.items() if name not in (*OWN, "model")}
    somebodys = recipe.params.get("client") is not None
    return canonical([recipe.stage, common, model, sorted(recipe.inputs), somebodys])


def _standing(key: str, recipe: Recipe) -> tuple[int, int, str]:
    """Clients with equally many LoRA modules stand side by side, so that little is padded; the server comes last."""
    client = recipe.params.get("client")
    modules = int(recipe.params.get("model", {}).get("lora_modules_per_block", 0))
    return -modules, maxsize if client is None else client, key


def _dealt(members: Sequence[str], most: int) -> Iterator[list[str]]:
    """Pieces of nearly equal size."""
    pieces = -(-len(members) // most)
    bounds = [len(members) * i // pieces for i in range(pieces + 1)]
    return ([*members[start:stop]] for start, stop in pairwise(bounds))


def _ordered(recipes: Mapping[str, Recipe], dealt: Mapping[str, list[str]]) -> Iterator[list[str]]:
    """Batches in an order in which each comes after all that its members rest on; otherwise as they were announced."""
    done: set[str] = set()
    for first in recipes:
        waiting = [first]
        while waiting:
            group = dealt[waiting[-1]]
            if group[0] in done:
                waiting.pop()
            elif missing := [key for key in _needs(group, recipes) if key not in done]:
                waiting.extend(missing)
            else:
                done.update(group)
                yield group


def _needs(group: Sequence[str], recipes: Mapping[str, Recipe]) -> Iterator[str]:
    """What a batch rests on, of what is wanted."""
    for member in group:
        for reference in recipes[member].inputs.values():
            key = split_reference(reference)[0]
            if key in recipes:
                yield key
