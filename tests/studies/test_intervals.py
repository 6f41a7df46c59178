"""Student's intervals against their closed form and scipy's own tests."""

from __future__ import annotations

from math import inf, isnan, sqrt

import pandas as pd
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy.stats import ttest_1samp, ttest_rel

from pwffsim.studies.intervals import Interval, paired, ratio, student

VALUES = st.lists(st.floats(-1e3, 1e3), min_size=2, max_size=12)


def test_three_values_by_hand():
    """t of 2 degrees of freedom at 97.5 % is 4.302653; the standard deviation of 1, 2, 3 is 1."""
    found = student([1.0, 2.0, 3.0])
    assert found.mean == 2.0 and found.count == 3
    assert found.half == pytest.approx(4.302652729749464 / sqrt(3), rel=1e-12)


@given(VALUES)
def test_it_is_the_interval_of_scipys_test(values):
    assume(max(values) - min(values) > 1e-3)
    found, oracle = student(values), ttest_1samp(values, 0.0).confidence_interval(0.95)
    assert (found.low, found.high) == pytest.approx((oracle.low, oracle.high), rel=1e-6, abs=1e-6)


@given(VALUES, st.integers(0, 10))
def test_pairs_are_scipys_related_samples(values, shift):
    left = pd.Series(values)
    right = pd.Series([value * 0.5 + shift + k for k, value in enumerate(values)])
    assume((left - right).std() > 1e-3)
    found, oracle = paired(left, right), ttest_rel(left, right).confidence_interval(0.95)
    assert (found.low, found.high) == pytest.approx((oracle.low, oracle.high), rel=1e-6, abs=1e-6)


def test_pairs_are_of_equal_seeds():
    left, right = pd.Series({1: 5.0, 2: 7.0, 9: 100.0}), pd.Series({2: 6.0, 1: 4.0, 8: -100.0})
    found = paired(left, right)
    assert found == Interval(1.0, 1.0, 1.0, 2)
    assert paired(left, pd.Series({3: 1.0})) is None


def test_what_both_share_falls_out_of_the_difference():
    fading = pd.Series([0.0, 10.0, 20.0, 30.0])
    own = fading + pd.Series([1.0, 1.1, 0.9, 1.0])
    assert paired(own, fading).half < 0.2 < student(own.to_list()).half


def test_from_one_value_nothing_follows_and_from_none_there_is_no_mean():
    assert isnan(student([3.0]).low) and student([3.0]).mean == 3.0
    with pytest.raises(ValueError, match="no value"):
        student([])


def test_ratios_are_by_seed_and_not_of_zeros():
    left, right = pd.Series({1: 2.0, 2: 6.0}), pd.Series({1: 1.0, 2: 2.0})
    assert ratio(left, right).mean == 2.5
    assert ratio(left, pd.Series({1: 0.0, 2: 1.0})) is None


@given(st.floats(-5, 5), st.floats(0, 5), st.floats(-3, 3))
def test_scaling_keeps_low_below_high(mean, half, factor):
    scaled = Interval(mean, mean - half, mean + half, 3).scaled(factor)
    assert -inf < scaled.low <= scaled.high < inf
    assert scaled.mean == factor * mean
