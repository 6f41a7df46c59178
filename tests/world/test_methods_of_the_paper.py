"""The paper's methods: what each uploads, in bytes and joules; whose rewards; and the references that it lacks."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from learning import learn
from spy import THREE_STAGES, watch
from worlds import ADAPTER_BYTES, CALM, play

from pwffsim.architecture.groups import OBJECTIVES, lora_tensors
from pwffsim.architecture.tensors import total_bytes
from pwffsim.learning.declarations import EXAMINER, KNOWN_CONFIGS
from pwffsim.world.faults import Diverged

METHODS = ("pwff", "pwff_equal", "fedada", "fedlora", "shepherd", "sfl", "pfl", "vanilla_fl", "dual")
SMALL_AND_LARGE = {"tiers": [{"name": "small", "lora_modules_per_block": 1}, {"name": "large"}]}
TWO = {"count": 2, "overrides": [{"client": 0, "tier": "small"}, {"client": 1, "tier": "large"}]}
BASE = {"clients": TWO, "stages": THREE_STAGES, "devices": SMALL_AND_LARGE, "radio": CALM}
LORA_BYTES = 4 * 8 * 4 * ((128 + 384) + (128 + 128) + (512 + 128))
"""Rank 8 in attn.c_attn, attn.c_proj and mlp.c_proj of 4 blocks of width 128, fp32."""
HEAD_BYTES = 4 * (128 * 128 + 128 + 128 + 1)
POLICY_BYTES = {
    **dict.fromkeys(("pwff", "pwff_equal", "fedada", "sfl"), ADAPTER_BYTES),
    **dict.fromkeys(("fedlora", "shepherd", "dual"), LORA_BYTES),
    **dict.fromkeys(("pfl", "vanilla_fl"), ADAPTER_BYTES + LORA_BYTES),
}


@pytest.fixture(scope="module")
def worlds():
    return {method: watch({**BASE, "method": method}) for method in METHODS}


def uploads(seen, stage):
    messages = seen.run.messages
    return messages[(messages.direction == "up") & (messages.stage == stage)]


def names(seen, stage):
    return {name for payload in uploads(seen, stage).payload for name, _ in seen.run.payloads[payload]}


@pytest.mark.parametrize("method", METHODS)
def test_bytes_of_every_upload(worlds, method):
    seen, rewards = worlds[method], 1 if method in ("sfl", "shepherd") else 2
    for stage, expected in (
        ("instruction", POLICY_BYTES[method]),
        ("reward", rewards * HEAD_BYTES),
        ("alignment", POLICY_BYTES[method]),
    ):
        assert set(uploads(seen, stage).payload_bytes) == {expected}
        assert len(uploads(seen, stage)) == 2 * THREE_STAGES[stage]["rounds"]


@pytest.mark.parametrize("method", METHODS)
def test_names_of_what_travels(worlds, method):
    seen = worlds[method]
    learnt = ("helpfulness",) if method in ("sfl", "shepherd") else OBJECTIVES
    assert {name.split(".")[0] for name in names(seen, "reward")} == set(learnt)
    lora = method in ("fedlora", "shepherd", "dual", "pfl", "vanilla_fl")
    adapters = method not in ("fedlora", "shepherd", "dual")
    for stage in ("instruction", "alignment"):
        kinds = {"lora" if ".lora_" in name else "adapters" if ".adapters." in name else name
                 for name in names(seen, stage)}  # fmt: skip
        assert kinds == {*(["lora"] if lora else []), *(["adapters"] if adapters else [])}


def test_pwff_sends_no_lora_in_any_direction():
    """T7, with a downlink that really carries something."""
    radio = {**CALM, "downlink": {"ideal": False}}
    for method in ("pwff", "pwff_equal", "sfl"):
        seen = watch({**BASE, "method": method, "radio": radio})
        assert set(seen.run.messages.direction) == {"up", "down"}
        assert not [name for tensors in seen.run.payloads.values() for name, _ in tensors if "lora" in name]


@pytest.mark.parametrize("method", METHODS)
def test_rewards_are_frozen_in_alignment_and_critics_never_sent(worlds, method):
    """T8: every training of stage 3 reads the last sum of stage 2; critics go from training to training of a client."""
    seen = worlds[method]
    last = [found for found in seen.of("aggregate") if found.recipe.params["groups"] == ["reward"]][-1]
    summed = {group for found in seen.of("aggregate")[5:] for group in found.recipe.params["groups"]}
    assert summed <= {"adapters", "lora"}
    for client in seen.clients:
        trained = seen.of("alignment.train", client)
        assert {found.recipe.inputs["reward"] for found in trained} == {last.part("reward")}
        assert "critics" not in trained[0].recipe.inputs
        for former, latter in pairwise(trained):
            assert latter.recipe.inputs["critics"] == former.part("critics")


@pytest.mark.parametrize("method", METHODS)
def test_recipes_name_the_objectives_of_a_method(worlds, method):
    rewards = [found.recipe.params["reward"] for found in worlds[method].submitted if "reward" in found.recipe.params]
    expected = ["helpfulness"] if method in ("sfl", "shepherd") else None
    assert len(rewards) > 10
    assert all(reward.get("objectives") == expected for reward in rewards)


def test_one_reward_model_is_half_the_work(worlds):
    def busy_ns(method, stage):
        spans = worlds[method].run.spans
        return spans[(spans.kind == "compute") & (spans.stage == stage)].groupby("actor").duration_ns.sum()

    assert (2 * busy_ns("sfl", "reward") - busy_ns("pwff", "reward")).abs().max() <= 2 * 2
    assert (busy_ns("sfl", "instruction") == busy_ns("pwff", "instruction")).all()


def test_one_whole_reward_model_is_half_the_encoders_in_alignment():
    stages = {"reward": {"rounds": 1, "upload": "full"}, "alignment": {"rounds": 1}}
    tight = {"tiers": [{"memory_mb": 60.0}]}
    seen = {method: watch({"clients": 1, "stages": stages, "radio": CALM, "devices": tight, "method": method})
            for method in ("pwff", "sfl")}  # fmt: skip
    work = {method: own.run.spans[own.run.spans.kind == "compute"] for method, own in seen.items()}
    alignment = {method: int(own[own.stage == "alignment"].duration_ns.iloc[0]) for method, own in work.items()}
    assert 0.5 * alignment["pwff"] < alignment["sfl"] < 0.9 * alignment["pwff"]


def test_pwff_equal_gives_everybody_the_largest_tiers_modules(worlds):
    def modules(method):
        return {
            client: {
                f.recipe.params["model"]["lora_modules_per_block"]
                for f in worlds[method].of("instruction.train", client)
            }
            for client in worlds[method].clients
        }

    assert modules("pwff") == {0: {1}, 1: {3}}
    assert modules("pwff_equal") == {0: {3}, 1: {3}}
    seen = worlds["pwff_equal"]
    for client in seen.clients:
        chain = [*seen.of("instruction.train", client), *seen.of("alignment.train", client)]
        assert chain[0].recipe.inputs["lora"] == seen.initial().part("lora")
        for former, latter in pairwise(chain):
            assert latter.recipe.inputs["lora"] == former.part("lora")


def test_the_dual_of_pwff_shares_lora_and_keeps_adapters(worlds):
    seen = worlds["dual"]
    sums = [found for found in seen.of("aggregate") if found.recipe.params["groups"] == ["lora"]]
    assert len(sums) == 6
    for client in seen.clients:
        chain = [*seen.of("instruction.train", client), *seen.of("alignment.train", client)]
        for former, latter, summed in zip(chain, chain[1:], sums, strict=False):
            assert latter.recipe.inputs["adapters"] == former.part("adapters")
            assert latter.recipe.inputs["lora"] == summed.part("lora")


@pytest.mark.parametrize("method", ["fedada", "fedlora", "shepherd"])
def test_what_a_method_does_not_train_is_not_there(worlds, method):
    absent = "lora" if method == "fedada" else "adapters"
    assert not [name for found in worlds[method].submitted for name in found.recipe.inputs if absent in name]
    assert absent not in {found.recipe.params["group"] for found in worlds[method].of("initialise")}


GPT2 = KNOWN_CONFIGS["gpt2"]
AIR = {"preset": "paper", **CALM, "tx_power_w": 1.0, "bandwidth_hz": 1e6}
AT_HOME = {"instruction": {"rounds": 2}, "reward": {"rounds": 1, "scope": "local"}, "alignment": {"rounds": 2}}


def alignment_joules(method, rank):
    scenario = {
        "clients": 2,
        "method": method,
        "model": {"lora": {"rank": rank}},
        "stages": AT_HOME,
        "radio": AIR,
        "devices": {"compute_time": "none", "tiers": [{"lora_modules_per_block": 2}]},
    }
    messages = play(scenario, config=GPT2).messages
    return messages[messages.stage == "alignment"].energy_nj.sum() / 1e9


@pytest.mark.parametrize(
    ("rank", "saved", "to_adapters"), [(8, 0.432, 442_368 / 580_968), (96, 0.901, 5_308_416 / 580_968)]
)
def test_energies_stand_as_their_payloads_do(rank, saved, to_adapters):
    """T5: with 442,368 LoRA parameters the order of the paper's Fig. 5 and its 43 %; with its rank 96 neither."""
    joules = {method: alignment_joules(method, rank) for method in ("shepherd", "sfl", "pwff", "pfl")}
    assert joules["sfl"] == joules["pwff"] == pytest.approx(4 * 580_968 * 32 / (1e6 * np.log2(1 + 10**0.5)), rel=1e-6)
    assert 1 - joules["pwff"] / joules["pfl"] == pytest.approx(saved, abs=5e-4)
    assert joules["shepherd"] / joules["pwff"] == pytest.approx(to_adapters, rel=1e-6)
    assert (joules["shepherd"] < joules["pwff"] < joules["pfl"]) == (rank == 8)


