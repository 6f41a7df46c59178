"""Gains are pure functions of (seed, purpose, link, block), however they are asked for."""

from __future__ import annotations

from dataclasses import replace
from math import inf
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from channel_models.fading import fading as module
from channel_models.fading.clarke import Clarke
from channel_models.fading.fading import CHUNK_BLOCKS, FADING, Fading
from channel_models.fading.nakagami import BlockNakagami
from channel_models.fading.none import NoFading
from channel_models.fading.rayleigh import BlockRayleigh
from channel_models.fading.recorded import Recorded
from channel_models.fading.rician import BlockRician

DRAWN: list[Fading] = [
    BlockRayleigh(seed=3),
    BlockRician(seed=3, k_factor_db=4.0),
    BlockRician(seed=3, k_factor_db=-inf),
    BlockNakagami(seed=3, m=0.7),
    BlockNakagami(seed=3, m=2.5),
    Clarke(seed=3, oscillators=16),
]
ALL = [*DRAWN, NoFading(seed=3)]
every_model = pytest.mark.parametrize("model", ALL, ids=lambda model: model.name)
every_drawn = pytest.mark.parametrize("model", DRAWN, ids=lambda model: model.name)

WHOLE_BLOCKS = 1200
WHOLE = {model: model.gains(range(6), 0, WHOLE_BLOCKS) for model in ALL}
queries = st.lists(st.tuples(st.integers(0, 5), st.integers(0, 900), st.integers(0, 300)), min_size=1, max_size=8)


@settings(max_examples=40, deadline=None)
@given(model=st.sampled_from(ALL), asked=queries, order=st.randoms(use_true_random=False))
def test_pieces_are_the_whole_to_the_bit(model: Fading, asked, order) -> None:
    order.shuffle(asked)
    for link, first, count in asked:
        expected = WHOLE[model][link, first : first + count]
        assert np.array_equal(model.gain(link, first, count), expected)
        assert np.array_equal(model.gains([link], first, count)[0], expected)


@every_model
def test_many_links_are_each_link_in_any_order(model: Fading) -> None:
    links = [5, 0, 3, 3, 1]
    assert np.array_equal(model.gains(links, 200, 300), WHOLE[model][links, 200:500])
    assert np.array_equal(model.gains(np.array(links), 200, 300), WHOLE[model][links, 200:500])


@every_model
def test_backwards_block_by_block(model: Fading) -> None:
    backwards = [model.gain(2, block, 1)[0] for block in reversed(range(CHUNK_BLOCKS - 20, CHUNK_BLOCKS + 20))]
    assert backwards[::-1] == WHOLE[model][2, CHUNK_BLOCKS - 20 : CHUNK_BLOCKS + 20].tolist()


@every_drawn
def test_an_equal_model_made_anew_gives_equal_gains(model: Fading) -> None:
    again = replace(model)
    module._chunk.cache_clear()
    assert np.array_equal(again.gain(4, 100, 400), WHOLE[model][4, 100:500])


@every_drawn
def test_another_client_changes_nobodys_channel(model: Fading) -> None:
    few, more = model.gains([1, 2], 0, 300), model.gains([1, 7, 2, 8], 0, 300)
    assert np.array_equal(more[[0, 2]], few)


@every_drawn
def test_links_purposes_and_seeds_have_their_own_gains(model: Fading) -> None:
    others = [
        replace(model, seed=4).gains(range(400), 0, 1),
        replace(model, purpose="downlink").gains(range(400), 0, 1),
        model.gains(range(1000, 1400), 0, 1),
    ]
    mine = model.gains(range(400), 0, 1)
    for other in others:
        assert not np.any(mine == other)
        # Links are independent: the correlation over 400 of them has standard deviation 1/20.
        assert abs(np.corrcoef(mine[:, 0], other[:, 0])[0, 1]) < 4.4 / 20


def test_clients_do_not_fade_together() -> None:
    # With one generator for all, or one seed for each, the average over clients would not settle.
    gains = BlockRayleigh(seed=9).gains(range(1000), 0, 200)
    assert gains.mean(axis=0).std() == pytest.approx(1 / np.sqrt(1000), rel=0.25)
    assert np.unique(gains).size == gains.size


def test_a_million_links_leave_the_memory_of_chunks_alone() -> None:
    module._chunk.cache_clear()
    for model in (BlockRayleigh(seed=3), Clarke(seed=3)):
        model.gains(range(5000 if model.name == "rayleigh" else 50), 0, CHUNK_BLOCKS)
    assert module._chunk.cache_info().currsize == 0
    for link in range(5000):
        BlockRayleigh(seed=3).gain(link, 0, 1)
    assert module._chunk.cache_info().currsize <= 4096


@every_drawn
def test_a_reader_cannot_spoil_what_others_read(model: Fading) -> None:
    gains = model.gain(1, 0, CHUNK_BLOCKS)
    gains[:] = 0.0
    assert np.array_equal(model.gain(1, 0, CHUNK_BLOCKS), WHOLE[model][1, :CHUNK_BLOCKS])


@every_model
def test_late_blocks_are_reached_at_once(model: Fading) -> None:
    late = 2 * 10**11
    assert np.array_equal(model.gain(0, late, 300)[17:], model.gain(0, late + 17, 283))


@every_model
@pytest.mark.parametrize(("first", "count"), [(-1, 2), (0, -2), (0, 1.5), (True, 2)])
def test_impossible_blocks_are_refused(model: Fading, first, count) -> None:
    for ask in (lambda: model.gain(0, first, count), lambda: model.gains([0], first, count)):
        with pytest.raises(ValueError, match="must be an integer of at least 0"):
            ask()


@every_drawn
def test_impossible_links_are_refused(model: Fading) -> None:
    with pytest.raises(ValueError, match=r"indices in 0 \.\. 2\*\*64-1"):
        model.gains([-1], 0, 1)


@every_model
def test_no_blocks_and_no_links(model: Fading) -> None:
    assert model.gain(0, 5, 0).shape == (0,)
    assert model.gains([], 5, 3).shape == (0, 3)
    assert model.gains([1, 2], 5, 0).shape == (2, 0)


@pytest.mark.parametrize(
    "model", [BlockRayleigh(), BlockRician(k_factor_db=6.0), BlockNakagami(m=0.7)], ids=lambda m: m.name
)
def test_fewer_draws_are_the_beginning_of_more(model) -> None:
    few, many = (model.draw(np.random.Generator(np.random.PCG64(1)), count) for count in (10, 256))
    assert np.array_equal(few, many[:10])


def test_every_model_is_known_by_its_name() -> None:
    assert {type(model) for model in ALL} | {Recorded} == set(FADING.values())
    assert all(FADING[model.name] is type(model) for model in ALL)


def test_every_model_is_one_file_of_its_name() -> None:
    folder = Path(module.__file__).parent
    assert all((folder / f"{name}.py").is_file() for name in FADING)
