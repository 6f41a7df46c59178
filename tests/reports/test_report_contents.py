"""What the report says equals what was recorded: totals, curves, rounds, rows."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from synthetic_run import STAGES

from pwffsim.runs.load import Run
from pwffsim.runs.recorder import MemoryRecorder
from pwffsim.runs.records import Metric, Span, SpanKind
from reports import assumptions, curves, details, headline, html, quantities, rounds, tables, timeline


def metrics(*rows: tuple[float, str, str, str, float]) -> Run:
    """A run of metrics alone: (seconds, actor, stage, name, value)."""
    recorder = MemoryRecorder()
    for time_s, actor, stage, name, value in rows:
        recorder.metric(Metric(round(time_s * 1e9), actor, stage, 0, name, value))
    return recorder.run()


def curve(found: curves.Curves, table: str, column: str, where: list[int]) -> list[float]:
    """A stretch of a packed curve, before packing."""
    return np.asarray(found.tables[table][column].values)[where[0] : where[0] + where[1]].tolist()


# ---------------------------------------------------------------- tables and figures at the top


def test_client_totals_are_those_of_the_records_and_of_the_summary(run: Run) -> None:
    rows = {row["name"]: row for row in tables.client_rows(run)}
    assert list(rows) == sorted(run.summary["clients"])
    for name, row in rows.items():
        told = run.summary["clients"][name]
        assert row["up_bytes"] == told["uplink_bytes"]
        assert row["down_bytes"] == told["downlink_bytes"]
        assert [row[fate] for fate in tables.FATES] == [told[f"updates_{fate}"] for fate in tables.FATES]
        assert row["compute_s"] == pytest.approx(told["compute_s"] + told["evaluate_s"], rel=1e-12)
        assert row["on_air_s"] == pytest.approx(told["upload_s"] + told["retransmit_s"], rel=1e-12)
        assert row["idle_s"] == pytest.approx(told["idle_s"], rel=1e-12)
        assert row["on_air_j"] == pytest.approx(told["energy_tx_j"], rel=1e-12)
        assert row["compute_j"] == pytest.approx(told["energy_compute_j"], rel=1e-12)
    assert sum(row["up_bytes"] for row in rows.values()) == run.summary["uplink_bytes"]
    assert sum(row["on_air_j"] for row in rows.values()) == pytest.approx(run.summary["energy_tx_j"], rel=1e-12)


def test_client_times_fill_the_whole_run(run: Run) -> None:
    for row in tables.client_rows(run):
        parts = [row[key] for key in ("compute_s", "on_air_s", "download_s", "queue_s", "handover_s", "idle_s")]
        assert sum(parts) == pytest.approx(run.summary["drained_s"], rel=1e-12)


def test_first_and_last_are_by_time_and_gains_their_difference(run: Run) -> None:
    row = tables.client_rows(run)[3]
    courses = run.summary["metrics"]
    assert row["accuracy_first"] == courses["accuracy"]["client-03"]["first"]
    assert row["accuracy_last"] == courses["accuracy"]["client-03"]["last"]
    rewards = courses["reward_weighted"]["client-03"]
    assert row["reward_gain"] == pytest.approx(rewards["last"] - rewards["first"], rel=1e-12)


def test_the_tables_last_row_adds_up_what_can_be_added(run: Run) -> None:
    table = tables.build(tables.client_rows(run))
    shown = [field.key for field in tables.columns(tables.client_rows(run))]
    by_title = dict(zip(shown, table["totals"], strict=True))
    assert by_title["name"] == "all"
    assert by_title["applied"] == quantities.count(run.summary["updates_applied"])
    assert by_title["up_bytes"] == quantities.byte_count(run.summary["uplink_bytes"])
    assert by_title["tier"] == by_title["accuracy_last"] == ""
    assert sum(group["columns"] for group in table["groups"]) == len(table["titles"]) == len(table["rows"][0])


def test_a_client_without_records_has_a_row_of_zeros_and_unknowns() -> None:
    run = MemoryRecorder().run(manifest={"clients": [{"name": "client-00", "tier": "phone", "mean_snr_db": math.inf}]})
    rows = tables.client_rows(run)
    (row,) = tables.build(rows)["rows"]
    texts = dict(zip([field.key for field in tables.columns(rows)], (cell["text"] for cell in row), strict=True))
    assert (texts["applied"], texts["up_bytes"]) == ("0", f"0{quantities.JOIN}B")
    assert texts["accuracy_last"] == texts["samples"] == quantities.MISSING


def test_key_figures_carry_their_numbers_and_what_to_compare_with(run: Run) -> None:
    figures = {figure.title: figure for figure in headline.build(run)}
    accuracy = run.metrics[(run.metrics["name"] == "accuracy")].sort_values("time_ns").groupby("actor")["value"]
    first, last = accuracy.first().mean(), accuracy.last().mean()
    shown = figures["Response-token accuracy"]
    assert shown.value == f"{quantities.percent(first)} → {quantities.percent(last)}"
    assert "best baseline 28.4\u202f% (untuned base)" in shown.note
    assert figures["Uplink payload"].value == quantities.byte_count(run.summary["uplink_bytes"])
    assert figures["Energy"].value == quantities.energy(run.summary["energy_j"])
    assert figures["Updates applied"].value == f"{run.summary['updates_applied']} of {len(run.updates)}"
    assert "10 of 10 clients gain" in figures["Own weighted reward gained"].note
    assert figures["Simulated time to the end"].value == quantities.duration(run.summary["drained_s"])
    assert figures["Wall time"].value == f"83.5{quantities.JOIN}s"


# ---------------------------------------------------------------- timeline


def test_rounding_to_ticks_never_opens_a_gap_between_spans() -> None:
    rng = np.random.default_rng(3)
    lengths = rng.integers(1, 5_000, 20_000)
    starts = np.concatenate([[0], np.cumsum(lengths)[:-1]])
    spans = pd.DataFrame({"start_ns": starts, "duration_ns": lengths})
    tick = timeline.tick_ns(len(spans))
    assert tick == timeline.COARSE_TICK_NS
    start = timeline.ticks(spans["start_ns"], tick)
    end = timeline.ticks(spans["start_ns"] + spans["duration_ns"], tick)
    assert not timeline.gaps(np.zeros(len(spans), dtype=np.int64), start, end).any()
    assert abs(end[-1] * tick - lengths.sum()) <= tick // 2


def test_rows_are_server_cell_then_clients_by_number_idle_ones_too(run: Run) -> None:
    clients = [{"name": f"client-{number}", "tier": "phone"} for number in (10, 9, 100)]
    names = timeline.actors(MemoryRecorder().run(), clients)
    assert names == ["server", "cell", "client-9", "client-10", "client-100"]
    facts = timeline.build(run, tables.described_clients(run)).facts
    assert [row["role"] for row in facts["rows"]] == ["server", "cell", *["client"] * 10]
    assert facts["rows"][3] == {"name": "client-01", "role": "client", "tier": "phone"}


def test_stage_bands_follow_one_another_and_ignore_idling() -> None:
    recorder = MemoryRecorder()
    for kind, start, length, stage in (
        (SpanKind.IDLE, 0, 90, "first"),
        (SpanKind.COMPUTE, 5, 20, "first"),
        (SpanKind.UPLOAD, 25, 10, "first"),
        (SpanKind.COMPUTE, 30, 20, "second"),
    ):
        recorder.span(Span("client-00", kind, start * 10**9, length * 10**9, stage, 0))
    shown = [tuple(band.values()) for band in timeline.bands(recorder.run().spans)]
    assert [row[0] for row in shown] == ["first", "second"]
    assert [row[1:] for row in shown] == [pytest.approx((5.0, 30.0)), pytest.approx((30.0, 50.0))]


def test_every_kind_of_span_has_a_place_a_look_and_a_colour() -> None:
    assert set(timeline.KINDS) == set(SpanKind)
    style, looks = html.asset("style.css"), html.asset("timeline_draw.js")
    for kind in SpanKind:
        assert f"--kind-{kind}: light-dark(" in style
        assert f"\n  {kind}: {{ height: " in looks


def test_a_kind_that_nobody_foresaw_is_kept() -> None:
    recorder = MemoryRecorder()
    recorder.span(Span("client-00", SpanKind.IDLE, 0, 5, "first", 0))
    run = recorder.run()
    run.__dict__["spans"] = run.spans.assign(kind="satellite")
    found = timeline.build(run, [])
    assert found.facts["kinds"][-1] == "satellite"
    assert found.tables["spans"]["kind"].values.tolist() == [len(timeline.KINDS)]  # type: ignore[union-attr]


# ---------------------------------------------------------------- curves


def test_band_carries_each_clients_last_value_forward() -> None:
    run = metrics(
        (1, "client-00", "s", "loss", 4.0),
        (2, "client-01", "s", "loss", 2.0),
        (3, "client-00", "s", "loss", 1.0),
    )
    found = curves.build(run)
    (series,) = found.panels[0]["series"]
    assert curve(found, "bands", "mean", series["band"]) == [4.0, 3.0, 1.5]
    assert curve(found, "bands", "low", series["band"]) == [4.0, 2.0, 1.0]
    assert curve(found, "bands", "high", series["band"]) == [4.0, 4.0, 2.0]
    assert [line["actor"] for line in series["lines"]] == ["client-00", "client-01"]
    assert curve(found, "points", "value", series["lines"][0]["at"]) == [4.0, 1.0]


def test_every_measured_value_is_in_the_curves(run: Run) -> None:
    found = curves.build(run)
    kept = np.asarray(found.tables["points"]["value"].values)
    assert len(kept) == len(run.metrics)
    assert np.allclose(np.sort(kept), np.sort(run.metrics["value"].to_numpy()), rtol=0, atol=0)


def test_unknown_metrics_get_panels_and_stages_with_other_scales_are_apart(run: Run) -> None:
    titles = [panel["title"] for panel in curves.build(run).panels]
    assert "Other metrics: surprise" in titles
    assert [title for title in titles if title.startswith("Training loss")] == [
        f"Training loss, {stage}" for stage in STAGES
    ]


def test_what_was_measured_once_is_a_table_not_a_panel() -> None:
    found = curves.build(
        metrics(
            (0, "client-00", "s", "pairs", 96.0),
            (0, "client-01", "s", "pairs", 32.0),
            (0, "client-00", "s", "accuracy", 0.5),
            (0, "client-00", "s", "tokens_seen", 1.0),
            (1, "client-00", "s", "tokens_seen", 2.0),
        )
    )
    assert found.once == [("pairs", "64.00", "32.00", "96.00", "2")]
    assert [panel["title"] for panel in found.panels] == ["Response-token accuracy", "Other metrics: tokens_seen"]


def test_server_and_clients_share_a_panel_but_not_a_line(run: Run) -> None:
    panel = curves.build(run).panels[0]
    assert [(one["metric"], one["label"], one["band"] is None) for one in panel["series"]] == [
        ("accuracy", "clients' own held-out rows", False),
        ("global_accuracy", "global test set", True),
    ]


def test_baselines_and_the_kl_bound_are_dashed_lines(run: Run) -> None:
    panels = {panel["title"]: panel["guides"] for panel in curves.build(run).panels}
    assert {guide["label"]: guide["value"] for guide in panels["Response-token accuracy"]} == run.manifest["baselines"][
        "accuracy"
    ]
    assert panels["Reward models, held-out pairs ranked right"] == [{"label": "chance", "value": 0.5, "bound": False}]
    assert panels["KL to the reference policy"] == [{"label": "bound", "value": 8.0, "bound": True}]


def test_values_that_are_no_numbers_are_not_plotted() -> None:
    run = metrics((1, "client-00", "s", "kl", math.nan), (2, "client-00", "s", "kl", math.inf))
    assert curves.build(run).panels == []


# ---------------------------------------------------------------- rounds


def values(bars: rounds.Bars, table: str, column: str) -> np.ndarray:
    """A column of a bar panel."""
    return np.asarray(bars.tables[table][column].values, dtype=float)


def test_energy_bars_add_up_to_the_energy_of_the_run(run: Run) -> None:
    bars = rounds.build(run, timeline.actors(run, []))
    panel = bars.panels[1]
    total = sum(values(bars, panel["table"], f"stack {kind}").sum() for kind in panel["kinds"])
    assert total == pytest.approx(run.summary["energy_j"], rel=1e-12)
    assert len(values(bars, panel["table"], "round")) == sum(number for number, _ in STAGES.values())


def test_delay_bars_are_means_over_updates_and_name_the_straggler(run: Run) -> None:
    names = timeline.actors(run, [])
    bars = rounds.build(run, names)
    own = run.spans[(run.spans["stage"] == "alignment") & (run.spans["round"] == 2) & (run.spans["update"] >= 0)]
    whole = own.groupby("actor")["duration_ns"].sum() * 1e-9
    place = STAGES["instruction"][0] + STAGES["reward"][0] + 2
    panel = bars.panels[0]
    stacked = sum(values(bars, panel["table"], f"stack {kind}")[place] for kind in panel["kinds"])
    assert stacked == pytest.approx(whole.mean(), rel=1e-12)
    assert values(bars, panel["table"], "straggler")[place] == pytest.approx(whole.max(), rel=1e-9)
    assert names[int(values(bars, panel["table"], "whose")[place])] == whole.idxmax()


def test_bars_are_stacked_in_the_order_in_which_an_update_lives_through_them(run: Run) -> None:
    assert rounds.build(run, timeline.actors(run, [])).panels[0]["kinds"] == [
        kind for kind in rounds.DELAY_KINDS if kind not in ("handover", "backhaul")
    ]


def test_the_cells_own_record_of_an_upload_does_not_count_twice() -> None:
    recorder = MemoryRecorder()
    for actor, kind, start, length in (
        ("client-00", SpanKind.COMPUTE, 0, 3),
        ("client-00", SpanKind.UPLOAD, 3, 2),
        ("cell", SpanKind.UPLOAD, 3, 2),
    ):
        recorder.span(Span(actor, kind, start * 10**9, length * 10**9, "instruction", 0, update=0))
    bars = rounds.build(recorder.run(), ["server", "cell", "client-00"])
    table = bars.panels[0]["table"]
    assert [values(bars, table, f"stack {kind}").tolist() for kind in ("compute", "upload")] == [[3.0], [2.0]]
    assert values(bars, table, "straggler").tolist() == pytest.approx([5.0])
    assert values(bars, table, "whose").tolist() == [2.0]


def test_a_run_without_spans_has_no_bars() -> None:
    assert rounds.build(MemoryRecorder().run(), ["server", "cell"]).panels == []


# ---------------------------------------------------------------- assumptions, details, numbers


def test_assumptions_keep_their_groups_order_and_units(run: Run) -> None:
    groups = assumptions.build(run)
    assert [group["title"] for group in groups] == ["Radio", "Packets", "Devices", "Model"]
    radio = {row["name"]: row["value"] for row in groups[0]["rows"]}
    assert (radio["bandwidth"], radio["coherence time"]) == (f"1{quantities.JOIN}MHz", f"50{quantities.JOIN}ms")


def test_a_plan_is_not_called_training(run: Run) -> None:
    assert {standing.how for standing in assumptions.standings(run)} == {"real", "simulated", "not modelled"}
    planned = assumptions.standings(MemoryRecorder().run())
    assert planned[0].how == "not run"
    assert not any("Generated" in standing.aspect for standing in planned)


def test_details_tell_laws_data_and_full_fingerprints(run: Run) -> None:
    blocks = {block["title"]: dict(block["rows"]) for block in details.build(run)}
    assert blocks["Fingerprints"]["fingerprint, full"] == run.manifest["fingerprints"]["full"]
    assert blocks["Conservation laws checked, with what was counted"]["tiling"] == str(
        run.manifest["invariants"]["tiling"]
    )
    assert blocks["Data"]["pairs › dropped › chosen equals rejected"] == "3"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0 J"),
        (12_345_678, "12.3 MJ"),
        (999.96, "1.00 kJ"),
        (0.0456, "45.6 mJ"),
        (3e-12, "0.00300 nJ"),
        (-1500, "-1.50 kJ"),
        (math.nan, "–"),
    ],
)
def test_joules_have_three_digits_and_a_prefix(value: float, text: str) -> None:
    assert quantities.energy(value) == text.replace(" ", quantities.JOIN)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.25, "250 ms"), (59.94, "59.9 s"), (900, "15.0 min"), (36_000, "10.0 h"), (864_000, "10.0 d")],
)
def test_durations_choose_their_unit(seconds: float, text: str) -> None:
    assert quantities.duration(seconds) == text.replace(" ", quantities.JOIN)
