"""Recorded links, phones and devices: readers of public trace formats, each in physical units.

Bandwidth and packet recordings become a :class:`RateTrace` (bits a second over time), radio logs also an
:class:`SnrTrace` (dB over time), phone logs become intervals of availability, benchmark lists relative speeds.
A file that cannot be trusted is refused by a :class:`TraceError` that names file, line and remedy.
"""

from __future__ import annotations

from channel_models.traces.errors import TraceEnded, TraceError
from channel_models.traces.rate_trace import RateTrace
from channel_models.traces.readers import (
    READERS,
    SNR_READERS,
    ClientTraces,
    read,
    read_rate_trace,
    read_snr_trace,
)
from channel_models.traces.snr_trace import SnrTrace

__all__ = [
    "READERS",
    "SNR_READERS",
    "ClientTraces",
    "RateTrace",
    "SnrTrace",
    "TraceEnded",
    "TraceError",
    "read",
    "read_rate_trace",
    "read_snr_trace",
]
