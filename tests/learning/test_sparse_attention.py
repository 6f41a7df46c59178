"""Sparse attention of the policy: what is hidden, in training, evaluation and generation, ours and transformers'."""

from __future__ import annotations

import pytest
import torch
from small_models import TUNING, data_params, held, initial_states, model_params, stage_params
from transformers import LlamaConfig, LlamaForCausalLM

from pwffsim.architecture.attention import FULL, pattern
from pwffsim.learning import decoders, frozen, generation, peft_policy, policy, products, sparse, stages
from pwffsim.learning.batching import IGNORED, collate
from pwffsim.learning.generation import Sampling
from pwffsim.learning.jobs import Job
from pwffsim.learning.tokens import Encoded

GROUPS = ["adapters", "lora"]
PATTERNS = [
    {"pattern": "local", "window": 1},
    {"pattern": "local", "window": 3},
    {"pattern": "strided", "window": 2, "stride": 4},
    {"pattern": "fixed", "window": 1, "stride": 4},
]
each_pattern = pytest.mark.parametrize("settings", PATTERNS, ids=lambda s: "-".join(map(str, s.values())))
ROWS = [
    Encoded((5, 9, 23, 40, 7), (8, 30, 2, 17, 260, 11, 3)),
    Encoded((12, 13), (14, 15, 16)),
    Encoded((33,), (34, 35, 36, 37, 38, 39, 41, 42, 43, 44, 45)),
    Encoded((50, 51, 52, 53, 54, 55, 56, 57), (58,)),
]


def described(base, settings, modules=3):
    model = model_params(str(base), modules)
    return model if settings is None else {**model, "attention": settings}


def away(model, seed):
    """A state of its own, every tensor away from its first value."""
    state, generator = initial_states(model, GROUPS, seed=seed), torch.Generator().manual_seed(seed)
    for part in state.values():
        for tensor in part.values():
            tensor.add_(torch.randn(tensor.shape, generator=generator), alpha=0.05)
    return state


@each_pattern
def test_the_product_is_a_softmax_over_what_is_seen(settings):
    """By hand in fp64, for a length that is no multiple of anything; gradients as well."""
    generator, length = torch.Generator().manual_seed(0), 11
    qkv = torch.randn(3, 2, length, 4, generator=generator, requires_grad=True)
    q, k = torch.arange(length)[:, None], torch.arange(length)
    seen = pattern(settings).allows(q, k)
    ours = products.attention(qkv, 0.5, ~seen)
    scores = (0.5 * qkv[0].double() @ qkv[1].double().mT).masked_fill(~seen, -torch.inf)
    theirs = (torch.softmax(scores, -1) @ qkv[2].double()).float()
    torch.testing.assert_close(ours, theirs, rtol=1e-5, atol=1e-6)
    weights = torch.randn(ours.shape, generator=generator)
    both = [torch.autograd.grad((weights * y).sum(), qkv)[0] for y in (ours, theirs)]
    torch.testing.assert_close(*both, rtol=1e-4, atol=1e-6)


def test_nothing_hidden_is_full_attention_to_the_bit(small_base):
    """No pattern, `full`, and a window as long as the longest row."""
    batch, found = collate(ROWS, 0), []
    for settings in (None, {"pattern": "full"}, {"pattern": "local", "window": 128}):
        model = described(small_base, settings)
        state = away(model, 1)
        resident = held(model, GROUPS, state)
        with torch.no_grad():
            found.append(resident.predicting(batch))
        numbers = torch.rand(2, 6, generator=torch.Generator().manual_seed(2))
        prompts = [(5, 9, 23), (30, 2, 17, 260)]
        found.append(generation.generate(resident, prompts, numbers, Sampling(1.0, -1, 0)).states)
    assert torch.equal(found[0], found[2]) and torch.equal(found[0], found[4])
    assert torch.equal(found[1], found[3]) and torch.equal(found[1], found[5])


