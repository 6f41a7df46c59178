"""LoRA in every place of a block: names and shapes as declared, and the function that peft, or plain torch, makes."""

from __future__ import annotations

import pytest
import torch
from small_models import held, initial_states, model_params
from torch.func import functional_call
from torch.nn import functional
from transformers import DistilBertConfig, DistilBertModel, LlamaConfig, LlamaForCausalLM

from pwffsim.architecture.families import architecture_of
from pwffsim.architecture.groups import lora_tensors
from pwffsim.architecture.places import UnsupportedPlaces
from pwffsim.learning import frozen, generation, grouped, lora, peft_policy, policy
from pwffsim.learning.generation import Sampling
from pwffsim.learning.jobs import Job
from pwffsim.learning.lora import LoraShape

IDS = torch.tensor([[5, 9, 23, 40, 7, 8], [30, 2, 17, 260, 11, 3]])
WHOLE = [
    ["attn.c_attn"],
    ["attn.c_proj"],
    ["mlp.c_fc"],
    ["mlp.c_proj"],
    ["attn.c_attn", "attn.c_proj"],
    ["attn.c_attn", "mlp.c_fc", "mlp.c_proj"],
    ["mlp.c_proj", "attn.c_attn", "mlp.c_fc", "attn.c_proj"],
]
PARTS = [["attn.q"], ["attn.v", "attn.q"], ["attn.q", "attn.k", "attn.v"], ["attn.k", "mlp.c_fc", "attn.c_proj"]]
ids = pytest.mark.parametrize("places", [*WHOLE, *PARTS], ids="+".join)


def described(base, places, modules=None):
    model = model_params(str(base), len(places) if modules is None else modules)
    return {**model, "lora": {**model["lora"], "places": places}}


def learnt(model, seed):
    """Every tensor away from its first value."""
    generator = torch.Generator().manual_seed(seed)
    start = initial_states(model, ["lora"])["lora"]
    return {"lora": {name: torch.randn(t.shape, generator=generator) * 0.1 for name, t in start.items()}}


def logits(resident, rows=IDS):
    return resident.logits(resident.hidden(rows, use_cache=False).last_hidden_state)


def gradients(scores, tensors):
    """Of a sum that weighs every number otherwise."""
    weights = torch.linspace(-1, 1, scores.numel()).view(scores.shape)
    return torch.autograd.grad((weights * scores).sum(), tensors)


@ids
def test_the_policy_starts_as_the_base_to_the_bit(small_base, places):
    model = described(small_base, places)
    with torch.no_grad():
        base = frozen.language_model(model)(IDS).logits
        assert torch.equal(logits(held(model, ["lora"], initial_states(model, ["lora"]))), base)


@ids
@pytest.mark.parametrize("modules", [0, 1, None])
def test_names_and_shapes_are_the_declared_ones(small_base, places, modules):
    model = described(small_base, places, modules)
    architecture = architecture_of(frozen.language_model(model).config.to_dict()).placed(places)
    declared = lora_tensors(architecture, 4, model["lora_modules_per_block"])
    made = policy.network(model, ["lora"]).shapes["lora"]
    assert made == {tensor.name: tensor.shape for tensor in declared}
    assert len(made) == 2 * 2 * model["lora_modules_per_block"]


@pytest.mark.parametrize("places", WHOLE, ids="+".join)
def test_two_clients_side_by_side_are_two_of_peft(small_base, places):
    """Of two device tiers, one of which takes the first place alone."""
    models = [described(small_base, places), described(small_base, places, 1)]
    states = [learnt(model, seed) for seed, model in enumerate(models)]
    resident = policy.resident([Job({"model": m, "groups": ["lora"]}, s) for m, s in zip(models, states, strict=True)])
    ours = logits(resident)
    found = gradients(ours, list(resident.stack.tensors.values()))
    for client, (model, own) in enumerate(zip(models, states, strict=True)):
        oracle = peft_policy.resident(model, ["lora"])
        oracle.load(own)
        weights = torch.linspace(-1, 1, ours.numel()).view(ours.shape)[client : client + 1]
        theirs = logits(oracle, IDS[client : client + 1])
        torch.testing.assert_close(ours[client : client + 1], theirs, rtol=1e-4, atol=1e-4)
        named = oracle.groups["lora"]
        expected = dict(zip(named, torch.autograd.grad((weights * theirs).sum(), list(named.values())), strict=True))
        for name, gradient in zip(resident.stack.tensors, found, strict=True):
            if name in expected:
                bound = 1e-4 * float(expected[name].abs().max()) + 1e-6
                torch.testing.assert_close(gradient[client], expected[name], rtol=1e-4, atol=bound)
            else:
                assert not gradient[client].any()


def merged(model, own):
    """Logits of the base with every product B A added to the weights that it belongs to, and the factors."""
    network = frozen.language_model(model)
    architecture = architecture_of(network.config.to_dict())
    maps = {place.module: place for place in architecture.maps}
    weights, factors = dict(network.named_parameters()), {n: t.clone().requires_grad_() for n, t in own["lora"].items()}
    for name, down in factors.items():
        if ".lora_B." in name:
            continue
        block, module = _split(name)
        place, up = maps[module], factors[name.replace(".lora_A.", ".lora_B.")]
        whole = f"{block}.{place.fused or module}.weight"
        change = model["lora"]["alpha"] / model["lora"]["rank"] * (up @ down).T
        room = weights[whole].shape[1] - place.first - place.outputs
        weights[whole] = weights[whole] + functional.pad(change, (place.first, room))
    return functional_call(network, weights, (IDS,)).logits, factors


def _split(name):
    """``transformer.h.0`` and ``attn.q``."""
    words = name.removeprefix("base_model.model.").split(".")
    return ".".join(words[:3]), ".".join(words[3:5])


