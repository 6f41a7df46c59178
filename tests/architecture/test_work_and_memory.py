"""FLOPs and memory: against torch's own counter, and by their scaling laws."""

from __future__ import annotations

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode
from transformers import GPT2Config, GPT2LMHeadModel

from pwffsim.architecture.families import architecture_of
from pwffsim.architecture.memory import alignment_bytes, instruction_bytes, weights_bytes
from pwffsim.architecture.work import Network, Rollout, alignment_flops, instruction_flops, reward_flops

CONFIG = GPT2Config(
    n_layer=4, n_embd=128, n_head=4, vocab_size=1000, n_positions=128, attn_implementation="eager", use_cache=False
)
MODEL = architecture_of(CONFIG.to_dict())


def counted(backward: bool) -> int:
    model = GPT2LMHeadModel(CONFIG)
    model.requires_grad_(False)
    embeddings = torch.randn(2, 64, 128, requires_grad=True)
    with FlopCounterMode(display=False) as counter:
        logits = model(inputs_embeds=embeddings).logits
        if backward:
            logits.sum().backward()
    return counter.get_total_flops()


def test_forward_agrees_with_torchs_counter():
    assert Network(MODEL, 0, 0).forward_flops(2, 64) == pytest.approx(counted(backward=False), rel=0.02)


def test_a_step_through_frozen_weights_agrees_with_torchs_counter():
    """Attention's backward costs twice its forward: the declared rule counts it once, hence the tolerance."""
    assert Network(MODEL, 0, 0).train_flops(2, 64) == pytest.approx(counted(backward=True), rel=0.08)


def test_gpt2_small_costs_two_flops_a_parameter_and_token():
    small = architecture_of({"model_type": "gpt2"})
    per_token = Network(small, 0, 0).forward_flops(1, 1)
    assert per_token == pytest.approx(2 * 124e6, rel=0.02)


@pytest.mark.parametrize(("trained", "ratio"), [(0, 2.0), (MODEL.matrix_parameters, 3.0)])
def test_training_costs_two_forward_passes_and_a_third_for_the_weights(trained, ratio):
    network = Network(MODEL, 0, trained, language_head=False)
    attention = 4 * MODEL.layers * MODEL.width * 1
    dense = network.forward_flops(1, 1) - attention
    assert (network.train_flops(1, 1) - 2 * attention) / dense == pytest.approx(ratio)


def test_work_grows_with_steps_and_batch():
    policy = Network(MODEL, 1000, 1000)
    assert instruction_flops(policy, 6, 4, 32) == 3 * instruction_flops(policy, 2, 4, 32)
    assert instruction_flops(policy, 1, 8, 32) == 2 * instruction_flops(policy, 1, 4, 32)


def test_a_frozen_encoder_costs_less_than_half():
    encoder = Network(MODEL, 1000, 1000, language_head=False)
    assert reward_flops(encoder, True, 1, 4, 32) < 0.51 * reward_flops(encoder, False, 1, 4, 32)


def test_each_ppo_epoch_adds_its_updates():
    policy, encoder = Network(MODEL, 1000, 1000), Network(MODEL, 500, 500, language_head=False)
    one, two, three = (alignment_flops(policy, encoder, True, 1, Rollout(8, 40, 24, e)) for e in (1, 2, 3))
    assert three - two == two - one == policy.train_flops(8, 64)


def test_shorter_responses_cost_less():
    policy, encoder = Network(MODEL, 1000, 1000), Network(MODEL, 500, 500, language_head=False)
    short, long = (alignment_flops(policy, encoder, True, 1, Rollout(8, 40, n, 2)) for n in (8, 24))
    assert short < long


def test_generation_counts_new_tokens():
    policy = Network(MODEL, 0, 0)
    short, long = (policy.generate_flops(4, 40, n) for n in (1, 24))
    assert long > short > policy.forward_flops(4, 40)


def test_alignment_needs_more_memory_than_instruction():
    plain = instruction_bytes(MODEL, 100_000, 8, 64)
    assert plain > weights_bytes(MODEL)
    assert alignment_bytes(MODEL, 0, 100_000, 50_000, 8, 64) > plain
    distilbert = weights_bytes(architecture_of({"model_type": "distilbert"}))
    literal = alignment_bytes(MODEL, 4 * distilbert, 100_000, 50_000, 8, 64)
    assert literal - alignment_bytes(MODEL, 0, 100_000, 50_000, 8, 64) == 4 * distilbert


def test_critics_and_each_policy_that_is_held_against_need_their_memory():
    sizes = (MODEL, 0, 100_000, 50_000, 8, 64)
    whole, without = alignment_bytes(*sizes), alignment_bytes(*sizes, critics=False)
    assert whole - without == 4 * 4 * 50_000, "weights, gradients and two moments in fp32"
    assert alignment_bytes(*sizes, references=2) - whole == 4 * 100_000