@each_pattern
def test_a_state_depends_on_what_two_blocks_can_reach_and_on_nothing_else(small_base, settings):
    """Gradients of every state with respect to every embedding, along the packed trunk and transformers' forward."""
    model = described(small_base, settings)
    resident = held(model, GROUPS, away(model, 4))
    ids, trunk, given = [*range(5, 17)], resident.network.base_model, []
    seen = pattern(settings).allows(torch.arange(12)[:, None], torch.arange(12)).int()
    reached = (seen @ seen)[:11, :11] > 0

    def follow(module, inputs, output):
        given.append(output.detach().requires_grad_())
        return given[-1]

    hook = trunk.wte.register_forward_hook(follow)
    packed = resident.predicting(collate([Encoded((ids[0],), tuple(ids[1:]))], 0))
    plain = resident.hidden(torch.tensor([ids]), use_cache=False).last_hidden_state[0]
    hook.remove()
    for states, embedded in zip((packed, plain), given, strict=True):
        for query in range(11):
            (gradient,) = torch.autograd.grad(states[query, 0], embedded, retain_graph=True)
            moved = gradient.view(-1, embedded.shape[-1])[:11].abs().sum(1) > 0
            assert torch.equal(moved, reached[query]), query


@each_pattern
def test_the_packed_trunk_is_transformers_forward_with_peft(small_base, settings):
    """Two clients of two device tiers: states and gradients, against one network of peft each."""
    models = [described(small_base, settings, modules) for modules in (3, 1)]
    states = [away(model, seed) for seed, model in enumerate(models)]
    jobs = [Job({"model": m, "groups": GROUPS}, s) for m, s in zip(models, states, strict=True)]
    resident, batch = policy.resident(jobs), collate(ROWS, 0)
    lean = resident.predicting(batch)
    weights = torch.linspace(-1, 1, lean.numel()).view(lean.shape)
    names = list(resident.stack.tensors)
    found = torch.autograd.grad((weights * lean).sum(), [resident.stack.tensors[name] for name in names])
    wanted, first = batch.labels[:, 1:] != IGNORED, 0
    for client, (model, own) in enumerate(zip(models, states, strict=True)):
        oracle, rows = peft_policy.resident(model, GROUPS), slice(2 * client, 2 * client + 2)
        oracle.load(own)
        theirs = oracle.hidden(batch.ids[rows], use_cache=False).last_hidden_state[:, :-1][wanted[rows]]
        part = slice(first, first + len(theirs))
        first += len(theirs)
        torch.testing.assert_close(lean[part], theirs, rtol=1e-4, atol=2e-5)
        named = {name: tensor for group in oracle.groups.values() for name, tensor in group.items()}
        expected = torch.autograd.grad((weights[part] * theirs).sum(), list(named.values()))
        for name, gradient in zip(named, expected, strict=True):
            bound = 1e-4 * float(gradient.abs().max()) + 1e-6
            torch.testing.assert_close(found[names.index(name)][client], gradient, rtol=1e-4, atol=bound)


