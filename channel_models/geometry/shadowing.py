"""Log-normal shadowing, correlated in space."""

from __future__ import annotations

from dataclasses import dataclass
from math import log, sqrt

import numpy as np
from numpy.typing import ArrayLike

from channel_models.geometry.field import FloatArray, GaussianField
from channel_models.model import Model, parameter
from channel_models.validation import count, non_negative

_COMMON_FIELD = 0


@dataclass(frozen=True, kw_only=True)
class Shadowing(Model):
    """Loss in dB, Normal(0, sigma^2), from each site a field over the plane: a pure function of (seed, site, position).

    Between two terminals of one site, or two positions of one terminal, the correlation is e^(-distance/decorrelation)
    (Gudmundson 1991); between two sites at one position it is ``site_correlation`` (0.5 in 3GPP TR 36.942). Terminals
    at one place share their obstacles and so their shadowing.

    The mean of the linear gain exceeds the gain of the mean in dB by :func:`mean_excess_db`.
    """

    sigma_db: float | None = parameter(
        "Standard deviation; null for what the path loss model states.", default=8.0, least=0, most=50
    )
    decorrelation_m: float = parameter("Distance over which the correlation falls to 1/e.", default=50.0, above=0)
    site_correlation: float = parameter(
        "Correlation between two sites seen from one place.", default=0.5, least=0, most=1
    )
    seed: int = 0

    def loss_db(self, site: int, positions_m: ArrayLike, stated_sigma_db: ArrayLike | None = None) -> FloatArray:
        """f64[N], what to add to the path loss from a site (0, 1, ...) to positions f64[N, 2].

        ``stated_sigma_db`` [N] is the path loss model's and counts where ``sigma_db`` is None; it may differ from link
        to link, as between the states of line of sight. Raises ValueError when there is neither.
        """
        sigma_db = stated_sigma_db if self.sigma_db is None else self.sigma_db
        if sigma_db is None:
            raise ValueError("Shadowing: sigma_db is not given and no path loss model states one: give sigma_db")
        return np.asarray(sigma_db, dtype=np.float64) * self.standard(site, positions_m)

    def standard(self, site: int, positions_m: ArrayLike) -> FloatArray:
        """The same at sigma 1."""
        field = GaussianField(decorrelation_m=self.decorrelation_m, seed=self.seed, purpose="shadowing")
        own = sqrt(1.0 - self.site_correlation) * field.values(count("site", site) + 1, positions_m)
        if self.site_correlation == 0.0:
            return np.asarray(own)
        return np.asarray(own + sqrt(self.site_correlation) * field.values(_COMMON_FIELD, positions_m))


def mean_excess_db(sigma_db: float) -> float:
    """(ln 10/20) sigma^2: by how many dB E[10^(-X/10)] exceeds 1 for X normal of this sigma."""
    return log(10.0) / 20.0 * non_negative("sigma_db", sigma_db) ** 2
