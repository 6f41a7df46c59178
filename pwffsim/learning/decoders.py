"""Networks that read prompts and then one token a row at a time, keeping the keys and values of what they have read.

A row is a prompt and its response. Rows are client-major; shorter prompts are padded on the left.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Protocol

import torch
from torch import Tensor
from transformers import DynamicCache

from pwffsim.learning import gpt2, runtime, sparse
from pwffsim.learning.declarations import SITES
from pwffsim.learning.grouped import Module
from pwffsim.learning.policy import Policy

_SMALL = 1 << 19
"""Multiplications of a product of all rows with a (d, d) matrix, up to which the way of small products is quicker."""


class Decoder(Protocol):
    """The states of a batch of rows, (rows, d), from which their next tokens are predicted."""

    def read(self, ids: Tensor, mask: Tensor) -> Tensor:
        """After the prompts: ids and mask (rows, length), the mask 1 on tokens and 0 on padding."""
        ...

    def extend(self, ids: Tensor) -> Tensor:
        """After one token more in each row, (rows,)."""
        ...

    def keep(self, rows: Tensor) -> None:
        """Go on with these rows, in this order."""
        ...


class TransformersDecoder:
    """Any causal language model, through transformers' own forward and cache."""

    def __init__(self, policy: Policy, new_tokens: int) -> None:
        self._policy, self._cache = policy, DynamicCache()

    def read(self, ids: Tensor, mask: Tensor) -> Tensor:
        self._mask, self._positions = mask, _positions(mask)
        return self._forward(ids)

    def extend(self, ids: Tensor) -> Tensor:
        self._mask = torch.cat([self._mask, torch.ones_like(self._mask[:, :1])], 1)
        self._positions = self._positions[:, -1:] + 1
        with _products(len(ids), self._policy.network.config.hidden_size):
            return self._forward(ids[:, None])

    def keep(self, rows: Tensor) -> None:
        self._cache.batch_select_indices(rows)
        self._mask, self._positions = self._mask[rows], self._positions[rows]

    def _forward(self, ids: Tensor) -> Tensor:
        where: dict[str, Any] = {"attention_mask": self._mask, "position_ids": self._positions}
        output = self._policy.hidden(ids, past_key_values=self._cache, use_cache=True, **where)
        last: Tensor = output.last_hidden_state[:, -1]
        return last


class _Block:
    """One of GPT-2's blocks with the adapters and LoRA that are lent to it now, token by token."""

    def __init__(self, block: Any) -> None:
        self._before, self._between, self._activate = block.ln_1, block.ln_2, block.mlp.act
        linear = (block.attn.c_attn, block.attn.c_proj, block.mlp.c_fc, block.mlp.c_proj)
        self._ask, self._project, self._widen, self._narrow = map(_settled, linear)
        adapters = getattr(block, "adapters", {})
        places = (adapters[site] if site in adapters else torch.nn.Identity() for site in SITES)
        self._adapt_attention, self._adapt_mlp, self._adapt_block = map(_settled, places)
        self.scaling: float = block.attn.scaling

    def asked(self, hidden: Tensor) -> Tensor:
        """Queries, keys and values, (rows, 3 d)."""
        return self._ask(self._before(hidden))

    def after_attention(self, hidden: Tensor, attended: Tensor) -> Tensor:
        """The rest of the block; `hidden` is used up."""
        hidden = hidden.add_(self._adapt_attention(self._project(attended)))
        inner = self._activate(self._widen(self._between(hidden)))
        return self._adapt_block(hidden.add_(self._adapt_mlp(self._narrow(inner))))


