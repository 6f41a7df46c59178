"""Names of everything in this room that a scenario may choose."""

from __future__ import annotations

CORPORA: tuple[str, ...] = ("embedded", "jsonl", "hub")
PARTITIONERS: tuple[str, ...] = ("iid", "topic", "size", "preference", "snr")

__all__ = ["CORPORA", "PARTITIONERS"]
