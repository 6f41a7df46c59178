"""Cells in the plane: where clients are and go, what attenuates their links, and the links behind the cells."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Annotated, Any, ClassVar

from pydantic import Field

from channel_models.geometry.backhaul import Backhaul
from channel_models.geometry.handover import Handover
from channel_models.geometry.line_of_sight import LineOfSight
from channel_models.geometry.shadowing import Shadowing
from channel_models.mobility import MOBILITY
from channel_models.path_loss import PATH_LOSS
from channel_models.placement import PLACEMENTS
from channel_models.placement.fixed import Fixed
from pwffsim.scenario.models import ModelOf, ModelSection
from pwffsim.scenario.names import OneOf
from pwffsim.scenario.parameters import Parameters, ParametersOf
from pwffsim.scenario.section import Finite, NonNegative, Positive, Section, Word

SERVER = "server"
"""The node that always exists."""


class MobilitySection(ModelSection):
    """A model of mobility."""

    stand_ins: ClassVar[Mapping[str, Any]] = {"placement": Fixed(x_m=(0.0,), y_m=(0.0,))}


PATH_LOSSES = ModelOf(PATH_LOSS)
PLACINGS = ModelOf(PLACEMENTS, default="disc")
MOBILITIES = ModelOf(MOBILITY, base=MobilitySection)


class CellSite(Section):
    """A base station."""

    name: Word = Field(description="Name of the cell.")
    x_m: Finite = Field(0.0, description="East coordinate.")
    y_m: Finite = Field(0.0, description="North coordinate.")


class NetworkNode(Section):
    """A node behind the cells, on the way to the server."""

    name: Word = Field(description="Name of the node.")
    kind: Annotated[str, OneOf(("relay", "edge"))] = Field(description="'relay' passes on; 'edge' is an edge server.")
    x_m: Finite | None = Field(None, description="East coordinate.")
    y_m: Finite | None = Field(None, description="North coordinate.")


class BackhaulLink(Parameters):
    """A link between two nodes, the same in both directions."""

    stand_ins: ClassVar[Mapping[str, Any]] = {"ends": ("one", "other")}

    @property
    def ends(self) -> tuple[str, str]:
        """The names of the two nodes."""
        one, other = (getattr(self, key) for key in _ENDS)
        return one, other


_ENDS: dict[str, Any] = {
    "from": (Word, Field(description="Name of a cell, a node or the server.")),
    "to": (Word, Field(description="Name of a cell, a node or the server.")),
}


SIGHT, RULES, LINKS = ParametersOf(LineOfSight), ParametersOf(Handover), ParametersOf(Backhaul, BackhaulLink, _ENDS)


class Network(Section):
    """Several cells; path loss and mean SNR of every link follow from where its ends are."""

    carrier_hz: Positive | None = Field(
        None, description="Carrier frequency; the path loss model's own where it is not given.", examples=["3.5 GHz"]
    )
    path_loss: Annotated[ModelSection, PATH_LOSSES] = Field(description="Mean attenuation by distance.")
    shadowing: Annotated[Parameters, ParametersOf(Shadowing)] | None = Field(
        None, description="Log-normal shadowing, correlated in space; null for none."
    )
    line_of_sight: Annotated[Parameters, SIGHT] = Field(
        default_factory=SIGHT.defaults,
        description="How the state of sight changes in space, for path loss models that tell the two states apart.",
    )
    cells: tuple[CellSite, ...] = Field(min_length=1, description="The base stations.")
    least_distance_m: NonNegative = Field(0.0, description="Clients nearer to a cell count as this far from it.")
    placement: Annotated[ModelSection, PLACINGS] = Field(
        default_factory=partial(PLACINGS.read, "disc"),
        description="Where clients stand at the start; disc where no model is named.",
    )
    mobility: Annotated[ModelSection, MOBILITIES] = Field(
        default_factory=partial(MOBILITIES.read, "static"), description="How clients move."
    )
    handover: Annotated[Parameters, RULES] = Field(
        default_factory=RULES.defaults, description="When a client leaves its cell for another."
    )
    nodes: tuple[NetworkNode, ...] = Field((), description="Nodes between the cells and the server.")
    backhaul: tuple[Annotated[BackhaulLink, LINKS], ...] = Field(
        (), description="Links behind the cells, to the node 'server'; none: every cell is at the server, at no delay."
    )
