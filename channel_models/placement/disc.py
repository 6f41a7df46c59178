"""A disc or a ring."""

from __future__ import annotations

from dataclasses import dataclass
from math import cos, pi, sin, sqrt

from numpy.random import Generator

from channel_models.model import parameter
from channel_models.placement import PLACEMENTS, AroundCentre


@PLACEMENTS.register("disc")
@dataclass(frozen=True, kw_only=True)
class Disc(AroundCentre):
    """Uniform over the area between r_min and r_max: r = sqrt(r_min^2 + u (r_max^2 - r_min^2)), u uniform in [0, 1).

    Drawing r uniformly instead would crowd clients around the centre. Raises ValueError for r_min >= r_max.
    """

    r_max_m: float = parameter("Outer radius.", default=500.0, above=0)
    r_min_m: float = parameter("Inner radius, kept free around the base station.", default=10.0, least=0)

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.r_min_m >= self.r_max_m:
            raise ValueError(f"Disc: r_min_m must be below r_max_m ({self.r_max_m:g} m), got {self.r_min_m!r}")

    def offset_m(self, generator: Generator) -> tuple[float, float]:
        area, turn = generator.random(2).tolist()
        radius = sqrt(self.r_min_m**2 + area * (self.r_max_m**2 - self.r_min_m**2))
        return radius * cos(2.0 * pi * turn), radius * sin(2.0 * pi * turn)
