"""Other methods, other sets of stages, other sets of clients: what is trained, what travels, what stays."""

from __future__ import annotations

from itertools import pairwise

import pytest
from spy import THREE_STAGES, watch
from worlds import ADAPTER_BYTES, CALM

from pwffsim.architecture.groups import lora_tensors, reward_tensors
from pwffsim.architecture.tensors import total_bytes
from pwffsim.runs.laws import check

SMALL_AND_LARGE = {
    "tiers": [
        {"name": "small", "lora_modules_per_block": 1},
        {"name": "large", "lora_modules_per_block": 3},
    ]
}
TWO = {"count": 2, "overrides": [{"client": 0, "tier": "small"}, {"client": 1, "tier": "large"}]}
BASE = {"clients": TWO, "stages": THREE_STAGES, "devices": SMALL_AND_LARGE, "radio": CALM}


def names_sent(seen, stage, client):
    up = seen.run.messages[(seen.run.messages.stage == stage) & (seen.run.messages.source == f"client-{client:02d}")]
    assert len(up)
    return {name for payload in up.payload for name, _ in seen.run.payloads[payload]}


def modules_of(seen, client):
    """LoRA modules a block in every training of a client's policy; reward models have nothing to do with them."""
    models = [
        found.recipe.params["model"] for found in seen.trained(client).values() if "groups" in found.recipe.params
    ]
    return {model["lora_modules_per_block"] for model in models}


def lora_names(seen, modules):
    return {tensor.name for tensor in lora_tensors(seen.blueprint.policy, 8, modules)}


def test_vanilla_fl_shares_lora_and_everybody_has_the_largest_tiers():
    seen = watch({**BASE, "method": "vanilla_fl"})
    start = seen.initial()
    for client in seen.clients:
        trainings = [found.recipe.inputs["lora"] for found in seen.of("instruction.train", client)]
        sums = [found for found in seen.of("aggregate") if "lora" in found.recipe.params["groups"]]
        assert trainings == [start.part("lora"), *(found.part("lora") for found in sums[:2])]
        assert modules_of(seen, client) == {3}
        for stage in ("instruction", "alignment"):
            assert lora_names(seen, 3) < names_sent(seen, stage, client)
    groups = [found.recipe.params["groups"] for found in seen.of("aggregate")]
    assert groups == [["adapters", "lora"]] * 3 + [["reward"]] * 2 + [["adapters", "lora"]] * 3


def test_vanilla_fl_keeps_critics_at_home_and_takes_the_global_lora_as_reference():
    seen = watch({**BASE, "method": "vanilla_fl"})
    tuned = seen.of("aggregate")[2]
    for client in seen.clients:
        inputs = [found.recipe.inputs for found in seen.of("alignment.train", client)]
        assert [("critics" in each) for each in inputs] == [False, True, True]
        for each in inputs:
            assert each["reference_lora"] == tuned.part("lora")
            assert each["reference_adapters"] == tuned.part("adapters")


def test_vanilla_fl_by_module_sends_what_the_tier_has():
    seen = watch({**BASE, "method": "vanilla_fl", "aggregation": {"lora_average": "per_module"}})
    for client, modules in ((0, 1), (1, 3)):
        sent = names_sent(seen, "instruction", client)
        assert {name for name in sent if ".lora_" in name} == lora_names(seen, modules)
        expected = ADAPTER_BYTES + total_bytes(lora_tensors(seen.blueprint.policy, 8, modules))
        own = seen.run.messages[seen.run.messages.source == f"client-{client:02d}"]
        assert set(own[own.stage == "instruction"].payload_bytes) == {expected}
        assert modules_of(seen, client) == {modules}
    assert seen.initial().lora_modules == 3


def test_local_only_sends_nothing_and_keeps_everything():
    seen = watch({**BASE, "method": "local_only"})
    assert len(seen.run.messages) == len(seen.run.rounds) == len(seen.of("aggregate")) == 0
    assert set(seen.run.updates.fate) == {"kept"} and len(seen.run.updates) == 2 * 8
    for client in seen.clients:
        instruction, reward, alignment = (seen.of(f"{stage}.train", client) for stage in THREE_STAGES)
        for group, chain in (
            ("adapters", [*instruction, *alignment]),
            ("lora", [*instruction, *alignment]),
            ("reward", reward),
            ("critics", alignment),
        ):
            for former, latter in pairwise(chain):
                assert latter.recipe.inputs[group] == former.part(group), group
        start = seen.initial(client)
        assert instruction[0].recipe.inputs == {"adapters": start.part("adapters"), "lora": start.part("lora")}
        assert reward[0].recipe.inputs == {"reward": start.part("reward")}
        assert "critics" not in alignment[0].recipe.inputs
        for found in [*alignment, *seen.of("alignment.evaluate", client)]:
            assert found.recipe.inputs["reward"] == reward[-1].part("reward")
            for group in ("adapters", "lora"):
                assert found.recipe.inputs[f"reference_{group}"] == instruction[-1].part(group)
        measured = [dict(found.recipe.inputs) for found in seen.of("reward.evaluate", client)]
        assert measured == [{"reward": found.part("reward")} for found in (start, *reward)]


