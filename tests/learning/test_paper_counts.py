"""The paper's parameter counts, each reading of its "36 adapters" and "12-36 LoRA modules", from tensors.

Shapes as declared, and the tensors of our modules and of peft's in the true architectures, made without memory (torch's
meta device). ``test_gpt2_small.py`` counts some of them in networks that are really built.
"""

from __future__ import annotations

from math import prod

import pytest
import torch
from transformers import DistilBertConfig, DistilBertModel, GPT2Config, GPT2LMHeadModel

from pwffsim.architecture.families import architecture_of
from pwffsim.architecture.groups import adapter_tensors, lora_tensors, reward_tensors
from pwffsim.architecture.tensors import total_elements
from pwffsim.learning import frozen, grouped, lora
from pwffsim.learning.declarations import KNOWN_CONFIGS, SITES
from pwffsim.learning.lora import LoraShape

ATTENTION = ("attn.c_attn", "attn.c_proj")
SQUARES = ("attn.q", "attn.k", "attn.v")
FOUR = (*ATTENTION, "mlp.c_fc", "mlp.c_proj")

SMALL = [
    (("attn.c_proj",), 12, 147_456, 1_769_472),
    (("attn.c_attn",), 12, 294_912, 3_538_944),
    (ATTENTION, 24, 442_368, 5_308_416),
    (SQUARES, 36, 442_368, 5_308_416),
    ((*ATTENTION, "mlp.c_fc"), 36, 811_008, 9_732_096),
    ((*ATTENTION, "mlp.c_proj"), 36, 811_008, 9_732_096),
    (("attn.c_attn", "mlp.c_fc", "mlp.c_proj"), 36, 1_032_192, 12_386_304),
    (FOUR, 48, 1_179_648, 14_155_776),
]
"""Places on GPT-2 small -> modules, parameters at rank 8 and at rank 96."""

LARGE = [
    (("attn.c_proj",), 36, 737_280, 8_847_360),
    (("attn.q",), 36, 737_280, 8_847_360),
    (("attn.c_attn",), 36, 1_474_560, 17_694_720),
]
"""The same on GPT-2 large, which has 36 blocks."""

CASES = [
    (size, places, modules, rank, parameters)
    for size, table in (("gpt2", SMALL), ("gpt2-large", LARGE))
    for places, modules, *both in table
    for rank, parameters in zip((8, 96), both, strict=True)
]


@pytest.fixture(scope="module")
def networks():
    """The true architectures; views of them carry the modules."""
    with torch.device("meta"):
        return {size: GPT2LMHeadModel(GPT2Config(**KNOWN_CONFIGS[size])) for size in ("gpt2", "gpt2-large")}


@pytest.mark.parametrize(("size", "parameters"), [("gpt2", 124_439_808), ("gpt2-large", 774_030_080)])
def test_the_bases_have_their_published_parameters(networks, size, parameters):
    assert sum(p.numel() for p in networks[size].parameters()) == parameters
    assert architecture_of(KNOWN_CONFIGS[size]).parameters == parameters


@pytest.mark.parametrize(
    ("size", "sites", "parameters"), [("gpt2", SITES, 580_968), ("gpt2-large", ("block",), 968_040)]
)
def test_thirty_six_adapters_of_bottleneck_ten(networks, size, sites, parameters):
    made = grouped.attach_adapters(frozen.view(networks[size]), 10, sites)
    assert len(made) == 36
    assert sum(map(prod, grouped.shapes(made).values())) == parameters
    assert total_elements(adapter_tensors(architecture_of(KNOWN_CONFIGS[size]), 10, sites)) == parameters


@pytest.mark.parametrize(("size", "places", "modules", "rank", "parameters"), CASES)
def test_lora_of_every_placement(networks, size, places, modules, rank, parameters):
    shape = LoraShape(rank, 2.0 * rank, len(places), places)
    made = grouped.shapes(grouped.attach_lora(frozen.view(networks[size]), shape))
    assert len(made) == 2 * modules
    assert sum(map(prod, made.values())) == parameters
    declared = lora_tensors(architecture_of(KNOWN_CONFIGS[size]).placed(places), rank, len(places))
    assert {tensor.name: tensor.shape for tensor in declared} == made


@pytest.mark.parametrize(("places", "modules", "at_eight", "at_ninety_six"), [c for c in SMALL if c[0] != SQUARES])
def test_peft_makes_as_many(networks, places, modules, at_eight, at_ninety_six):
    with torch.device("meta"):
        named = lora.attach(frozen.view(networks["gpt2"]), LoraShape(96, 192.0, len(places), places))
    assert len(named) == 2 * modules and sum(p.numel() for p in named.values()) == at_ninety_six == 12 * at_eight


@pytest.mark.parametrize(
    ("upload", "parameters"),
    [("head", 591_361), ("lora", 591_361 + 6 * 8 * (768 + 768)), ("full", 591_361 + 66_362_880)],
)
def test_two_reward_models_of_distilbert(upload, parameters):
    """The encoder alone has 66,362,880; the head is 768 x 768 + 768 and 768 + 1."""
    with torch.device("meta"):
        encoder = DistilBertModel(DistilBertConfig(**KNOWN_CONFIGS["distilbert-base-uncased"]))
    assert sum(p.numel() for p in encoder.parameters()) == 66_362_880
    architecture = architecture_of(encoder.config.to_dict())
    assert total_elements(reward_tensors(architecture, upload, 8)) == 2 * parameters
