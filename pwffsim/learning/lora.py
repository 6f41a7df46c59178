"""LoRA (Hu et al. 2021, arXiv 2106.09685) through peft.

``y = W x + (alpha / r) B A x``, A of shape (r, in), B of shape (out, r).
"""

from __future__ import annotations

import re
import warnings
from dataclasses import dataclass
from typing import Any

import torch
from peft import LoraConfig, get_peft_model
from torch import Tensor, nn

MODULES: dict[str, tuple[str, ...]] = {
    "gpt2": ("attn.c_attn", "attn.c_proj", "mlp.c_proj"),
    "llama": ("self_attn.q_proj", "self_attn.v_proj", "mlp.down_proj"),
    "distilbert": ("attention.q_lin", "attention.v_lin", "ffn.lin2"),
}
"""Model type -> modules of a block that can carry LoRA, in the order in which device tiers take them."""

_CONV1D = ("gpt2",)
"""Model types whose linear maps store their weight as (in, out)."""


@dataclass(frozen=True)
class LoraShape:
    """Rank r, scale alpha, and how many modules of each block carry LoRA (0: none)."""

    rank: int
    alpha: float
    modules_per_block: int


def attach(model: Any, shape: LoraShape) -> dict[str, nn.Parameter]:
    """Wrap modules of a network in place; values are undefined until a state is loaded.

    Args:
        model: a transformer of a type in ``MODULES``.
        shape: rank, scale and number of modules.

    Returns:
        Parameters under peft's state-dict keys: ``base_model.model.transformer.h.0.attn.c_attn.lora_A.weight``.

    Raises:
        ValueError: when a block has fewer places than are asked for.
    """
    kind = model.config.model_type
    if shape.modules_per_block > len(MODULES[kind]):
        raise ValueError(
            f"{shape.modules_per_block} LoRA modules per block, but {kind} has {len(MODULES[kind])} places"
        )
    if shape.modules_per_block == 0:
        return {}
    frozen = {id(parameter): parameter.requires_grad for parameter in model.parameters()}
    with warnings.catch_warnings(), torch.random.fork_rng(devices=[]):  # peft draws from torch's own generator
        warnings.simplefilter("ignore", FutureWarning)  # peft asks transformers by an old name
        wrapped = get_peft_model(model, _config(kind, shape))
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


def _config(kind: str, shape: LoraShape) -> LoraConfig:
    places = "|".join(re.escape(module) for module in MODULES[kind][: shape.modules_per_block])
    return LoraConfig(
        r=shape.rank,
        lora_alpha=shape.alpha,  # peft divides it by r; a float is as good
        target_modules=rf".*\.\d+\.({places})",
        fan_in_fan_out=kind in _CONV1D,
        lora_dropout=0.0,
        bias="none",
    )
