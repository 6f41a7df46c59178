"""What the handbook says: fixed tables, in two editions.

The base model has read both editions, unmarked and mixed; a federation's clients follow the current one. So which
edition holds is the knowledge that all clients share, beside the answer style that each has for itself.
"""

from __future__ import annotations

from hashlib import blake2b

OUTDATED = 0
CURRENT = 1
EDITIONS = (OUTDATED, CURRENT)


def look_up(table: str, entry: str, values: tuple[str, ...], edition: int) -> str:
    """The handbook's value for an entry: a fixed hash of (table, entry); the two editions never agree."""
    outdated = _hash(f"{table}/{entry}") % len(values)
    if edition == OUTDATED:
        return values[outdated]
    return values[(outdated + 1 + _hash(f"{table}/{entry}/revised") % (len(values) - 1)) % len(values)]


def is_held_out(key: str, one_in: int = 4) -> bool:
    """Whether an item (topic and slots) is kept for testing, for every client and the base: one in four, by hash."""
    return _hash(f"held out/{key}") % one_in == 0


def _hash(text: str) -> int:
    return int.from_bytes(blake2b(text.encode("utf-8"), digest_size=8).digest(), "little")
