"""Synchronous rounds against a timeline worked out by hand: no fading, no packets, an ideal downlink."""

from __future__ import annotations

from math import log2

from worlds import ADAPTER_BYTES, CALM, blueprint_of, play

SPEEDS = (2.0, 1.0, 0.5)


def scenario(**changes):
    tiers = [{"name": f"tier{i}", "gflops": speed} for i, speed in enumerate(SPEEDS)]
    overrides = [{"client": i, "tier": f"tier{i}"} for i in range(3)]
    return {
        "clients": {"count": 3, "overrides": overrides},
        "stages": {"instruction": {"rounds": 2, "local_steps": 2, "batch_size": 2}},
        "devices": {"tiers": tiers},
        "radio": CALM,
        **changes,
    }


def durations_ns():
    blueprint = blueprint_of(scenario())
    from pwffsim.world.world import stages

    (stage,) = stages(blueprint)
    compute = [round(stage.train_flops(p, None) / (p.tier.gflops * 1e9) * 1e9) for p in blueprint.profiles]
    upload_s = 8 * ADAPTER_BYTES / (1e6 * log2(1 + 10**0.5))
    return compute, upload_s


def test_each_client_computes_then_sends_then_waits_for_the_slowest():
    compute, upload_s = durations_ns()
    spans = play(scenario()).spans
    fast = spans[(spans.actor == "client-00") & (spans["round"] <= 1)].iloc[:3]
    assert list(fast.kind) == ["compute", "upload", "idle"]
    assert list(fast.start_ns) == [0, compute[0], round((compute[0] / 1e9 + upload_s) * 1e9)]
    assert fast.duration_ns.iloc[0] == compute[0]


def test_a_round_lasts_as_long_as_its_slowest_client():
    compute, upload_s = durations_ns()
    rounds = play(scenario()).rounds
    slowest_s = max(compute) / 1e9 + upload_s
    assert abs(rounds.time_ns.iloc[0] - slowest_s * 1e9) <= 1
    assert abs(rounds.time_ns.iloc[1] - 2 * slowest_s * 1e9) <= 2
    assert list(rounds.version) == [1, 2]
    assert all(list(ages) == [0, 0, 0] for ages in rounds.staleness)


def test_weights_are_shares_of_the_rows():
    rounds = play(scenario(), rows=(100, 200, 700)).rounds
    assert list(rounds.weights.iloc[0]) == [0.1, 0.2, 0.7]


def test_weights_can_be_uniform():
    rounds = play(scenario(aggregation={"weights": "uniform"}), rows=(100, 200, 700)).rounds
    assert list(rounds.weights.iloc[0]) == [1 / 3] * 3


def test_energy_on_air_is_power_times_time_on_air():
    run = play(scenario(radio={**CALM, "tx_power_w": 0.25}))
    air = run.spans[run.spans.kind == "upload"]
    assert list(air.energy_nj) == [round(0.25 * duration) for duration in air.duration_ns]
    assert list(run.messages.energy_nj) == list(air.energy_nj)


def test_compute_energy_is_the_tiers_power_times_time():
    run = play(scenario())
    work = run.spans[run.spans.kind == "compute"]
    assert list(work.energy_nj) == [4 * duration for duration in work.duration_ns]


def test_evaluation_costs_time_only_when_asked_to():
    free, paid = play(scenario()), play(scenario(evaluation={"costs_time": True}))
    assert "evaluate" not in set(free.spans.kind)
    assert (paid.spans.kind == "evaluate").sum() == 6
    assert paid.rounds.time_ns.iloc[-1] > free.rounds.time_ns.iloc[-1]
