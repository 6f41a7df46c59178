"""Readers of recordings by the name of their format."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from channel_models.traces import cooked, mahimahi, ucc5g
from channel_models.traces.rate_trace import AtEnd, RateTrace
from channel_models.traces.snr_trace import Missing, SnrTrace
from channel_models.validation import count

READERS: dict[str, Callable[..., RateTrace]] = {
    "mahimahi": mahimahi.rate_trace,
    "ucc5g": ucc5g.rate_trace,
    "cooked": cooked.rate_trace,
}
"""Format -> reader of rates: reader(path, direction=, at_end=, and the format's own: bin_s, missing, holds)."""

SNR_READERS: dict[str, Callable[..., SnrTrace]] = {"ucc5g": ucc5g.snr_trace, "cooked": cooked.snr_trace}
"""Format -> reader of SNR: reader(path, missing=)."""


@dataclass(frozen=True)
class ClientTraces:
    """Recordings dealt to clients in turn. traces: at least one."""

    traces: tuple[RateTrace, ...]

    def of(self, client: int) -> RateTrace:
        """The recording of a client (0, 1, ...): number client mod n."""
        return self.traces[count("client", client) % len(self.traces)]


def read_rate_trace(
    path: str | Path, format: str, direction: str | None = None, at_end: AtEnd = "loop", **options: Any
) -> RateTrace:
    """Read one recording of rates.

    format: a name of READERS. direction: ``"downlink"`` or ``"uplink"``; only ``ucc5g`` holds both and needs it, the
    others are one direction a file, for whatever use. options: bin_s (mahimahi, seconds), holds (cooked: forward,
    backward), missing (ucc5g: refuse, hold). Raises ValueError for an unknown format, TraceError for a bad file.
    """
    return _reader(READERS, format)(path, direction=direction, at_end=at_end, **options)


def read_snr_trace(path: str | Path, format: str, missing: Missing = "refuse") -> SnrTrace:
    """Read one recording of SNR by a name of SNR_READERS. Raises ValueError for an unknown format, TraceError."""
    return _reader(SNR_READERS, format)(path, missing=missing)


def read(
    files: Sequence[str | Path], format: str, direction: str | None = None, at_end: AtEnd = "loop", **options: Any
) -> ClientTraces:
    """Read recordings of one format, as read_rate_trace does each; client i has file i mod n.

    Raises ValueError for no file.
    """
    if isinstance(files, (str, Path)) or not files:
        raise ValueError(f"files must be a list of at least one path, got {files!r}")
    return ClientTraces(tuple(read_rate_trace(path, format, direction, at_end, **options) for path in files))


def _reader(table: dict[str, Callable[..., Any]], format: str) -> Callable[..., Any]:
    if format not in table:
        raise ValueError(f"format must be one of {', '.join(table)}, got {format!r}")
    return table[format]