RAYLEIGH = {"preset": "paper", "packets": "fluid", "fading": {"model": "rayleigh", "coherence_s": 0.05},
            "downlink": {"ideal": True}, "mean_snr_db": 5.0}  # fmt: skip


def air_times(method, devices):
    run = play({"seed": 4, "clients": 3, "method": method, "stages": AT_HOME, "radio": RAYLEIGH, "devices": devices})
    return {stage: own[["source", "round", "on_air_ns", "sent_ns", "energy_nj"]].reset_index(drop=True)
            for stage, own in run.messages.groupby("stage")}  # fmt: skip


def test_pwff_fedada_and_sfl_are_on_air_alike_to_the_bit():
    """T6: the same bytes over the same fading, where work takes no time and rewards stay at home."""
    told = {method: air_times(method, {"compute_time": "none"}) for method in ("pwff", "fedada", "sfl")}
    assert set(told["pwff"]) == {"instruction", "alignment"}
    for method in ("fedada", "sfl"):
        for stage, own in told[method].items():
            assert own.equals(told["pwff"][stage]), (method, stage)
    assert told["pwff"]["instruction"].on_air_ns.nunique() > 1


def test_where_work_takes_time_they_meet_other_fading():
    told = {method: air_times(method, {}) for method in ("pwff", "fedada")}
    assert not told["fedada"]["instruction"].on_air_ns.equals(told["pwff"]["instruction"].on_air_ns)


