"""The rule of equality: one setting of fusion gives the same bits whoever computes, and another setting the same
network and the same learning to rounding."""

from __future__ import annotations

from math import isclose

import pytest
import torch
from crews import place_of, travelled, travelled_here

from pwffsim.compute.backend import EXECUTORS
from pwffsim.compute.store import Store

FACTS = {"rel_tol": 1e-3, "abs_tol": 1e-4}
"""Norms, losses and rewards."""

PARAMETERS, SHARE, STEP = 5e-5, 1e-4, 3e-3
"""Entries agree to the first, but for this share of them, and none is off by more than a step's learning rate. For
AdamW's first steps are as long as that rate whatever the gradient, so that where a gradient is next to nothing its
rounding shows."""

WHOLE = {
    "clients": 5,
    "data": {
        "rows_per_client": 8,
        "test_rows_per_client": 4,
        "pairs_per_client": 6,
        "test_pairs_per_client": 4,
        "prompts_per_client": 6,
        "test_prompts_per_client": 2,
        "global_test_rows": 4,
    },
    "devices": {
        "tiers": [
            {"name": "small", "lora_modules_per_block": 1},
            {"name": "large", "lora_modules_per_block": 3},
        ]
    },
    "stages": {
        "instruction": {"rounds": 2, "local_steps": 2, "batch_size": 2},
        "reward": {"rounds": 1, "local_steps": 1, "batch_size": 2},
        "alignment": {"rounds": 1, "batch_size": 2, "max_new_tokens": 4},
    },
}
"""All stages, two sizes of devices; five clients make batches of two, two and one, or three and two."""


def setting(fusion):
    return {**WHOLE, "compute": {"fusion": fusion}}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("trajectories")


@pytest.fixture(scope="module")
def fused(folder):
    return travelled_here(folder, **setting(3))


@pytest.mark.parametrize("name", ["processes", pytest.param("ray", marks=pytest.mark.ray)])
def test_whoever_computes_gives_the_same_bits(folder, fused, name):
    if name == "ray":
        pytest.importorskip("ray", reason="needs the extra ray: pip install 'pwffsim[ray]'")
    place = place_of(folder / name)
    executor = EXECUTORS[name](place, Store(place.store), 2)
    try:
        there = travelled(folder, place.store, executor, **setting(3))
        assert there.fingerprints == fused.fingerprints
        assert there.counts == fused.counts and there.facts == fused.facts
        assert there.states.keys() == fused.states.keys()
        assert all(torch.equal(tensor, fused.states[name]) for name, tensor in there.states.items())
    finally:
        executor.close()


@pytest.mark.parametrize("fusion", ["off", 2])
def test_other_batches_give_the_same_network_and_learn_the_same_to_rounding(folder, fused, fusion):
    other = travelled(folder, *_own(folder, fusion), **setting(fusion))
    assert other.counts.batches > fused.counts.batches
    assert other.fingerprints["network"] == fused.fingerprints["network"]
    assert other.facts.keys() == fused.facts.keys()
    apart = [(key, name) for key, facts in fused.facts.items() for name in _apart(facts, other.facts[key])]
    assert apart == []
    assert other.states.keys() == fused.states.keys() and len(fused.states) > 100
    off = torch.cat([(other.states[name] - tensor).abs().flatten() for name, tensor in fused.states.items()])
    assert float((off > PARAMETERS).float().mean()) <= SHARE and float(off.max()) <= STEP


def _own(folder, fusion):
    from pwffsim.compute.executors.serial import Serial

    store = folder / f"fusion {fusion}"
    return store, Serial(Store(store))


def _apart(facts, others):
    """Names of facts that are further apart than rounding takes them."""
    assert facts.keys() == others.keys()
    for name, value in facts.items():
        if isinstance(value, float) and not isclose(value, others[name], **FACTS):
            yield name, value, others[name]
