"""The whole machinery against plain federated averaging, written out in one page with its own adapters and LoRA."""

from __future__ import annotations

import copy

import pytest
import torch
from small import CALM, prepared
from torch import nn
from torch.nn import functional

from pwffsim.compute.backend import Backend
from pwffsim.compute.fusion import alone
from pwffsim.learning import batching, shards, tokens
from pwffsim.learning.bases import folder_of
from pwffsim.runs.recorder import MemoryRecorder
from pwffsim.world.world import World, stages

LEARNING_RATE = 5e-5
"""Small: where a gradient is all rounding AdamW still makes a whole step of it, so differences scale with this."""

SITES = {"attention": "attn", "mlp": "mlp", "block": ""}


class PlainModel(nn.Module):
    """GPT-2 with bottleneck adapters and LoRA from two dictionaries of tensors, hooks and nothing else."""

    def __init__(self, state: dict[str, torch.Tensor]) -> None:
        super().__init__()
        from transformers import AutoModelForCausalLM

        self.model = AutoModelForCausalLM.from_pretrained(folder_of("tiny"), attn_implementation="eager").eval()
        self.model.requires_grad_(False)
        self.state = {name: nn.Parameter(tensor.clone()) for name, tensor in state.items()}
        for i, block in enumerate(self.model.transformer.h):
            for module in ("attn.c_attn", "attn.c_proj", "mlp.c_proj"):
                block.get_submodule(module).register_forward_hook(self._lora(f"transformer.h.{i}.{module}"))
            for site, module in SITES.items():
                block.get_submodule(module).register_forward_hook(self._adapter(f"transformer.h.{i}.adapters.{site}"))

    def _adapter(self, name):
        p = {key: self.state[f"{name}.{key}"] for key in ("down.weight", "down.bias", "up.weight", "up.bias")}

        def pass_through(_, __, out):
            x = out[0] if isinstance(out, tuple) else out
            inner = functional.gelu(x @ p["down.weight"].T + p["down.bias"])
            y = x + inner @ p["up.weight"].T + p["up.bias"]
            return (y, *out[1:]) if isinstance(out, tuple) else y

        return pass_through

    def _lora(self, name):
        a, b = (self.state[f"base_model.model.{name}.lora_{side}.weight"] for side in "AB")
        return lambda _, inputs, out: out + (inputs[0] @ a.T @ b.T) * (16.0 / 8)


def plain_local_training(state, recipe):
    model = PlainModel(state)
    params = {**recipe.params, **recipe.hints}
    text = tokens.tokenizer("tiny")
    rows = [text.sequence(r.prompt, r.response, params["max_length"]) for r in shards.shard(params).instructions_train]
    adam = torch.optim.AdamW(
        model.state.values(), lr=params["learning_rate"], weight_decay=params["weight_decay"], fused=True
    )
    for draw in batching.draws(params["seed"], len(rows), params["steps"], params["batch_size"]):
        batch = batching.collate([rows[i] for i in draw], text.pad)
        logits = model.model(batch.ids).logits[:, :-1]
        loss = functional.cross_entropy(logits.flatten(0, 1), batch.labels[:, 1:].flatten(), ignore_index=-100)
        adam.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.state.values(), params["clip"])
        adam.step()
    return {name: parameter.detach() for name, parameter in model.state.items()}


@pytest.fixture
def simulated(tmp_path):
    setup = prepared(
        tmp_path,
        method="vanilla_fl",
        radio=CALM,
        data={"rows_per_client": 24, "partition": {"by": "topic", "size_skew": 0.5}, "global_test_rows": 8},
        stages={"instruction": {"rounds": 2, "local_steps": 3, "batch_size": 4, "learning_rate": LEARNING_RATE}},
    )
    compute = Backend().scheduler(tmp_path / "store", alone, lambda: None)
    world = World(setup.blueprint, compute, MemoryRecorder())
    first = {name: t for g in ("adapters", "lora") for name, t in compute.state(world.server.globals[g]).items()}
    world.run()
    last = {name: t for g in ("adapters", "lora") for name, t in compute.state(world.server.globals[g]).items()}
    return setup.blueprint, first, last


def test_loss_free_equal_links_without_personalisation_are_plain_fedavg(simulated):
    blueprint, state, last = simulated
    (stage,) = stages(blueprint)
    rows = [shard.rows for shard in blueprint.shards]
    assert len(set(rows)) > 1, "unequal shards, so that the weights matter"
    for serial in range(stage.rounds):
        recipes = [stage.train(p, {"adapters": "", "lora": ""}, serial) for p in blueprint.profiles]
        trained = [plain_local_training(copy.deepcopy(state), recipe) for recipe in recipes]
        state = {name: sum(n * t[name] for n, t in zip(rows, trained, strict=True)) / sum(rows) for name in state}
    assert set(state) == set(last)
    difference = max(float((state[name] - last[name]).abs().max()) for name in state)
    moved = max(float(last[name].abs().max()) for name in state if name.endswith(("up.weight", "lora_B.weight")))
    assert moved > LEARNING_RATE, "training has moved the weights"
    assert difference < 1e-6
