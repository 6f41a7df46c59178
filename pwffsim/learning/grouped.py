"""Trained modules of C clients over one frozen network: rows of a batch are client-major, C blocks of equal size.

    bottleneck adapter (Houlsby et al. 2019, arXiv 1902.00751)    y = x + U_c gelu(D_c x + d_c) + u_c
    LoRA (Hu et al. 2021, arXiv 2106.09685)                       y = W x + (alpha / r) B_c A_c x
    LoRA in parts p of W's outputs, q, k, v of GPT-2's c_attn     y_p = W_p x + (alpha / r) B_pc A_pc x

Products with the frozen W take all rows at once; those with a client's own factors are batched over clients. Tensors
are not parameters of the modules: a state is lent to them (:class:`~pwffsim.learning.stacked.Stack`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from pwffsim.architecture.places import Place
from pwffsim.learning import products
from pwffsim.learning.adapters import SITE_MODULES, blocks
from pwffsim.learning.lora import LoraShape

Lent = Mapping[str, Tensor]

Settled = Callable[[Tensor], Tensor]
"""(C rows, in) -> (C rows, out)."""


class Bottleneck(nn.Module):
    """The adapters of C clients at one site: D (C, b, d), d (C, b), U (C, d, b), u (C, d)."""

    def __init__(self, name: str, width: int, bottleneck: int) -> None:
        super().__init__()
        self.shapes: dict[str, tuple[int, ...]] = {
            f"{name}.down.weight": (bottleneck, width),
            f"{name}.down.bias": (bottleneck,),
            f"{name}.up.weight": (width, bottleneck),
            f"{name}.up.bias": (width,),
        }

    def lend(self, tensors: Lent) -> None:
        """Use these tensors from now on."""
        self._down, self._down_bias, self._up, self._up_bias = (tensors[name] for name in self.shapes)

    def forward(self, hidden: Tensor) -> Tensor:
        """(C rows, ..., d) -> the same shape."""
        rows = hidden.reshape(-1, hidden.shape[-1])
        adapted = products.bottleneck(rows, self._down, self._down_bias, self._up, self._up_bias)
        return adapted.view(hidden.shape)

    def settled(self) -> Settled:
        """The map of what is lent now, for many calls without gradients: factors laid out once."""
        return partial(
            products.settled_bottleneck,
            down=self._down.detach().mT.contiguous(),
            down_bias=self._down_bias.detach()[:, None],
            up=self._up.detach().mT.contiguous(),
            up_bias=self._up_bias.detach()[:, None],
        )


class LowRank(nn.Module):
    """A frozen linear map and LoRA of C clients beside it, in all of its outputs or in parts p of them: A_p (C, r, in),
    B_p (C, out_p, r).

    Parts make one product of as many times the rank: their A one below the other, their B side by side, each in the
    rows of its part and zero elsewhere.

    Args:
        base: the map.
        places: name -> place in it.
        shape: rank and scale.
    """

    def __init__(self, base: nn.Module, places: Mapping[str, Place], shape: LoraShape) -> None:
        super().__init__()
        self.base = base
        self._scale = shape.alpha / shape.rank
        self._around = [(p.first, _outputs(base) - p.first - p.outputs) for p in places.values()]
        self.shapes: dict[str, tuple[int, ...]] = {}
        for name, place in places.items():
            self.shapes[f"{name}.lora_A.weight"] = (shape.rank, place.inputs)
            self.shapes[f"{name}.lora_B.weight"] = (place.outputs, shape.rank)

    def lend(self, tensors: Lent) -> None:
        """Use these tensors from now on."""
        lent = [tensors[name] for name in self.shapes]
        self._a, self._b = lent[::2], lent[1::2]

    def forward(self, x: Tensor) -> Tensor:
        """(C rows, ..., in) -> (C rows, ..., out)."""
        rows = x.reshape(-1, x.shape[-1])
        y = products.low_rank_linear(rows, self._weight, self.base.bias, *self._factors(), self._scale)
        return y.view(*x.shape[:-1], -1)

    def settled(self) -> Settled:
        """The map of what is lent now, for many calls without gradients: factors laid out once, the scale in B."""
        a, b = self._factors()
        return partial(
            products.settled_low_rank_linear,
            weight=self._weight,
            bias=self.base.bias,
            a=a.detach().mT.contiguous(),
            b=(b.detach().mT * self._scale).contiguous(),
        )

    def _factors(self) -> tuple[Tensor, Tensor]:
        """A and B of the whole map."""
        if self._around == [(0, 0)]:
            return self._a[0], self._b[0]
        b = [functional.pad(own, (0, 0, *rows)) for own, rows in zip(self._b, self._around, strict=True)]
        return torch.cat(self._a, 1), torch.cat(b, 2)

    @property
    def _weight(self) -> Tensor:
        """(in, out)."""
        weight: Tensor = self.base.weight
        return weight.t() if isinstance(self.base, nn.Linear) else weight


Module = Bottleneck | LowRank


def attach_adapters(model: Any, bottleneck: int, sites: Sequence[str]) -> list[Module]:
    """An adapter at each site of each block; names as :func:`pwffsim.learning.adapters.attach` gives them."""
    places, prefix = SITE_MODULES[model.config.model_type], _blocks_name(model)
    made: list[Module] = []
    for i, block in enumerate(blocks(model)):
        names = {site: f"{prefix}.{i}.adapters.{site}" for site in sites}
        block.adapters = nn.ModuleDict(
            {site: Bottleneck(name, model.config.hidden_size, bottleneck) for site, name in names.items()}
        )
        for site in sites:
            block.get_submodule(places[site]).register_forward_hook(_pass_through(block.adapters[site]))
        made += block.adapters.values()
    return made


def attach_lora(model: Any, shape: LoraShape) -> list[Module]:
    """LoRA in the places of each block that `shape` takes, in place; names are peft's state-dict keys, those of a part
    of a fused map as if the part were a module.

    Raises:
        ValueError: when a block has fewer places than are asked for.
        UnsupportedPlaces: when it has none of such a name.
    """
    taken = shape.taken(model)
    prefix = f"base_model.model.{_blocks_name(model)}"
    return [
        _wrap(block, f"{prefix}.{i}", module, [place for place in taken if _holder(place) == module], shape)
        for i, block in enumerate(blocks(model))
        for module in dict.fromkeys(map(_holder, taken))
    ]


def shapes(modules: Sequence[Module]) -> dict[str, tuple[int, ...]]:
    """Name -> shape of one client's tensor."""
    return {name: shape for module in modules for name, shape in module.shapes.items()}


def _holder(place: Place) -> str:
    """The module that is wrapped for a place."""
    return place.fused or place.module


def _wrap(block: nn.Module, prefix: str, module: str, places: Sequence[Place], shape: LoraShape) -> LowRank:
    """Put LoRA beside a module of a block."""
    parent, _, child = module.rpartition(".")
    wrapped = LowRank(block.get_submodule(module), {f"{prefix}.{place.module}": place for place in places}, shape)
    setattr(block.get_submodule(parent), child, wrapped)
    return wrapped


def _outputs(linear: Any) -> int:
    """Of a Linear, or of GPT-2's Conv1D, whose weight is (inputs, outputs)."""
    return int(linear.out_features if isinstance(linear, nn.Linear) else linear.weight.shape[1])


def _blocks_name(model: Any) -> str:
    return next(name for name, module in model.named_modules() if module is blocks(model))


def _pass_through(adapter: nn.Module) -> Any:
    def hook(module: nn.Module, arguments: Any, output: Any) -> Any:
        if isinstance(output, tuple):
            return (adapter(output[0]), *output[1:])
        return adapter(output)

    return hook
