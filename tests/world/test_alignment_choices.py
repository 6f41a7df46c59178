"""Choices of alignment: what a policy is held against, and the algorithms beside PPO."""

from __future__ import annotations

from itertools import pairwise

import pytest
from spy import THREE_STAGES, watch
from worlds import CALM

from pwffsim.architecture.work import Rollout, alignment_flops, dpo_flops, grpo_flops
from pwffsim.learning import engines, grpo, stages
from pwffsim.learning.declarations import ALGORITHMS, ENGINES, KL_REFERENCES, NORMALISATIONS, TOGETHER
from pwffsim.world.references import KINDS
from pwffsim.world.stages.algorithms import FLOPS, SETTINGS

BASE = {"clients": 2, "radio": CALM}
POLICY = ("adapters", "lora")
NAMES = {"adapters", "lora", "reward", "reference_adapters", "reference_lora"}


def aligned(method="pwff", **settings):
    stages = {**THREE_STAGES, "alignment": {"rounds": 3, **settings}}
    return watch({**BASE, "method": method, "stages": stages})


def inputs(seen, client, purpose="train"):
    return [found.recipe.inputs for found in seen.of(f"alignment.{purpose}", client)]


def sums(seen):
    return [found for found in seen.of("aggregate") if "adapters" in found.recipe.params["groups"]]


def test_the_base_model_for_reference():
    """Adapters and LoRA as they were made, which do nothing."""
    seen = aligned(kl_reference="base")
    start = seen.initial()
    for client in seen.clients:
        for purpose in ("train", "evaluate"):
            for each in inputs(seen, client, purpose):
                assert all(each[f"reference_{group}"] == start.part(group) for group in POLICY)


def test_the_global_policy_for_reference_is_what_was_received_with_lora_off():
    seen = aligned(kl_reference="global")
    start, states = seen.initial(), [found.part("adapters") for found in sums(seen)]
    for client in seen.clients:
        trained = inputs(seen, client)
        assert [each["reference_adapters"] for each in trained] == states[2:5] == [e["adapters"] for e in trained]
        assert {each["reference_lora"] for each in trained} == {start.part("lora")}
        measured = inputs(seen, client, "evaluate")
        assert [each["reference_adapters"] for each in measured] == states[2:6]


def test_where_all_is_shared_the_global_policy_is_all_of_it():
    seen = aligned("vanilla_fl", kl_reference="global")
    for client in seen.clients:
        for each, held in zip(inputs(seen, client), sums(seen)[2:5], strict=True):
            assert all(each[f"reference_{group}"] == held.part(group) for group in POLICY)


@pytest.mark.parametrize("reference", ["stage1", "base"])
def test_the_regularisation_reward_has_inputs_of_its_own(reference):
    plain, close = aligned(kl_reference=reference), aligned(kl_reference=reference, global_coefficient=0.02)
    start, states = close.initial(), [found.part("adapters") for found in sums(close)]
    for client in close.clients:
        trained = inputs(close, client)
        assert set(trained[0]) == NAMES | {"global_adapters", "global_lora"}
        assert [each["global_adapters"] for each in trained] == states[2:5]
        assert {each["global_lora"] for each in trained} == {start.part("lora")}
        assert all(set(each) == NAMES for each in inputs(close, client, "evaluate"))
        assert {found.recipe.params["global_coefficient"] for found in close.of("alignment.train", client)} == {0.02}
        assert all("global_coefficient" not in found.recipe.params for found in plain.of("alignment.train", client))
    assert seconds(close) > seconds(plain), "another policy looks at every response"


def seconds(seen):
    spans = seen.run.spans
    return spans[(spans.stage == "alignment") & (spans.kind == "compute")].duration_ns.sum()


@pytest.mark.parametrize("algorithm", ["grpo", "dpo"])
def test_without_critics_only_the_policy_goes_on(algorithm):
    seen = aligned(algorithm=algorithm)
    for client in seen.clients:
        trained = seen.of(f"alignment.{algorithm}.train", client)
        assert len(trained) == 3 and not seen.of("alignment.train", client)
        for former, latter in pairwise(trained):
            assert latter.recipe.inputs["lora"] == former.part("lora")
        wanted = NAMES if algorithm == "grpo" else NAMES - {"reward"}
        assert all(set(found.recipe.inputs) == wanted for found in trained)
        assert {found.recipe.inputs["reference_lora"] for found in trained} == {
            seen.of("instruction.train", client)[-1].part("lora")
        }
        assert ("reward" in trained[0].recipe.params) == (algorithm == "grpo")
        assert "dpo_beta" in trained[0].recipe.params or algorithm == "grpo"


def test_what_travels_does_not_depend_on_the_algorithm():
    sent = {}
    for algorithm in ALGORITHMS:
        messages = aligned(algorithm=algorithm).run.messages
        own = messages[(messages.stage == "alignment") & (messages.direction == "up")]
        sent[algorithm] = sorted(zip(own.source, own.payload_bytes, strict=True))
    assert sent["ppo"] == sent["grpo"] == sent["dpo"] != []


def test_evaluations_are_the_same_recipes_whatever_trained():
    """So that the store holds the first one once."""
    first = [aligned(algorithm=a).of("alignment.evaluate", 0)[0] for a in ALGORITHMS]
    assert len({found.key for found in first}) == 1


@pytest.mark.parametrize("frozen", [True, False])
def test_operations_of_each_algorithm(frozen):
    seen = aligned()
    policy, encoder, rollout = seen.blueprint.policy_network(3), seen.blueprint.reward_network(), Rollout(8, 40, 24, 2)
    forward, train = policy.forward_flops(8, 64), policy.train_flops(8, 64)
    sampling = policy.generate_flops(8, 40, 24) + 2 * forward
    score = encoder.forward_flops(8, 64)
    critics = 0 if frozen else 2 * 2 * encoder.train_flops(8, 64)
    ppo = sampling + (1 if frozen else 4) * score + 2 * train + critics
    assert alignment_flops(policy, encoder, frozen, 3, rollout) == 3 * ppo
    assert alignment_flops(policy, encoder, frozen, 3, rollout, references=2) == 3 * (ppo + forward)
    grpo = sampling + (1 if frozen else 2) * score + 2 * train
    assert grpo_flops(policy, encoder, frozen, 3, rollout) == 3 * grpo
    assert dpo_flops(policy, 5, 4, 64) == 5 * (forward + train)


def test_a_clients_time_is_its_algorithm_s_operations():
    seen = {algorithm: aligned(algorithm=algorithm) for algorithm in ALGORITHMS}
    spent = {algorithm: seconds(one) for algorithm, one in seen.items()}
    assert spent["dpo"] < spent["grpo"] == spent["ppo"], "with a frozen encoder critics cost next to nothing"


def test_every_name_of_a_scenario_is_known_where_it_is_needed():
    assert set(SETTINGS) == set(FLOPS) == set(ALGORITHMS)
    assert {algorithm.stage for algorithm in ALGORITHMS.values()} <= set(stages.STAGES) & set(TOGETHER)
    assert set(KINDS) == set(KL_REFERENCES)
    assert set(grpo.NORMALISATIONS) == set(NORMALISATIONS)
    known = {"reward": engines.REWARD_ENGINES, "instruction": engines.ENGINES}
    assert all(set(known[stage]) == set(ENGINES[stage]) for stage in known)
    assert set(engines.GRPO_ENGINES) == set(ALGORITHMS["grpo"].engines)
    assert set(engines.DPO_ENGINES) == set(ALGORITHMS["dpo"].engines)
