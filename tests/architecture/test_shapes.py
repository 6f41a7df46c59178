"""Shapes against published parameter counts."""

from __future__ import annotations

import pytest

from pwffsim.architecture.families import UnsupportedModel, architecture_of
from pwffsim.architecture.groups import adapter_tensors, lora_tensors, reward_tensors
from pwffsim.architecture.tensors import total_bytes, total_elements

GPT2 = {"model_type": "gpt2"}
DISTILBERT = {"model_type": "distilbert"}
SITES = ("attention", "mlp", "block")


def test_gpt2_small_has_its_published_parameters():
    assert architecture_of(GPT2).parameters == 124_439_808


def test_gpt2_large_has_its_published_parameters():
    large = architecture_of({"model_type": "gpt2", "n_layer": 36, "n_embd": 1280})
    assert large.parameters == 774_030_080


def test_distilbert_has_its_published_parameters():
    assert architecture_of(DISTILBERT).parameters == 66_362_880


def test_thirty_six_adapters_of_gpt2_small():
    tensors = adapter_tensors(architecture_of(GPT2), 10, SITES)
    assert len(tensors) == 36 * 4
    assert total_elements(tensors) == 580_968
    assert total_bytes(tensors) * 8 == 18_590_976


@pytest.mark.parametrize(("modules", "rank", "parameters"), [(1, 8, 294_912), (2, 8, 442_368), (3, 96, 9_732_096)])
def test_lora_of_gpt2_small(modules, rank, parameters):
    tensors = lora_tensors(architecture_of(GPT2), rank, modules)
    assert len(tensors) == 12 * modules * 2
    assert total_elements(tensors) == parameters


def test_more_lora_modules_than_places_are_refused():
    with pytest.raises(ValueError, match="4 LoRA modules per block, but a gpt2 block has 3 places"):
        lora_tensors(architecture_of(GPT2), 8, 4)


def test_a_rank_above_the_smaller_side_is_refused():
    with pytest.raises(ValueError, match=r"LoRA rank 769 exceeds the smaller side of attn\.c_attn, 768"):
        lora_tensors(architecture_of(GPT2), 769, 1)


@pytest.mark.parametrize(("upload", "parameters"), [("head", 591_361), ("full", 591_361 + 66_362_880)])
def test_two_reward_models_on_distilbert(upload, parameters):
    assert total_elements(reward_tensors(architecture_of(DISTILBERT), upload, 8)) == 2 * parameters


def test_reward_models_on_the_base_have_lora_where_it_usually_is():
    """Whatever places the policy's own LoRA takes."""
    usual = reward_tensors(architecture_of(GPT2), "lora", 8)
    assert any(".attn.c_attn.lora_A." in tensor.name for tensor in usual)
    assert reward_tensors(architecture_of(GPT2).placed(["mlp.c_fc"]), "lora", 8) == usual


def test_an_unknown_family_is_refused_by_name():
    with pytest.raises(
        UnsupportedModel, match="model_type 'bloom' is not supported; supported are distilbert, gpt2, llama"
    ):
        architecture_of({"model_type": "bloom"})


def test_a_config_without_dimensions_is_refused():
    with pytest.raises(UnsupportedModel, match="lacks the key 'hidden_size'"):
        architecture_of({"model_type": "llama"})
