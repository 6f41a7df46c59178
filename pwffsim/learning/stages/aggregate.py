"""``aggregate``: the server's sum, ``new = global + sum_i c_i (update_i - base_i)``.

params: groups; coefficients c_i; lost, for each update the byte ranges [start, stop) of its payload that never came;
per_module, whether a tensor that only some updates hold is averaged over its holders; air, only where the channel
itself made the sum: snr_db, with which the updates arrived, and the seed of the noise. Then each entry is the mean over
those whose bytes came, with noise (:mod:`pwffsim.learning.superposition`), and stays as it was where nobody's did.
inputs: ``global/{group}``, and for each update i ``update{i}/{group}`` and ``base{i}/{group}``, the global state it
began from.
The payload of an update is its tensors of all groups, sorted by name, one after another as fp32.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from math import fsum, sqrt
from statistics import fmean

import torch
from torch import Tensor

from channel_models.units import db_to_linear
from pwffsim.learning import state
from pwffsim.learning.stages.stage import Inputs, Params, Stage, StageResult
from pwffsim.learning.superposition import Sender, noisy_mean

_BYTES = 4


@dataclass(frozen=True)
class Update:
    """What one client contributes: differences to its base in fp64, zero where bytes were lost.

    ``payload`` holds the same elements as one vector, ``lost`` the slices of it that never came, and ``deviation`` is
    the root mean square of all that was to be sent.
    """

    coefficient: float
    differences: dict[str, Tensor]
    payload: Tensor
    lost: list[slice]
    deviation: float


def aggregate(params: Params, inputs: Inputs) -> StageResult:
    """The next global state; sums in fp64 in the given order, then fp32.

    facts: digest, norm (of the new state), finite, update_norms, cosine (mean over pairs of updates), lost_bytes.

    Raises:
        ValueError: when an update lacks a tensor of the global state and per_module is off, or holds one that is
            foreign to it, or a lost range lies outside its payload.
    """
    groups, ranges = params["groups"], params["lost"]
    current = {group: dict(inputs[f"global/{group}"]) for group in groups}
    updates = [
        _update(inputs, groups, i, coefficient, lost)
        for i, (coefficient, lost) in enumerate(zip(params["coefficients"], ranges, strict=True))
    ]
    for update in updates:
        _check_names(update, current, params["per_module"] and "air" not in params)
    parts = _heard(updates, current, params["air"]) if "air" in params else _summed(updates, current)
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


def _update(inputs: Inputs, groups: Sequence[str], i: int, coefficient: float, lost: Sequence[Sequence[int]]) -> Update:
    """update_i - base_i, of which the elements that a lost range touches never came."""
    new = {name: tensor for group in groups for name, tensor in inputs[f"update{i}/{group}"].items()}
    base = {name: tensor for group in groups for name, tensor in inputs[f"base{i}/{group}"].items()}
    names = sorted(new)
    flat = torch.cat([(new[name].double() - base[name].double()).flatten() for name in names])
    deviation = float(torch.linalg.vector_norm(flat)) / sqrt(max(len(flat), 1))
    slices = [_elements(i, start, stop, len(flat)) for start, stop in lost]
    for gap in slices:
        flat[gap] = 0.0
    return Update(coefficient, _by_name(flat, names, new), flat, slices, deviation)


def _elements(i: int, start: int, stop: int, size: int) -> slice:
    """The elements that a range of bytes touches, of a payload of so many."""
    if not 0 <= start < stop <= size * _BYTES:
        raise ValueError(f"lost bytes {start}..{stop} lie outside the payload of {size * _BYTES} bytes of update {i}")
    return slice(start // _BYTES, -(-stop // _BYTES))


def _by_name(flat: Tensor, names: Sequence[str], like: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """A payload cut into tensors of the shapes of others."""
    pieces = flat.split([like[name].numel() for name in names])
    return {name: piece.view(like[name].shape) for name, piece in zip(names, pieces, strict=True)}


def _check_names(update: Update, current: Mapping[str, Mapping[str, Tensor]], per_module: bool) -> None:
    known = {name for group in current.values() for name in group}
    if foreign := sorted(set(update.differences) - known):
        raise ValueError(f"an update holds {foreign[0]}, which the global state has not")
    if not per_module and (missing := sorted(known - set(update.differences))):
        raise ValueError(
            f"an update lacks {missing[0]}; average each module over its holders (per_module), or send all"
        )


def _heard(updates: Sequence[Update], current: Mapping[str, state.Group], air: Params) -> dict[str, state.Group]:
    """The next state by what the air made of the updates."""
    senders = [Sender(u.coefficient, u.payload, u.lost, u.deviation) for u in updates]
    mean = noisy_mean(senders, float(db_to_linear(air["snr_db"])), air["seed"])
    like = updates[0].differences
    steps = _by_name(mean, sorted(like), like)
    return {
        group: {name: (old.double() + steps[name]).float() for name, old in old_group.items()}
        for group, old_group in current.items()
    }


def _summed(updates: Sequence[Update], current: Mapping[str, state.Group]) -> dict[str, state.Group]:
    """The next state by the sum of the updates."""
    return {
        group: {name: _sum(name, old, updates) for name, old in old_group.items()}
        for group, old_group in current.items()
    }


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
