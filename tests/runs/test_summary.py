"""Sums and quantiles of the hand-written run, each worked out by hand, and equal to the frames' own totals."""

from __future__ import annotations

import json

import pytest
from lawful_run import C0, C1, RECORDS, remember, remember_with
from roaming_run import DECLARED, ROAMING

from pwffsim.runs.records import Metric
from pwffsim.runs.summary import OF_CLIENTS, summarise


@pytest.fixture(scope="module")
def run():
    return remember(RECORDS)


@pytest.fixture(scope="module")
def summary(run):
    return summarise(run)


def test_the_whole(summary):
    assert summary["finished_s"] == 160e-9
    assert summary["drained_s"] == 175e-9
    assert summary["rounds"] == 3
    assert summary["uplink_bytes"] == summary["downlink_bytes"] == 600
    assert (summary["uplink_lost_bytes"], summary["downlink_lost_bytes"]) == (40, 0)
    assert (summary["packets"], summary["retransmitted_packets"]) == (48, 1)
    assert summary["energy_tx_j"] == 2 * (25 + 15 + 20 + 8 + 10 + 10) / 1e9
    assert summary["energy_rx_j"] == (3 + 4 + 3 + 4 + 3 + 4) / 1e9
    assert summary["energy_compute_j"] == (12 + 14 + 12 + 14 + 8 + 8 + 9) / 1e9
    assert summary["energy_idle_j"] == (6 + 0 + 5 + 1) / 1e9
    assert summary["energy_j"] == (176 + 21 + 77 + 12) / 1e9
    assert (summary["handovers"], summary["backhaul_bytes"]) == (0, 0)
    fates = {name: summary[f"updates_{name}"] for name in ("applied", "late", "lost", "skipped", "kept")}
    assert fates == {"applied": 4, "late": 1, "lost": 1, "skipped": 1, "kept": 1}
    assert (summary["staleness_mean"], summary["staleness_max"]) == (0.0, 0)


def test_the_stages(summary):
    assert list(summary["stages"]) == ["instruction", "reward"]
    first, second = summary["stages"].values()
    assert (first["start_s"], first["duration_s"], first["rounds"]) == (0.0, 130e-9, 2)
    assert first["round_delay_mean_s"] == first["round_delay_p50_s"] == 65e-9
    assert first["round_delay_max_s"] == 70e-9
    assert first["round_delay_p90_s"] == pytest.approx(69e-9, rel=1e-12)
    assert first["uplink_bytes"] == 400
    assert first["updates_lost"] == 1
    assert (second["start_s"], second["duration_s"], second["rounds"]) == (130e-9, 30e-9, 1)
    assert second["updates_late"] == second["updates_skipped"] == second["updates_kept"] == 1
    assert second["energy_tx_j"] == 40e-9


def test_the_clients(summary):
    assert list(summary["clients"]) == [C0, C1]
    assert summary["clients"][C0]["compute_s"] == (20 + 20 + 10 + 10) / 1e9
    assert summary["clients"][C0]["retransmit_s"] == 5e-9
    assert summary["clients"][C0]["idle_s"] == (15 + 10 + 5) / 1e9
    assert summary["clients"][C1]["queue_s"] == 3e-9
    for client in summary["clients"].values():
        assert sum(client[f"{kind}_s"] for kind in OF_CLIENTS) == pytest.approx(175e-9, rel=1e-12)


def test_a_network():
    summary = summarise(remember_with(DECLARED, ROAMING))
    assert (summary["handovers"], summary["backhaul_bytes"]) == (2, 6 * 100 + 2 * 60)
    assert summary["stages"]["instruction"]["handovers"] == 2
    assert summary["stages"]["instruction"]["backhaul_bytes"] == 720
    assert summary["stages"]["instruction"]["energy_j"] == summary["energy_j"]
    mine = summary["clients"][C0]
    assert (mine["handovers"], mine["handover_s"], mine["queue_s"]) == (2, 6e-9, 5e-9)
    assert "backhaul_s" not in mine and "jam_s" not in mine
    assert sum(mine[f"{kind}_s"] for kind in OF_CLIENTS) == pytest.approx(77e-9, rel=1e-12)
    kinds = ("energy_tx_j", "energy_rx_j", "energy_compute_j", "energy_idle_j")
    assert sum(mine[kind] for kind in kinds) == pytest.approx(mine["energy_j"], rel=1e-12)


