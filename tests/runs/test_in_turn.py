"""Rows one actor after another are sorted by actor and start, however they come."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from pwffsim.runs.in_turn import in_turn

ROWS = st.lists(st.tuples(st.integers(0, 5), st.integers(-3, 3)), max_size=30)


def check(rows):
    actors, starts = np.array([*zip(*rows, strict=True)], dtype=np.int64).reshape(2, -1)
    assert in_turn(actors, starts).tolist() == sorted(range(len(rows)), key=lambda row: rows[row])


@given(ROWS)
def test_rows_in_any_order(rows):
    check(rows)


@given(ROWS)
def test_rows_by_start(rows):
    check(sorted(rows, key=lambda row: row[1]))


def test_more_actors_than_sixteen_bits_tell_apart():
    check([(70_000, 1), (70_000 - 2**16, 1), (70_000, 0)])
