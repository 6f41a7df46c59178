"""Placement: where each client stands at the start, a pure function of (seed, client)."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from channel_models.model import Model, parameter
from channel_models.randomness import draws
from channel_models.registry import Registry
from channel_models.validation import count

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Placement(Model):
    """Base of placements in the horizontal plane (metres).

    Attributes:
        seed: root seed of the run, filled in by the simulator.
    """

    seed: int = 0

    @abstractmethod
    def place_m(self, client: int) -> tuple[float, float]:
        """(x, y) of one client. Raises ValueError for a negative client."""

    def position_m(self, client: int) -> FloatArray:
        """f64[2], the position of one client. Raises ValueError for a negative client."""
        return np.array(self.place_m(client), dtype=np.float64)

    def positions_m(self, clients: Iterable[int]) -> FloatArray:
        """f64[N, 2], a row for each client in the order given; no row depends on the others."""
        rows = [self.place_m(client) for client in clients]
        return np.array(rows, dtype=np.float64).reshape(len(rows), 2)


@dataclass(frozen=True, kw_only=True)
class AroundCentre(Placement):
    """Base of placements that are spread around a centre."""

    center_x_m: float = parameter("East coordinate of the centre.", default=0.0)
    center_y_m: float = parameter("North coordinate of the centre.", default=0.0)

    @abstractmethod
    def offset_m(self, generator: Generator) -> tuple[float, float]:
        """(x, y) from the centre, drawn from a generator that belongs to the client."""

    def place_m(self, client: int) -> tuple[float, float]:
        x_m, y_m = self.offset_m(draws(self.seed, "placement").at(count("client", client)))
        return self.center_x_m + x_m, self.center_y_m + y_m


PLACEMENTS: Registry[Placement] = Registry("placement")
