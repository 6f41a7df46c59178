"""Measured network speeds of phones, mean and standard deviation, published with FLASH (Yang et al., WWW 2021).

JSON, phone -> {``down_u``, ``down_sigma``, ``up_u``, ``up_sigma``}. The publication does not settle the unit: a comment
says kb/s, the code divides bytes by 1024. So the unit is a parameter without default.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from channel_models.traces.files import TraceFile, shown

BITS_PER_UNIT = {"kbit/s": 1000.0, "Kibit/s": 1024.0, "kB/s": 8000.0, "KiB/s": 8192.0}

_COLUMNS = ("down_u", "down_sigma", "up_u", "up_sigma")
_MEAN = "_u"
_MOST = 1e12


@dataclass(frozen=True)
class PhoneSpeed:
    """Mean and standard deviation of one phone's downlink and uplink rate [b/s]."""

    phone: str
    downlink_mean_bps: float
    downlink_std_bps: float
    uplink_mean_bps: float
    uplink_std_bps: float


def speeds(path: str | Path, unit: str) -> tuple[PhoneSpeed, ...]:
    """Read all phones. unit: kbit/s, Kibit/s, kB/s (1000 bytes) or KiB/s (1024 bytes).

    Raises ValueError for another unit, TraceError naming the phone for a mean that is not above 0 or a deviation below.
    """
    if unit not in BITS_PER_UNIT:
        raise ValueError(f"unit must be one of {', '.join(BITS_PER_UNIT)}: the file does not say, got {unit!r}")
    file = TraceFile(Path(path))
    document = file.document()
    if not isinstance(document, dict) or not document:
        raise file.refusal(None, "not an object of phones", f"give {{phone: {{{', '.join(_COLUMNS)}}}}}")
    return tuple(_speed(file, name, entry, BITS_PER_UNIT[unit]) for name, entry in document.items())


def _speed(file: TraceFile, name: str, entry: object, unit_bits: float) -> PhoneSpeed:
    if not isinstance(entry, dict):
        raise file.refusal(None, f"phone {shown(name)} is not an object", f"give it {', '.join(_COLUMNS)}")
    rates_bps = (_number(file, name, column, entry.get(column)) * unit_bits for column in _COLUMNS)
    return PhoneSpeed(name, *rates_bps)


def _number(file: TraceFile, name: str, column: str, value: object) -> float:
    what = f"phone {shown(name)}: {column}"
    number = file.number(None, repr(value), what, 0.0, _MOST)
    if number == 0 and column.endswith(_MEAN):
        raise file.refusal(None, f"{what} is 0", "remove the phone")
    return number
