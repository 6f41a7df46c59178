"""Which states a recipe starts from: the server's newest, the client's own, and the reference of the KL penalty."""

from __future__ import annotations

from itertools import pairwise

import pytest
from spy import THREE_STAGES, watch
from worlds import CALM, losing

LOSSY = {**CALM, **losing(0.003)}
TIERS = {
    "tiers": [
        {"name": "small", "gflops": 0.5, "lora_modules_per_block": 1},
        {"name": "large", "gflops": 3.0, "lora_modules_per_block": 3},
    ]
}
BASE = {"clients": 4, "stages": THREE_STAGES, "devices": TIERS}
BUFFERED = {"mode": "buffered", "buffer": 2}
LONG = {"instruction": {"rounds": 5}, "reward": {"rounds": 6}, "alignment": {"rounds": 16}}
"""So long that the slow clients of a buffered world take part in every stage."""

WORLDS = {
    "synchronous": {**BASE, "radio": CALM},
    "synchronous, lossy": {**BASE, "radio": LOSSY},
    "buffered": {**BASE, "stages": LONG, "radio": CALM, "aggregation": BUFFERED},
    "buffered, lossy": {
        **BASE,
        "stages": LONG,
        "radio": LOSSY,
        "aggregation": {**BUFFERED, "retask": "next_version"},
    },
}


@pytest.fixture(scope="module", params=WORLDS)
def seen(request):
    return watch(WORLDS[request.param])


def policy_trainings(seen, client):
    stages = ("instruction.train", "alignment.train")
    return [found for found in seen.trained(client).values() if found.recipe.stage in stages]


def test_the_worlds_are_told_apart(seen):
    """Losses are met where they are meant to be, somebody is late in a buffered world, and every client aligns
    twice."""
    lossy = seen.blueprint.scenario.radio.packets != "fluid"
    assert ("lost" in set(seen.run.updates.fate)) == lossy
    synchronous = seen.blueprint.scenario.aggregation.mode == "synchronous"
    assert all(age == 0 for ages in seen.run.rounds.staleness for age in ages) == synchronous
    assert min(len(seen.of("alignment.train", client)) for client in seen.clients) >= 2
    assert min(len(seen.of("instruction.train", client)) for client in seen.clients) >= 1


def test_personal_lora_goes_on_from_training_to_training_and_from_stage_to_stage(seen):
    """Whatever becomes of an upload: the client keeps what it has learnt."""
    for client in seen.clients:
        trainings = policy_trainings(seen, client)
        assert trainings[0].recipe.inputs["lora"] == seen.initial(client).part("lora")
        for former, latter in pairwise(trainings):
            assert latter.recipe.inputs["lora"] == former.part("lora")
        assert len({found.key for found in trainings}) == len(trainings)


def test_a_clients_initial_state_has_the_modules_of_its_tier(seen):
    for client in seen.clients:
        modules = seen.initial(client).lora_modules
        assert modules == seen.blueprint.profiles[client].tier.lora_modules_per_block
    assert seen.initial().lora_modules == 3


def test_shared_groups_are_the_servers_at_the_version_of_the_task(seen):
    versions = dict(zip(seen.run.updates["update"], seen.run.updates.version, strict=True))
    for client in seen.clients:
        for update, found in seen.trained(client).items():
            for group in {"adapters", "reward"} & set(found.recipe.inputs):
                assert found.recipe.inputs[group] == seen.newest(group, versions[update])
    assert len(set(versions.values())) >= 5


def test_the_version_of_a_task_is_the_servers_newest(seen):
    """Counted in the order in which recipes were asked for: whoever starts with the adapters of a version does so
    after they were summed, and, where nobody lags behind, before the next ones were."""
    aggregated, synchronous = 0, seen.blueprint.scenario.aggregation.mode == "synchronous"
    version = dict(zip(seen.run.updates["update"], seen.run.updates.version, strict=True))
    trained = [pair for client in seen.clients for pair in seen.trained(client).items()]
    versions = {found.key: version[update] for update, found in trained}
    for found in seen.submitted:
        aggregated += found.recipe.stage == "aggregate"
        if found.recipe.stage.endswith(".train"):
            assert versions[found.key] <= aggregated
            assert versions[found.key] == aggregated or not synchronous
    assert aggregated == len(seen.run.rounds)


