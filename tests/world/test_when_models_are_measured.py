"""Evaluations: in which rounds, of what, and at whose expense."""

from __future__ import annotations

import pytest
from spy import watch
from worlds import CALM

ROUNDS = 7


def played(every, costs_time=True, **changes):
    stages = {"instruction": {"rounds": ROUNDS}, "reward": {"rounds": ROUNDS}}
    evaluation = {"every": every, "costs_time": costs_time}
    return watch({"clients": 3, "stages": stages, "radio": CALM, "evaluation": evaluation, **changes})


@pytest.mark.parametrize("every", [1, 2, 3, 9])
def test_devices_pay_for_the_rounds_whose_start_is_measured(every):
    spans = played(every).run.spans
    paid = spans[spans.kind == "evaluate"]
    for stage in ("instruction", "reward"):
        for client in range(3):
            own = paid[(paid.stage == stage) & (paid.actor == f"client-{client:02d}")]
            assert list(own["round"]) == [round_ for round_ in range(1, ROUNDS + 1) if (round_ - 1) % every == 0]


def test_buffered_devices_pay_for_the_same_rounds():
    tiers = {"tiers": [{"name": "a", "gflops": 3.0}, {"name": "b", "gflops": 0.4}]}
    seen = played(2, devices=tiers, aggregation={"mode": "buffered", "buffer": 2})
    paid = seen.run.spans[seen.run.spans.kind == "evaluate"]
    work = seen.run.spans[seen.run.spans.kind == "compute"]
    assert set(paid["update"]) == set(work[work["round"] % 2 == 1]["update"])
    assert set(work["round"]) > set(paid["round"])


def test_an_evaluation_takes_the_time_of_its_operations():
    seen = played(2)
    from pwffsim.world.world import stages

    for stage in stages(seen.blueprint):
        spans = seen.run.spans[(seen.run.spans.kind == "evaluate") & (seen.run.spans.stage == stage.name)]
        (profile, *_) = seen.blueprint.profiles
        expected_ns = round(stage.evaluate_flops(profile) / profile.tier.gflops)
        assert set(spans.duration_ns) == {expected_ns}
        assert set(spans.energy_nj) == {round(profile.tier.compute_power_w * expected_ns)}


@pytest.mark.parametrize(("every", "rounds"), [(1, 8), (2, 5), (3, 4), (9, 2)])
def test_models_are_measured_at_the_start_every_so_many_rounds_and_at_the_end(every, rounds):
    """1 + 7, (0, 2, 4, 6, 7), (0, 3, 6, 7), (0, 7)."""
    seen = played(every, costs_time=False)
    for stage in ("instruction", "reward"):
        for client in seen.clients:
            assert len(seen.of(f"{stage}.evaluate", client)) == rounds


def test_measuring_for_nothing_changes_nothing():
    often, seldom = played(1, costs_time=False).run, played(5, costs_time=False).run
    for table in ("spans", "messages", "rounds", "updates"):
        assert getattr(often, table).equals(getattr(seldom, table))
