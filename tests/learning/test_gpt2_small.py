"""The true GPT-2 small architecture, untrained: the paper's counts, from the tensors."""

from __future__ import annotations

from math import prod

import pytest
from small_models import SITES, initial_states

from pwffsim.learning import bases, frozen, policy
from pwffsim.learning.policy import Policy

GROUPS = ["adapters", "lora"]


@pytest.fixture(scope="module")
def base(small_base):
    return bases.resolve("gpt2", "untrained", tokenizer=str(small_base)).params(0)


@pytest.fixture(scope="module", autouse=True)
def _forget():
    yield
    for cached in (frozen._resident, policy._network):
        cached.cache_clear()


def described(base, modules, rank=8):
    return {
        **base,
        "adapters": {"bottleneck": 10, "sites": SITES},
        "lora": {"rank": rank, "alpha": 16.0},
        "lora_modules_per_block": modules,
    }


def test_thirty_six_adapters_of_580968_parameters(base):
    parts = initial_states(described(base, 1), GROUPS)
    assert len(parts["adapters"]) == 36 * 4
    assert sum(t.numel() for t in parts["adapters"].values()) == 580_968
    assert sum(t.numel() * t.element_size() for t in parts["adapters"].values()) * 8 == 18_590_976


@pytest.mark.parametrize(
    ("places", "rank", "parameters"),
    [
        (["attn.c_proj"], 8, 147_456),
        (["attn.q", "attn.k", "attn.v"], 8, 442_368),
        (["attn.c_attn", "mlp.c_fc", "mlp.c_proj"], 96, 12_386_304),
        (["attn.c_attn", "attn.c_proj", "mlp.c_fc", "mlp.c_proj"], 96, 14_155_776),
    ],
)
def test_other_places(base, places, rank, parameters):
    model = described(base, len(places), rank)
    parts = initial_states({**model, "lora": {**model["lora"], "places": places}}, ["lora"])
    assert len(parts["lora"]) == 12 * len(places) * 2
    assert sum(tensor.numel() for tensor in parts["lora"].values()) == parameters


@pytest.mark.parametrize(("modules", "rank", "parameters"), [(1, 8, 294_912), (2, 8, 442_368), (3, 96, 9_732_096)])
def test_twelve_to_thirty_six_lora_modules(base, modules, rank, parameters):
    actor = Policy(described(base, modules, rank), GROUPS)
    assert len(actor.shapes["lora"]) == 12 * modules * 2
    assert sum(prod(shape) for shape in actor.shapes["lora"].values()) == parameters
    assert sum(p.numel() for p in actor.network.parameters()) == 124_439_808


def test_tiny_has_twelve_adapters():
    model = described(bases.resolve("tiny").params(0), 3)
    parts = initial_states(model, GROUPS)
    assert len(parts["adapters"]) == 12 * 4
    assert len(parts["lora"]) == 12 * 2
