"""Places for LoRA in a block: which of its linear maps carry a low-rank product, in the order in which tiers take them.

A fused map, such as GPT-2's c_attn that makes queries, keys and values at once, is a place, and so is each of its
parts: LoRA in a part changes the part's outputs alone, as if it were a map of its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


class UnsupportedPlaces(ValueError):
    """Names that are no places for LoRA in a block, or not beside each other."""


@dataclass(frozen=True)
class Place:
    """A linear map of a block that can carry LoRA.

    Attributes:
        module: its name in the block.
        inputs, outputs: its size.
        fused: the map that it is a part of; None for a map of its own.
        first: of its outputs among those of the fused map.
    """

    module: str
    inputs: int
    outputs: int
    fused: str | None = None
    first: int = 0


def chosen(maps: Sequence[Place], names: Sequence[str], family: str) -> tuple[Place, ...]:
    """The places of these names, in their order.

    Args:
        maps: all that a block has.
        names: what is asked for.
        family: of the model, for messages.

    Raises:
        UnsupportedPlaces: for a name that is none of them, one that is given twice, and a fused map beside its parts.
    """
    known = {place.module: place for place in maps}
    for i, name in enumerate(names):
        if name not in known:
            raise UnsupportedPlaces(
                f"{name!r} is no place for LoRA in a {family} block; its places are {', '.join(known)}"
            )
        if name in names[:i]:
            raise UnsupportedPlaces(f"place {name!r} is named {names.count(name)} times; a map has one LoRA")
        if known[name].fused in names:
            raise UnsupportedPlaces(f"{name!r} is a part of {known[name].fused!r}; name the whole or its parts")
    return tuple(known[name] for name in names)
