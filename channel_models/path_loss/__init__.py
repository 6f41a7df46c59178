"""Path loss: the mean attenuation between a base station and a terminal, a function of their distance.

A model answers ``loss_db(distance_2d_m, line_of_sight)`` for arrays of links and refuses what lies outside the range
its source gives. Shadowing and fading are separate models and multiply it.
"""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from channel_models.model import Model
from channel_models.registry import Registry

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class PathLoss(Model):
    """Base of path loss models. A model with one formula for all links leaves the last three methods as they are."""

    @abstractmethod
    def loss_db(self, distance_2d_m: ArrayLike, line_of_sight: ArrayLike | None = None) -> FloatArray:
        """Loss in dB (positive), the shape of the arguments broadcast.

        Args:
            distance_2d_m: horizontal distance in metres.
            line_of_sight: bool, whether nothing obstructs the link. Models that tell the two states apart need it;
                the others give both the same loss.

        Raises ValueError naming quantity, value and range for a distance the model does not cover.
        """

    def los_probability(self, distance_2d_m: ArrayLike) -> FloatArray:
        """P(line of sight) at a horizontal distance; 1 for models of one state."""
        return np.ones_like(np.asarray(distance_2d_m, dtype=np.float64))

    def shadowing_sigma_db(self, distance_2d_m: ArrayLike, line_of_sight: ArrayLike) -> FloatArray:
        """Standard deviation of shadowing that belongs to the model. Raises ValueError if its source gives none."""
        raise ValueError(f"{type(self).__name__} states no shadowing: give a sigma_db")

    def shadowing_decorrelation_m(self, line_of_sight: bool) -> float:
        """Distance over which the model's shadowing decorrelates to 1/e. Raises ValueError if its source gives none."""
        raise ValueError(f"{type(self).__name__} states no shadowing: give a decorrelation_m")


class OutOfRange(ValueError):  # noqa: N818
    """A distance that the formula's source does not cover."""


PATH_LOSS: Registry[PathLoss] = Registry("path_loss")


def distances_within(
    model: PathLoss, distance_m: ArrayLike, least_m: float, most_m: float, kind: str = "2D"
) -> FloatArray:
    """The distances as f64, all in [least_m, most_m]. Raises OutOfRange naming model, value and range."""
    distance = np.asarray(distance_m, dtype=np.float64)
    outside = distance[~((distance >= least_m) & (distance <= most_m))]
    if outside.size:
        raise OutOfRange(
            f"{type(model).__name__}: {kind} distance must lie in {least_m:g} .. {most_m:g} m, the formula's range, "
            f"got {outside.flat[0]:g} m; move the terminal, set a least_distance_m or choose another model"
        )
    return distance
