"""What was measured, by study, preset, method and variant."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from pwffsim.paper.configurations import METHODS
from pwffsim.paper.grid import METHODS_STUDY, SIZES
from pwffsim.studies.intervals import Interval, paired, student
from pwffsim.studies.numbers import NO_ROUND
from pwffsim.studies.table import by_seed, table

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from pandas import DataFrame, Series

INSTRUCTION, REWARD, ALIGNMENT = "instruction", "reward", "alignment"
AXES = ("study", "preset", "method", "variant")
_KEYS = (*AXES, "stage", "quantity")

Places = Mapping[tuple[str, ...], "NDArray[np.int64]"]
"""Names on all axes, stage and quantity -> rows of a table."""


@dataclass(frozen=True, eq=False)
class Measured:
    """All numbers of the study.

    Attributes:
        courses: labels, seed, stage, round, quantity, value.
    """

    courses: DataFrame

    @cached_property
    def ends(self) -> DataFrame:
        """Each quantity once a point, at its stage's end."""
        return table(self.courses)

    def presets(self, *studies: str) -> list[str]:
        """Presets of some studies, in the order in which they were run."""
        return list(dict.fromkeys(self._labels[self._labels["study"].isin(studies)]["preset"]))

    def variants(self, study: str) -> list[str]:
        """Variants of a study."""
        return list(dict.fromkeys(self._labels[self._labels["study"] == study]["variant"]))

    def methods(self, study: str, preset: str) -> list[str]:
        """Methods that have results there, in the report's order."""
        rows = self._labels[(self._labels["study"] == study) & (self._labels["preset"] == preset)]
        return [method for method in METHODS if method in set(rows["method"])]

    def values(self, study: str, preset: str, stage: str, quantity: str, method: str = "", variant: str = "") -> Series:
        """One quantity at the end of its stage, by seed; empty where it was not measured.

        Raises:
            ValueError: when several points of a seed have it.
        """
        rows = _rows(self.ends, self._ends_at, (study, preset, method, variant, stage, quantity))
        return by_seed(rows, f"{quantity} of {study}, {preset}, {method}, {variant}")

    def interval(
        self, study: str, preset: str, stage: str, quantity: str, method: str = "", variant: str = ""
    ) -> Interval | None:
        """Its mean and interval over seeds; None where it was not measured."""
        found = self.values(study, preset, stage, quantity, method, variant)
        return student(found.to_list()) if len(found) else None

    def difference(
        self, study: str, preset: str, stage: str, quantity: str, left: str, right: str, variant: str = ""
    ) -> Interval | None:
        """Paired difference of two methods."""
        return paired(
            self.values(study, preset, stage, quantity, left, variant),
            self.values(study, preset, stage, quantity, right, variant),
        )

    def course(
        self, study: str, preset: str, stage: str, quantity: str, method: str = "", variant: str = ""
    ) -> DataFrame:
        """One quantity by round (rows) and seed (columns); rounds that all seeds have."""
        rows = _rows(self.courses, self._courses_at, (study, preset, method, variant, stage, quantity))
        rows = rows[rows["round"] != NO_ROUND]
        return rows.pivot(index="round", columns="seed", values="value").dropna()

    def gain(self, study: str, preset: str, stage: str, quantity: str, method: str) -> Interval | None:
        """From the first round to the last, by seed."""
        course = self.course(study, preset, stage, quantity, method)
        return student((course.iloc[-1] - course.iloc[0]).to_list()) if len(course) else None

    @cached_property
    def _ends_at(self) -> Places:
        return self.ends.groupby(list(_KEYS), sort=False).indices

    @cached_property
    def _courses_at(self) -> Places:
        return self.courses.groupby(list(_KEYS), sort=False).indices

    @cached_property
    def _labels(self) -> DataFrame:
        return self.courses[list(AXES)].drop_duplicates()


def _rows(found: DataFrame, places: Places, key: tuple[str, ...]) -> DataFrame:
    """The rows of a key, found without a look at any other."""
    return found.iloc[places.get(key, [])]


def measured(courses: DataFrame) -> Measured:
    """With every axis, also where no point that is done has a name on it."""
    missing = [axis for axis in AXES if axis not in courses.columns]
    return Measured(courses.assign(**dict.fromkeys(missing, "")))


def learnt(found: Measured) -> list[str]:
    """Presets on which something was learnt."""
    return found.presets(METHODS_STUDY)


def planned(found: Measured) -> list[str]:
    """Presets at the true architecture."""
    return found.presets(SIZES)
