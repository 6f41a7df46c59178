"""Cells, nodes, backhaul: what a network may say, and what does not fit."""

from __future__ import annotations

import pytest
from scenario_files import marked

from channel_models.geometry.backhaul import Backhaul
from channel_models.geometry.handover import Handover
from channel_models.mobility.linear import Linear
from channel_models.placement.disc import Disc
from pwffsim.runs import records
from pwffsim.scenario.checks import actors
from pwffsim.scenario.schema.network import SERVER
from pwffsim.scenario.tiers import client_name
from pwffsim.world.radio.backbone import name_of

GOOD = "name: x\nmodel: {base: base}\nstages: {instruction: {}}\nclients: 4\n"
CELLS = "cells: [{name: a}, {name: b, x_m: 300}]"
UMI = "path_loss: umi, least_distance_m: 10, "
BOTH = UMI + CELLS + ", "


def network(rest: str) -> str:
    return f"{GOOD}network: {{{rest}}}\n"


def test_sections_of_a_network_build_their_models(files):
    text = BOTH + "placement: {r_max_m: 200}, mobility: {model: linear, speed_mps: 20}, handover: {hysteresis: 2 dB}, "
    text += "nodes: [{name: hub, kind: edge}], "
    text += "backhaul: [{from: a, to: hub, delay: 2 ms}, {from: b, to: hub}, {from: hub, to: server}]"
    found = files.load(network(text)).scenario.network
    assert found is not None
    place = found.placement.build(seed=3)
    assert place == Disc(seed=3, r_max_m=200)
    assert found.mobility.build(placement=place, seed=3) == Linear(placement=place, seed=3, speed_mps=20)
    assert found.handover.build() == Handover(hysteresis_db=2)
    link = found.backhaul[0]
    assert link.ends == ("a", "hub")
    assert link.build(ends=link.ends, seed=3) == Backhaul(ends=("a", "hub"), delay_s=0.002, seed=3)
    assert files.load(network(text)).resolved["network"]["backhaul"][0]["from"] == "a"


WRONG = [
    ("path_loss: umi, ^cells: []", "cells: needs at least 1 item, got 0"),
    (UMI + "cells: [{name: a}, {name: ^a}]",
     "cells[1].name: 'a' is the name of network.cells[0]; give this one another"),
    (UMI + "cells: [{name: ^server}]", "cells[0].name: 'server' is the name of the server; give this one another"),
    (UMI + "cells: [{name: a}, {name: ^cell}]",
     "cells[1].name: 'cell' is the name of the cell of a scenario with only one; give this one another"),
    (UMI + "cells: [{name: ^client-west}]", "cells[0].name: 'client-west' is the name of a client; "
     "give this one another"),
    (UMI + "cells: [{name: ^a>b}]", "cells[0].name: 'a>b' is the name of a wire; give this one another"),
    (UMI + "cells: [{name: a}], nodes: [{name: ^cell, kind: edge}], "
     "backhaul: [{from: a, to: cell}, {from: cell, to: server}]",
     "nodes[0].name: 'cell' is the name of the cell of a scenario with only one; give this one another"),
    (UMI + "cells: [{name: a}], nodes: [{name: ^a, kind: edge}], backhaul: [{from: a, to: server}]",
     "nodes[0].name: 'a' is the name of network.cells[0]; give this one another"),
    (BOTH + "nodes: [{name: ^r, kind: relay}], backhaul: [{from: a, to: r}, {from: r, to: server}, {from: b, to: a}]",
     "nodes[0].name: relay 'r' needs x_m and y_m"),
    (BOTH + "nodes: [{name: r, kind: ^hop}]", "nodes[0].kind: 'hop' is not one of relay, edge"),
    (BOTH + "backhaul: [{from: a, to: ^servr}]",
     "backhaul[0].to: nothing is named 'servr'; there are server, a, b; did you mean 'server'?"),
    (UMI + "cells: [{name: a}, {name: ^b, x_m: 300}], backhaul: [{from: a, to: server}]",
     "cells[1].name: no way leads from 'b' to 'server'; there is one from a, server: add a link"),
    (BOTH + "nodes: [{name: ^hub, kind: edge}]",
     "nodes[0].name: no way leads from 'hub' to 'server'; there is one from a, b, server: add a link"),
    (BOTH + "backhaul: [{from: a, to: b}, {from: a, to: server}, {from: ^b, to: a}]",
     "backhaul[2].from: a and b are linked by network.backhaul[0]; drop one of the two"),
    (BOTH + "backhaul: [{from: a, to: server, mean_up: ^1 h}, {from: b, to: server}]",
     "backhaul[0].mean_up: mean_up_s and mean_down_s go together, give both or neither"),
    (BOTH + "backhaul: [{from: a, to: server, rate_bps: ^0}, {from: b, to: server}]",
     "backhaul[0].rate_bps: must be at least 1, got 0"),
    (BOTH + "backhaul: [{from: a, to: server, delay: ^5 m}, {from: b, to: server}]",
     "backhaul[0].delay: 'm' in '5 m' is not a unit; units of time here are s, ns, us, ms, min, h; did you mean 'ms'?"),
    (BOTH + "backhaul: [{^form: a, to: server}]", "backhaul[0].form: unknown key 'form'; did you mean 'from'?"),
    (BOTH + "backhaul: [{from: a, to: ^a}, {from: a, to: server}, {from: b, to: server}]",
     "backhaul[0].to: the link leads from 'a' to itself; name two nodes"),
    (BOTH + "^placement: {r_max_m: 5}", "placement.r_min_m: must be below r_max_m (5 m), got 10.0"),
    (BOTH + "^placement: {model: fixed, x_m: [1, 2], y_m: [1, 2]}",
     "placement: client 3 has no position, x_m and y_m list 2 clients"),
    (BOTH + "mobility: {model: random_waypoint, speed_min_mps: ^0}",
     "mobility.speed_min_mps: must be greater than 0, got 0"),
    (BOTH + "mobility: {model: random_waypoint, x_min_m: ^900}",
     "mobility.x_min_m: must lie 1 m or more below x_max_m, got 900.0"),
    (BOTH + "handover: {hysteresis: ^-1 dB}", "handover.hysteresis: must be at least 0, got -1"),
    (BOTH + "handover: {^hysteresys: 1 dB}",
     "handover.hysteresys: unknown key 'hysteresys'; did you mean 'hysteresis'?"),
    (UMI + "cells: [{name: a}], ^handover: {hysteresis: 5 dB}",
     "handover: has no effect with one cell; add a cell, or drop it"),
    (BOTH + "shadowing: {sigma: ^-1 dB}", "shadowing.sigma: must be at least 0, got -1"),
    ("path_loss: {model: umi, carrier: ^2 GHz}, least_distance_m: 10, carrier: 3 GHz, " + CELLS,
     "path_loss.carrier: the network's carrier is 3e+09 Hz, and that of its path loss 2e+09 Hz; drop one"),
]  # fmt: skip


