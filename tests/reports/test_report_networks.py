"""Cells, wires, handovers and jammers in the report: rows, looks, sums; and nothing of them where there are none."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from network_run import CELLS, CLIENTS, IDLE_W, JAMMER, ROUNDS, SIZE

from pwffsim.runs.idling import in_rounds
from pwffsim.runs.load import Run
from pwffsim.runs.recorder import MemoryRecorder
from pwffsim.runs.records import Direction, Message, Span, SpanKind
from reports import assumptions, headline, html, quantities, rounds, tables, timeline


def stacks(bars: rounds.Bars, panel: int) -> dict[str, list[float]]:
    """Kind -> its part of every bar of a panel."""
    columns = bars.tables[bars.panels[panel]["table"]]
    return {
        name.removeprefix("stack "): np.asarray(column.values, dtype=float).tolist()
        for name, column in columns.items()
        if name.startswith("stack ")
    }


def message(client: str, direction: Direction, snr_db: float, on_air_ns: int) -> Message:
    """A message with this SINR, on air for so long."""
    ends = (client, "server") if direction == Direction.UP else ("server", client)
    return Message(
        0, *ends, direction, 0, 100, "s", 0, 0, payload_bytes=1, delivered_bytes=1, lost_bytes=0, packets=1,
        transmissions=1, energy_nj=0, mean_snr_db=snr_db, mean_rate_bps=1.0, complete=True, cell="cell", handovers=0,
        held_ns=0, on_air_ns=on_air_ns, full_power_ns=on_air_ns,
    )  # fmt: skip


def test_rows_are_server_cells_wires_jammers_then_clients(network: Run) -> None:
    facts = timeline.build(network, tables.described_clients(network)).facts
    roles = [row["role"] for row in facts["rows"]]
    assert roles == ["server", "cell", "cell", *["wire"] * 6, "jammer", *["client"] * CLIENTS]
    names = [row["name"] for row in facts["rows"]]
    assert names[:3] == ["server", *CELLS]
    assert names[9] == JAMMER
    assert facts["cells"] == list(CELLS)


def test_a_wire_that_carried_nothing_has_no_row_and_its_idling_is_not_counted(network: Run) -> None:
    assert "hub>attic" in set(network.spans["actor"])
    assert "hub>attic" not in timeline.actors(network, [])
    kept = len(np.asarray(timeline.build(network, []).tables["spans"]["row"].values))
    assert kept == len(network.spans) - 1
    assert f"{kept} spans" in html.render(network)


def test_messages_carry_cell_handovers_hold_and_share_on_air(network: Run) -> None:
    columns = timeline.build(network, []).tables["messages"]
    told = network.messages.sort_values(["direction", "update"], kind="stable")
    cells = np.asarray(columns["cell"].values).tolist()
    assert [CELLS[code] for code in cells] == told["cell"].tolist()
    assert np.asarray(columns["handovers"].values).tolist() == told["handovers"].tolist()
    assert np.asarray(columns["held"].values).tolist() == told["held_ns"].tolist()
    shares = np.asarray(columns["share"].values)
    assert shares[(told["direction"] == "up").to_numpy()] == pytest.approx(0.5)
    assert shares[(told["direction"] == "down").to_numpy()] == pytest.approx(1.0)


def test_a_transfer_that_took_no_time_was_on_air_all_of_it() -> None:
    recorder = MemoryRecorder()
    recorder.message(replace(message("client-00", Direction.UP, 3.0, 0), received_ns=0))
    assert np.asarray(timeline.build(recorder.run(), []).tables["messages"]["share"].values).tolist() == [1.0]


def test_delay_counts_hops_with_their_propagation_waits_for_wires_and_handovers(network: Run) -> None:
    """Up and down 2 x (40 + 5) ms of wires; client i waits 0.1 i s for the wire up; clients 2 and 3 are handed over,
    50 ms. 0.4 s download, 2 s compute, 1 s upload. Mean and straggler (client 3: 3.93 s) by hand."""
    bars = rounds.build(network, timeline.actors(network, []))
    found = stacks(bars, 0)
    expected = {"download": 0.4, "compute": 2.0, "queue": 0.15, "upload": 1.0, "handover": 0.025, "backhaul": 0.18}
    assert found == {kind: pytest.approx([value] * ROUNDS, rel=1e-12) for kind, value in expected.items()}
    table = bars.tables[bars.panels[0]["table"]]
    # the last hop's propagation is part of the delay too
    assert np.asarray(table["straggler"].values) == pytest.approx(3.93, rel=1e-12)
    assert {timeline.actors(network, [])[int(row)] for row in np.asarray(table["whose"].values)} == {"client-03"}


def test_energy_of_idling_belongs_to_rounds_and_bars_add_up(network: Run) -> None:
    bars = rounds.build(network, timeline.actors(network, []))
    panel = bars.panels[1]
    assert panel["stages"] == ["instruction"]
    total = sum(sum(values) for values in stacks(bars, 1).values())
    assert total == pytest.approx(network.summary["energy_j"], rel=1e-12)
    assert len(stacks(bars, 1)["idle"]) == ROUNDS
    assert min(stacks(bars, 1)["idle"]) > 0


def test_idling_before_all_work_counts_to_the_first_round() -> None:
    recorder = MemoryRecorder()
    for kind, start, stage, number in (
        (SpanKind.IDLE, 0, "", 0),
        (SpanKind.COMPUTE, 5, "s", 3),
        (SpanKind.IDLE, 9, "", 0),
    ):
        recorder.span(Span("client-00", kind, start, 4, stage, number, energy_nj=1))
    recorder.span(Span("client-01", SpanKind.IDLE, 0, 4, "", 0, energy_nj=1))
    found = in_rounds(recorder.run().spans)
    assert found.sort_index()[["stage", "round"]].to_numpy().tolist() == [["s", 3], ["s", 3], ["s", 3], ["", 0]]


def test_client_table_tells_handovers_sinr_and_all_energy(network: Run) -> None:
    rows = tables.client_rows(network)
    shown = {field.key for field in tables.columns(rows)}
    assert {"handovers", "handover_s", "sinr_db", "download_j", "rest_j"} <= shown
    assert [row["handovers"] for row in rows] == [0, 0, ROUNDS, ROUNDS]
    for client, row in enumerate(rows):
        told = network.summary["clients"][row["name"]]
        assert row["handovers"] == told["handovers"]
        assert row["sinr_db"] == pytest.approx(10.0 - 2 * client, rel=1e-12)
        energies = sum(row[key] for key in ("compute_j", "on_air_j", "download_j", "rest_j"))
        assert energies == pytest.approx(told["energy_j"], rel=1e-12)
        times = ("compute_s", "on_air_s", "download_s", "queue_s", "handover_s", "idle_s")
        assert sum(row[key] for key in times) == pytest.approx(network.summary["drained_s"], rel=1e-12)
        assert row["rest_j"] == pytest.approx(IDLE_W * (row["handover_s"] + row["idle_s"]), rel=1e-9)


def test_sinr_is_a_linear_mean_over_the_time_on_air_of_uploads() -> None:
    """10 dB for 3 ns and 0 dB for 1 ns: (10 x 3 + 1 x 1) / 4 = 7.75, in dB 10 log10 7.75."""
    recorder = MemoryRecorder()
    for snr_db, on_air_ns in ((10.0, 3), (0.0, 1), (-np.inf, 5), (30.0, 0)):
        recorder.message(message("client-00", Direction.UP, snr_db, on_air_ns))
    recorder.message(message("client-00", Direction.DOWN, 40.0, 9))
    recorder.message(message("client-01", Direction.UP, np.inf, 9))
    found = tables.sinr_db(recorder.run().messages)
    assert found.to_dict() == {"client-00": pytest.approx(10 * np.log10(7.75), rel=1e-12)}


def test_headline_tells_handovers_and_wires_only_where_there_are_any(network: Run, run: Run) -> None:
    figures = {figure.title: figure for figure in headline.build(network)}
    assert figures["Handovers during transfers"].value == str(2 * ROUNDS)
    assert figures["Carried over wires"].value == quantities.byte_count(4 * SIZE * CLIENTS * ROUNDS)
    assert figures["Carried over wires"].value == quantities.byte_count(network.summary["backhaul_bytes"])
    assert figures["Energy"].value == quantities.energy(network.summary["energy_j"])
    plain = {figure.title for figure in headline.build(run)}
    assert not {"Handovers during transfers", "Carried over wires"} & plain
    keys = {field.key for field in tables.columns(tables.client_rows(run))}
    assert not {"handovers", "handover_s", "rest_j"} & keys


def test_what_is_simulated_depends_on_the_network(network: Run, run: Run) -> None:
    def told(one: Run) -> dict[str, str]:
        return {standing.aspect: standing.how for standing in assumptions.standings(one)}

    aspects = ("Mobility, handover", "Interference", "Wires between cells and server")
    assert [told(network)[aspect] for aspect in aspects] == ["simulated"] * 3
    assert [told(run)[aspect] for aspect in aspects] == ["not modelled"] * 3
