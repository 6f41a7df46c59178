"""Scaled exponential integrals and the quadrature behind the expectations."""

from __future__ import annotations

import mpmath
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from channel_models.special import (
    exponential_expectation,
    gamma_quadrature,
    rice_quadrature,
    scaled_exponential_integral,
)


@pytest.mark.parametrize("order", [1, 2, 8, 64])
@pytest.mark.parametrize("x", [1e-12, 0.1, 1.0, 4.999, 5.0, 5.001, 12.0, 316.2, 709.0, 746.0, 1e5])
def test_scaled_exponential_integral_against_high_precision(x: float, order: int) -> None:
    # e^x E_n(x); at a mean SNR below -25 dB (x = 316) and on, e^x and E_n leave the range of a double.
    with mpmath.workdps(40):
        exact = mpmath.exp(x) * mpmath.expint(order, x)
    assert scaled_exponential_integral(x, order) == pytest.approx(float(exact), rel=1e-13)


@pytest.mark.parametrize("x", [1e9, 1e100, 1e300])
def test_scaled_exponential_integral_far_out(x: float) -> None:
    # e^x E_n(x) -> 1/(x + n).
    assert scaled_exponential_integral(x) == pytest.approx(1 / x, rel=2e-9)
    assert scaled_exponential_integral(x, 5) == pytest.approx(1 / x, rel=6e-9)


@settings(deadline=None)
@given(x=st.floats(1e-6, 1e6), order=st.integers(1, 40))
def test_orders_are_tied_by_the_recurrence(x: float, order: int) -> None:
    # n E_{n+1}(x) = e^-x - x E_n(x).
    left = order * scaled_exponential_integral(x, order + 1) + x * scaled_exponential_integral(x, order)
    assert left == pytest.approx(1.0, rel=1e-12)


@pytest.mark.parametrize("power", [0.5, 1, 2, 5, -0.4])
def test_moments_of_the_exponential_law(power: float) -> None:
    # E[X^s] = Gamma(1 + s).
    exact = float(mpmath.gamma(1 + power))
    assert exponential_expectation(lambda x: np.power(x, power)) == pytest.approx(exact, rel=1e-12)


@pytest.mark.parametrize(
    "function",
    [lambda x: 1 / x, lambda x: np.exp(1.1 * x), lambda x: np.where(x < 1, np.nan, x), lambda x: 1 / (x * x)],
)
def test_divergent_expectations_are_refused(function) -> None:
    with pytest.raises(ValueError, match="expectation diverges"), np.errstate(over="ignore"):
        exponential_expectation(function)


def test_a_function_that_vanishes_is_no_divergence() -> None:
    assert exponential_expectation(np.zeros_like) == 0.0


@pytest.mark.parametrize(
    "quadrature",
    [
        gamma_quadrature(0.5),
        gamma_quadrature(1.0),
        gamma_quadrature(1e4),
        rice_quadrature(0.0),
        rice_quadrature(60.0),
        rice_quadrature(1e6),
    ],
)
def test_quadratures_have_unit_mass_and_mean(quadrature) -> None:
    assert np.sum(quadrature.weights) == pytest.approx(1.0, abs=1e-14)
    assert quadrature.mean(lambda x: x) == pytest.approx(1.0, rel=1e-12)
    assert quadrature.nodes.size < 20_000
