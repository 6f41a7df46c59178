"""Devices, and when and how the server sums what they send."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from pwffsim.federation.declarations import MODES, RETASK_RULES, STALENESS_RULES, WEIGHTS
from pwffsim.scenario.names import OneOf
from pwffsim.scenario.section import Count, Flag, NonNegative, Positive, Probability, Section, Word


class Tier(Section):
    """One class of devices."""

    name: Word = Field("phone", description="Name of the tier.")
    share: Positive = Field(1.0, description="Share of the clients, relative to the other tiers.")
    gflops: Positive = Field(4.0, description="Sustained speed, 1e9 floating-point operations a second.")
    memory_mb: Positive = Field(4096.0, description="Memory for training, 1e6 bytes.")
    compute_power_w: NonNegative = Field(4.0, description="Electrical power while computing.")
    lora_modules_per_block: Annotated[int, Field(ge=0, strict=True)] = Field(
        3, description="LoRA modules in each block: the first so many of model.lora.places.", examples=[1, 2, 3]
    )


class Devices(Section):
    """Classes of devices; clients are assigned evenly by share."""

    tiers: tuple[Tier, ...] = Field((Tier(),), min_length=1, description="The tiers.")
    compute_time: Annotated[str, OneOf(("declared", "none"))] = Field(
        "declared",
        description="Work takes its declared FLOPs over the device's speed; or no time and no energy, as in a delay of "
        "transmission alone.",
    )
    count_generated: Annotated[str, OneOf(("declared", "actual"))] = Field(
        "declared",
        description="Generation's work counts the declared maximum of new tokens, or those really generated.",
    )


class Staleness(Section):
    """How an old update is weighted: (1 + staleness) ** -exponent."""

    rule: Annotated[str, OneOf(STALENESS_RULES)] = Field("polynomial", description="The rule.")
    exponent: NonNegative = Field(0.5, description="Exponent of the polynomial rule.")


class Aggregation(Section):
    """When and how the server sums updates."""

    mode: Annotated[str, OneOf(MODES)] = Field("synchronous", description="Wait for all, or for a buffer of updates.")
    buffer: Count = Field(5, description="Updates that make an aggregation (mode: buffered).")
    max_wait_s: Positive | None = Field(
        None, description="A buffer that is not empty is summed after this time (mode: buffered)."
    )
    retask: Annotated[str, OneOf(RETASK_RULES)] = Field(
        "immediately", description="A client gets its next task at once, or when the version advances (mode: buffered)."
    )
    staleness: Staleness = Field(default_factory=Staleness, description="Weight of old updates (mode: buffered).")
    weights: Annotated[str, OneOf(WEIGHTS)] = Field("samples", description="Weight of a client: its rows, or one.")
    download: Annotated[str, OneOf(("overwrite", "interpolate"))] = Field(
        "overwrite", description="What a download does to the client's own state of a shared group of the policy."
    )
    interpolation: Probability = Field(
        0.5, description="Weight a of the global state, new = (1 - a) own + a global (download: interpolate)."
    )
    lora_average: Annotated[str, OneOf(("largest_tier", "per_module"))] = Field(
        "largest_tier",
        description="Where LoRA is averaged: all carry the largest tier, or each module over its holders.",
    )


class Evaluation(Section):
    """When models are measured."""

    every: Count = Field(1, description="Rounds between two evaluations.")
    costs_time: Flag = Field(False, description="True: clients spend simulated time and energy on evaluation.")
    examiner: Flag = Field(
        False,
        description="True: alignment is also scored by reward models that no client trains against, fitted centrally "
        "on data.examiner_pairs; they cost nothing.",
    )
