"""Counted rows are the rows that are dealt."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pwffsim.data.errors import DataError
from pwffsim.data.federated import build, census
from pwffsim.data.spec import DataSpec, Partition

SMALL = {
    "rows_per_client": 6,
    "test_rows_per_client": 2,
    "pairs_per_client": 3,
    "test_pairs_per_client": 1,
    "prompts_per_client": 3,
    "test_prompts_per_client": 1,
    "global_test_rows": 2,
}


@settings(max_examples=25, deadline=None)
@given(
    st.sampled_from(("topic", "iid", "size", "preference")),
    st.sampled_from((0.4, 0.9)),
    st.integers(0, 99),
    st.lists(st.floats(0.2, 0.8), min_size=1, max_size=4),
)
def test_the_census_counts_what_is_built(by, skew, seed, weights):
    spec = DataSpec(partition=Partition(by=by, size_skew=skew), **SMALL)
    arguments = (spec, len(weights), seed, [0.0] * len(weights), weights)
    assert told(census, arguments) == told(lambda *given: build(*given).sizes, arguments)


def told(count, arguments):
    """Sizes, or the words in which they are refused: a skewed client may get nothing."""
    try:
        return count(*arguments)
    except DataError as refused:
        return str(refused)


@pytest.mark.parametrize(
    "many", [{"rows_per_client": 20_000}, {"test_rows_per_client": 9_000}, {"prompts_per_client": 20_000}]
)
def test_the_census_refuses_what_building_refuses(many):
    spec = DataSpec(partition=Partition(dirichlet_alpha=0.1), **(SMALL | many))
    arguments = (spec, 1, 3, [0.0], [0.5])
    with pytest.raises(DataError) as dealt:
        build(*arguments)
    with pytest.raises(DataError) as counted:
        census(*arguments)
    assert str(counted.value) == str(dealt.value)
