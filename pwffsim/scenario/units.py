"""Quantities with units: ``20 MHz``, ``200 ms``, ``16 kB``, ``5 dB``, ``30 dBm``.

A field whose name ends in a unit (``bandwidth_hz``) is dimensioned. It may be written in three ways:
``bandwidth_hz: 2e7``, ``bandwidth_hz: 20 MHz`` and ``bandwidth: 20 MHz``. A bare number under the bare name has no
unit and is refused.
Prefixes are decimal as in the SI (1 kB = 1000 B); binary ones are written out (1 KiB = 1024 B).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from pwffsim.scenario.names import did_you_mean

_NUMBER = r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?"
_QUANTITY = re.compile(rf"\s*({_NUMBER})\s*([A-Za-zµμ]*)\s*", re.ASCII | re.DOTALL)
_LARGEST_EXPONENT, _LARGEST_LEVEL = 300, 3000

INFINITY = {"inf": float("inf"), "-inf": float("-inf")}
"""How infinite values are written: JSON has no number for them."""


def _prefixed(unit: str, prefixes: str) -> dict[str, Decimal]:
    """SI prefixes before a unit; the empty prefix is always there."""
    powers = {"n": -9, "u": -6, "µ": -6, "μ": -6, "m": -3, "k": 3, "M": 6, "G": 9, "T": 12}
    return {unit: Decimal(1)} | {prefix + unit: Decimal(10) ** powers[prefix] for prefix in prefixes}


_BYTES = _prefixed("B", "kMGT") | {"byte": Decimal(1), "bytes": Decimal(1)}
_BYTES |= {f"{prefix}iB": Decimal(1024) ** power for power, prefix in enumerate("KMGT", start=1)}


@dataclass(frozen=True)
class Dimension:
    """One ending of key names, what it measures, and the units it takes with their size in the key's own unit.

    A `logarithmic` unit is turned into the key's own by a function instead of a factor.
    """

    what: str
    example: str
    factors: Mapping[str, Decimal]
    logarithmic: Mapping[str, Callable[[Decimal], Decimal]]

    @property
    def units(self) -> tuple[str, ...]:
        """Every unit that is taken, for messages; `us` stands for the micro sign's two code points as well."""
        return tuple(unit for unit in self.spellings if unit.isascii())

    @property
    def spellings(self) -> tuple[str, ...]:
        """Every unit that is taken, in all spellings."""
        return (*self.factors, *self.logarithmic)

    def convert(self, number: Decimal, unit: str) -> Decimal:
        """`number` of `unit`, in the key's own unit.

        Raises:
            KeyError: for a unit of another dimension.
        """
        if unit in self.logarithmic:
            return self.logarithmic[unit](number)
        return number * self.factors[unit]


def _from_db(reference: Decimal) -> Callable[[Decimal], Decimal]:
    return lambda level: reference * Decimal(10) ** (level / 10)


DIMENSIONS: dict[str, Dimension] = {
    "hz": Dimension("frequency", "20 MHz", _prefixed("Hz", "kMGT"), {}),
    "s": Dimension("time", "200 ms", _prefixed("s", "nuµμm") | {"min": Decimal(60), "h": Decimal(3600)}, {}),
    "w": Dimension(
        "power",
        "100 mW",
        _prefixed("W", "nuµμmkM"),
        {"dBm": _from_db(Decimal("1e-3")), "dBW": _from_db(Decimal(1))},
    ),
    "j": Dimension("energy", "5 kJ", _prefixed("J", "nuµμmkM") | {"Wh": Decimal(3600)}, {}),
    "db": Dimension("level", "5 dB", {"dB": Decimal(1)}, {}),
    "bytes": Dimension("data in bytes", "16 kB", _BYTES, {}),
    "mb": Dimension("data in bytes", "4 GB", {unit: factor / 10**6 for unit, factor in _BYTES.items()}, {}),
    "bits": Dimension("data in bits", "12 kbit", _prefixed("bit", "kMGT") | {"bits": Decimal(1)}, {}),
}


