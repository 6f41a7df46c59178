from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from channel_models.randomness import derive_seed, spawn_key, stream

ROOT = Path(__file__).parents[2]
PINNED = """
from channel_models.randomness import derive_seed, stream
print(stream(7, "uplink", 3, 11).integers(0, 2**63, 3).tolist(), derive_seed(7, "uplink", 3, 11))
"""
PINNED_OUTPUT = "[3712661128812885707, 89906249335124402, 7533034432270606368] 8976990489597523051"

indices = st.lists(st.integers(0, 2**63 - 1), max_size=4)


@pytest.mark.parametrize("hash_seed", ["0", "1", "4242"])
def test_values_are_pinned_whatever_the_hash_seed(hash_seed: str) -> None:
    environment = {**os.environ, "PYTHONHASHSEED": hash_seed, "PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, "-c", PINNED], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == PINNED_OUTPUT


@settings(deadline=None)
@given(seed=st.integers(0, 2**63 - 1), purpose=st.text(min_size=1), indices=indices)
def test_a_stream_has_no_state(seed: int, purpose: str, indices: list[int]) -> None:
    first = stream(seed, purpose, *indices)
    first.random(5)
    np.random.default_rng().random(3)
    again, fresh = stream(seed, purpose, *indices), stream(seed, purpose, *indices)
    assert np.array_equal(again.random(8), fresh.random(8))


@settings(deadline=None)
@given(a=indices, b=indices)
def test_keys_are_injective_over_indices(a: list[int], b: list[int]) -> None:
    assert (spawn_key("x", *a) == spawn_key("x", *b)) == (a == b)


def test_near_arguments_give_unlike_streams() -> None:
    keys = [
        (seed, purpose, *more)
        for seed in (0, 1, 2**32, 2**62)
        for purpose in ("uplink", "downlink")
        for more in ((), (0,), (1,), (0, 0), (1, 0), (0, 1), (2**32,), (2**32, 0))
    ]
    first_draws = {int(stream(*key).integers(0, 2**63)) for key in keys}
    derived = {derive_seed(*key) for key in keys}
    assert len(first_draws) == len(derived) == len(keys)
    assert not first_draws & derived


def test_derived_seeds_fill_63_bits() -> None:
    seeds = np.array([derive_seed(1, "torch", index) for index in range(2000)], dtype=np.uint64)
    assert seeds.max() < 2**63
    ones = [(int(np.count_nonzero(seeds & np.uint64(1 << bit)))) for bit in range(63)]
    # Binomial(2000, 1/2) in each bit: 4.4 standard deviations are 98.
    assert all(abs(count - 1000) < 98 for count in ones)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: stream(-1, "x"), ValueError, "seed must lie in"),
        (lambda: stream(2**63, "x"), ValueError, "seed must lie in"),
        (lambda: stream(0, "x", -3), ValueError, "index must lie in"),
        (lambda: stream(0, ""), ValueError, "purpose must be a non-empty string"),
        (lambda: derive_seed(-1, "x"), ValueError, "seed must lie in"),
        (lambda: stream(1.0, "x"), TypeError, "seed must be an integer"),  # type: ignore[arg-type]
        (lambda: stream(True, "x"), TypeError, "seed must be an integer"),
        (lambda: stream(0, "x", 1.5), TypeError, "index must be an integer"),  # type: ignore[arg-type]
    ],
)
def test_bad_arguments_are_refused(call, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        call()


def test_numpy_integers_count_as_integers() -> None:
    assert stream(5, "x", np.int64(4)).random() == stream(5, "x", 4).random()
