"""With real training: the tensors of every update against the message that carried it, and what sums make of them."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from recorded import played
from small import CALM, SMALL

TIERS = {
    "tiers": [
        {"name": "small", "lora_modules_per_block": 1},
        {"name": "large", "lora_modules_per_block": 3},
    ]
}
SMALL_AND_LARGE = {
    "count": 3,
    "overrides": [{"client": i, "tier": tier} for i, tier in enumerate(("small", "large", "large"))],
}
ONE_STAGE = {"instruction": {"rounds": 1, "local_steps": 3, "batch_size": 4}}
STAGES = {**SMALL["stages"], "reward": {**SMALL["stages"]["reward"], "rounds": 1, "upload": "lora", "lora_rank": 2}}
BY_MODULE = {"method": "vanilla_fl", "aggregation": {"lora_average": "per_module"}}
WORLDS = {
    "pwff": {"stages": SMALL["stages"]},
    "vanilla_fl, LoRA in the rewards": {"method": "vanilla_fl", "stages": STAGES},
    "by module, buffered": {
        "method": "vanilla_fl",
        "aggregation": {"lora_average": "per_module", "mode": "buffered", "buffer": 2},
        "stages": ONE_STAGE,
    },
}


@pytest.mark.parametrize("name", WORLDS)
def test_every_update_is_what_its_message_lists(name, tmp_path):
    done = played(tmp_path, **{"clients": SMALL_AND_LARGE, "devices": TIERS, "radio": CALM, **WORLDS[name]})
    up = done.run.messages[done.run.messages.direction == "up"]
    trained = done.trained()
    assert set(up["update"]) == set(trained)
    assert set(up.stage) == set(WORLDS[name]["stages"])
    for message in up.itertuples():
        key, recipe = trained[message.update]
        tensors = done.merged(key, done.shared(recipe.stage))
        real = [(name, tensors[name].numel() * tensors[name].element_size()) for name in sorted(tensors)]
        assert [tuple(entry) for entry in done.run.payloads[message.payload]] == real
        assert message.payload_bytes == sum(size for _, size in real) > 0


def test_each_module_is_averaged_over_its_holders(tmp_path):
    """One LoRA module a block on client 0, three on clients 1 and 2: what client 0 has not is the others' mean."""
    done = played(tmp_path, clients=SMALL_AND_LARGE, devices=TIERS, radio=CALM, stages=ONE_STAGE, **BY_MODULE)
    messages = done.run.messages.set_index("source")
    sent = {name: {tensor for tensor, _ in done.run.payloads[messages.payload[name]]} for name in messages.index}
    small = {name for name in sent["client-00"] if ".lora_" in name}
    large = {name for name in sent["client-01"] if ".lora_" in name}
    assert sent["client-01"] == sent["client-02"] and small < large
    assert all(".attn.c_attn.lora_" in name for name in small) and len(large) == 3 * len(small) == 3 * 2 * 4

    rows = np.array([shard.rows for shard in done.blueprint.shards], dtype=float)
    trained = done.trained().values()
    updates = {recipe.params["client"]: done.merged(key, ("adapters", "lora")) for key, recipe in trained}
    new = {**done.state(done.world.server.globals["adapters"]), **done.state(done.world.server.globals["lora"])}
    assert set(new) == sent["client-01"]
    for name, tensor in new.items():
        holders = [client for client, own in updates.items() if name in own]
        assert holders == ([1, 2] if name in large - small else [0, 1, 2])
        weights = torch.tensor(rows[holders] / rows[holders].sum())
        mean = sum(w * updates[client][name].double() for w, client in zip(weights, holders, strict=True))
        torch.testing.assert_close(tensor.double(), mean, rtol=0, atol=1e-7)
        spread = max(float((updates[client][name] - tensor).abs().max()) for client in holders)
        assert spread > 1e-5, "clients differ, so that a mean over others would be seen"


