"""Worlds whose uploads add up on the air: when they are sent, what is silent, what it costs, what the sum is told."""

from __future__ import annotations

from math import log10, sqrt

import numpy as np
import pytest
from spy import THREE_STAGES, watch
from worlds import ADAPTER_BYTES, blueprint_of, play, play_world

from channel_models.aircomp import aligned_power, latency_s, truncation_probability
from channel_models.sharing.over_the_air import OverTheAir
from pwffsim.world.radio.links import Links
from pwffsim.world.radio.rider import user_of

BAND_HZ, COHERENCE_S, THRESHOLD = 1e5, 1e-3, 0.1
AIR = {
    "sharing": {"model": "over_the_air", "gain_threshold": THRESHOLD},
    "fading": {"model": "rayleigh", "coherence_s": COHERENCE_S},
    "bandwidth_hz": BAND_HZ,
    "packets": "fluid",
    "loss": "none",
    "retransmission": "none",
    "residual_loss": "partial",
    "downlink": {"ideal": True},
    "mean_snr_db": 10.0,
}
SOMETIMES_SILENT = {
    **AIR,
    "sharing": {"model": "over_the_air", "gain_threshold": 0.7},
    "fading": {"coherence_s": 1.0},
}
"""One block for a whole round, and a threshold that half of the clients miss."""

