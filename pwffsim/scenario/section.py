"""What sections are made of: a frozen model that refuses unknown keys and reads quantities, and the scalars in it."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, model_validator

from pwffsim.scenario.units import accept_quantities

Positive = Annotated[float, Field(gt=0, allow_inf_nan=False, strict=True)]
NonNegative = Annotated[float, Field(ge=0, allow_inf_nan=False, strict=True)]
Finite = Annotated[float, Field(allow_inf_nan=False, strict=True)]
Probability = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False, strict=True)]
Count = Annotated[int, Field(ge=1, le=1_000_000_000, strict=True)]
Decibel = Annotated[float, Field(ge=-400, le=400, allow_inf_nan=False, strict=True)]
Flag = Annotated[bool, Field(strict=True)]
Text = Annotated[str, Field(min_length=1, max_length=500, strict=True)]
Word = Annotated[str, Field(min_length=1, max_length=64, strict=True)]


class Section(BaseModel):
    """A part of a scenario: unknown keys are refused, values never change after loading."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True, validate_default=True)

    @model_validator(mode="before")
    @classmethod
    def _quantities(cls, data: Any) -> Any:
        return accept_quantities(cls.model_fields, data)
