"""A whole experiment."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, field_validator

from pwffsim.federation.declarations import METHODS, SELECTORS
from pwffsim.scenario.names import OneOf
from pwffsim.scenario.schema.clients import Clients
from pwffsim.scenario.schema.compute import Computing
from pwffsim.scenario.schema.coordination import Aggregation, Devices, Evaluation
from pwffsim.scenario.schema.data import Data
from pwffsim.scenario.schema.learning import Model, Stages
from pwffsim.scenario.schema.network import Network
from pwffsim.scenario.schema.radio import Radio
from pwffsim.scenario.section import Section


class Scenario(Section):
    """A whole experiment."""

    name: Annotated[str, Field(min_length=1, max_length=80, pattern=r"^[A-Za-z0-9][A-Za-z0-9 ._-]*$")] = Field(
        description="Name of the experiment.", examples=["quickstart"]
    )
    seed: Annotated[int, Field(ge=0, lt=2**63, strict=True)] = Field(0, description="Root of all randomness.")
    clients: Clients = Field(default_factory=Clients, description="A number, or details.")
    model: Model = Field(default_factory=Model, description="The language model.")
    data: Data = Field(default_factory=Data, description="Instruction rows, preference pairs, prompts.")
    method: Annotated[str, OneOf(METHODS)] = Field("pwff", description="The federated method.")
    stages: Stages = Field(description="The stages to run.")
    radio: Radio = Field(default_factory=Radio, description="The wireless links.")
    network: Network | None = Field(
        None, description="Cells in the plane, what lies between them and clients, and the links behind them."
    )
    devices: Devices = Field(default_factory=Devices, description="The clients' devices.")
    aggregation: Aggregation = Field(default_factory=Aggregation, description="When and how the server sums updates.")
    selection: Annotated[str, OneOf(SELECTORS)] = Field("all", description="Who takes part in a round.")
    compute: Computing = Field(default_factory=Computing, description="How training is computed.")
    evaluation: Evaluation = Field(default_factory=Evaluation, description="When models are measured.")

    @field_validator("stages")
    @classmethod
    def _some_stage(cls, stages: Stages) -> Stages:
        if not (stages.instruction or stages.reward or stages.alignment):
            raise ValueError("no stage is given: name at least one of instruction, reward, alignment")
        return stages
