"""Sampling of responses with a key-value cache."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass

import torch
from torch import Tensor
from transformers import DynamicCache

from pwffsim.learning import runtime
from pwffsim.learning.policy import Policy


@dataclass(frozen=True)
class Sampling:
    """How responses end and vary.

    Attributes:
        temperature: logits are divided by it.
        end: id that ends a response.
        pad: id in unused places.
    """

    temperature: float
    end: int
    pad: int


@torch.no_grad()
def generate(
    policy: Policy, prompts: Sequence[tuple[int, ...]], uniforms: Tensor, sampling: Sampling
) -> list[tuple[int, ...]]:
    """A response for each prompt, its end token included unless it was cut at R tokens.

    Args:
        policy: holds the state to sample from.
        prompts: token ids.
        uniforms: (prompts, R) numbers in [0, 1): token t of row i is the inverse of the cumulative distribution at
            ``uniforms[i, t]``, so that a row's text depends on its own numbers alone.
        sampling: temperature, end and padding ids.
    """
    ids, mask = _left_padded(prompts, sampling.pad)
    positions = (mask.cumsum(1) - 1).clamp(min=0)
    running, cache, columns = torch.ones(len(prompts), dtype=torch.bool), DynamicCache(), []
    for t in range(uniforms.shape[1]):
        given = {"attention_mask": mask, "position_ids": positions, "past_key_values": cache, "use_cache": True}
        with runtime.small_products() if t else nullcontext():
            logits = policy.logits(policy.hidden(ids, **given).last_hidden_state[:, -1])
        token = _draw(logits / sampling.temperature, uniforms[:, t])
        columns.append(torch.where(running, token, sampling.pad))
        ids, positions = columns[-1][:, None], positions[:, -1:] + 1
        mask = torch.cat([mask, torch.ones_like(ids)], 1)
        running = running & (token != sampling.end)
        if not running.any():
            break
    return [_until_end(row, sampling.end) for row in torch.stack(columns, 1).tolist()]


def _left_padded(prompts: Sequence[tuple[int, ...]], pad: int) -> tuple[Tensor, Tensor]:
    length = max(map(len, prompts))
    ids = torch.full((len(prompts), length), pad)
    mask = torch.zeros(len(prompts), length, dtype=torch.long)
    for i, prompt in enumerate(prompts):
        ids[i, length - len(prompt) :] = torch.tensor(prompt)
        mask[i, length - len(prompt) :] = 1
    return ids, mask


def _draw(logits: Tensor, uniforms: Tensor) -> Tensor:
    """Inverse-CDF sampling, one uniform number a row; a distribution that is not finite draws id 0."""
    cumulative = torch.softmax(logits.float(), -1).cumsum(-1)
    targets = uniforms[:, None] * cumulative[:, -1:]
    return torch.searchsorted(cumulative, targets, right=True).squeeze(1).clamp(max=logits.shape[-1] - 1)


def _until_end(row: list[int], end: int) -> tuple[int, ...]:
    return tuple(row[: row.index(end) + 1]) if end in row else tuple(row)
