"""Patterns of attention: pairs counted one by one, densities in closed form, and the work that they leave."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pwffsim.architecture.attention import FULL, Fixed, Local, Strided, density, pairs, pattern
from pwffsim.architecture.families import architecture_of
from pwffsim.architecture.work import Network, Rollout, alignment_flops, instruction_flops

MODEL = architecture_of({"model_type": "gpt2", "n_layer": 4, "n_embd": 128, "vocab_size": 1000})
sizes = st.integers(1, 12)
patterns = st.one_of(
    st.just(FULL),
    st.builds(Local, sizes),
    st.builds(Strided, sizes, sizes),
    st.tuples(sizes, sizes).map(lambda both: Fixed(min(both), max(both))),
)


def seen(attention, query):
    """The definitions, in words of sets."""
    before = range(query + 1)
    if isinstance(attention, Local):
        return {*before[-attention.window :]}
    if isinstance(attention, Strided):
        return {*before[-attention.window :], *range(query, -1, -attention.stride)}
    if isinstance(attention, Fixed):
        own = [k for k in before if k // attention.stride == query // attention.stride]
        ends = [
            block * attention.stride + attention.stride - 1 - back
            for block in range(query // attention.stride)
            for back in range(attention.window)
        ]
        return {*own, *ends}
    return {*before}


@given(patterns, st.integers(0, 40))
def test_a_token_sees_what_its_pattern_says(attention, query):
    assert {key for key in range(41) if attention.allows(query, key)} == seen(attention, query)
    assert attention.allows(query, query)


@given(patterns, st.integers(1, 40), st.integers(0, 40))
def test_pairs_are_counted_one_by_one(attention, length, first):
    assert pairs(attention, length, first) == sum(len(seen(attention, query)) for query in range(first, length))


@given(st.integers(1, 64), st.integers(1, 64))
def test_closed_forms(length, window):
    assert pairs(FULL, length) == length * (length + 1) // 2
    w = min(window, length)
    assert pairs(Local(window), length) == w * length - w * (w - 1) // 2
    reach = sum(query // window + 1 for query in range(length))
    assert pairs(Strided(1, window), length) == reach
    assert 0 < density(Strided(window, window), length) <= 1


def test_densities_by_hand():
    """Five tokens have 15 causal pairs. A window of 2 leaves 9; every second token adds 2-0, 3-1, 4-2, 4-0. Blocks of 2
    leave 7; their last tokens add 2-1, 3-1, 4-1, 4-3."""
    assert density(FULL, 5) == 1
    assert density(Local(2), 5) == Fraction(9, 15)
    assert density(Strided(2, 2), 5) == Fraction(9 + 4, 15)
    assert density(Fixed(1, 2), 5) == Fraction(7 + 4, 15)


@given(patterns, st.integers(1, 40), st.integers(1, 5))
def test_attention_pays_its_pairs(attention, length, sequences):
    """4 L d s T of full attention, times the share of pairs, beside all other products."""
    full, sparse = Network(MODEL, 7, 7), Network(MODEL, 7, 7, attention=attention)
    whole = 4 * 4 * 128 * length * length * sequences
    assert full.forward_flops(sequences, length) - sparse.forward_flops(sequences, length) == whole - (
        whole * pairs(attention, length) // pairs(FULL, length)
    )
    dense = full.forward_flops(sequences, length) - whole
    assert dense == 2 * (MODEL.matrix_parameters + 128 * 1000 + 7) * sequences * length


@given(patterns, st.integers(1, 24), st.integers(1, 16))
def test_generation_pays_the_pairs_of_what_it_writes(attention, prompt, new):
    full, sparse = Network(MODEL, 0, 0), Network(MODEL, 0, 0, attention=attention)
    written = 4 * 4 * 128 * (prompt + new) * new * 3
    share = Fraction(pairs(attention, prompt + new, prompt), pairs(FULL, prompt + new, prompt))
    saved = full.generate_flops(3, prompt, new) - sparse.generate_flops(3, prompt, new)
    of_prompt = full.forward_flops(3, prompt) - sparse.forward_flops(3, prompt)
    assert saved == of_prompt + written - int(written * share)


def test_a_window_as_long_as_the_sequence_saves_nothing():
    full, wide = Network(MODEL, 9, 9), Network(MODEL, 9, 9, attention=Local(64))
    assert instruction_flops(full, 3, 4, 64) == instruction_flops(wide, 3, 4, 64)
    narrow = Network(MODEL, 9, 9, attention=Local(8))
    assert instruction_flops(narrow, 3, 4, 64) < instruction_flops(full, 3, 4, 64)
    rollout = Rollout(8, 40, 24, 2)
    assert alignment_flops(full, full, True, 1, rollout) == alignment_flops(wide, full, True, 1, rollout)
    assert alignment_flops(narrow, full, True, 1, rollout) < alignment_flops(full, full, True, 1, rollout)


def test_settings_make_patterns():
    assert pattern(None) == pattern({"pattern": "full"}) == FULL
    assert pattern({"pattern": "strided", "window": 4, "stride": 8}) == Strided(4, 8)
    with pytest.raises(ValueError, match="pattern 'strided' needs window and stride"):
        pattern({"pattern": "strided"})
    with pytest.raises(ValueError, match="pattern 'full' has no window and no stride; leave it out"):
        pattern({"pattern": "full", "window": 4, "stride": 8})
    with pytest.raises(ValueError, match="pattern 'fixed' with a window of 9 in blocks of 8: take at most the stride"):
        pattern({"pattern": "fixed", "window": 9, "stride": 8})