@pytest.fixture(scope="module")
def torn(tmp_path_factory):
    """One client, one update, some packets of an odd size lost, so that elements are cut in two."""
    packets = {"packets": {"payload_bytes": 1001}, "loss": {"model": "constant", "error_rate": 0.2}}
    packets |= {"retransmission": {"model": "selective_repeat", "retransmissions": 0}}
    stages = {"instruction": {**ONE_STAGE["instruction"], "rounds": 1}}
    radio = {**CALM, **packets, "residual_loss": "partial"}
    return played(tmp_path_factory.mktemp("torn"), clients=1, radio=radio, stages=stages)


def flat(state):
    """The payload as numbers: tensors by name, one after another."""
    return np.concatenate([state[name].numpy().ravel() for name in sorted(state)])


def touched(torn):
    """Elements of which a byte was lost, by the packets of the only message."""
    ((_, recipe),) = torn.of("aggregate")
    (ranges,) = recipe.params["lost"]
    message = torn.run.messages.iloc[0]
    assert sum(stop - start for start, stop in ranges) == message.lost_bytes > 0
    assert all(start % 1001 == 0 for start, _ in ranges)
    assert any(start % 4 for start, _ in ranges), "some element is cut in two"
    lost = np.zeros(message.payload_bytes, dtype=bool)
    for start, stop in ranges:
        lost[start:stop] = True
    return lost.reshape(-1, 4).any(axis=1)


def test_lost_slices_keep_the_last_global_value_and_all_others_are_the_updates(torn):
    ((key, recipe),) = torn.trained().values()
    before, update = flat(torn.state(recipe.inputs["adapters"])), flat(torn.state(f"{key}/adapters"))
    after = flat(torn.state(torn.world.server.globals["adapters"]))
    lost = touched(torn)
    assert 0.1 < lost.mean() < 0.35
    assert np.array_equal(after[lost], before[lost])
    assert np.array_equal(after[~lost], update[~lost])
    assert np.mean(update[lost] != before[lost]) > 0.99, "the client had learnt there, too"
    assert np.mean(after[~lost] != before[~lost]) > 0.99


def test_the_client_keeps_what_the_air_has_lost(torn):
    """Its personal LoRA is the trained one, and nothing of it was sent."""
    ((key, recipe),) = torn.trained().values()
    own = torn.state(torn.world.server.clients[0].personal["lora"])
    assert all(torch.equal(tensor, torn.state(f"{key}/lora")[name]) for name, tensor in own.items())
    assert any(not torch.equal(tensor, torn.state(recipe.inputs["lora"])[name]) for name, tensor in own.items())
    assert not any(".lora_" in name for name, _ in torn.run.payloads[torn.run.messages.payload.iloc[0]])


@pytest.mark.parametrize("method", ["pwff", "vanilla_fl"])
def test_a_tier_without_lora_learns_with_its_adapters_alone(tmp_path, method):
    tiers = {"tiers": [{"name": "none", "lora_modules_per_block": 0}, {"name": "some", "lora_modules_per_block": 1}]}
    clients = {"count": 2, "overrides": [{"client": 0, "tier": "none"}, {"client": 1, "tier": "some"}]}
    done = played(
        tmp_path,
        method=method,
        clients=clients,
        devices=tiers,
        radio=CALM,
        stages={"instruction": {**ONE_STAGE["instruction"], "rounds": 2}},
        aggregation={"lora_average": "per_module"},
    )
    for key, recipe in done.trained().values():
        names = set(done.state(f"{key}/lora"))
        assert len(names) == (0 if recipe.params["client"] == 0 else 2 * 4)
        assert done.facts(key)["update_norm"] > 0
    assert list(done.run.rounds.version) == [1, 2]


def test_alignment_of_one_client_without_instruction_tuning_starts_at_its_reference(tmp_path):
    stages = {name: {**SMALL["stages"][name], "rounds": 1} for name in ("reward", "alignment")}
    done = played(tmp_path, clients=1, radio=CALM, stages=stages)
    kl = done.run.metrics[done.run.metrics.name == "kl"].set_index("round").value
    assert abs(kl[0]) < 1e-6 < abs(kl[1])
    assert [list(weights) for weights in done.run.rounds.weights] == [[1.0], [1.0]]
    ((key, _),) = done.of("alignment.train")
    assert set(done.state(f"{key}/critics")) == set(done.state(done.world.server.states(0)["reward"]))
