"""Checks on physical quantities: each returns the value it was given or raises ValueError naming it."""

from __future__ import annotations

from math import isfinite, isnan


def positive(name: str, value: float) -> float:
    """value, a finite number > 0."""
    if not (isfinite(value) and value > 0):
        raise ValueError(f"{name} must be a finite number above 0, got {value!r}")
    return value


def non_negative(name: str, value: float) -> float:
    """value, a finite number >= 0."""
    if not (isfinite(value) and value >= 0):
        raise ValueError(f"{name} must be a finite number of at least 0, got {value!r}")
    return value


def finite(name: str, value: float) -> float:
    """value, a finite number."""
    if not isfinite(value):
        raise ValueError(f"{name} must be a finite number, got {value!r}")
    return value


def positive_or_infinite(name: str, value: float) -> float:
    """value, a number > 0 that may be infinite."""
    if isnan(value) or value <= 0:
        raise ValueError(f"{name} must be above 0 (infinity allowed), got {value!r}")
    return value


def probability(name: str, value: float) -> float:
    """value, in [0, 1]."""
    if not 0.0 <= value <= 1.0:
        raise ValueError(f"{name} must lie in [0, 1], got {value!r}")
    return value


def count(name: str, value: int, least: int = 0) -> int:
    """value, an integer >= least (booleans and floats refused)."""
    if isinstance(value, bool) or not hasattr(value, "__index__") or value < least:
        raise ValueError(f"{name} must be an integer of at least {least}, got {value!r}")
    return int(value)