def test_local_only_obeys_the_laws_of_wires_that_nothing_passes():
    wire = {"from": "west", "to": "server", "rate_bps": 1e6, "delay_s": 0.01}
    network = {"path_loss": "umi", "least_distance_m": 10.0, "cells": [{"name": "west"}], "backhaul": [wire]}
    quiet = {"fading": "none", "packets": "fluid", "tx_power_w": 1.0}
    seen = watch({"clients": 2, "stages": {"instruction": {"rounds": 1}}, "method": "local_only", "network": network,
                  "radio": quiet})  # fmt: skip
    assert seen.run.messages.empty and check(seen.run)["backhaul"] == 0


def test_local_only_measures_no_model_of_the_server():
    seen = watch({**BASE, "method": "local_only"})
    assert None not in {found.recipe.params["client"] for found in seen.of("instruction.evaluate")}


@pytest.mark.parametrize("aggregation", [{}, {"mode": "buffered", "buffer": 2}], ids=["synchronous", "buffered"])
def test_a_tier_without_lora(aggregation):
    tiers = {"tiers": [{"name": "none", "lora_modules_per_block": 0}, {"name": "some", "lora_modules_per_block": 2}]}
    clients = {"count": 2, "overrides": [{"client": 0, "tier": "none"}, {"client": 1, "tier": "some"}]}
    seen = watch({**BASE, "clients": clients, "devices": tiers, "aggregation": aggregation})
    work = seen.run.spans[(seen.run.spans.kind == "compute") & (seen.run.spans.stage == "instruction")]
    assert work[work.actor == "client-00"].duration_ns.max() < work[work.actor == "client-01"].duration_ns.min()
    for client, modules in ((0, 0), (1, 2)):
        assert modules_of(seen, client) == {modules}
    messages = seen.run.messages
    assert set(messages[messages.stage == "instruction"].payload_bytes) == {ADAPTER_BYTES}


def test_by_module_a_tier_without_lora_sends_its_adapters_alone():
    tiers = {"tiers": [{"name": "none", "lora_modules_per_block": 0}, {"name": "some", "lora_modules_per_block": 2}]}
    clients = {"count": 2, "overrides": [{"client": 0, "tier": "none"}, {"client": 1, "tier": "some"}]}
    by_module = {"method": "vanilla_fl", "aggregation": {"lora_average": "per_module"}}
    seen = watch({**BASE, **by_module, "clients": clients, "devices": tiers})
    assert not [name for name in names_sent(seen, "instruction", 0) if ".lora_" in name]
    assert {name for name in names_sent(seen, "instruction", 1) if ".lora_" in name} == lora_names(seen, 2)


@pytest.mark.parametrize("aggregation", [{}, {"mode": "buffered", "buffer": 1}], ids=["synchronous", "buffered"])
def test_one_client_is_summed_with_itself(aggregation):
    seen = watch({"clients": 1, "stages": THREE_STAGES, "radio": CALM, "aggregation": aggregation})
    assert [list(weights) for weights in seen.run.rounds.weights] == [[1.0]] * 8
    trainings = [found for found in seen.trained(0).values() if "adapters" in found.recipe.inputs]
    sums = [found for found in seen.of("aggregate") if found.recipe.params["groups"] == ["adapters"]]
    assert [found.recipe.inputs["update0/adapters"] for found in sums] == [
        found.part("adapters") for found in trainings[: len(sums)]
    ]


@pytest.mark.parametrize(("upload", "rank"), [("head", 8), ("lora", 4), ("full", 8)])
def test_the_reward_stage_alone(upload, rank):
    stages = {"reward": {"rounds": 3, "upload": upload, "lora_rank": rank}}
    seen = watch({"clients": 2, "stages": stages, "radio": CALM})
    assert {found.recipe.stage for found in seen.submitted} == {
        "initialise",
        "reward.train",
        "reward.evaluate",
        "aggregate",
    }
    expected = reward_tensors(seen.blueprint.policy, upload, rank)
    assert set(seen.run.messages.payload_bytes) == {total_bytes(expected)}
    assert names_sent(seen, "reward", 0) == {tensor.name for tensor in expected}
    for client in seen.clients:
        inputs = [dict(found.recipe.inputs) for found in seen.of("reward.train", client)]
        assert inputs == [{"reward": found.part("reward")} for found in (seen.initial(), *seen.of("aggregate")[:2])]


def test_without_instruction_tuning_the_reference_is_the_initial_policy():
    seen = watch({**BASE, "stages": {"reward": {"rounds": 1}, "alignment": {"rounds": 2}}})
    for client in seen.clients:
        inputs = [found.recipe.inputs for found in seen.of("alignment.train", client)]
        assert len(inputs) == 2
        for each in inputs:
            assert each["reference_adapters"] == seen.initial().part("adapters")
            assert each["reference_lora"] == seen.initial(client).part("lora")
        assert inputs[0]["adapters"] == seen.initial().part("adapters")
        assert inputs[1]["adapters"] == seen.of("aggregate")[1].part("adapters")


def test_an_idle_client_has_no_recipes_but_its_initial_state():
    clients = {"count": 3, "overrides": [{"client": 1, "idle": True}]}
    seen = watch({"clients": clients, "stages": THREE_STAGES, "radio": CALM})
    assert {found.recipe.params.get("client") for found in seen.submitted} == {None, 0, 2}
