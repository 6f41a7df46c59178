"""A hexagonal cell."""

from __future__ import annotations

from dataclasses import dataclass
from math import cos, hypot, pi, sin, sqrt

from numpy.random import Generator

from channel_models.model import parameter
from channel_models.placement import PLACEMENTS, AroundCentre


@PLACEMENTS.register("hexagon")
@dataclass(frozen=True, kw_only=True)
class Hexagon(AroundCentre):
    """Uniform over a regular hexagon outside r_min; corners at ``r_max_m`` from the centre, the first to the east.

    The hexagon is three rhombi that meet in the centre, each the image of a square; what falls within r_min is drawn
    again. Raises ValueError for r_min not below the radius sqrt(3)/2 r_max of the inscribed circle.
    """

    r_max_m: float = parameter("Distance from the centre to a corner.", default=500.0, above=0)
    r_min_m: float = parameter("Radius kept free around the base station.", default=10.0, least=0)

    def __post_init__(self) -> None:
        super().__post_init__()
        inscribed = sqrt(0.75) * self.r_max_m
        if self.r_min_m >= inscribed:
            raise ValueError(
                f"Hexagon: r_min_m must be below {inscribed:g} m, the inscribed circle, got {self.r_min_m!r}"
            )

    def offset_m(self, generator: Generator) -> tuple[float, float]:
        while True:
            x, y = _in_unit_hexagon(*generator.random(3).tolist())
            if hypot(x, y) * self.r_max_m >= self.r_min_m:
                return self.r_max_m * x, self.r_max_m * y


def _in_unit_hexagon(rhombus: float, along: float, across: float) -> tuple[float, float]:
    """The point of the hexagon for three uniform numbers: which rhombus, and where along its two sides."""
    first = 2.0 * pi / 3.0 * int(3.0 * rhombus)
    second = first + 2.0 * pi / 3.0
    return along * cos(first) + across * cos(second), along * sin(first) + across * sin(second)
