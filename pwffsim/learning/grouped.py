"""Trained modules of C clients over one frozen network: rows of a batch are client-major, C blocks of equal size.

    bottleneck adapter (Houlsby et al. 2019, arXiv 1902.00751)    y = x + U_c gelu(D_c x + d_c) + u_c
    LoRA (Hu et al. 2021, arXiv 2106.09685)                       y = W x + (alpha / r) B_c A_c x

Products with the frozen W take all rows at once; those with a client's own factors are batched over clients. Tensors
are not parameters of the modules: a state is lent to them (:class:`~pwffsim.learning.stacked.Stack`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from torch import Tensor, nn

from pwffsim.learning import products
from pwffsim.learning.adapters import SITE_MODULES, blocks
from pwffsim.learning.lora import MODULES, LoraShape

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
    """A frozen linear map and the LoRA of C clients beside it: A (C, r, in), B (C, out, r)."""

    def __init__(self, base: nn.Module, name: str, inputs: int, outputs: int, shape: LoraShape) -> None:
        super().__init__()
        self.base = base
        self._scale = shape.alpha / shape.rank
        self.shapes: dict[str, tuple[int, ...]] = {
            f"{name}.lora_A.weight": (shape.rank, inputs),
            f"{name}.lora_B.weight": (outputs, shape.rank),
        }

    def lend(self, tensors: Lent) -> None:
        """Use these tensors from now on."""
        self._a, self._b = (tensors[name] for name in self.shapes)

    def forward(self, x: Tensor) -> Tensor:
        """(C rows, ..., in) -> (C rows, ..., out)."""
        rows = x.reshape(-1, x.shape[-1])
        y = products.low_rank_linear(rows, self._weight, self.base.bias, self._a, self._b, self._scale)
        return y.view(*x.shape[:-1], -1)

    def settled(self) -> Settled:
        """The map of what is lent now, for many calls without gradients: factors laid out once, the scale in B."""
        return partial(
            products.settled_low_rank_linear,
            weight=self._weight,
            bias=self.base.bias,
            a=self._a.detach().mT.contiguous(),
            b=(self._b.detach().mT * self._scale).contiguous(),
        )

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
    """LoRA in the first modules of each block, in place; names are peft's state-dict keys.

    Raises:
        ValueError: when a block has fewer places than are asked for.
    """
    kind = model.config.model_type
    if shape.modules_per_block > len(MODULES[kind]):
        raise ValueError(
            f"{shape.modules_per_block} LoRA modules per block, but {kind} has {len(MODULES[kind])} places"
        )
    names = MODULES[kind][: shape.modules_per_block]
    prefix = f"base_model.model.{_blocks_name(model)}"
    return [
        _wrap(block, name, f"{prefix}.{i}.{name}", shape) for i, block in enumerate(blocks(model)) for name in names
    ]


def shapes(modules: Sequence[Module]) -> dict[str, tuple[int, ...]]:
    """Name -> shape of one client's tensor."""
    return {name: shape for module in modules for name, shape in module.shapes.items()}


def _wrap(block: nn.Module, name: str, full_name: str, shape: LoraShape) -> LowRank:
    parent, _, child = name.rpartition(".")
    base = block.get_submodule(name)
    wrapped = LowRank(base, full_name, *_size(base), shape)
    setattr(block.get_submodule(parent), child, wrapped)
    return wrapped


def _size(linear: Any) -> tuple[int, int]:
    """(inputs, outputs) of a Linear, or of GPT-2's Conv1D, whose weight is (inputs, outputs)."""
    if isinstance(linear, nn.Linear):
        return linear.in_features, linear.out_features
    return tuple(linear.weight.shape)


def _blocks_name(model: Any) -> str:
    return next(name for name, module in model.named_modules() if module is blocks(model))


def _pass_through(adapter: nn.Module) -> Any:
    def hook(module: nn.Module, arguments: Any, output: Any) -> Any:
        if isinstance(output, tuple):
            return (adapter(output[0]), *output[1:])
        return adapter(output)

    return hook