@pytest.mark.parametrize("aggregation", [{}, {"mode": "buffered", "buffer": 1}], ids=["synchronous", "buffered"])
def test_work_without_time_is_still_done(aggregation):
    scenario = {**BASE, "devices": {**SMALL_AND_LARGE, "compute_time": "none"}, "aggregation": aggregation}
    seen = watch(scenario)
    work = seen.run.spans[seen.run.spans.kind == "compute"]
    assert set(work.duration_ns) == {0} and set(work.energy_nj) == {0}
    assert set(work["update"]) == set(seen.run.updates["update"]) - set(
        seen.run.updates[seen.run.updates.fate == "skipped"]["update"]
    )


def test_rewards_at_home_are_never_sent():
    seen = watch({**BASE, "stages": {**THREE_STAGES, "reward": {"rounds": 2, "scope": "local"}}})
    assert set(seen.run.messages.stage) == {"instruction", "alignment"}
    assert set(seen.run.updates[seen.run.updates.stage == "reward"].fate) == {"kept"}
    for client in seen.clients:
        own = seen.of("reward.train", client)
        assert own[1].recipe.inputs["reward"] == own[0].part("reward")
        for found in seen.of("alignment.train", client):
            assert found.recipe.inputs["reward"] == own[-1].part("reward")


