"""Links over which no update ever comes: stages end all the same, with nothing summed."""

from __future__ import annotations

from collections import Counter

import pytest
from spy import watch
from worlds import CALM, losing

DEAD = {**CALM, **losing(1.0)}
TIERS = {"tiers": [{"name": "fast", "gflops": 2.0}, {"name": "slow", "gflops": 0.1, "share": 0.001}]}
CLIENTS = {"count": 3, "overrides": [{"client": 2, "tier": "slow"}]}
STAGES = {"instruction": {"rounds": 4}, "reward": {"rounds": 2}, "alignment": {"rounds": 3}}
MODES = {
    "synchronous": {"mode": "synchronous"},
    **{
        f"buffer of {buffer}, {retask}, {wait}": {
            "mode": "buffered",
            "buffer": buffer,
            "retask": retask,
            "max_wait_s": wait,
        }
        for buffer in (1, 3)
        for retask in ("immediately", "next_version")
        for wait in (None, 0.5)
    },
}


@pytest.fixture(params=MODES)
def seen(request):
    world = {"clients": CLIENTS, "stages": STAGES, "devices": TIERS, "radio": DEAD}
    return watch({**world, "aggregation": MODES[request.param]})


def test_every_stage_ends_after_its_rounds_with_nothing_summed(seen):
    assert len(seen.run.rounds) == len(seen.of("aggregate")) == 0
    for stage, settings in STAGES.items():
        for client in seen.clients:
            assert len(seen.of(f"{stage}.evaluate", client)) == 1 + settings["rounds"]


def test_a_round_is_given_up_when_as_many_updates_are_lost_as_there_are_clients(seen):
    updates = seen.run.updates
    assert set(updates.fate) <= {"lost", "late", "skipped"}
    lost = Counter(updates[updates.fate == "lost"].stage)
    assert lost == {stage: 3 * settings["rounds"] for stage, settings in STAGES.items()}
    for stage, own in updates.groupby("stage"):
        assert set(own["round"]) == set(range(1, STAGES[stage]["rounds"] + 1))
    assert set(updates.version) == {0}


def test_everybody_starts_every_training_from_the_first_shared_state(seen):
    start = seen.initial()
    for client in seen.clients:
        for found in seen.trained(client).values():
            shared = [name for name in ("adapters", "reward") if name in found.recipe.inputs]
            assert shared
            assert all(found.recipe.inputs[name] == start.part(name) for name in shared)


def test_the_clock_stops_with_the_last_transfer(seen):
    spans = seen.run.spans
    end_ns = (spans.start_ns + spans.duration_ns).max()
    assert end_ns == seen.run.messages.received_ns.max()
    assert end_ns < 1e9 * 3600


def test_partial_acceptance_of_nothing_is_still_an_update():
    """With partial acceptance an update without a byte counts as a step of zero: it is summed, all of it lost."""
    radio = {**DEAD, "residual_loss": "partial"}
    seen = watch({"clients": 2, "stages": {"instruction": {"rounds": 2}}, "radio": radio})
    up = seen.run.messages
    assert set(up.delivered_bytes) == {0} and set(seen.run.updates.fate) == {"applied"}
    for found in seen.of("aggregate"):
        assert found.recipe.params["lost"] == [[[0, up.payload_bytes.iloc[0]]]] * 2
