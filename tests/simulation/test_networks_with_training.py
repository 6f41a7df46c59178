"""Two example scenarios end to end with real training: cells that are changed on the way, and a jammer."""

from __future__ import annotations

import pytest
from small import ROOT, command

from pwffsim.runs.laws import LAWS
from pwffsim.runs.load import load


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """Name -> a finished run; both from the command line."""
    folder, found = tmp_path_factory.mktemp("networks"), {}
    for name in ("handover", "jammed"):
        out = folder / name
        ended = command(
            "run", str(ROOT / "scenarios" / f"{name}.yaml"), "--out", str(out), "--store", str(folder / "store")
        )
        assert ended.returncode == 0, ended.stderr
        found[name] = load(out)
    return found


@pytest.mark.parametrize("name", ["handover", "jammed"])
def test_it_ends_well_and_keeps_every_law(runs, name):
    run = runs[name]
    assert (run.manifest["status"], run.manifest["exit_code"]) == ("done", 0)
    assert set(run.manifest["invariants"]) == set(LAWS)
    assert len(run.rounds) == 3 and all(digest for digest in run.rounds.digest)


@pytest.mark.parametrize("name", ["handover", "jammed"])
def test_it_learns(runs, name):
    loss = runs[name].metrics.query("name == 'loss' and actor != 'server'").groupby("round").value.mean()
    assert loss.iloc[-1] < loss.iloc[0]


def test_uploads_are_handed_over_on_the_way(runs):
    messages, spans = runs["handover"].messages, runs["handover"].spans
    moved = messages[(messages.direction == "up") & (messages.handovers > 0)]
    assert len(moved) and (moved.held_ns > 0).any()
    assert set(messages.cell) > {moved.cell.iloc[0]}, "more than one cell serves"
    assert set(spans[spans.kind == "handover"].duration_ns) == {50_000_000}
    wires = {actor for actor in spans[spans.kind == "backhaul"].actor if actor.endswith(">server")}
    assert wires == {"hub>server"}


def test_a_jammer_costs_packets_and_has_its_row(runs):
    run = runs["jammed"]
    up = run.messages[run.messages.direction == "up"]
    assert (up.transmissions > up.packets).any()
    on = run.spans[(run.spans.actor == "jammer") & (run.spans.kind == "jam")]
    assert len(on) > 3
    total_ns = run.spans.eval("start_ns + duration_ns").max()
    assert on.duration_ns.sum() == pytest.approx(0.3 * total_ns, abs=0.3e9), "on for 0.3 s of every second"
