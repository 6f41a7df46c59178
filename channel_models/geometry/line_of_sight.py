"""Which links have line of sight."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from channel_models.geometry.field import GaussianField
from channel_models.model import Model, parameter


@dataclass(frozen=True, kw_only=True)
class LineOfSight(Model):
    """Sight where a field of uniform values lies below the probability of sight, one field a site.

    The uniform value is Phi(g), g a Gaussian field: neighbours share their state and a terminal's state changes a few
    times on its way, instead of at every query (the idea of 3GPP TR 38.901, 7.6.3.3).
    """

    decorrelation_m: float = parameter("Distance over which the state decorrelates.", default=50.0, above=0)
    seed: int = 0

    def states(self, site: int, positions_m: ArrayLike, los_probability: ArrayLike) -> NDArray[np.bool_]:
        """bool[N] at positions f64[N, 2] with these probabilities [N]. Raises ValueError for one outside [0, 1]."""
        from scipy.special import ndtr

        chance = np.asarray(los_probability, dtype=np.float64)
        if not np.all((chance >= 0) & (chance <= 1)):
            raise ValueError(f"los_probability must lie in [0, 1], got {los_probability!r}")
        if np.all(chance == 1):
            return np.ones(chance.shape, dtype=np.bool_)
        field = GaussianField(decorrelation_m=self.decorrelation_m, seed=self.seed, purpose="line of sight")
        return np.asarray(ndtr(field.values(site, positions_m)) < chance)
