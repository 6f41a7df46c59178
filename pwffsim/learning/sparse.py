"""Patterns of attention in GPT-2: pairs of tokens that a pattern leaves out are hidden from the softmax.

Scores are computed for all pairs and hidden afterwards, so that a pattern changes what is learnt and not how long that
takes here; what it saves on a device is declared (:mod:`pwffsim.architecture.work`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor

from pwffsim.architecture.attention import FULL, Pattern, check_family, pattern


def attach(network: Any, settings: Mapping[str, Any] | None) -> None:
    """Let a view of a language model attend by a pattern, in its own forward and wherever its trunk is gone through.

    Args:
        network: a causal language model.
        settings: of the pattern; None for full attention, which leaves the network alone.

    Raises:
        UnsupportedPattern: for a family whose attention is full only.
    """
    chosen = pattern(settings)
    check_family(chosen, network.config.model_type)
    if chosen == FULL:
        return
    network.base_model.attention_pattern = chosen
    for block in network.base_model.h:
        block.attn.register_forward_pre_hook(_hide(chosen), with_kwargs=True)


def pattern_of(trunk: Any) -> Pattern:
    """The pattern that was attached to a network with this trunk."""
    return getattr(trunk, "attention_pattern", FULL)


def hidden(attention: Pattern, positions: Tensor, time: int) -> Tensor | None:
    """(rows, queries, time): which keys a query does not see by its pattern; None for full attention.

    Args:
        attention: the pattern.
        positions: (rows, queries), in their sequences, of the tokens in the last places; 0 on padding before them.
        time: places of a row.
    """
    if attention == FULL:
        return None
    padding = time - 1 - positions[:, -1:]
    keys = (torch.arange(time, device=positions.device) - padding).clamp(min=0)
    unseen: Tensor = ~attention.allows(positions[:, :, None], keys[:, None])
    return unseen


def _hide(attention: Pattern) -> Callable[..., Any]:
    """A hook before transformers' attention, which adds (rows, 1, queries, time) to its scores."""

    def hook(module: Any, inputs: Any, named: dict[str, Any]) -> Any:
        mask, positions = named["attention_mask"], named["position_ids"]
        unseen = hidden(attention, positions, mask.shape[-1])
        assert unseen is not None, "full attention has no hook"
        return inputs, {**named, "attention_mask": mask.masked_fill(unseen[:, None], torch.finfo(mask.dtype).min)}

    return hook