@each_pattern
def test_token_by_token_is_the_whole_forward(small_base, settings, monkeypatch):
    """Prompts of unequal lengths of two clients, rows that end early and leave: ours, and transformers' cache."""
    model, left = described(small_base, settings), []
    jobs = [Job({"model": model, "groups": GROUPS}, away(model, 5))] * 2
    prompts = [(5, 9, 23), (5, 9, 23), (30, 2, 17, 260, 11, 3, 8)] * 2
    numbers = torch.rand(6, 14, generator=torch.Generator().manual_seed(3))
    free = generation.generate(policy.resident(jobs), prompts, numbers, Sampling(1.0, -1, 0))
    end = free.responses[0][3]
    numbers[1] = numbers[0]
    numbers[3:] = numbers[:3]
    keep = decoders.Gpt2Decoder.keep
    monkeypatch.setattr(decoders.Gpt2Decoder, "keep", lambda self, rows: (left.append(len(rows)), keep(self, rows)))
    ours = generation.generate(policy.resident(jobs), prompts, numbers, Sampling(1.0, end, 0))
    assert len(ours.responses[0]) <= 4 and left == [2]
    monkeypatch.setattr(decoders, "DECODERS", {})
    theirs = generation.generate(policy.resident(jobs), prompts, numbers, Sampling(1.0, end, 0))
    assert ours.responses == theirs.responses
    torch.testing.assert_close(ours.states, theirs.states, rtol=1e-4, atol=2e-5)
    first = 0
    for row, (prompt, response) in enumerate(zip(prompts, ours.responses, strict=True)):
        resident = policy.resident([jobs[row // 3]])
        with torch.no_grad():
            states = resident.hidden(torch.tensor([[*prompt, *response]]), use_cache=False).last_hidden_state[0]
        made = ours.states[first : first + len(response)]
        first += len(response)
        torch.testing.assert_close(made, states[len(prompt) - 1 : -1], rtol=1e-4, atol=2e-5)


@each_pattern
def test_clients_learn_together_what_each_learns_alone(small_base, settings):
    data = data_params(3)
    more = {**TUNING, "steps": 10, "learning_rate": 1e-3, "engine": "native"}
    jobs = []
    for client, modules in enumerate((3, 1, 2)):
        model = described(small_base, settings, modules)
        jobs.append(Job(stage_params(model, data, client, **{**more, "seed": client}), away(model, client)))
    unmasked = Job({**jobs[0].params, "model": described(small_base, None)}, jobs[0].inputs)
    (full,) = stages.run_together("instruction.train", [unmasked])
    together = stages.run_together("instruction.train", jobs)
    assert abs(together[0].facts["loss_first"] - full.facts["loss_first"]) > 1e-3
    for job, result in zip(jobs, together, strict=True):
        (alone,) = stages.run_together("instruction.train", [job])
        assert result.facts["loss_last"] == pytest.approx(alone.facts["loss_last"], abs=1e-5)
        for group, tensors in result.parts.items():
            for name, tensor in tensors.items():
                torch.testing.assert_close(tensor, alone.parts[group][name], rtol=0, atol=5e-5)


def test_trl_trains_by_the_pattern(small_base):
    """SFTTrainer over peft's network with LoRA in chosen places, against our loop."""
    model = described(small_base, PATTERNS[2])
    model["lora"] = {**model["lora"], "places": ["mlp.c_fc", "attn.c_attn", "attn.c_proj"]}
    params, start = stage_params(model, data_params(1), 0, **{**TUNING, "steps": 4}), away(model, 0)
    native, trl = (stages.run("instruction.train", {**params, "engine": engine}, start) for engine in ("native", "trl"))
    for fact in ("loss_first", "loss_last", "update_norm"):
        assert trl.facts[fact] == pytest.approx(native.facts[fact], rel=1e-4)
    for group in native.parts:
        for name, tensor in native.parts[group].items():
            torch.testing.assert_close(trl.parts[group][name], tensor, rtol=1e-3, atol=5e-5)


def test_reward_models_read_the_base_in_full(small_base):
    """A view of the base that no pattern was attached to is as it was."""
    model = described(small_base, PATTERNS[0])
    policy.network(model, GROUPS)
    assert sparse.pattern_of(frozen.language_model(model).base_model) == FULL


def test_other_families_are_refused():
    config = LlamaConfig(
        num_hidden_layers=1, hidden_size=16, intermediate_size=16, num_attention_heads=2, vocab_size=20,
        pad_token_id=0, bos_token_id=1, eos_token_id=1,
    )  # fmt: skip
    with torch.device("meta"):
        network = LlamaForCausalLM(config)
    sparse.attach(network, {"pattern": "full"})
    with pytest.raises(ValueError, match="attention of llama models is full only; other patterns are for gpt2"):
        sparse.attach(network, PATTERNS[0])
