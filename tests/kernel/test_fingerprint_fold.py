"""The fold: order matters, boundaries matter, and it does not depend on the process."""

from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pwffsim.kernel.fingerprint import Fingerprint, packed, packed_integers

FIELDS = st.one_of(st.integers(), st.text(max_size=5), st.binary(max_size=5))
HISTORIES = st.lists(st.lists(FIELDS, max_size=4).map(tuple), max_size=5)


def digest(history):
    fingerprint = Fingerprint()
    for record in history:
        fingerprint.fold(*record)
    return fingerprint.hexdigest()


@given(HISTORIES, HISTORIES)
def test_different_histories_have_different_digests(left, right):
    assert (digest(left) == digest(right)) == (left == right)


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ([("ab", "c")], [("a", "bc")]),
        ([("a",), ("b",)], [("a", "b")]),
        ([("a",), ("b",)], [("b",), ("a",)]),
        ([(1,)], [("1",)]),
        ([(b"x",)], [("x",)]),
        ([()], []),
        ([(12, 3)], [(1, 23)]),
        ([("i1;",)], [(1,)]),
    ],
)
def test_lookalikes_differ(left, right):
    assert digest(left) != digest(right)


def test_digest_may_be_read_on_the_way():
    fingerprint = Fingerprint()
    fingerprint.fold("a", 1)
    before = fingerprint.hexdigest()
    assert before == digest([("a", 1)])
    fingerprint.fold("b")
    assert fingerprint.hexdigest() == digest([("a", 1), ("b",)]) != before
    assert fingerprint.records == 2


def test_numpy_integers_are_integers_and_floats_are_refused():
    assert digest([(np.int64(5),)]) == digest([(5,)])
    with pytest.raises(TypeError):
        Fingerprint().fold(1.0)  # type: ignore[arg-type]


@given(st.lists(st.integers()))
def test_integers_are_packed_at_once_as_one_by_one(values):
    assert packed_integers(values) == packed(*values)


def test_numpy_integers_are_packed_and_floats_are_not():
    assert packed_integers([np.int64(7), True]) == packed(7, 1)
    with pytest.raises(TypeError):
        packed_integers([1.0])  # type: ignore[list-item]


def test_golden_value_in_three_processes_with_three_hash_seeds_and_without_simpy():
    code = (
        "import sys; from pwffsim.kernel.fingerprint import Fingerprint as F; f = F();"
        "f.fold('client-00', 3, b'x', -1); print(f.hexdigest(), 'simpy' in sys.modules)"
    )
    outputs = {
        subprocess.run(
            [sys.executable, "-c", code],
            env=os.environ | {"PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("0", "1", "2")
    }
    assert outputs == {"d3a456ef95a3df8b4e47476cbfd523ac False\n"}
