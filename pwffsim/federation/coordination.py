"""Names of the coordination modes; the processes that carry them out are in ``pwffsim.world.coordination``."""

from __future__ import annotations

MODES: dict[str, str] = {
    "synchronous": "A round waits for every selected client (FedAvg).",
    "buffered": "The server sums a buffer of updates as they come (FedBuff, arXiv 2106.06639).",
}

RETASK_RULES: tuple[str, ...] = ("immediately", "next_version")
"""When a client of a buffered run gets its next task: on delivering an update, or when the version advances."""