CLUSTERED = {**BASE, "clients": {"count": 5, "overrides": [
    {"client": client, "preference": preference} for client, preference in enumerate((0.9, 0.1, 0.5, 0.2, 0.8))
]}, "stages": {**THREE_STAGES, "reward": {"rounds": 2, "scope": "clustered"}}}  # fmt: skip


def test_reward_models_of_clusters_are_averaged_over_clients_of_like_preference():
    seen = watch(CLUSTERED, rows=[100, 200, 300, 400, 500])
    sums = [found for found in seen.of("aggregate") if found.recipe.params["groups"] == ["reward"]]
    assert [found.recipe.params["coefficients"] for found in sums] == 2 * [
        pytest.approx([2 / 9, 3 / 9, 4 / 9]), pytest.approx([1 / 6, 5 / 6])
    ]  # fmt: skip
    for members, cluster in (((1, 2, 3), 0), ((0, 4), 1)):
        for client in members:
            first, second = (found.recipe.inputs["reward"] for found in seen.of("reward.train", client))
            assert (first, second) == (seen.initial().part("reward"), sums[cluster].part("reward"))
            measured = [found.recipe.inputs["reward"] for found in seen.of("reward.evaluate", client)]
            assert measured == [first, second, sums[2 + cluster].part("reward")]
            for stage in ("alignment.train", "alignment.evaluate"):
                assert {f.recipe.inputs["reward"] for f in seen.of(stage, client)} == {sums[2 + cluster].part("reward")}
    for cluster in (0, 1):
        assert sums[2 + cluster].recipe.inputs["global/reward"] == sums[cluster].part("reward")


def test_clusters_have_the_timeline_of_one():
    seen, whole = watch(CLUSTERED), watch({**CLUSTERED, "stages": THREE_STAGES})
    for table in ("spans", "messages", "rounds", "updates"):
        assert getattr(seen.run, table).equals(getattr(whole.run, table)), table


def test_a_cluster_of_a_buffer_without_its_clients_stays_as_it_is():
    seen = watch({**CLUSTERED, "aggregation": {"mode": "buffered", "buffer": 1}})
    sums = [found for found in seen.of("aggregate") if found.recipe.params["groups"] == ["reward"]]
    assert len(sums) == 2 and all(found.recipe.params["coefficients"] == [1.0] for found in sums)
    assert len({found.recipe.inputs["update0/reward"] for found in sums}) == 2


