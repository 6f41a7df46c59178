"""How training is computed, as far as it shows in the last bits of a result."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from pwffsim.learning.declarations import PRECISIONS
from pwffsim.scenario.names import OneOf
from pwffsim.scenario.section import Count, Section

Fusion = Literal["auto", "off"] | Count
"""How many clients share a batch at most."""


class Computing(Section):
    """How training is computed. Where, and by how many workers, is no part of a scenario: it never shows."""

    fusion: Fusion = Field(
        "auto",
        description="Clients that share a batched step at most: as many as pay (auto), one (off), or a number.",
        examples=["auto", "off", 10],
    )
    precision: Annotated[str, OneOf(PRECISIONS)] = Field(
        "fp32", description="Matrix products of training and evaluation: fp32, or bf16 with states in fp32."
    )
