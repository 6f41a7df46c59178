"""A real pretrained base of Llama type on real rows: names, identity at the start, and learning."""

from __future__ import annotations

import pytest
import torch
from small_models import SITES, held, initial_states

from pwffsim.architecture.families import architecture_of
from pwffsim.architecture.groups import adapter_tensors, lora_tensors
from pwffsim.learning import adapters, bases, frozen, stages
from pwffsim.learning.tokens import tokenizer

GROUPS = ["adapters", "lora"]


@pytest.fixture(scope="module")
def stories(real_data):
    folder = real_data / "models" / "stories260K" / "hf"
    return {
        **bases.resolve(str(folder)).params(0),
        "adapters": {"bottleneck": 10, "sites": SITES},
        "lora": {"rank": 8, "alpha": 16.0},
        "lora_modules_per_block": 2,
    }


@pytest.fixture(scope="module")
def alpaca(real_data):
    spec = {
        "corpus": "jsonl",
        "files": {
            "instructions": [str(real_data / "alpaca" / "alpaca-dev.jsonl")],
            "helpfulness": [str(real_data / "hh-rlhf" / "helpful-base-dev.jsonl.gz")],
            "harmlessness": [str(real_data / "hh-rlhf" / "harmless-base-dev.jsonl.gz")],
        },
        "partition": {"by": "iid"},
        "rows_per_client": 200,
        "test_rows_per_client": 32,
        "pairs_per_client": 16,
        "test_pairs_per_client": 8,
        "prompts_per_client": 8,
        "test_prompts_per_client": 4,
        "global_test_rows": 32,
    }
    return {"spec": spec, "clients": 2, "seed": 0, "mean_snr_db": [5.0, 5.0], "preference_weights": [0.5, 0.5]}


def start(model, reward=None):
    return initial_states(model, GROUPS, reward=reward)


def test_names_and_shapes_are_the_declared_ones(stories):
    architecture = architecture_of(bases.read_config(bases.folder_of(stories["base"])))
    parts = start(stories)
    assert {n: tuple(t.shape) for n, t in parts["adapters"].items()} == {
        t.name: t.shape for t in adapter_tensors(architecture, 10, SITES)
    }
    assert {n: tuple(t.shape) for n, t in parts["lora"].items()} == {
        t.name: t.shape for t in lora_tensors(architecture, 8, 2)
    }
    assert sum(t.numel() for n, t in parts["lora"].items()) == 8_960  # the figure of the data's own notes


def test_the_start_is_the_base_and_every_site_counts(stories):
    values = start(stories)
    resident = held(stories, GROUPS, values)
    ids = torch.tensor([tokenizer(stories["tokenizer"]).prompt("Tell me a story about a dog.")])
    with torch.no_grad():
        own = resident.logits(resident.hidden(ids).last_hidden_state)
        assert torch.equal(own, frozen.language_model(stories)(ids).logits)
        for site in adapters.SITE_MODULES["llama"]:
            name = f"model.layers.2.adapters.{site}.up.bias"
            held(stories, GROUPS, {**values, "adapters": {**values["adapters"], name: torch.ones(64)}})
            assert not torch.equal(resident.logits(resident.hidden(ids).last_hidden_state), own)


def test_tuning_on_real_rows_lowers_the_held_out_loss(stories, alpaca):
    """The data's notes report 3.94 -> 2.69 nats a token after 200 steps of 16 rows of 192; here are 40 of 8 of 96."""
    common = {"model": stories, "groups": GROUPS, "data": alpaca, "client": 0, "seed": 5, "max_length": 96}
    begin = start(stories)
    before = stages.run("instruction.evaluate", common, begin).facts
    more = {"steps": 40, "batch_size": 8, "learning_rate": 5e-3, "weight_decay": 0.0, "clip": 1.0, "engine": "native"}
    result = stages.run("instruction.train", {**common, **more}, begin)
    after = stages.run("instruction.evaluate", common, result.parts).facts
    assert 3.3 < before["loss"] < 4.6
    assert after["loss"] < before["loss"] - 0.4
    assert after["accuracy"] > before["accuracy"]


def test_real_pairs_and_ppo_run(stories, alpaca):
    reward = {"model": "base_head", "upload": "head", "rank": 2, "base": None}
    parts = start(stories, reward)
    common = {
        "model": stories,
        "groups": GROUPS,
        "data": alpaca,
        "client": 1,
        "seed": 5,
        "max_length": 96,
        "reward": reward,
    }
    tuning = {"steps": 4, "batch_size": 8, "learning_rate": 3e-3, "weight_decay": 0.0, "clip": 1.0}
    trained = stages.run("reward.train", {**common, **tuning}, parts)
    assert trained.facts["helpfulness_loss_last"] < 0.8
    aligning = {
        **tuning,
        "steps": 1,
        "batch_size": 4,
        "max_new_tokens": 12,
        "temperature": 1.0,
        "ppo_epochs": 1,
        "minibatches": 1,
        "clip_range": 0.2,
        "gamma": 1.0,
        "gae_lambda": 0.95,
        "kl_coefficient": 0.05,
        "kl_bound": 8.0,
        "value_coefficient": 0.5,
        "critic_learning_rate": 1e-3,
        "combine": "advantage",
        "weight": 0.5,
    }
    inputs = {**parts, **trained.parts, "reference_adapters": parts["adapters"], "reference_lora": parts["lora"]}
    facts = stages.run("alignment.train", {**common, **aligning}, inputs).facts
    assert facts["finite"] is True
    assert facts["kl"] == pytest.approx(0.0, abs=1e-9)  # the first rollout is the reference's own, to rounding
    judged = stages.run("alignment.evaluate", {**common, **aligning}, inputs).facts
    assert "judge_helpfulness" not in judged  # no rubric knows these rows
