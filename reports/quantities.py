"""Numbers as a reader wants them: few digits, a unit, a prefix."""

from __future__ import annotations

import math

MISSING = "–"

_DECIMAL = ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k"), (1.0, ""), (1e-3, "m"), (1e-6, "µ"), (1e-9, "n"))


JOIN = "\u00a0"
"""Between a number and its unit: no line ends there."""


def is_number(value: object) -> bool:
    """True for a finite int or float; booleans are not numbers."""
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


def significant(value: float, digits: int = 3) -> str:
    """``value`` with ``digits`` significant digits, thousands set apart, no exponent between 1e-4 and 1e15."""
    if value == 0:
        return "0"
    size = int(f"{value:.{digits - 1}e}".partition("e")[2])
    if size < -4 or size >= 15:
        return f"{value:.{digits - 1}e}"
    return f"{value:,.{max(0, digits - 1 - size)}f}".replace(",", "\u202f")


def with_prefix(value: float | None, unit: str, smallest: float = 1e-9, digits: int = 3) -> str:
    """``12345678, "B"`` becomes ``12.3 MB`` (the space does not break); prefixes below ``smallest`` are not used."""
    if value is None or not math.isfinite(value):
        return MISSING
    if value == 0:
        return f"0{JOIN}{unit}"
    step, sign = prefix(value, smallest, digits)
    return f"{significant(value / step, digits)}{JOIN}{sign}{unit}"


def prefix(value: float, smallest: float, digits: int) -> tuple[float, str]:
    """The largest decimal prefix that leaves at least 1 before the point when rounded to ``digits``."""
    fitting = [(step, sign) for step, sign in _DECIMAL if step >= smallest]
    return next((found for found in fitting if abs(value) >= found[0] * (1 - 0.5 * 10.0**-digits)), fitting[-1])


def stated(value: float, unit: str) -> str:
    """A number that somebody chose, with every digit that was given (up to 9) and a prefix: ``20 MHz``, ``50 ms``."""
    step, sign = prefix(value, 1e-9, 9) if value else (1.0, "")
    return f"{value / step:.9g}{JOIN}{sign}{unit}"


def count(value: float | None) -> str:
    """A whole number, thousands set apart."""
    return MISSING if value is None else f"{value:,.0f}".replace(",", "\u202f")


def byte_count(value: float | None) -> str:
    """Bytes with a decimal prefix (1 kB = 1000 B)."""
    return with_prefix(value, "B", smallest=1.0)


def energy(value_j: float | None) -> str:
    """Joules with a decimal prefix."""
    return with_prefix(value_j, "J")


def duration(value_s: float | None) -> str:
    """Seconds below ten minutes; minutes, hours or days above."""
    if value_s is None or not math.isfinite(value_s):
        return MISSING
    if abs(value_s) < 1:
        return with_prefix(value_s, "s")
    for limit, step, unit in ((600, 1, "s"), (6 * 3600, 60, "min"), (72 * 3600, 3600, "h")):
        if abs(value_s) < limit:
            return f"{significant(value_s / step)}{JOIN}{unit}"
    return f"{significant(value_s / 86400)}{JOIN}d"


def percent(value: float | None) -> str:
    """A fraction as per cent with one decimal."""
    return MISSING if value is None or not math.isfinite(value) else f"{100 * value:.1f}\u202f%"


def plain(value: float | None, digits: int = 3) -> str:
    """A bare number."""
    return MISSING if value is None or not math.isfinite(value) else significant(value, digits)


def signed(value: float | None, digits: int = 3) -> str:
    """A bare number with its sign."""
    if value is None or not math.isfinite(value):
        return MISSING
    return ("+" if value > 0 else "") + significant(value, digits)
