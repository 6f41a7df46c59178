"""What a scenario may say: one frozen model a section, units in the key names, a description for every key.

A dimensioned key ends in its unit (``bandwidth_hz: 2e7``); the same key without the ending takes a quantity with its
unit (``bandwidth: 20 MHz``). The loader turns the second form into the first (see :mod:`pwffsim.scenario.units`).
Keys that name a model of channel_models (``fading: rayleigh``) take whatever that model declares (see
:mod:`pwffsim.scenario.models`).
"""

from __future__ import annotations

from pwffsim.scenario.schema.clients import ClientOverride, Clients
from pwffsim.scenario.schema.compute import Computing
from pwffsim.scenario.schema.coordination import Aggregation, Devices, Evaluation, Staleness, Tier
from pwffsim.scenario.schema.data import Data, Files, Hub, Partition
from pwffsim.scenario.schema.learning import (
    Adapters,
    Alignment,
    Convergence,
    Instruction,
    Lora,
    Model,
    Reward,
    Stage,
    Stages,
)
from pwffsim.scenario.schema.network import BackhaulLink, CellSite, Network, NetworkNode
from pwffsim.scenario.schema.radio import Downlink, JammerSettings, LinkSettings, Packets, Radio, Trace
from pwffsim.scenario.schema.scenario import Scenario
from pwffsim.scenario.section import Section

__all__ = [
    "Adapters",
    "Aggregation",
    "Alignment",
    "BackhaulLink",
    "CellSite",
    "ClientOverride",
    "Clients",
    "Computing",
    "Convergence",
    "Data",
    "Devices",
    "Downlink",
    "Evaluation",
    "Files",
    "Hub",
    "Instruction",
    "JammerSettings",
    "LinkSettings",
    "Lora",
    "Model",
    "Network",
    "NetworkNode",
    "Packets",
    "Partition",
    "Radio",
    "Reward",
    "Scenario",
    "Section",
    "Stage",
    "Stages",
    "Staleness",
    "Tier",
    "Trace",
]
