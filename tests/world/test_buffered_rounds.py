"""Buffered asynchronous coordination, and its seam with the synchronous one."""

from __future__ import annotations

import pytest
from worlds import CALM, losing, play

FAST_AND_SLOW = {
    "clients": {"count": 3, "overrides": [{"client": 2, "tier": "slow"}]},
    "stages": {"instruction": {"rounds": 6, "local_steps": 2, "batch_size": 2}},
    "devices": {"tiers": [{"name": "fast", "gflops": 2.0}, {"name": "slow", "gflops": 0.05, "share": 0.001}]},
    "radio": CALM,
}


def with_mode(**aggregation):
    return {**FAST_AND_SLOW, "aggregation": {"mode": "buffered", **aggregation}}


def test_with_a_buffer_of_all_clients_and_no_early_tasks_it_is_synchronous():
    buffered = play(with_mode(buffer=3, retask="next_version"))
    synchronous = play(FAST_AND_SLOW)
    for table in ("spans", "messages", "rounds", "updates"):
        left, right = getattr(buffered, table), getattr(synchronous, table)
        assert left.drop(columns=[]).equals(right), table


def test_nobody_waits_for_the_slowest():
    buffered, synchronous = play(with_mode(buffer=2)), play(FAST_AND_SLOW)
    assert buffered.rounds.time_ns.iloc[-1] < 0.5 * synchronous.rounds.time_ns.iloc[-1]


def test_the_slow_clients_update_is_stale_and_counts_for_less():
    stages = {"instruction": {"rounds": 30, "local_steps": 2, "batch_size": 2}}
    rounds = play({**with_mode(buffer=2), "stages": stages}).rounds
    slow = [row for _, row in rounds.iterrows() if "client-02" in row.clients]
    assert slow, "the slow client's update was never summed"
    for row in slow:
        factors = [(1 + age) ** -0.5 for age in row.staleness]
        expected = [factor / sum(factors) for factor in factors]
        assert list(row.weights) == pytest.approx(expected, rel=1e-12)
        assert row.staleness[list(row.clients).index("client-02")] > 5


def test_constant_staleness_weighs_all_alike():
    rounds = play({**with_mode(buffer=2, staleness={"rule": "constant"})}).rounds
    assert all(list(row) == [0.5, 0.5] for row in rounds.weights)


def test_next_version_keeps_clients_waiting():
    """A client gets one task a version; otherwise it may get several, and so more is begun."""
    immediately = play(with_mode(buffer=2)).updates
    waiting = play(with_mode(buffer=2, retask="next_version")).updates
    assert not waiting.duplicated(["client", "version"]).any()
    assert immediately.duplicated(["client", "version"]).any()
    assert len(waiting) < len(immediately)


def test_an_old_buffer_is_summed_after_its_longest_wait():
    patient = play(with_mode(buffer=3, retask="next_version"))
    hasty = play(with_mode(buffer=3, retask="next_version", max_wait_s=0.5))
    first = hasty.rounds.iloc[0]
    assert list(first.clients) == ["client-00", "client-01"]
    arrived_ns = hasty.messages[hasty.messages.source == "client-00"].received_ns.iloc[0]
    assert first.time_ns == arrived_ns + 500_000_000
    assert len(patient.rounds.iloc[0].clients) == 3


def test_the_straggler_is_dismissed_as_late_once_the_stage_is_over():
    updates = play(with_mode(buffer=2)).updates
    late = updates[updates.fate == "late"]
    assert "client-02" in set(late.client)


def test_a_stage_does_not_wait_for_a_straggler_of_the_one_before():
    two = {
        **with_mode(buffer=2),
        "stages": {"instruction": {"rounds": 3}, "reward": {"rounds": 2}, "alignment": {"rounds": 2}},
    }
    run = play(two)
    rounds = run.rounds
    assert list(rounds.stage) == ["instruction"] * 3 + ["reward"] * 2 + ["alignment"] * 2
    slow = run.spans[(run.spans.actor == "client-02") & (run.spans.stage == "instruction")]
    assert (slow.start_ns + slow.duration_ns).max() > rounds.time_ns.iloc[3]
    assert "skipped" in set(run.updates.fate), "tasks of a stage that is over are taken back"


def test_lost_updates_do_not_starve_the_buffer():
    lossy = {
        **with_mode(buffer=3, retask="next_version"),
        "radio": {**CALM, **losing(0.01)},
    }
    updates, rounds = (run := play(lossy)).updates, run.rounds
    assert len(updates) == 6 * 3 and set(updates.fate) == {"lost", "applied"}
    arrived = updates[updates.fate == "applied"].groupby("round")["update"].agg(set)
    assert list(rounds["round"]) == list(arrived.index)
    assert [set(summed) for summed in rounds.updates] == list(arrived)
    assert min(len(summed) for summed in arrived) < 3, "a round is summed though the buffer is not full"