def test_critics_are_made_in_the_first_alignment_and_go_on_from_there(seen):
    for client in seen.clients:
        trainings = seen.of("alignment.train", client)
        assert "critics" not in trainings[0].recipe.inputs
        for former, latter in pairwise(trainings):
            assert latter.recipe.inputs["critics"] == former.part("critics")
        assert not any("critics" in found.recipe.inputs for found in seen.of("alignment.evaluate", client))


def test_the_reference_is_the_policy_with_which_a_client_begins_alignment(seen):
    for client in seen.clients:
        first, *others = [found.recipe.inputs for found in seen.of("alignment.train", client)]
        assert first["reference_adapters"] == first["adapters"]
        assert first["reference_lora"] == first["lora"] == seen.of("instruction.train", client)[-1].part("lora")
        for later in others:
            assert later["reference_adapters"] == first["reference_adapters"]
            assert later["reference_lora"] == first["reference_lora"] != later["lora"]
        assert others[-1]["adapters"] != first["adapters"], "the policy has moved on, its reference has not"


def test_inputs_of_alignment_have_these_names_and_no_others(seen):
    names = {"adapters", "lora", "reward", "reference_adapters", "reference_lora"}
    for client in seen.clients:
        first, *others = [set(found.recipe.inputs) for found in seen.of("alignment.train", client)]
        assert first == names and all(later == {*names, "critics"} for later in others)
        assert all(set(found.recipe.inputs) == names for found in seen.of("alignment.evaluate", client))


def test_seeds_differ_between_clients_stages_and_tasks(seen):
    trainings = [found for found in seen.submitted if found.recipe.stage.endswith(".train")]
    assert len({found.recipe.params["seed"] for found in trainings}) == len(trainings) > 10


def test_a_client_evaluates_with_the_same_numbers_every_time(seen):
    """So that two evaluations differ by the model alone."""
    for stage in ("instruction.evaluate", "reward.evaluate", "alignment.evaluate"):
        seeds = [{found.recipe.params["seed"] for found in seen.of(stage, client)} for client in seen.clients]
        assert all(len(own) == 1 for own in seeds) and len(set.union(*seeds)) == len(seeds)


@pytest.fixture(scope="module")
def calm():
    return watch(WORLDS["synchronous"])


def test_in_a_synchronous_world_round_by_round(calm):
    """Version by version: three rounds of instruction, two of reward, three of alignment."""
    sums = [found.part("adapters") for found in calm.of("aggregate") if found.recipe.params["groups"] == ["adapters"]]
    scores = [found.part("reward") for found in calm.of("aggregate") if found.recipe.params["groups"] == ["reward"]]
    start = calm.initial()
    for client in calm.clients:
        instruction, reward, alignment = (
            [found.recipe.inputs for found in calm.of(f"{stage}.train", client)] for stage in THREE_STAGES
        )
        assert [inputs["adapters"] for inputs in instruction] == [start.part("adapters"), *sums[:2]]
        assert [inputs["reward"] for inputs in reward] == [start.part("reward"), scores[0]]
        assert [inputs["adapters"] for inputs in alignment] == sums[2:5]
        assert {inputs["reward"] for inputs in alignment} == {scores[1]}
        assert {inputs["reference_adapters"] for inputs in alignment} == {sums[2]}


def test_evaluations_take_the_newest_of_everything(calm):
    """Before the first round and after each; on the server's adapters with the client's own LoRA."""
    start = calm.initial()
    sums = [found for found in calm.of("aggregate") if found.recipe.params["groups"] == ["adapters"]]
    for client in calm.clients:
        trained = calm.of("instruction.train", client)
        expected = [
            {"adapters": shared.part("adapters"), "lora": own.part("lora")}
            for shared, own in zip([start, *sums[:3]], [calm.initial(client), *trained], strict=True)
        ]
        assert [dict(found.recipe.inputs) for found in calm.of("instruction.evaluate", client)] == expected
        aligned = calm.of("alignment.train", client)
        last = calm.of("alignment.evaluate", client)[-1].recipe.inputs
        assert last["adapters"] == sums[-1].part("adapters") and last["lora"] == aligned[-1].part("lora")
        assert last["reference_lora"] == trained[-1].part("lora")


def test_before_alignment_the_reference_is_the_policy_itself(calm):
    for client in calm.clients:
        first = calm.of("alignment.evaluate", client)[0].recipe.inputs
        assert first["adapters"] == first["reference_adapters"]
        assert first["lora"] == first["reference_lora"]
