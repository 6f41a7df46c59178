"""What became of a point."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from pwffsim.studies.point import Point

DONE, WAITING = "done", "waiting"
FINAL = (DONE, "diverged")
"""Statuses that another attempt would not change."""


@dataclass(frozen=True)
class Ending:
    """How an attempt ended: a status of a run directory, and what went wrong."""

    status: str
    message: str = ""


@dataclass(frozen=True)
class Outcome:
    """A point, and where it stands.

    Attributes:
        point: what was asked for.
        digest: of everything that its results depend on; "" for a scenario that cannot be loaded.
        path: the folder of its results; it exists once the point has been begun.
        ending: how it ended, or ``waiting``.
    """

    point: Point
    digest: str
    path: Path
    ending: Ending

    @property
    def done(self) -> bool:
        """Whether there are results."""
        return self.ending.status == DONE

    @property
    def listing(self) -> dict[str, Any]:
        """As JSON values."""
        point = self.point
        return {
            "labels": dict(point.labels),
            "seed": point.seed,
            "kind": point.kind,
            "scenario": point.scenario.name,
            "overrides": list(point.overrides),
            "digest": self.digest,
            **asdict(self.ending),
        }
