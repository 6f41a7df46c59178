"""GPT-2's trunk over packed tokens: the same modules as transformers' forward, without what padding and positions that
predict nothing cost.

Equal to that forward at every position that is asked for, to rounding.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from pwffsim.architecture.attention import Pattern
from pwffsim.learning import products, sparse
from pwffsim.learning.packing import Packing

Attend = Callable[[Tensor, float], Tensor]


def states(network: Any, packing: Packing) -> Tensor:
    """(N, width): the states from which the response tokens of a batch are predicted, row after row."""
    trunk = network.base_model
    hidden = trunk.wte(packing.ids) + trunk.wpe(packing.positions)
    attend = _attention(packing, trunk.config.num_attention_heads, sparse.pattern_of(trunk))
    for block in trunk.h[:-1]:
        hidden = after_attention(block, hidden, attend(asked(block, hidden), block.attn.scaling))
    last = trunk.h[-1]
    attended = attend(asked(last, hidden), last.attn.scaling)
    hidden = after_attention(last, packing.wanted(hidden), packing.wanted(attended))
    return trunk.ln_f(hidden).index_select(0, packing.predicting)


def asked(block: Any, hidden: Tensor) -> Tensor:
    """Queries, keys and values, (C T, 3 width)."""
    return block.attn.c_attn(block.ln_1(hidden))


def after_attention(block: Any, hidden: Tensor, attended: Tensor) -> Tensor:
    """The rest of a block, for as many slots as are given."""
    hidden = hidden + _adapted(block, "attention", block.attn.c_proj(attended))
    inner = block.mlp.c_proj(block.mlp.act(block.mlp.c_fc(block.ln_2(hidden))))
    return _adapted(block, "block", hidden + _adapted(block, "mlp", inner))


def _adapted(block: Any, site: str, hidden: Tensor) -> Tensor:
    adapters = getattr(block, "adapters", {})
    return adapters[site](hidden) if site in adapters else hidden


def _attention(packing: Packing, heads: int, pattern: Pattern) -> Attend:
    """Causal attention by a pattern within rows: (C T, 3 width) -> (C T, width)."""
    spread, gathered = packing.heads(heads)
    places = torch.arange(packing.length, device=packing.ids.device)[None]
    unseen = sparse.hidden(pattern, places, packing.length)
    hidden = None if unseen is None else unseen[0]

    def attend(asked: Tensor, scale: float) -> Tensor:
        size = asked.shape[1] // (3 * heads)
        rows = spread(asked.view(-1, size)).view(3, -1, packing.length, size)
        return gathered(products.attention(rows, scale, hidden).view(-1, size)).view(len(asked), -1)

    return attend
