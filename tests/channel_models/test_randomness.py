from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.random import Philox
from scipy.stats import kstest

from channel_models.randomness import Draws, derive_seed, draws, spawn_key, stream

ROOT = Path(__file__).parents[2]
PINNED = """
from channel_models.randomness import derive_seed, stream
print(stream(7, "uplink", 3, 11).integers(0, 2**63, 3).tolist(), derive_seed(7, "uplink", 3, 11))
"""
PINNED_OUTPUT = "[3712661128812885707, 89906249335124402, 7533034432270606368] 8976990489597523051"

PINNED_DRAWS = [6066341735950072630, 785892778230145487, 6941466952606536492]
PI = (0x243F6A8885A308D3, 0x13198A2E03707344, 0xA4093822299F31D0, 0x082EFA98EC4E6C89)
PI_KEY = (0x452821E638D01377, 0xBE5466CF34E90C6C)
ONES = 2**64 - 1

places = st.lists(st.integers(0, 2**64 - 1), max_size=3).map(tuple)
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


# Known answers of philox4x64 with ten rounds, from the kat_vectors of Random123 (Salmon et al., SC11).
@pytest.mark.parametrize(
    ("counter", "key", "answer"),
    [
        ((0,) * 4, (0,) * 2, (0x16554D9ECA36314C, 0xDB20FE9D672D0FDC, 0xD7E772CEE186176B, 0x7E68B68AEC7BA23B)),
        ((ONES,) * 4, (ONES,) * 2, (0x87B092C3013FE90B, 0x438C3C67BE8D0224, 0x9CC7D7C69CD777B6, 0xA09CAEBF594F0BA0)),
        (PI, PI_KEY, (0xA528F45403E61D95, 0x38C72DBD566E9788, 0xA5A1610E72FD18B5, 0x57BD43B5E52B7FE6)),
    ],
)
def test_philox_gives_its_known_answers(
    counter: tuple[int, ...], key: tuple[int, ...], answer: tuple[int, ...]
) -> None:
    # numpy steps the counter before it encrypts it: start one below.
    before = (sum(word << (64 * place) for place, word in enumerate(counter)) - 1) % 2**256
    bits = Philox(counter=before, key=sum(word << (64 * place) for place, word in enumerate(key)))
    assert tuple(int(word) for word in bits.random_raw(4)) == answer


@settings(deadline=None)
@given(seed=st.integers(0, 2**63 - 1), purpose=st.text(min_size=1), place=places)
def test_a_place_is_a_philox_counter(seed: int, purpose: str, place: tuple[int, ...]) -> None:
    field = Draws(seed, purpose)
    key = field.at(0).bit_generator.state["state"]["key"]
    words = (len(place) << 62, *place, *(0,) * (3 - len(place)))
    direct = Philox(counter=np.array(words, dtype=np.uint64), key=key)
    assert field.at(*place).bit_generator.random_raw(9).tolist() == direct.random_raw(9).tolist()


def test_draws_are_pinned() -> None:
    assert draws(7, "uplink").at(3, 11).integers(0, 2**63, 3).tolist() == PINNED_DRAWS


@settings(deadline=None)
@given(asked=st.lists(places, min_size=1, max_size=8), order=st.randoms(use_true_random=False))
def test_a_place_depends_on_nothing_drawn_before(asked: list[tuple[int, ...]], order) -> None:
    fresh = {place: Draws(5, "x").at(*place).random(6) for place in asked}
    order.shuffle(asked)
    field = Draws(5, "x")
    for place in asked:
        field.at(*place).standard_normal(order.randrange(9))
        field.at(*place).integers(0, 2**31, order.randrange(9), dtype=np.uint32)
        assert np.array_equal(field.at(*place).random(6), fresh[place])


def test_unlike_places_seeds_and_purposes_are_apart() -> None:
    at = [(), (0,), (1,), (0, 0), (0, 1), (1, 0), (0, 0, 0), (0, 0, 1), (2**64 - 1,), (2**32,), (0, 2**32)]
    fields = [Draws(seed, purpose) for seed in (0, 1, 2**32) for purpose in ("a", "b", "a/b")]
    first = {int(number) for field in fields for place in at for number in field.at(*place).bit_generator.random_raw(8)}
    assert len(first) == 8 * len(at) * len(fields)


def test_draws_are_uniform_along_and_across_places() -> None:
    field = Draws(3, "uniform")
    along = field.at(0, 0).random(100_000)
    across = np.array([field.at(link, 0).random() for link in range(100_000)])
    neighbours = np.array([field.at(link, 1).random() for link in range(100_000)])
    for sample in (along, across, neighbours):
        assert kstest(sample, "uniform").statistic < 1.95 / np.sqrt(sample.size)
    for one, other in ((along, across), (across, neighbours), (across[1:], across[:-1])):
        assert abs(np.corrcoef(one, other)[0, 1]) < 4.4 / np.sqrt(one.size)


@pytest.mark.parametrize("place", [(-1,), (2**64,), (0, -1), (0, 0, 0, 0)])
def test_impossible_places_are_refused(place: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="at most three indices"):
        Draws(0, "x").at(*place)


def test_a_place_between_integers_is_refused() -> None:
    with pytest.raises(TypeError, match="integer"):
        Draws(0, "x").at(1.5)  # type: ignore[arg-type]


@pytest.mark.parametrize(("seed", "purpose"), [(-1, "x"), (2**63, "x"), (0, "")])
def test_impossible_fields_are_refused(seed: int, purpose: str) -> None:
    with pytest.raises(ValueError, match=r"seed must lie in|purpose must be"):
        draws(seed, purpose)


def test_places_along_an_index_are_those_one_by_one_whatever_was_drawn_in_between() -> None:
    field, links = draws(7, "uplink"), [3, 0, 2**63]
    along = []
    for generator in field.along(links, 11):
        along.append(generator.integers(0, 2**63, 3).tolist())
        field.at(5)
    assert along == [field.at(link, 11).integers(0, 2**63, 3).tolist() for link in links]
    assert along[0] == PINNED_DRAWS


@pytest.mark.parametrize("places", [([-1], 0), ([2**64], 0), ([0], -1)])
def test_places_along_an_index_that_are_none(places) -> None:
    with pytest.raises(ValueError, match="at most three indices in 0"):
        next(draws(7, "uplink").along(*places))
