"""Declared shapes equal those of the transformers library's own models, name by name."""

from __future__ import annotations

import pytest
import torch
from transformers import DistilBertConfig, DistilBertModel, GPT2Config, GPT2Model, LlamaConfig, LlamaModel

from pwffsim.architecture.families import architecture_of

MODELS = {
    "gpt2": (GPT2Model, GPT2Config(n_layer=2, n_embd=32, n_head=2, vocab_size=99, n_positions=40)),
    "distilbert": (DistilBertModel, DistilBertConfig(n_layers=2, dim=32, n_heads=2, hidden_dim=64, vocab_size=99)),
    "llama": (
        LlamaModel,
        LlamaConfig(
            num_hidden_layers=2,
            hidden_size=32,
            intermediate_size=48,
            num_attention_heads=4,
            num_key_value_heads=2,
            vocab_size=99,
        ),
    ),
}


@pytest.mark.parametrize("family", MODELS)
def test_every_tensor_is_declared(family):
    model_class, config = MODELS[family]
    with torch.device("meta"):
        model = model_class(config)
    real = {name: tuple(p.shape) for name, p in model.named_parameters()}
    declared = {tensor.name: tensor.shape for tensor in architecture_of(config.to_dict()).tensors}
    assert declared == real
