"""The plan on the terminal: the usual columns always, others only where they say something."""

from __future__ import annotations

from io import StringIO

from lawful_run import RECORDS, remember, remember_with
from rich.console import Console
from roaming_run import DECLARED, ROAMING

from pwffsim.commands.timetable import CLIENTS, STAGES, show, table
from pwffsim.runs.summary import summarise
from pwffsim.simulation.plan import Plan

USUAL = ["up MB", "down MB", "tx J", "compute J"]
PLAIN, NETWORK = summarise(remember(RECORDS)), summarise(remember_with(DECLARED, ROAMING))


def titles(summary, what, entries):
    return [str(column.header) for column in table(what, summary[f"{what}s"], entries).columns]


def printed(what, rows, entries):
    console = Console(width=200, file=StringIO())
    console.print(table(what, rows, entries))
    return [line.split() for line in console.file.getvalue().splitlines() if line.strip()]


def without_energy_at_rest(summary):
    quiet = {"energy_rx_j": 0.0, "energy_idle_j": 0.0}
    return {what: {name: row | quiet for name, row in summary[what].items()} for what in ("stages", "clients")}


def test_one_cell_without_energy_at_rest_has_the_usual_columns():
    plain = without_energy_at_rest(PLAIN)
    assert titles(plain, "stage", STAGES) == ["stage", "from s", "takes s", "rounds", "s a round", "slowest s", *USUAL]
    times = ["compute s", "on air s", "again s", "queue s", "idle s"]
    assert titles(plain, "client", CLIENTS) == ["client", *times, *USUAL]


def test_a_network_adds_handovers_and_wires_and_energy_at_rest_its_own():
    stages, clients = titles(NETWORK, "stage", STAGES), titles(NETWORK, "client", CLIENTS)
    assert {"handovers", "wires MB", "rx J", "waiting J"} <= set(stages)
    assert {"handovers", "handover s", "rx J", "waiting J"} <= set(clients)


def test_values_are_in_the_units_of_their_titles():
    row = NETWORK["stages"]["instruction"] | {"backhaul_bytes": 2_500_000, "round_delay_max_s": None, "start_s": 1.5}
    head, _, line = printed("stage", {"instruction": row}, STAGES)
    assert line[:2] == ["instruction", "1.500"]
    assert {"-", "2.500"} <= set(line)
    assert head[0] == "stage"


def test_a_plan_is_shown_whole(capsys):
    show(Plan(remember(RECORDS), PLAIN, [], "f00d"))
    text = capsys.readouterr().out
    assert "network fingerprint f00d" in text
    assert all(name in text for name in ("instruction", "reward", "client-00", "client-01"))


def test_a_long_table_says_how_much_it_leaves_out(capsys):
    client = PLAIN["clients"]["client-00"]
    many = PLAIN | {"clients": {f"client-{number:02d}": client for number in range(130)}}
    show(Plan(remember(RECORDS), many, [], "f00d"))
    text = capsys.readouterr().out
    assert "client-99" in text and "client-100" not in text
    assert "30 more clients: take --json" in text