TIERS = {"tiers": [{"name": "slow", "gflops": 0.5}, {"name": "fast", "gflops": 5.0}]}
ROUNDS = 4
D_OVER_2B_NS = round(latency_s(ADAPTER_BYTES // 4, BAND_HZ) * 1e9)


def settings(radio=(), **changes):
    stages = {"instruction": {"rounds": ROUNDS}}
    return {"clients": 6, "stages": stages, "devices": TIERS, "radio": {**AIR, **dict(radio)}, **changes}


@pytest.fixture(scope="module")
def run():
    return play(settings({"snr_spread_db": 3.0}))


@pytest.fixture(scope="module")
def up(run):
    return run.messages[run.messages.direction == "up"]


def test_everybody_sends_at_once_for_d_over_two_b(up):
    for _, own in up.groupby("round"):
        assert len(own) == 6 and len(set(own.sent_ns)) == 1
        assert set(own.received_ns - own.sent_ns) <= {D_OVER_2B_NS - 1, D_OVER_2B_NS, D_OVER_2B_NS + 1}


def test_they_begin_when_the_last_one_is_ready_and_the_others_queue_till_then(run, up):
    spans = run.spans[run.spans["update"] >= 0]
    ready = spans[spans.kind == "compute"].assign(end=lambda s: s.start_ns + s.duration_ns).set_index("update").end
    queues = spans[spans.kind == "queue"].set_index("update")
    fast = [profile for profile in blueprint_of(settings()).profiles if profile.tier.name == "fast"]
    for _, own in up.groupby("round"):
        began = set(own.sent_ns).pop()
        assert began == max(ready[own["update"]])
        waits = {update: began - ready[update] for update in own["update"]}
        assert {u: int(queues.duration_ns[u]) for u in waits if u in queues.index} == {
            u: w for u, w in waits.items() if w
        }
        assert sum(wait > 0 for wait in waits.values()) == len(fast) > 0


def test_each_upload_is_what_the_channel_says(up):
    blueprint = blueprint_of(settings({"snr_spread_db": 3.0}))
    links = Links(blueprint.scenario, blueprint.profiles, None)
    rule = OverTheAir(gain_threshold=THRESHOLD)
    users = [user_of(links.uplink(client, 0), client, ADAPTER_BYTES) for client in range(6)]
    weakest = min(profile.mean_snr_db for profile in blueprint.profiles)
    for _, own in up.groupby("round"):
        start_s = own.sent_ns.iloc[0] / 1e9
        expected = rule.superpose(users, ADAPTER_BYTES, start_s, BAND_HZ, COHERENCE_S)
        for message, part in zip(own.sort_values("source").itertuples(), expected, strict=True):
            assert message.lost_bytes == part.lost_bytes > 0
            assert message.on_air_ns == round(part.on_air_s * 1e9)
            assert message.energy_nj == pytest.approx(part.radiated_j * 1e9, abs=1)
            assert (message.packets, message.transmissions, message.complete) == (1, 1, False)
            assert message.mean_snr_db == pytest.approx(weakest + 10 * log10(aligned_power(1.0, THRESHOLD)), rel=1e-9)


def test_silence_and_energy_follow_their_laws():
    """Class B: P(silent) = 1 - e^(-g_th) of the entries, E[energy] = P T for clients of one mean SNR."""
    run = play(settings(clients=12, stages={"instruction": {"rounds": 20}}))
    up = run.messages[run.messages.direction == "up"]
    silent, energy_j = up.lost_bytes / up.payload_bytes, up.energy_nj / 1e9
    assert abs(silent.mean() - truncation_probability(THRESHOLD)) <= 4.4 * silent.std() / sqrt(len(up))
    assert abs(energy_j.mean() - 1.0 * D_OVER_2B_NS / 1e9) <= 4.4 * energy_j.std() / sqrt(len(up))


def test_the_amplifier_and_the_circuit_cost_what_they_do():
    energy = {"amplifier_efficiency": 0.35, "circuit_power_w": 0.2, "idle_power_w": 0.01}
    run = play(settings({"energy": energy}))
    up = run.messages[run.messages.direction == "up"]
    spent = up.full_power_ns / 0.35 + 0.2 * up.on_air_ns + 0.01 * (up.received_ns - up.sent_ns - up.on_air_ns)
    assert np.allclose(up.energy_nj, spent, rtol=0, atol=8)
    assert (up.on_air_ns < up.received_ns - up.sent_ns).all()


def test_what_is_silent_in_part_is_applied_all_the_same(run):
    assert set(run.updates.fate) == {"applied"} and len(run.updates) == 6 * ROUNDS
    assert list(run.rounds.version) == list(range(1, ROUNDS + 1))


def test_the_sum_is_told_what_was_silent_and_how_loud_the_noise_is():
    seen = watch(settings(stages=THREE_STAGES), rows=(100, 250, 40, 700, 1, 30), pairs=(64, 20, 500, 30, 9, 2))
    up = seen.run.messages[seen.run.messages.direction == "up"].set_index("update")
    seeds = []
    for row, found in zip(seen.run.rounds.itertuples(), seen.of("aggregate"), strict=True):
        air = found.recipe.params["air"]
        for update, ranges in zip(row.updates, found.recipe.params["lost"], strict=True):
            assert sum(stop - start for start, stop in ranges) == up.lost_bytes[update]
            assert air["snr_db"] == up.mean_snr_db[update]
        seeds.append(air["seed"])
    assert set(seen.run.rounds.stage) == {"instruction", "reward", "alignment"}
    assert len(seeds) == len(set(seeds)) == len(seen.run.rounds)


def test_a_digital_sum_is_told_nothing_of_noise():
    seen = watch(settings({"sharing": "tdma"}))
    assert all("air" not in found.recipe.params for found in seen.of("aggregate"))


def test_nobody_waits_for_a_client_that_takes_no_part():
    run = play(settings(clients={"count": 6, "overrides": [{"client": 2, "idle": True}]}))
    up = run.messages[run.messages.direction == "up"]
    assert set(up.groupby("round").size()) == {5} and "client-02" not in set(up.source)


def test_a_client_may_be_silent_all_the_time():
    run = play(settings(SOMETIMES_SILENT))
    up = run.messages[run.messages.direction == "up"]
    dark = up[up.delivered_bytes == 0]
    assert len(dark) > 0 and not dark[["on_air_ns", "full_power_ns", "energy_nj"]].any().any()
    assert set(run.updates.fate) == {"applied"}


def test_time_does_not_depend_on_the_number_of_clients_and_is_less_than_one_after_another():
    lengths = []
    for clients in (2, 6):
        up = (run := play(settings(clients=clients))).messages[run.messages.direction == "up"]
        lengths.append(set(up.received_ns - up.sent_ns))
    assert lengths[0] | lengths[1] <= {D_OVER_2B_NS - 1, D_OVER_2B_NS, D_OVER_2B_NS + 1}
    digital = play(settings({"sharing": "tdma", "loss": "none"}))
    assert digital.rounds.time_ns.max() > run.rounds.time_ns.max()


def test_the_same_world_has_the_same_fingerprint():
    prints = {play_world(settings(seed=seed))[1].fingerprints["network"] for seed in (3, 3, 4)}
    assert len(prints) == 2


@pytest.mark.parametrize(
    "changes",
    [
        {"aggregation": {"mode": "buffered", "buffer": 3}},
        {"radio": {**SOMETIMES_SILENT, "residual_loss": "discard"}},
    ],
    ids=["buffered", "discard"],
)
def test_nobody_can_be_left_out_of_what_the_air_has_summed(changes):
    with pytest.raises(ValueError, match=r"cannot be told apart, got \d to sum: take aggregation mode synchronous"):
        play({**settings(), **changes})


def test_unequal_payloads_cannot_add_up():
    tiers = [{"name": "small", "lora_modules_per_block": 1}, {"name": "large", "lora_modules_per_block": 3}]
    unequal = {"method": "vanilla_fl", "aggregation": {"lora_average": "per_module"}, "devices": {"tiers": tiers}}
    with pytest.raises(ValueError, match="payloads that add up on the air must be equal, got bytes by client"):
        play(settings(**unequal))
