"""Rows, spreads and the table: arithmetic by hand, and every family that is registered."""

from __future__ import annotations

import json
import sys

import pytest

from benchmarks import fusion_alignment, fusion_instruction, fusion_reward, table
from benchmarks.fusion_instruction import Task, pieces
from benchmarks.row import Row, Spread, measured
from benchmarks.rows import families
from benchmarks.script import figures


def test_a_spread_is_the_median_between_the_extremes():
    assert Spread.of([5.0, 1.0, 3.0]) == Spread(3.0, 1.0, 5.0)


def test_no_samples_are_no_spread():
    with pytest.raises(ValueError, match="one sample"):
        Spread.of([])


def test_ratios_are_taken_repeat_by_repeat():
    """A machine that slows to half its speed in the second repeat slows both: the ratio stays 2."""
    row = measured("loop", "ms", [20.0, 40.0], "floor", [10.0, 20.0])
    assert row.value == Spread(30.0, 20.0, 40.0)
    assert row.floor == Spread(15.0, 10.0, 20.0)
    assert row.ratio == Spread(2.0, 2.0, 2.0)


@pytest.mark.parametrize(("samples", "met"), [([11.0], True), ([11.1], False)])
def test_an_aim_is_met_up_to_itself(samples, met):
    row = measured("loop", "ms", samples, "floor", [10.0]).aiming(1.1)
    assert row.met is met
    assert row.to_json()["met"] is met


def test_what_was_not_measured_has_no_number_and_says_why():
    row = Row.absent("peer", "cannot be installed: no wheel").aiming(1.0)
    assert row.value is None and row.met is None
    assert "cannot be installed: no wheel" in table.text({"peers": [row]})
    assert json.loads(json.dumps(row.to_json()))["value"] is None


def test_the_table_shows_cost_floor_ratio_and_aim():
    line = table.text({"engine": [measured("event", "us", [4.0, 6.0], "loop", [2.0, 2.0]).aiming(2.0)]}).splitlines()[
        -1
    ]
    assert line == "| event | 5 us (4 .. 6) | loop: 2 us | 2.5x (2 .. 3) | <= 2x missed |  |"


def test_every_family_of_rows_is_registered_under_its_own_name():
    found = families()
    assert set(found) >= {"peers", "step", "channel", "engine", "startup"}
    assert all(family.name == name and family.summary for name, family in found.items())


def test_a_round_of_tuning_prints_every_turn_in_one_line():
    size = ("--clients", "2", "--steps", "1", "--rows", "1", "--tokens", "16")
    command = [sys.executable, "-m", fusion_instruction.__name__, *size, "--repeats", "2", "--ways", "alone", "fused"]
    told = figures(command, 120)
    assert {way: len(one["round"]) for way, one in told["measured"].items()} == {"alone": 2, "fused": 2}
    assert all(seconds > 0 for one in told["measured"].values() for seconds in one["round"])


@pytest.mark.parametrize(
    ("script", "size", "parts"),
    [
        (fusion_reward, ("--ways", "alone", "fused"), {"train"}),
        (fusion_alignment, ("--rows", "2", "--new-tokens", "4"), {"generation", "update", "whole"}),
    ],
)
def test_rounds_of_rewards_and_alignment_print_every_part(script, size, parts):
    told = figures([sys.executable, "-m", script.__name__, "--clients", "2", *size, "--repeats", "1"], 200)
    assert set(told["measured"]) >= {"alone", "fused"}
    assert all(set(one) == {*parts, "peak_bytes"} for one in told["measured"].values())


def test_clients_share_batches_as_in_a_run():
    assert [piece.stop - piece.start for piece in pieces(40, 16)] == [13, 13, 14]
    assert pieces(3, 1) == [slice(0, 1), slice(1, 2), slice(2, 3)]
    for task, most in ((Task(clients=40, rows=2, tokens=32), 16), (Task("gpt2", 2, steps=2), 2)):
        assert task.paying(task.drawn()) == most
