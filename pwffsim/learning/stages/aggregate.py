"""``aggregate``: the server's sum, ``new = global + sum_i c_i (update_i - base_i)``.

params: groups; coefficients c_i; lost, for each update the byte ranges [start, stop) of its payload that never came;
per_module, whether a tensor that only some updates hold is averaged over its holders.
inputs: ``global/{group}``, and for each update i ``update{i}/{group}`` and ``base{i}/{group}``, the global state it
began from.
The payload of an update is its tensors of all groups, sorted by name, one after another as fp32.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from math import fsum
from statistics import fmean

import torch
from torch import Tensor

from pwffsim.learning import state
from pwffsim.learning.stages.stage import Inputs, Params, Stage, StageResult

_BYTES = 4


@dataclass(frozen=True)
class Update:
    """What one client contributes: differences to its base in fp64, zero where bytes were lost."""

    coefficient: float
    differences: dict[str, Tensor]


def aggregate(params: Params, inputs: Inputs) -> StageResult:
    """The next global state; sums in fp64 in the given order, then fp32.

    facts: digest, norm (of the new state), finite, update_norms, cosine (mean over pairs of updates), lost_bytes.

    Raises:
        ValueError: when an update lacks a tensor of the global state and per_module is off, or holds one that is
            foreign to it, or a lost range lies outside its payload.
    """
    groups, ranges = params["groups"], params["lost"]
    current = {group: inputs[f"global/{group}"] for group in groups}
    updates = [
        Update(coefficient, _differences(inputs, groups, i, lost))
        for i, (coefficient, lost) in enumerate(zip(params["coefficients"], ranges, strict=True))
    ]
    for update in updates:
        _check_names(update, current, params["per_module"])
    parts = {
        group: {name: _sum(name, old, updates) for name, old in old_group.items()}
        for group, old_group in current.items()
    }
    merged = {name: tensor for part in parts.values() for name, tensor in part.items()}
    facts = {
        "digest": state.content_digest(merged),
        "norm": state.norm(merged.values()),
        "finite": state.all_finite(merged.values()),
        "update_norms": [state.norm(update.differences.values()) for update in updates],
        "cosine": _mean_cosine(updates),
        "lost_bytes": sum(stop - start for lost in ranges for start, stop in lost),
    }
    return StageResult(parts, facts)


def _differences(inputs: Inputs, groups: Sequence[str], i: int, lost: Sequence[Sequence[int]]) -> dict[str, Tensor]:
    """update_i - base_i by name, with the elements that a lost range touches set to zero."""
    new = {name: tensor for group in groups for name, tensor in inputs[f"update{i}/{group}"].items()}
    base = {name: tensor for group in groups for name, tensor in inputs[f"base{i}/{group}"].items()}
    names = sorted(new)
    flat = torch.cat([(new[name].double() - base[name].double()).flatten() for name in names])
    for start, stop in lost:
        if not 0 <= start < stop <= len(flat) * _BYTES:
            raise ValueError(
                f"lost bytes {start}..{stop} lie outside the payload of {len(flat) * _BYTES} bytes of update {i}"
            )
        flat[start // _BYTES : -(-stop // _BYTES)] = 0.0
    pieces = flat.split([new[name].numel() for name in names])
    return {name: piece.view(new[name].shape) for name, piece in zip(names, pieces, strict=True)}


def _check_names(update: Update, current: Mapping[str, Mapping[str, Tensor]], per_module: bool) -> None:
    known = {name for group in current.values() for name in group}
    if foreign := sorted(set(update.differences) - known):
        raise ValueError(f"an update holds {foreign[0]}, which the global state has not")
    if not per_module and (missing := sorted(known - set(update.differences))):
        raise ValueError(
            f"an update lacks {missing[0]}; average each module over its holders (per_module), or send all"
        )


def _sum(name: str, old: Tensor, updates: Sequence[Update]) -> Tensor:
    """One tensor of the new state; the coefficients of its holders are scaled to the sum that all coefficients have."""
    holders = [update for update in updates if name in update.differences]
    if not holders:
        return old.clone()
    everybody, held = fsum(u.coefficient for u in updates), fsum(u.coefficient for u in holders)
    scale = 1.0 if len(holders) == len(updates) else everybody / held
    total = old.double()
    for update in holders:
        total = total + scale * update.coefficient * update.differences[name]
    return total.float()


def _mean_cosine(updates: Sequence[Update]) -> float:
    """Mean cosine between the updates, over pairs and over the tensors both hold; 0 where there is no pair."""
    return fmean(cosines) if (cosines := [_cosine(a, b) for a, b in combinations(updates, 2)]) else 0.0


def _cosine(a: Update, b: Update) -> float:
    both = sorted(set(a.differences) & set(b.differences))
    dot = sum(float((a.differences[name] * b.differences[name]).sum()) for name in both)
    norms = state.norm(a.differences[name] for name in both) * state.norm(b.differences[name] for name in both)
    return dot / norms if norms > 0 else 0.0


STAGES: dict[str, Stage] = {"aggregate": aggregate}