@pytest.mark.parametrize("places", PARTS, ids="+".join)
def test_parts_of_a_fused_map_are_low_rank_changes_of_their_columns(small_base, places):
    model = described(small_base, places)
    own = learnt(model, 3)
    resident = held(model, ["lora"], own)
    ours, (theirs, factors) = logits(resident), merged(model, own)
    torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-4)
    found = gradients(ours, list(resident.stack.tensors.values()))
    expected = dict(zip(factors, gradients(theirs, list(factors.values())), strict=True))
    for name, gradient in zip(resident.stack.tensors, found, strict=True):
        bound = 1e-4 * float(expected[name].abs().max()) + 1e-6
        torch.testing.assert_close(gradient[0], expected[name], rtol=1e-4, atol=bound)


@pytest.mark.parametrize(("part", "third"), [("attn.q", 0), ("attn.k", 1), ("attn.v", 2)])
def test_a_part_leaves_the_others_as_they_were(small_base, part, third):
    """GPT-2's c_attn puts queries, keys and values side by side, in this order."""
    model = described(small_base, [part])
    resident = held(model, ["lora"], learnt(model, 1))
    wrapped = resident.network.base_model.h[1].attn.c_attn
    x = torch.randn(4, 32, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        changed = (wrapped(x) - wrapped.base(x)).view(4, 3, 32).abs().amax((0, 2)) > 1e-3
    assert changed.tolist() == [i == third for i in range(3)]


@pytest.mark.parametrize("places", [PARTS[2], PARTS[3], WHOLE[-1]], ids="+".join)
def test_token_by_token_is_the_whole_forward(small_base, places):
    """The factors as laid out for generation, two clients at once."""
    model = described(small_base, places)
    resident = held(model, ["lora"], learnt(model, 5), learnt(model, 6))
    prompts = [(5, 9, 23), (30, 2, 17, 260)]
    numbers = torch.rand(2, 8, generator=torch.Generator().manual_seed(2))
    made = generation.generate(resident, prompts, numbers, Sampling(1.0, -1, 0))
    for client, (prompt, response) in enumerate(zip(prompts, made.responses, strict=True)):
        row = torch.tensor([[*prompt, *response]]).repeat(2, 1)
        with torch.no_grad():
            states = resident.hidden(row, use_cache=False).last_hidden_state[client]
        torch.testing.assert_close(
            made.states[8 * client : 8 * client + 8], states[len(prompt) - 1 : -1], rtol=1e-4, atol=2e-5
        )


def test_the_order_says_what_small_devices_take(small_base):
    (taken,) = LoraShape(4, 8.0, 1, ("mlp.c_fc", "attn.c_proj")).taken(
        frozen.language_model(model_params(str(small_base)))
    )
    assert (taken.module, taken.inputs, taken.outputs) == ("mlp.c_fc", 32, 128)


@pytest.mark.parametrize(
    ("places", "message"),
    [
        (("attn.out",), "'attn.out' is no place for LoRA in a gpt2 block; its places are attn.c_attn, attn.q, attn.k,"),
        (("mlp.c_fc", "mlp.c_fc"), "place 'mlp.c_fc' is named 2 times"),
        (("attn.c_attn", "attn.v"), "'attn.v' is a part of 'attn.c_attn'; name the whole or its parts"),
    ],
)
def test_wrong_places_are_refused(small_base, places, message):
    network = frozen.language_model(model_params(str(small_base)))
    for attach in (grouped.attach_lora, lora.attach):
        with pytest.raises(UnsupportedPlaces, match=message):
            attach(network, LoraShape(4, 8.0, len(places), places))


def test_peft_says_that_it_has_no_parts(small_base):
    network = frozen.language_model(model_params(str(small_base)))
    with pytest.raises(UnsupportedPlaces, match=r"peft has no LoRA in 'attn\.q', a part of 'attn\.c_attn'"):
        lora.attach(network, LoraShape(4, 8.0, 1, ("attn.q",)))


LLAMA = LlamaConfig(
    num_hidden_layers=2, hidden_size=32, intermediate_size=48, num_attention_heads=4, num_key_value_heads=2,
    vocab_size=99, pad_token_id=0, bos_token_id=1, eos_token_id=1,
)  # fmt: skip
DISTILBERT = DistilBertConfig(n_layers=2, dim=32, n_heads=2, hidden_dim=64, vocab_size=99)


@pytest.mark.parametrize(("kind", "config"), [(LlamaForCausalLM, LLAMA), (DistilBertModel, DISTILBERT)])
def test_every_map_of_the_other_families_carries_lora_as_peft_has_it(kind, config):
    places = tuple(place.module for place in architecture_of(config.to_dict()).maps)
    shape = LoraShape(2, 4.0, len(places), places)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        ours = kind(config).eval()
    theirs = frozen.view(ours)
    modules, named = grouped.attach_lora(ours, shape), lora.attach(theirs, shape)
    shapes = grouped.shapes(modules)
    linear = [name for name, m in theirs.named_modules() if hasattr(m, "lora_A")]
    assert len(linear) == 2 * len(places) and {n: tuple(t.shape) for n, t in named.items()} == shapes
    generator = torch.Generator().manual_seed(1)
    state = {name: torch.randn(shape, generator=generator) * 0.3 for name, shape in shapes.items()}
    with torch.no_grad():
        for name, parameter in named.items():
            parameter.copy_(state[name])
        for module in modules:
            module.lend({name: tensor[None] for name, tensor in state.items()})
        rows = torch.tensor([[5, 9, 23, 40, 7, 8]])
        torch.testing.assert_close(ours(rows)[0], theirs(rows)[0], rtol=1e-4, atol=1e-4)
