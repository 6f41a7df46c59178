"""LoRA (Hu et al. 2021, arXiv 2106.09685) through peft.

``y = W x + (alpha / r) B A x``, A of shape (r, in), B of shape (out, r).
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from peft import LoraConfig, get_peft_model
from torch import Tensor, nn

from pwffsim.architecture.families import architecture_of
from pwffsim.architecture.places import Place, UnsupportedPlaces

_CONV1D = ("gpt2",)
"""Model types whose linear maps store their weight as (in, out)."""


@dataclass(frozen=True)
class LoraShape:
    """Rank r, scale alpha, and which modules of each block carry LoRA.

    Attributes:
        rank, alpha: r and the scale.
        modules_per_block: how many, 0 for none.
        places: their names, of which the first so many are taken; None for the family's usual ones.
    """

    rank: int
    alpha: float
    modules_per_block: int
    places: tuple[str, ...] | None = None

    @classmethod
    def of(cls, params: Mapping[str, Any]) -> LoraShape:
        """That of a recipe's model."""
        lora = params["lora"]
        places = tuple(lora["places"]) if "places" in lora else None
        return cls(lora["rank"], lora["alpha"], params["lora_modules_per_block"], places)

    def taken(self, model: Any) -> tuple[Place, ...]:
        """The places of each block of a transformers model that carry LoRA.

        Raises:
            ValueError: when a block has fewer than are asked for.
            UnsupportedPlaces: when it has none of such a name.
        """
        return architecture_of(model.config.to_dict()).placed(self.places).first_places(self.modules_per_block)


def attach(model: Any, shape: LoraShape) -> dict[str, nn.Parameter]:
    """Wrap modules of a network in place; values are undefined until a state is loaded.

    Args:
        model: a transformer of a family that is known to :mod:`pwffsim.architecture.families`.
        shape: rank, scale and number of modules.

    Returns:
        Parameters under peft's state-dict keys: ``base_model.model.transformer.h.0.attn.c_attn.lora_A.weight``.

    Raises:
        ValueError: when a block has fewer places than are asked for.
        UnsupportedPlaces: for a part of a fused map, which peft knows as a whole only.
    """
    places = shape.taken(model)
    if not places:
        return {}
    frozen = {id(parameter): parameter.requires_grad for parameter in model.parameters()}
    with warnings.catch_warnings(), torch.random.fork_rng(devices=[]):  # peft draws from torch's own generator
        warnings.simplefilter("ignore", FutureWarning)  # peft asks transformers by an old name
        wrapped = get_peft_model(model, _config(model, shape, places))
    for parameter in model.parameters():  # peft freezes what it does not know; put that back as it was
        parameter.requires_grad_(frozen.get(id(parameter), True))
    return {
        name.replace(".default.", "."): parameter
        for name, parameter in wrapped.named_parameters()
        if ".lora_A." in name or ".lora_B." in name
    }


def initial(name: str, shape: tuple[int, ...], generator: torch.Generator) -> Tensor:
    """First value, as peft's: A uniform in +-1/sqrt(in) (Kaiming with a = sqrt 5), B zero."""
    if ".lora_A." in name:
        return (torch.rand(shape, generator=generator) * 2 - 1) / shape[1] ** 0.5
    return torch.zeros(shape)


def _config(model: Any, shape: LoraShape, places: Sequence[Place]) -> LoraConfig:
    if part := next((place for place in places if place.fused), None):
        raise UnsupportedPlaces(
            f"peft has no LoRA in {part.module!r}, a part of {part.fused!r}: name the whole map, or leave peft out "
            "(engine: native)"
        )
    names = "|".join(re.escape(place.module) for place in places)
    return LoraConfig(
        r=shape.rank,
        lora_alpha=shape.alpha,  # peft divides it by r; a float is as good
        target_modules=rf".*\.\d+\.({names})",
        fan_in_fan_out=model.config.model_type in _CONV1D,
        lora_dropout=0.0,
        bias="none",
    )
