"""Who takes part."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Discriminator, Field, Tag, model_validator

from pwffsim.scenario.section import Decibel, Flag, Probability, Section, Text

# Tags of a union: "~", a name, ": ", and what the union takes in the words of an error message.
# The type of a value picks the branch.
UNIFORM, NUMBER = "~word: 'uniform' or a number", "~number: 'uniform' or a number"


def _word_or_number(value: Any) -> str:
    return UNIFORM if isinstance(value, str) else NUMBER


class ClientOverride(Section):
    """What one client has that the others have not."""

    client: Annotated[int, Field(ge=0, strict=True, description="Client number, from 0.")]
    mean_snr_db: Decibel | None = Field(None, description="This client's mean uplink SNR.")
    tier: Text | None = Field(None, description="Name of this client's device tier.")
    preference: Probability | None = Field(None, description="Weight of helpfulness; harmlessness gets the rest.")
    idle: Flag = Field(False, description="True: the client exists but never takes part.")


class Clients(Section):
    """Who takes part; `clients: 10` is short for `clients: {count: 10}`."""

    count: Annotated[int, Field(ge=1, le=1_000_000, strict=True)] = Field(
        10, description="Number of clients.", examples=[10]
    )
    preference: Annotated[
        Annotated[Literal["uniform"], Tag(UNIFORM)] | Annotated[Probability, Tag(NUMBER)],
        Discriminator(_word_or_number),
    ] = Field(
        "uniform", description="Weight of helpfulness: one value for all, or 'uniform' for one draw in [0, 1] each."
    )
    overrides: tuple[ClientOverride, ...] = Field((), description="Exceptions, client by client.")

    @model_validator(mode="before")
    @classmethod
    def _bare_count(cls, data: Any) -> Any:
        return {"count": data} if isinstance(data, int) and not isinstance(data, bool) else data
