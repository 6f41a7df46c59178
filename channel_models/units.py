"""Decibel conversions, for a float or a float64 array alike.

A ratio in dB is 10 log10(linear power ratio); dBm is dB relative to one milliwatt. Powers only: an amplitude
would need 20 log10 and is nowhere used in this package.
"""

from __future__ import annotations

from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

FloatOrArray = TypeVar("FloatOrArray", float, NDArray[np.float64])

_MW_PER_W_DB = 30.0


def db_to_linear(value_db: FloatOrArray) -> FloatOrArray:
    """Power ratio 10^(x/10) of x dB."""
    ratio: Any = 10.0 ** (value_db / 10.0)
    return ratio


def linear_to_db(value: FloatOrArray) -> FloatOrArray:
    """10 log10(x) dB of a power ratio x; 0 gives -inf. Raises ValueError for a negative or NaN ratio."""
    if not np.all(np.greater_equal(value, 0.0)):
        raise ValueError(f"a power ratio cannot be negative or NaN, got {value!r}")
    with np.errstate(divide="ignore"):
        value_db: Any = 10.0 * np.log10(value)
    return value_db


def dbm_to_w(value_dbm: FloatOrArray) -> FloatOrArray:
    """Watts of x dBm: 10^((x - 30)/10)."""
    return db_to_linear(value_dbm - _MW_PER_W_DB)


def w_to_dbm(value_w: FloatOrArray) -> FloatOrArray:
    """dBm of x watts: 10 log10(x) + 30. Raises ValueError for a negative or NaN power."""
    return linear_to_db(value_w) + _MW_PER_W_DB
