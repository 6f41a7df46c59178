"""``aggregate``: the server's sum, ``new = global + sum_i c_i (update_i - base_i)``.

params: groups; coefficients c_i; lost, for each update the byte ranges [start, stop) of its payload that never came;
per_module, whether a tensor that only some updates hold is averaged over its holders; air, only where the channel
itself made the sum: snr_db, with which the updates arrived, and the seed of the noise. Then each entry is the mean over
those whose bytes came, with noise (:mod:`pwffsim.learning.superposition`), and stays as it was where nobody's did.
inputs: ``global/{group}``, and for each update i ``update{i}/{group}`` and ``base{i}/{group}``, the global state it
began from.
The payload of an update is its tensors of all groups, sorted by name, one after another as fp32.

Updates are read one at a time and left: memory does not grow with their number. Only ``per_module`` reads their names
beforehand. All of it is fp64 on the CPU.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from math import fsum
from typing import Any, Protocol

import torch
from torch import Tensor

from channel_models.units import db_to_linear
from pwffsim.learning import state
from pwffsim.learning.agreement import Agreement, Names
from pwffsim.learning.jobs import Inputs, Params, Stage, StageResult, one_by_one
from pwffsim.learning.payloads import Layout, Update, Updates
from pwffsim.learning.superposition import Sender, Superposition


def aggregate(params: Params, inputs: Inputs) -> StageResult:
    """The next global state; sums in fp64 in the given order, then fp32.

    facts: digest, norm (of the new state), finite, update_norms, cosine (mean over pairs of updates), lost_bytes.

    Raises:
        ValueError: when an update lacks a tensor of the global state and per_module is off, or holds one that is
            foreign to it, or a lost range lies outside its payload.
    """
    current = {group: dict(inputs[f"global/{group}"]) for group in params["groups"]}
    old = {name: tensor for group in current.values() for name, tensor in group.items()}
    new, facts = _combined(params, Updates(inputs, params["groups"]), old)
    parts = {group: {name: new[name] for name in tensors} for group, tensors in current.items()}
    tensors = [tensor for part in parts.values() for tensor in part.values()]
    summary = {"digest": state.content_digest(new), "norm": state.norm(tensors), "finite": state.all_finite(tensors)}
    return StageResult(parts, {**summary, **facts})


def _combined(params: Params, updates: Updates, old: state.Group) -> tuple[state.Group, dict[str, Any]]:
    """The next state, and what is to be known of the updates."""
    coefficients, lost = params["coefficients"], params["lost"]
    per_module = params["per_module"] and "air" not in params
    holdings = [updates.names(i) if per_module else frozenset(old) for i in range(len(coefficients))]
    combination, agreement, norms = _combination(params, old, holdings), Agreement(holdings), []
    for i, (coefficient, gaps) in enumerate(zip(coefficients, lost, strict=True)):
        update = updates.read(i, coefficient, gaps)
        _check_names(update.layout.places, old, per_module)
        combination.add(update)
        agreement.add(update)
        norms.append(float(torch.linalg.vector_norm(update.payload)))
    lost_bytes = sum(stop - start for gaps in lost for start, stop in gaps)
    facts = {"update_norms": norms, "cosine": agreement.mean(), "lost_bytes": lost_bytes}
    return Layout(old).split(combination.state(), old), facts


def _check_names(held: Collection[str], known: Collection[str], per_module: bool) -> None:
    if foreign := sorted(set(held) - set(known)):
        raise ValueError(f"an update holds {foreign[0]}, which the global state has not")
    if not per_module and (missing := sorted(set(known) - set(held))):
        raise ValueError(
            f"an update lacks {missing[0]}; average each module over its holders (per_module), or send all"
        )


class Combination(Protocol):
    """What becomes of the present state with updates, which are met one after another."""

    def add(self, update: Update) -> None:
        """One more update."""
        ...

    def state(self) -> Tensor:
        """f64[d]: the next state."""
        ...


def _combination(params: Params, old: state.Group, holdings: Sequence[Names]) -> Combination:
    layout = Layout(old)
    if "air" in params:
        return OnAir(layout.flat(old), params["air"])
    return WeightedSum(layout.flat(old), layout, _scales(old, holdings, params["coefficients"]))


class OnAir:
    """The mean that the channel makes of them, with noise.

    Args:
        old: f64[d], the present state.
        air: snr_db, seed.
    """

    def __init__(self, old: Tensor, air: Params) -> None:
        self._old = old
        self._air = air
        self._superposition = Superposition(len(old))

    def add(self, update: Update) -> None:
        self._superposition.add(Sender(update.coefficient, update.payload, update.lost, update.deviation))

    def state(self) -> Tensor:
        return self._old + self._superposition.mean(float(db_to_linear(self._air["snr_db"])), self._air["seed"])


class WeightedSum:
    """Their sum by coefficients.

    Args:
        old: f64[d], the present state.
        layout: of it.
        scales: name -> factor on the coefficients of those who hold this tensor.
    """

    def __init__(self, old: Tensor, layout: Layout, scales: Mapping[str, float]) -> None:
        self._total = old.clone()
        self._layout = layout
        self._scales = scales
        self._all_alike = set(scales.values()) <= {1.0}

    def add(self, update: Update) -> None:
        for own, place, scale in self._pieces(update.layout):
            self._total[place] += scale * update.coefficient * update.payload[own]

    def state(self) -> Tensor:
        return self._total

    def _pieces(self, layout: Layout) -> Iterator[tuple[slice, slice, float]]:
        """(where in an update, where in the state, factor): all at once where all is held alike."""
        if self._all_alike and layout.places == self._layout.places:
            yield slice(None), slice(None), 1.0
            return
        for name, own in layout.places.items():
            yield own, self._layout.places[name], self._scales[name]


def _scales(names: Collection[str], holdings: Sequence[Names], coefficients: Sequence[float]) -> dict[str, float]:
    """The coefficients of a tensor's holders are scaled to the sum that all coefficients have."""
    everybody, scales = fsum(coefficients), {}
    for name in names:
        held = [c for c, holding in zip(coefficients, holdings, strict=True) if name in holding]
        scales[name] = 1.0 if len(held) in (0, len(coefficients)) else everybody / fsum(held)
    return scales


STAGES: dict[str, Stage] = {"aggregate": one_by_one(aggregate)}