@pytest.mark.parametrize("method", ["pwff", "vanilla_fl"])
def test_a_download_may_be_mixed_with_what_the_client_has_learnt(method):
    seen = watch({**BASE, "method": method, "aggregation": {"download": "interpolate", "interpolation": 0.3}})
    mixed = {found.part(found.recipe.params["group"]): found.recipe for found in seen.of("interpolate")}
    assert {recipe.params["share"] for recipe in mixed.values()} == {0.3}
    sums = [found for found in seen.of("aggregate") if "adapters" in found.recipe.params["groups"]]
    for client in seen.clients:
        chain = [*seen.of("instruction.train", client), *seen.of("alignment.train", client)]
        assert chain[0].recipe.inputs["adapters"] == seen.initial().part("adapters")
        for former, latter, summed in zip(chain, chain[1:], sums, strict=False):
            recipe = mixed[latter.recipe.inputs["adapters"]]
            assert recipe.inputs == {"own": former.part("adapters"), "global": summed.part("adapters")}
        for found in seen.of("alignment.train", client):
            assert found.recipe.inputs["reference_adapters"] == chain[3].recipe.inputs["adapters"]
        measured = [found.recipe.inputs["adapters"] for found in seen.of("instruction.evaluate", client)]
        assert measured[:3] == [found.recipe.inputs["adapters"] for found in chain[:3]]
    assert {found.recipe.inputs["base0/adapters"] for found in sums[1:]} == {
        found.part("adapters") for found in sums[:-1]
    }


def test_a_mixed_download_has_the_timeline_of_one_that_overwrites():
    plain, mixed = watch(BASE), watch({**BASE, "aggregation": {"download": "interpolate"}})
    for table in ("spans", "messages", "rounds", "updates"):
        assert getattr(plain.run, table).equals(getattr(mixed.run, table))
    assert not plain.of("interpolate")


@pytest.fixture(scope="module")
def central():
    clients = {"count": 3, "overrides": [{"client": 1, "idle": True}, {"client": 0, "preference": 0.2},
                                         {"client": 2, "preference": 0.6}]}  # fmt: skip
    return watch({**BASE, "clients": clients, "method": "centralised"})


def test_the_server_learns_alone_and_nothing_is_sent(central):
    run = central.run
    assert run.messages.empty and run.updates.empty and run.rounds.empty
    assert not [found for found in central.submitted if found.recipe.stage == "aggregate"]
    trained = [found for found in central.submitted if found.recipe.stage.endswith(".train")]
    assert [found.recipe.stage for found in trained] == [
        f"{stage}.train" for stage, settings in THREE_STAGES.items() for _ in range(settings["rounds"])
    ]


def test_the_server_reads_the_rows_of_all_who_take_part(central):
    stages = central.blueprint.scenario.stages
    for stage in THREE_STAGES:
        settings = getattr(stages, stage)
        for found in central.of(f"{stage}.train"):
            params = found.recipe.params
            assert (params["client"], params["pool"]) == (None, [0, 2])
            assert set(params["shard"].values()) == {f"{kind} of everybody" for kind in params["shard"]}
            assert (params["steps"], params["batch_size"]) == (settings.local_steps, 2 * settings.batch_size)
    weights = [found.recipe.params["weight"] for found in central.of("alignment.train")]
    assert weights == [pytest.approx(0.4)] * 3
    seeds = [found.recipe.params["seed"] for stage in THREE_STAGES for found in central.of(f"{stage}.train")]
    assert len(set(seeds)) == len(seeds)


def test_the_servers_states_go_on_and_every_client_is_measured_on_them(central):
    chain = {stage: central.of(f"{stage}.train") for stage in THREE_STAGES}
    policy = [*chain["instruction"], *chain["alignment"]]
    assert policy[0].recipe.inputs == {g: central.initial().part(g) for g in ("adapters", "lora")}
    for former, latter in pairwise(policy):
        for group in ("adapters", "lora"):
            assert latter.recipe.inputs[group] == former.part(group)
    for stage, trained in chain.items():
        for client in (0, 2):
            measured = central.of(f"{stage}.evaluate", client)
            assert len(measured) == 1 + len(trained)
            for found, before in zip(measured[1:], trained, strict=True):
                group = "reward" if stage == "reward" else "lora"
                assert found.recipe.inputs[group] == before.part(group)
                assert found.recipe.params["client"] == client