def test_the_metrics(summary):
    loss = summary["metrics"]["loss"]
    assert loss[C0] == {"first": 3.0, "last": 1.5, "last_s": 130e-9, "best": 1.5, "best_s": 130e-9}
    assert loss[C1] == {"first": 2.5, "last": 2.75, "last_s": 130e-9, "best": 2.5, "best_s": 70e-9}
    assert summary["metrics"]["global_accuracy"]["server"]["best"] == 0.5


def test_totals_equal_the_frames_totals(run, summary):
    up = run.messages[run.messages.direction == "up"]
    assert summary["uplink_bytes"] == up.payload_bytes.sum()
    assert summary["energy_j"] == run.spans.energy_nj.sum() / 1e9
    for key in ("uplink_bytes", "downlink_bytes", "packets", "uplink_lost_bytes", "retransmitted_packets", "handovers"):
        assert summary[key] == sum(stage[key] for stage in summary["stages"].values())
        assert summary[key] == sum(client[key] for client in summary["clients"].values())
    for key in (
        "energy_tx_j",
        "energy_rx_j",
        "energy_compute_j",
        "energy_idle_j",
        "energy_j",
        "updates_applied",
        "updates_late",
        "updates_kept",
    ):
        assert summary[key] == pytest.approx(sum(stage[key] for stage in summary["stages"].values()), rel=1e-12)
        assert summary[key] == pytest.approx(sum(client[key] for client in summary["clients"].values()), rel=1e-12)


@pytest.mark.parametrize(
    ("name", "best"),
    [
        ("accuracy", 3.0),
        ("loss", 1.0),
        ("train_loss", 1.0),
        ("kl", 1.0),
        ("kl_per_token", 1.0),
        ("reward_sum", 3.0),
        ("lossless_share", 3.0),
    ],
)
def test_best_is_highest_or_lowest_by_the_metrics_name(name, best):
    metrics = [Metric(time, C0, "s", 1, name, value) for time, value in enumerate((2.0, 3.0, 1.0, 2.0))]
    course = summarise(remember(metrics))["metrics"][name][C0]
    assert (course["first"], course["last"], course["best"]) == (2.0, 2.0, best)
    assert course["best_s"] == (1 if best == 3.0 else 2) * 1e-9


def test_what_is_not_finite_is_null_and_never_best():
    values = (float("nan"), 1.0, float("inf"))
    summary = summarise(remember([Metric(time, C0, "s", 1, "accuracy", v) for time, v in enumerate(values)]))
    course = summary["metrics"]["accuracy"][C0]
    assert (course["first"], course["last"], course["best"]) == (None, None, 1.0)
    only = summarise(remember([Metric(0, C0, "s", 1, "accuracy", float("nan"))]))
    assert only["metrics"]["accuracy"][C0]["best"] is None
    assert json.loads(json.dumps(summary, allow_nan=False)) == summary


def test_a_run_of_nothing():
    summary = summarise(remember([]))
    assert summary["finished_s"] is None
    assert summary["drained_s"] is None
    assert summary["staleness_mean"] is None
    assert summary["energy_j"] == 0.0
    assert summary["stages"] == summary["clients"] == summary["metrics"] == {}


def test_a_stage_without_an_aggregation_lasts_to_its_last_span():
    spans = [record for record in RECORDS if getattr(record, "stage", "") == "reward" and hasattr(record, "kind")]
    stage = summarise(remember(spans))["stages"]["reward"]
    assert stage["rounds"] == 0
    assert stage["duration_s"] == 45e-9
    assert stage["round_delay_mean_s"] is None
