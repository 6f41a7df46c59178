"""A battery as an amount of energy: what is in it, what goes out, when it will be empty."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import inf

import numpy as np
from numpy.typing import ArrayLike

from channel_models.model import Model, parameter
from channel_models.validation import non_negative, positive

_S_PER_H = 3600.0
_MAH_PER_AH = 1000.0


@dataclass(frozen=True, kw_only=True)
class Battery(Model):
    """An ideal store of energy: no self-discharge, no loss at high currents, a fixed capacity.

    A battery does not change: draining or charging one gives another. Raises ValueError for more energy than capacity.
    """

    capacity_j: float = parameter("Energy of a full battery.", above=0)
    level_j: float | None = parameter("Energy in it at the start; left out: full.", default=None, least=0)

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.stored_j > self.capacity_j:
            raise ValueError(f"level_j must be at most capacity_j = {self.capacity_j:g} J, got {self.level_j!r}")

    @classmethod
    def of_mah(cls, capacity_mah: float, voltage_v: float) -> Battery:
        """A full battery of so many milliampere-hours: mAh / 1000 x 3600 x V joules."""
        charge_ah = positive("capacity_mah", capacity_mah) / _MAH_PER_AH
        return cls(capacity_j=charge_ah * _S_PER_H * positive("voltage_v", voltage_v))

    @property
    def stored_j(self) -> float:
        """Energy in it [J]."""
        return self.capacity_j if self.level_j is None else self.level_j

    @property
    def state_of_charge(self) -> float:
        """Energy in it over its capacity, 0 .. 1."""
        return self.stored_j / self.capacity_j

    def drained(self, energy_j: float) -> Battery:
        """The battery after so much has been taken out. Raises ValueError for more than there is in it."""
        if non_negative("energy_j", energy_j) > self.stored_j:
            raise ValueError(
                f"the battery holds {self.stored_j:.9g} J and cannot give {energy_j:.9g} J: ask empty_at_s when it ends"
            )
        return replace(self, level_j=self.stored_j - energy_j)

    def charged(self, energy_j: float) -> Battery:
        """The battery after so much has been put in; what exceeds the capacity is lost."""
        return replace(self, level_j=min(self.capacity_j, self.stored_j + non_negative("energy_j", energy_j)))

    def empty_at_s(self, starts_s: ArrayLike, power_w: ArrayLike) -> float:
        """When the battery is empty under piecewise-constant power: exact; infinity if it never is.

        starts_s: f64[n], rising: power_w[i] is drawn from starts_s[i] to starts_s[i + 1], the last one for ever;
        negative power charges, up to the capacity. Raises ValueError for times that do not rise or unequal lengths.
        """
        starts, power = _steps(starts_s, power_w)
        level_j = self.stored_j
        for start_s, length_s, drawn_w in zip(starts, np.append(np.diff(starts), inf), power, strict=True):
            if drawn_w > 0.0 and level_j <= drawn_w * length_s:
                return float(start_s + level_j / drawn_w)
            if drawn_w != 0.0:
                level_j = min(self.capacity_j, level_j - drawn_w * length_s)
        return inf


def _steps(starts_s: ArrayLike, power_w: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    starts, power = (np.atleast_1d(np.asarray(values, dtype=np.float64)) for values in (starts_s, power_w))
    if starts.shape != power.shape or not np.all(np.isfinite(power) & np.isfinite(starts)):
        raise ValueError(f"starts_s and power_w must be equally many finite numbers, got {starts_s!r}, {power_w!r}")
    if np.any(np.diff(starts) <= 0.0):
        raise ValueError(f"starts_s must rise, got {starts_s!r}")
    return starts, power
