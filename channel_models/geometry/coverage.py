"""What reaches a place from every site: path loss, line of sight and shadowing together."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from channel_models.geometry.field import FloatArray, checked_positions_m
from channel_models.geometry.layout import distances_2d_m
from channel_models.geometry.line_of_sight import LineOfSight
from channel_models.geometry.shadowing import Shadowing
from channel_models.model import Model, parameter
from channel_models.path_loss import PathLoss


@dataclass(frozen=True, kw_only=True)
class Coverage(Model):
    """Mean loss in dB from sites to places: path loss + shadowing, a pure function of (seed, site, place).

    Attributes:
        path_loss: the model, the same at each site.
        sites_m: (x, y) of each site in metres.
        shadowing: None for none.
        line_of_sight: which links have sight; a path loss model of two states needs it.
    """

    path_loss: PathLoss
    sites_m: tuple[tuple[float, float], ...]
    shadowing: Shadowing | None = None
    line_of_sight: LineOfSight | None = None
    least_distance_m: float = parameter("Terminals nearer to a site count as this far.", default=0.0, least=0)

    def loss_db(self, positions_m: ArrayLike) -> FloatArray:
        """f64[N, S] for N positions [N, 2] and S sites. Raises ValueError outside the range of the path loss model."""
        positions = checked_positions_m(positions_m)
        distance = np.maximum(distances_2d_m(positions, self.sites_m), self.least_distance_m)
        columns = [self._from_site(site, positions, distance[:, site]) for site in range(len(self.sites_m))]
        return np.column_stack(columns)

    def _from_site(self, site: int, positions_m: FloatArray, distance_m: FloatArray) -> FloatArray:
        sight = self._sight(site, positions_m, distance_m)
        loss_db = self.path_loss.loss_db(distance_m, sight)
        if self.shadowing is None:
            return loss_db
        stated_db = None
        if self.shadowing.sigma_db is None:
            stated_db = self.path_loss.shadowing_sigma_db(distance_m, True if sight is None else sight)
        return loss_db + self.shadowing.loss_db(site, positions_m, stated_db)

    def _sight(self, site: int, positions_m: FloatArray, distance_m: FloatArray) -> ArrayLike | None:
        if self.line_of_sight is None:
            return None
        return self.line_of_sight.states(site, positions_m, self.path_loss.los_probability(distance_m))
