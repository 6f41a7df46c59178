"""Energy of radios and processors, and the batteries that it comes from."""

from __future__ import annotations

from channel_models.energy.battery import Battery
from channel_models.energy.compute import ComputeModel, CycleModel, Roofline, training_flops
from channel_models.energy.radio import RadioPower, RadioTimes, transmit_energy_j
from channel_models.model import Model
from channel_models.registry import Registry

ENERGY: Registry[Model] = Registry("energy")
ENERGY.register("radio")(RadioPower)

__all__ = [
    "ENERGY",
    "Battery",
    "ComputeModel",
    "CycleModel",
    "RadioPower",
    "RadioTimes",
    "Roofline",
    "training_flops",
    "transmit_energy_j",
]
