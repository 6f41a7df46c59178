"""A line of the table: what something costs, what it cannot cost less than, and the ratio of the two."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from statistics import median
from typing import Any


@dataclass(frozen=True)
class Spread:
    """Repeats of a measurement: median, smallest, largest."""

    median: float
    low: float
    high: float

    @staticmethod
    def of(samples: Sequence[float]) -> Spread:
        """The spread of some samples.

        Raises:
            ValueError: when there is none.
        """
        if not samples:
            raise ValueError("a spread needs one sample at least")
        return Spread(median(samples), min(samples), max(samples))


@dataclass(frozen=True)
class Row:
    """A measurement beside its floor.

    Attributes:
        name: what was measured.
        unit: of value and floor.
        value: what it costs; None where it could not be measured, and the note says why.
        floor_name: what it is held against: a bare loop, a rate of the machine.
        floor: what that costs.
        ratio: value / floor, taken repeat by repeat, so that a busy machine slows both.
        at_most: the ratio that is aimed at.
        note: what else is to be known.
    """

    name: str
    unit: str = ""
    value: Spread | None = None
    floor_name: str = ""
    floor: Spread | None = None
    ratio: Spread | None = None
    at_most: float | None = None
    note: str = ""

    @staticmethod
    def absent(name: str, why: str) -> Row:
        """A row without a number."""
        return Row(name, note=f"not measured: {why}")

    @staticmethod
    def alone(name: str, unit: str, samples: Sequence[float], note: str = "") -> Row:
        """A floor, or something that has none."""
        return Row(name, unit, Spread.of(samples), note=note)

    def over(self, floor_name: str, samples: Sequence[float], floor: Sequence[float]) -> Row:
        """This row beside its floor.

        Args:
            floor_name: what the floor is.
            samples, floor: repeats of both, taken in turns. What was repeated less often is held against the first.
        """
        ratios = [sample / least for sample, least in zip(samples, floor, strict=False)]
        return replace(self, floor_name=floor_name, floor=Spread.of(floor), ratio=Spread.of(ratios))

    def aiming(self, at_most: float) -> Row:
        """This row with the ratio that is aimed at."""
        return replace(self, at_most=at_most)

    def noting(self, note: str) -> Row:
        """This row with a note."""
        return replace(self, note=note)

    @property
    def met(self) -> bool | None:
        """Whether the median ratio is as small as it is meant to be; None where nothing is aimed at or measured."""
        return None if self.at_most is None or self.ratio is None else self.ratio.median <= self.at_most

    def to_json(self) -> dict[str, Any]:
        """Everything, as JSON."""
        return {**asdict(self), "met": self.met}


def measured(name: str, unit: str, samples: Sequence[float], floor_name: str, floor: Sequence[float]) -> Row:
    """A row over its floor."""
    return Row.alone(name, unit, samples).over(floor_name, samples, floor)