class Gpt2Decoder:
    """GPT-2's blocks, and their keys and values in one place: (blocks, 2, time, rows, heads, d / heads).

    With time outermost all that was read lies in one piece, and one query a row takes it in as two streams. Batched
    products of a single query each, over scattered operands, take twice as long.
    """

    _kept: Tensor
    _scratch: Tensor
    _padding: Tensor
    _positions: Tensor

    def __init__(self, policy: Policy, new_tokens: int) -> None:
        self._trunk: Any = policy.network.base_model
        self._pattern = sparse.pattern_of(self._trunk)
        self._blocks = [_Block(block) for block in self._trunk.h]
        self._heads: int = self._trunk.config.num_attention_heads
        self._new_tokens = new_tokens
        self._time = 0

    def read(self, ids: Tensor, mask: Tensor) -> Tensor:
        rows, self._time = ids.shape
        self._positions = _positions(mask)
        hidden = self._embedded(ids.flatten(), self._positions.flatten())
        self._reserve(mask, hidden)
        seen = _causal(hidden, self._time)
        if (unseen := sparse.hidden(self._pattern, self._positions, self._time)) is not None:
            seen = seen.masked_fill(unseen[:, None], -torch.inf)
        earlier = self._padding[: self._time].permute(1, 2, 0)[:, None] + seen
        for i, block in enumerate(self._trunk.h):
            q, k, v = self._split(gpt2.asked(block, hidden)).unflatten(0, (rows, -1)).unbind(2)
            self._kept[i, :, : self._time] = torch.stack([k, v]).transpose(1, 2)
            attended = _attend(q.transpose(1, 2), k.transpose(1, 2), v.transpose(1, 2), block.attn.scaling, earlier)
            hidden = gpt2.after_attention(block, hidden, attended.transpose(1, 2).reshape(hidden.shape))
        self._positions = self._positions[:, -1]
        return self._trunk.ln_f(hidden.view(rows, -1, hidden.shape[1])[:, -1])

    def extend(self, ids: Tensor) -> Tensor:
        self._positions = self._positions + 1
        self._time += 1
        hidden, added = self._embedded(ids, self._positions), self._added()
        with _products(*hidden.shape):
            for block, (keys, values) in zip(self._blocks, self._kept, strict=True):
                q, keys[self._time - 1], values[self._time - 1] = self._split(block.asked(hidden)).unbind(1)
                attended = self._attend_one(q * block.scaling, keys[: self._time], values[: self._time], added)
                hidden = block.after_attention(hidden, attended.view(hidden.shape))
        return self._trunk.ln_f(hidden)

    def keep(self, rows: Tensor) -> None:
        self._kept, self._padding = self._kept.index_select(3, rows), self._padding.index_select(1, rows)
        self._positions, self._scratch = self._positions[rows], torch.empty_like(self._kept[0, 0])

    def _embedded(self, ids: Tensor, positions: Tensor) -> Tensor:
        return self._trunk.wte(ids) + self._trunk.wpe(positions)

    def _reserve(self, mask: Tensor, hidden: Tensor) -> None:
        """Places for all keys and values, for their products with a query, and (time, rows, 1) to add to scores."""
        size = (self._time + self._new_tokens, len(mask), self._heads, hidden.shape[1] // self._heads)
        self._kept = hidden.new_empty(len(self._trunk.h), 2, *size)
        self._scratch = torch.empty_like(self._kept[0, 0])
        self._padding = hidden.new_zeros(*size[:2], 1)
        self._padding[: self._time].masked_fill_(mask.T[..., None] == 0, torch.finfo(hidden.dtype).min)

    def _split(self, asked: Tensor) -> Tensor:
        """(tokens, 3 d) -> (tokens, 3, heads, d / heads)."""
        return asked.view(len(asked), 3, self._heads, -1)

    def _added(self) -> Tensor:
        """What is added to the scores of the newest tokens, (time, rows, 1): -inf where their pattern hides a key."""
        padding = self._padding[: self._time]
        unseen = sparse.hidden(self._pattern, self._positions[:, None], self._time)
        return padding if unseen is None else padding.masked_fill(unseen.permute(2, 0, 1), -torch.inf)

    def _attend_one(self, q: Tensor, keys: Tensor, values: Tensor, added: Tensor) -> Tensor:
        """One query a row, (rows, heads, d / heads), over keys and values (time, rows, heads, d / heads)."""
        scratch = self._scratch[: self._time]
        scores = torch.mul(keys, q, out=scratch).sum(-1).add_(added)
        weights = torch.softmax(scores, 0)
        return torch.mul(values, weights[..., None], out=scratch).sum(0)


DECODERS: dict[str, Callable[[Policy, int], Decoder]] = {"gpt2": Gpt2Decoder}
"""Model type -> (policy, most tokens that follow a prompt) -> decoder; others go through transformers."""


def decoder(policy: Policy, new_tokens: int) -> Decoder:
    """A decoder of the states that a policy holds."""
    return DECODERS.get(policy.network.config.model_type, TransformersDecoder)(policy, new_tokens)


def _settled(module: Any) -> Callable[[Tensor], Tensor]:
    """A module as it stands now; those without anything lent to them stay what they are."""
    return module.settled() if isinstance(module, Module) else module


def _attend(q: Tensor, k: Tensor, v: Tensor, scale: float, added: Tensor) -> Tensor:
    """softmax(scale q k^T + added) v over (rows, heads, length, d / heads)."""
    with runtime.small_products():
        return torch.softmax(torch.matmul(q, k.mT).mul_(scale).add_(added), -1) @ v


def _causal(like: Tensor, length: int) -> Tensor:
    return like.new_full((length, length), -torch.inf).triu(1)


def _positions(mask: Tensor) -> Tensor:
    return (mask.cumsum(1) - 1).clamp(min=0)


@contextmanager
def _products(rows: int, width: int) -> Iterator[None]:
    """The quicker way of products for so many rows."""
    if rows * width**2 > _SMALL:
        yield
        return
    with runtime.small_products():
        yield
