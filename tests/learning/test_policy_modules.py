"""Adapters and LoRA on a frozen base: names, shapes, the identity at the start, states going in and out."""

from __future__ import annotations

import pytest
import torch
from small_models import SITES, held, initial_states, model_params, reward_params
from transformers import AutoModelForCausalLM

from pwffsim.architecture.families import architecture_of
from pwffsim.architecture.groups import adapter_tensors, lora_tensors
from pwffsim.learning import adapters, bases, frozen, lora, policy, reward, state
from pwffsim.learning.jobs import Job

IDS = torch.tensor([[5, 9, 23, 40, 7, 8], [30, 2, 17, 260, 11, 3]])
GROUPS = ["adapters", "lora"]


def initial(model, groups=GROUPS, seed=0, reward=None):
    return initial_states(model, groups, reward, seed)


def other(state_, seed):
    generator = torch.Generator().manual_seed(seed)
    return {
        group: {name: torch.randn(t.shape, generator=generator) * 0.1 for name, t in tensors.items()}
        for group, tensors in state_.items()
    }


def logits(resident):
    with torch.no_grad():
        return resident.logits(resident.hidden(IDS).last_hidden_state)


def test_the_policy_starts_as_the_base_to_the_bit(model):
    resident = held(model, GROUPS, initial(model))
    with torch.no_grad():
        base = frozen.language_model(model)(IDS).logits
    assert torch.equal(logits(resident), base)


def test_the_frozen_base_is_what_transformers_loads(model, small_base):
    theirs = AutoModelForCausalLM.from_pretrained(small_base).eval()
    with torch.no_grad():
        torch.testing.assert_close(frozen.language_model(model)(IDS).logits, theirs(IDS).logits, rtol=1e-4, atol=1e-4)


def test_views_share_every_weight_and_no_module(model):
    one, two = frozen.language_model(model), frozen.language_model(model)
    assert one is not two
    pairs = zip(one.named_parameters(), two.named_parameters(), strict=True)
    assert all(a is b and name == other_name for (name, a), (other_name, b) in pairs)
    assert not any(p.requires_grad for p in one.parameters())
    adapters.attach(one, 3, SITES)
    assert not any("adapters" in name for name, _ in two.named_parameters())


@pytest.mark.parametrize("modules", [0, 1, 2, 3])
def test_names_and_shapes_are_the_declared_ones(small_base, modules):
    model = model_params(str(small_base), modules)
    architecture = architecture_of(bases.read_config(small_base))
    parts = initial(model)
    declared = {
        "adapters": adapter_tensors(architecture, 5, SITES),
        "lora": lora_tensors(architecture, 4, modules),
    }
    for group, tensors in declared.items():
        assert {name: tuple(t.shape) for name, t in parts[group].items()} == {t.name: t.shape for t in tensors}


def test_one_more_lora_module_than_places_is_refused(small_base):
    with pytest.raises(ValueError, match="4 LoRA modules per block, but a gpt2 block has 3 places"):
        policy.network(model_params(str(small_base), 4), GROUPS)


def test_adapters_sit_where_they_should(model):
    """With up-bias 1 and nothing else, each site adds exactly 1 to the module's output."""
    values = initial(model, ["adapters"])
    resident = held(model, ["adapters"], values)
    seen = {}
    for site, module in adapters.SITE_MODULES["gpt2"].items():
        block = adapters.blocks(resident.network)[1]
        target = block.get_submodule(module)
        hook = target.register_forward_hook(lambda m, i, o, site=site: seen.__setitem__(site, o))
        held(model, ["adapters"], values)
        logits(resident)
        before = seen[site][0] if isinstance(seen[site], tuple) else seen[site]
        name = f"transformer.h.1.adapters.{site}.up.bias"
        held(model, ["adapters"], {"adapters": {**values["adapters"], name: torch.ones_like(values["adapters"][name])}})
        logits(resident)
        after = seen[site][0] if isinstance(seen[site], tuple) else seen[site]
        hook.remove()
        torch.testing.assert_close(after, before + 1)


def test_an_adapter_is_down_gelu_up_residual():
    unit = adapters.Bottleneck(4, 2)
    x = torch.randn(3, 4)
    with torch.no_grad():
        down, up = unit.down.weight.copy_(torch.randn(2, 4)), unit.up.weight.copy_(torch.randn(4, 2))
        d, u = unit.down.bias.copy_(torch.randn(2)), unit.up.bias.copy_(torch.randn(4))
        z = x @ down.T + d
        gelu = 0.5 * z * (1 + torch.erf(z / 2**0.5))
        torch.testing.assert_close(unit(x), x + gelu @ up.T + u)