@dataclass(frozen=True)
class Refused:
    """Stands where a quantity could not be read; no number, so that the field refuses it, with this message.

    Attributes:
        message: what is wrong and how to write it.
        key: the key as it was written.
    """

    message: str
    key: str


def split_unit(key: str) -> tuple[str, str] | None:
    """``"bandwidth_hz"`` -> ``("bandwidth", "hz")``; None for a key that is not dimensioned."""
    stem, _, suffix = key.rpartition("_")
    return (stem, suffix) if stem and suffix in DIMENSIONS else None


def stems(fields: Iterable[str]) -> dict[str, str]:
    """The bare name of every dimensioned field -> the field."""
    return {parts[0]: field for field in fields if (parts := split_unit(field))}


def accept_quantities(fields: Iterable[str], data: Any) -> Any:
    """`data` with every quantity under its dimensioned key, as a number in that key's unit.

    What cannot be read becomes a :class:`Refused`, which its field then reports: one bad quantity hides no other error.
    Anything but a mapping is returned as it is.
    """
    if not isinstance(data, Mapping):
        return data
    names = set(fields)
    of_stem: dict[Any, str] = {stem: field for stem, field in stems(names).items() if stem not in names}
    result: dict[Any, Any] = {}
    for key, value in data.items():
        field: Any = of_stem.get(key, key)
        if field in result or (key != field and field in data):
            result[field] = Refused(f"given twice, as {of_key(field)!r} and as {field!r}; drop one", of_key(field))
        elif field in names and (parts := split_unit(field)):
            result[field] = _read(value, key, field, parts[1])
        else:
            result[field] = value
    return result


def of_key(field: str) -> str:
    """The bare name of a dimensioned field."""
    parts = split_unit(field)
    return parts[0] if parts else field


def parse_quantity(text: str, suffix: str) -> Decimal:
    """``("20 MHz", "hz")`` -> 2e7.

    Raises:
        ValueError: for text that is no number with a unit of this dimension; the message says what would be.
    """
    dimension = DIMENSIONS[suffix]
    match = _QUANTITY.fullmatch(text)
    if match is None:
        raise ValueError(f"{text!r} is not a number with a unit such as {dimension.example!r}")
    number, unit = Decimal(match[1]), match[2]
    if abs(number.adjusted()) > _LARGEST_EXPONENT:
        raise ValueError(f"{text!r} is beyond all measure")
    if not unit:
        raise ValueError(f"{text!r} has no unit: write one, such as {dimension.example!r}")
    if unit not in dimension.spellings:
        raise ValueError(f"{unit!r} in {text!r} {_misfit(unit, dimension)}")
    if unit in dimension.logarithmic and abs(number) > _LARGEST_LEVEL:
        raise ValueError(f"{text!r} is beyond all measure")
    return dimension.convert(number, unit)


def _misfit(unit: str, dimension: Dimension) -> str:
    """Why a unit is wrong here: of another dimension, or none at all."""
    units = f"units of {dimension.what} here are {', '.join(dimension.units)}"
    for other in DIMENSIONS.values():
        if unit in other.spellings and other is not dimension:
            return f"is a unit of {other.what}; {units}"
    return f"is not a unit; {units}{did_you_mean(unit, dimension.units)}"


def _read(value: Any, key: str, field: str, suffix: str) -> Any:
    """The number that a dimensioned field gets, or why it gets none. Infinity needs no unit."""
    if isinstance(value, str) and value in INFINITY:
        return INFINITY[value]
    if isinstance(value, str):
        try:
            return _plain(parse_quantity(value, suffix))
        except ValueError as error:
            return Refused(str(error), key)
    bare = isinstance(value, int | float) and not isinstance(value, bool)
    if key != field and bare:
        unit = next(iter(DIMENSIONS[suffix].factors)) if suffix != "mb" else "MB"
        return Refused(f"{value} has no unit: write '{field}: {value}' or '{key}: {value} {unit}'", key)
    return value


def _plain(number: Decimal) -> int | float:
    """A whole number as an int (fields that count bytes take no other), anything else as the nearest float."""
    return int(number) if number == number.to_integral_value() and abs(number) < 2**53 else float(number)
