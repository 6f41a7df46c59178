"""Wireless links for learning systems: fading, rates, losses, retransmission, sharing, energy, geometry, transfers.

One folder an axis, one file a model, one registry of names an axis. The names below are imported when they are asked
for, so that importing the package costs next to nothing; everything else is imported from its own module. Nothing
here knows the simulator.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from channel_models.combinations import refusals as refusals
    from channel_models.delay import MultiBlockDelay as MultiBlockDelay
    from channel_models.delay import QuasiStaticDelay as QuasiStaticDelay
    from channel_models.energy.radio import RadioPower as RadioPower
    from channel_models.fading import FADING as FADING
    from channel_models.fading import BlockFading as BlockFading
    from channel_models.fading import Fading as Fading
    from channel_models.link_budget import LinkBudget as LinkBudget
    from channel_models.loss import LOSS_MAPS as LOSS_MAPS
    from channel_models.loss import LossMap as LossMap
    from channel_models.mobility import MOBILITY as MOBILITY
    from channel_models.mobility import Mobility as Mobility
    from channel_models.model import Model as Model
    from channel_models.model import parameter as parameter
    from channel_models.path_loss import PATH_LOSS as PATH_LOSS
    from channel_models.path_loss import PathLoss as PathLoss
    from channel_models.placement import PLACEMENTS as PLACEMENTS
    from channel_models.placement import Placement as Placement
    from channel_models.randomness import draws as draws
    from channel_models.randomness import stream as stream
    from channel_models.rates import RATE_MAPS as RATE_MAPS
    from channel_models.rates import RateMap as RateMap
    from channel_models.retransmission import RETRANSMISSION as RETRANSMISSION
    from channel_models.retransmission import Retransmission as Retransmission
    from channel_models.sharing import SHARING as SHARING
    from channel_models.sharing import Allocation as Allocation
    from channel_models.sharing import Sharing as Sharing
    from channel_models.sharing import User as User
    from channel_models.transfer.cohort import Cohort as Cohort
    from channel_models.transfer.delivery import Delivery as Delivery
    from channel_models.transfer.link import Link as Link
    from channel_models.transfer.packets import Fluid as Fluid
    from channel_models.transfer.packets import Packetisation as Packetisation
    from channel_models.transfer.profile import LinkProfile as LinkProfile
    from channel_models.units import db_to_linear as db_to_linear
    from channel_models.units import linear_to_db as linear_to_db

_HOMES = {
    "combinations": ("refusals",),
    "delay": ("MultiBlockDelay", "QuasiStaticDelay"),
    "energy.radio": ("RadioPower",),
    "fading": ("FADING", "BlockFading", "Fading"),
    "link_budget": ("LinkBudget",),
    "loss": ("LOSS_MAPS", "LossMap"),
    "mobility": ("MOBILITY", "Mobility"),
    "model": ("Model", "parameter"),
    "path_loss": ("PATH_LOSS", "PathLoss"),
    "placement": ("PLACEMENTS", "Placement"),
    "randomness": ("draws", "stream"),
    "rates": ("RATE_MAPS", "RateMap"),
    "retransmission": ("RETRANSMISSION", "Retransmission"),
    "sharing": ("SHARING", "Allocation", "Sharing", "User"),
    "transfer.cohort": ("Cohort",),
    "transfer.delivery": ("Delivery",),
    "transfer.link": ("Link",),
    "transfer.packets": ("Fluid", "Packetisation"),
    "transfer.profile": ("LinkProfile",),
    "units": ("db_to_linear", "linear_to_db"),
}
"""Module -> the names of it that the package offers as its own."""

_HOME_OF = {name: f"{__name__}.{module}" for module, names in _HOMES.items() for name in names}

__all__ = list(_HOME_OF)


def __getattr__(name: str) -> Any:
    """A public name, imported at the first look. Raises AttributeError for another."""
    if name not in _HOME_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    globals()[name] = value = getattr(import_module(_HOME_OF[name]), name)
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
