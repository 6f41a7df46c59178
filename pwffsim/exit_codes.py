"""Exit codes of every command. Unknown non-zero codes mean failure."""

from __future__ import annotations

from enum import IntEnum


class Exit(IntEnum):
    """What the process says when it ends."""

    OK = 0
    """Done."""
    INTERNAL = 1
    """An error in pwffsim itself: please report it."""
    INVALID = 2
    """Wrong usage, an invalid scenario, missing or broken data, weights or run directories."""
    DIVERGED = 4
    """Training left the finite numbers; the run directory is marked and readable."""
    INCONSISTENT = 5
    """A conservation law was broken, or a fingerprint differs."""
    RESOURCE = 6
    """A disk or worker failed."""
    INTERRUPTED = 130
    """Ctrl-C; the run directory is marked and readable."""
    TERMINATED = 143
    """SIGTERM; likewise."""
