"""Bottleneck adapters (Houlsby et al. 2019, arXiv 1902.00751), attached to a network by forward hooks.

``y = x + U gelu(D x + d) + u``, D of shape (b, width), U of shape (width, b). With U = 0 and u = 0 the
network is unchanged.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils import skip_init

_GPT2 = {"attention": "attn", "mlp": "mlp", "block": ""}
_LLAMA = {"attention": "self_attn", "mlp": "mlp", "block": ""}
SITE_MODULES: dict[str, dict[str, str]] = {"gpt2": _GPT2, "llama": _LLAMA}
"""Model type -> adapter site -> module of a block whose output passes through the adapter ("" is the block itself)."""


class Bottleneck(nn.Module):
    """One adapter: down-projection, GELU, up-projection, residual."""

    def __init__(self, width: int, bottleneck: int) -> None:
        super().__init__()
        self.down = skip_init(nn.Linear, width, bottleneck)
        self.up = skip_init(nn.Linear, bottleneck, width)

    def forward(self, hidden: Tensor) -> Tensor:
        """(..., width) -> (..., width)."""
        return hidden + self.up(functional.gelu(self.down(hidden)))


def attach(model: Any, bottleneck: int, sites: Sequence[str]) -> dict[str, nn.Parameter]:
    """Put an adapter at each site of each block; their values are undefined until a state is loaded.

    Args:
        model: a causal language model of a type in ``SITE_MODULES``.
        bottleneck: b.
        sites: names out of "attention", "mlp", "block".

    Returns:
        Parameters by name: ``transformer.h.0.adapters.mlp.down.weight`` and so on.
    """
    modules = SITE_MODULES[model.config.model_type]
    for block in blocks(model):
        block.adapters = nn.ModuleDict({site: Bottleneck(model.config.hidden_size, bottleneck) for site in sites})
        for site in sites:
            target = block.get_submodule(modules[site])
            target.register_forward_hook(_pass_through(block.adapters[site]))
    return {name: parameter for name, parameter in model.named_parameters() if ".adapters." in name}


def blocks(model: Any) -> nn.ModuleList:
    """The transformer blocks of a language model or an encoder."""
    return next(module for module in model.base_model.modules() if isinstance(module, nn.ModuleList))


def initial(name: str, shape: tuple[int, ...], generator: torch.Generator) -> Tensor:
    """First value of an adapter's tensor: uniform in +-1/sqrt(width) for the down-projection, zero for the rest."""
    if name.endswith("down.weight"):
        return (torch.rand(shape, generator=generator) * 2 - 1) / shape[1] ** 0.5
    return torch.zeros(shape)


def _pass_through(adapter: nn.Module) -> Any:
    def hook(module: nn.Module, arguments: Any, output: Any) -> Any:
        if isinstance(output, tuple):
            return (adapter(output[0]), *output[1:])
        return adapter(output)

    return hook