@pytest.mark.parametrize(("rest", "error"), WRONG, ids=[rest for rest, _ in WRONG])
def test_one_wrong_part(files, rest, error):
    text, head = marked(f"network: {{{rest}}}", 5, f"network.{error}")
    assert files.heads(GOOD + text) == [head]


def test_a_path_loss_must_be_named(files):
    assert files.heads(network(CELLS)) == ["s.yaml:5:1: network.path_loss: this key is missing"]
    (head,) = files.heads(network("path_loss: umy, " + CELLS))
    assert head.startswith("s.yaml:5:22: network.path_loss: 'umy' is not one of ") and head.endswith("mean 'umi'?")


def test_distances_outside_the_range_of_the_path_loss_are_told_before_the_run(files):
    (head,) = files.heads(network(UMI + "cells: [{name: a, x_m: 9000}]"))
    assert head.startswith("s.yaml:5:22: network.path_loss: ") and "must lie in 10 .. 5000 m" in head
    near = "path_loss: umi, cells: [{name: a}], placement: {model: fixed, x_m: [1, 50, 50, 50], y_m: [0, 0, 0, 0]}"
    (head,) = files.heads(network(near))
    assert "least_distance_m" in head
    assert files.heads(network(near + ", least_distance_m: 10")) == []


def test_what_geometry_decides_may_not_be_given(files):
    text = network(UMI + CELLS) + "radio: {mean_snr_db: 5, snr_spread_db: 2, downlink: {path_loss_db: 100}}\n"
    text = text.replace("clients: 4", "clients: {count: 4, overrides: [{client: 1, mean_snr: 3 dB}]}")
    why = "follows from where clients and cells are; drop it, or drop network"
    assert files.heads(text) == [
        f"s.yaml:4:55: clients.overrides[0].mean_snr: {why}",
        f"s.yaml:6:22: radio.mean_snr_db: {why}",
        f"s.yaml:6:40: radio.snr_spread_db: {why}",
        f"s.yaml:6:68: radio.downlink.path_loss_db: {why}",
    ]


def test_recorded_rates_leave_nothing_to_geometry(files):
    (files.folder / "a.log").write_text("0\t4\n1\t2\n")
    (head,) = files.heads(network(UMI + CELLS) + "radio: {trace: {format: cooked, files: [a.log]}}\n")
    assert head == "s.yaml:5:1: network: recorded rates leave nothing to geometry; drop network, or drop radio.trace"


def test_without_links_every_cell_stands_beside_the_server(files):
    assert files.load(network(UMI + CELLS)).resolved["network"]["backhaul"] == []


def test_a_cell_that_is_alone_may_be_called_so(files):
    assert files.heads(network(UMI + "cells: [{name: cell}]")) == []


@pytest.mark.parametrize(
    ("name", "owner"),
    [("a", "network.cells[0]"), ("hub", "network.nodes[0]"), ("server", "the server"), ("client-00", "a client"),
     ("a>hub", "a wire"), ("cell", "the cell of a scenario with only one")],
)  # fmt: skip
def test_a_jammer_is_called_like_nobody_else(files, name, owner):
    nodes = (
        "nodes: [{name: hub, kind: edge}], backhaul: [{from: a, to: hub}, {from: b, to: hub}, {from: hub, to: server}]"
    )
    text, head = marked(f"radio: {{jammers: [{{name: ^{name}, power_w: 1}}]}}\n", 6,
                        f"radio.jammers[0].name: {name!r} is the name of {owner}; give this one another")  # fmt: skip
    assert files.heads(network(BOTH + nodes) + text) == [head]


def test_without_a_network_there_is_a_cell_all_the_same(files):
    text, head = marked("radio: {jammers: [{name: ^cell, power_w: 1}]}\n", 5, "radio.jammers[0].name: 'cell' is")
    (found,) = files.heads(GOOD + text)
    assert found.startswith(head)


def test_names_that_are_taken_are_those_of_the_records():
    assert (actors.CLIENT_PREFIX, actors.LONE_CELL, SERVER) == (records.CLIENT_PREFIX, records.CELL, records.SERVER)
    assert actors.WIRE in name_of("a", "b") and client_name(0).startswith(actors.CLIENT_PREFIX)