def test_the_servers_reference_is_its_policy_after_instruction_tuning(central):
    tuned = central.of("instruction.train")[-1]
    for found in [*central.of("alignment.train"), *central.of("alignment.evaluate")]:
        for group in ("adapters", "lora"):
            assert found.recipe.inputs[f"reference_{group}"] == tuned.part(group)
        assert found.recipe.inputs["reward"] == central.of("reward.train")[-1].part("reward")
    assert ["critics" in found.recipe.inputs for found in central.of("alignment.train")] == [False, True, True]


def test_the_servers_model_is_measured_on_the_global_test_set(central):
    last = central.of("instruction.train")[-1]
    measured = [found for found in central.of("instruction.evaluate") if found.recipe.params["client"] is None]
    assert len(measured) == 1 + THREE_STAGES["instruction"]["rounds"]
    assert measured[-1].recipe.inputs == {group: last.part(group) for group in ("adapters", "lora")}


def test_what_the_server_learns_may_diverge():
    settings = {"clients": 2, "stages": {"instruction": {"rounds": 3}}, "radio": CALM, "method": "centralised"}
    learnt = learn(settings, diverges=lambda recipe: recipe.stage == "instruction.train")
    assert isinstance(learnt.ended, Diverged)
    assert str(learnt.ended) == (
        "server: update 0 of stage instruction, round 1, holds NaN or infinite values; lower "
        "stages.instruction.learning_rate or stages.instruction.clip"
    )


def test_the_servers_learning_may_end_by_patience():
    stage = {"rounds": 9, "convergence": {"rule": "patience", "patience": 1, "min_delta": 10.0}}
    learnt = learn({"clients": 2, "stages": {"instruction": stage}, "radio": CALM, "method": "centralised"})
    assert learnt.ended is None and len(learnt.ran("instruction.train")) == 2


EXAMINED = {**BASE, "evaluation": {"examiner": True}}


@pytest.mark.parametrize("method", ["pwff", "shepherd", "local_only", "centralised"])
def test_all_methods_of_a_seed_have_the_same_examiner(method):
    seen, other = watch({**EXAMINED, "method": method}), watch({**EXAMINED, "method": "pfl"})
    fitted, same = ([found for found in each.of("reward.train") if found.recipe.params.get("pool") == EXAMINER]
                    for each in (seen, other))  # fmt: skip
    assert [found.key for found in fitted] == [found.key for found in same] and len(fitted) == 1
    params = fitted[0].recipe.params
    assert params["client"] is None and params["shard"] == {"preferences": "preferences of nobody"}
    assert "objectives" not in params["reward"]
    settings = seen.blueprint.scenario.stages.reward
    assert params["steps"] == settings.rounds * settings.local_steps
    assert {found.recipe.inputs["examiner"] for found in seen.of("alignment.evaluate")} == {fitted[0].part("reward")}
    assert not [found for found in seen.of("alignment.train") if "examiner" in found.recipe.params]


def test_another_seed_has_another_examiner():
    keys = {
        found.key
        for seed in (0, 1)
        for found in watch({**EXAMINED, "seed": seed}).of("reward.train")
        if found.recipe.params.get("pool") == EXAMINER
    }
    assert len(keys) == 2


def test_examiners_change_nothing_on_the_timeline():
    plain, examined = watch(BASE), watch(EXAMINED)
    for table in ("spans", "messages", "rounds", "updates"):
        assert getattr(plain.run, table).equals(getattr(examined.run, table))
    assert not [found for found in plain.submitted if EXAMINER in found.recipe.params]


def test_no_examiner_is_fitted_where_nothing_is_aligned():
    seen = watch({**EXAMINED, "stages": {"instruction": {"rounds": 1}, "reward": {"rounds": 1}}})
    assert not [found for found in seen.submitted if found.recipe.params.get("pool") == EXAMINER]


def test_lora_bytes_are_those_of_the_tensors(worlds):
    assert total_bytes(lora_tensors(worlds["dual"].blueprint.policy, 8, 3)) == LORA_BYTES