def test_lora_adds_alpha_over_r_times_b_a(model):
    values = other(initial(model, ["lora"]), 1)
    resident = held(model, ["lora"], values)
    name = "transformer.h.0.attn.c_attn"
    a, b = (values["lora"][f"base_model.model.{name}.lora_{x}.weight"] for x in "AB")
    wrapped = resident.network.get_submodule(name)
    x = torch.randn(2, 32)
    with torch.no_grad():
        torch.testing.assert_close(wrapped(x), wrapped.base(x) + (8.0 / 4) * (x @ a.T) @ b.T)


def test_client_states_come_and_go_without_a_trace(model):
    start = initial(model)
    a, b = other(start, 1), other(start, 2)
    alone = logits(held(model, GROUPS, a))
    assert not torch.equal(logits(held(model, GROUPS, b)), alone)
    resident = held(model, GROUPS, a)
    assert torch.equal(logits(resident), alone)
    (back,) = resident.read()
    assert all(torch.equal(back[group][name], a[group][name]) for group in a for name in a[group])


def test_another_state_for_a_while(model):
    start = initial(model)
    a, b = other(start, 1), other(start, 2)
    references = {f"reference_{group}": tensors for group, tensors in b.items()}
    job = Job({"model": model, "groups": GROUPS}, {**a, **references})
    resident = policy.resident([job])
    before = logits(resident)
    with resident.holding([job], "reference_"):
        during = logits(resident)
    assert torch.equal(before, logits(resident))
    assert torch.equal(during, logits(held(model, GROUPS, b)))
    assert not torch.equal(before, during)


def test_read_gives_copies(model):
    resident = held(model, GROUPS, initial(model), other(initial(model), 1))
    first, second = (parts["adapters"] for parts in resident.read())
    name = next(iter(first))
    before = first[name].clone()
    assert not torch.equal(before, second[name])
    first[name] += 1
    assert torch.equal(resident.read()[0]["adapters"][name], before)


def test_a_smaller_tier_takes_its_part_of_the_largest_state(small_base):
    largest, smallest = (initial(model_params(str(small_base), n))["lora"] for n in (3, 1))
    assert len(largest) == 3 * len(smallest)
    assert all(torch.equal(tensor, largest[name]) for name, tensor in smallest.items())
    resident = held(model_params(str(small_base), 1), ["lora"], {"lora": largest})
    assert state.content_digest(resident.read()[0]["lora"]) == state.content_digest(smallest)


def test_a_state_that_does_not_fit_is_refused(model):
    parts = initial(model)
    with pytest.raises(KeyError, match="input 'lora' is missing"):
        held(model, GROUPS, {"adapters": parts["adapters"]})
    name = next(iter(parts["lora"]))
    short = {key: value for key, value in parts["lora"].items() if key != name}
    with pytest.raises(KeyError, match="the state lacks 1 tensors"):
        held(model, GROUPS, {**parts, "lora": short})
    with pytest.raises(ValueError, match=r"shape \(1,\), expected"):
        held(model, GROUPS, {**parts, "lora": {**parts["lora"], name: torch.zeros(1)}})


def test_building_networks_leaves_the_global_generator_alone(model, data):
    before = torch.random.get_rng_state()
    policy.Policy(model, GROUPS)
    for upload in ("head", "lora", "full"):
        reward.Pair(reward_params(upload), model)
    assert torch.equal(torch.random.get_rng_state(), before)


def test_initial_values_depend_on_seed_and_name(model):
    one, again, another = initial(model, seed=1), initial(model, seed=1), initial(model, seed=2)
    assert state.content_digest(one["lora"]) == state.content_digest(again["lora"])
    assert state.content_digest(one["lora"]) != state.content_digest(another["lora"])
    a = [t for name, t in one["lora"].items() if "lora_A" in name and t.shape == (4, 32)]
    assert len({t.flatten()[0].item() for t in a}) == len(a)


def test_initial_lora_follows_kaiming_and_adapters_are_identities(model):
    parts = initial(model)
    for name, tensor in parts["lora"].items():
        if "lora_B" in name:
            assert not tensor.any()
        else:
            bound = tensor.shape[1] ** -0.5
            assert float(tensor.abs().max()) <= bound
            assert float(tensor.std()) == pytest.approx(bound / 3**0.5, rel=0.2)
    assert all(not tensor.any() for name, tensor in parts["adapters"].items() if ".up." in name)


def test_initial_reward_heads_differ_by_objective(model):
    reward = initial(model, reward=reward_params())["reward"]
    assert not torch.equal(reward["helpfulness.head.0.weight"], reward["harmlessness.head.0.weight"])


def test_lora_registers_under_the_keys_of_peft(small_base):
    from peft import get_peft_model_state_dict

    network = frozen.language_model(model_params(str(small_base)))
    shape = lora.LoraShape(4, 8.0, 2)
    wrapped = lora.get_peft_model(network, lora._config(network, shape, shape.taken(network)))
    own = lora.attach(frozen.language_model(model_params(str(small_base))), shape)
    theirs = get_peft_model_state_dict(wrapped)
    assert {n: t.shape for n, t in own.items()} == {n: t.shape for n, t in theirs.items()}
