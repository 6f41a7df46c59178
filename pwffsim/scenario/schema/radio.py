"""The wireless links: budget, the models of each axis, packets, energy, recordings, jammers."""

from __future__ import annotations

from functools import partial
from typing import Annotated, Any, Literal, get_args

from pydantic import Discriminator, Field, Tag

from channel_models.energy.radio import RadioPower
from channel_models.fading import FADING
from channel_models.interference.jammer import Jammer
from channel_models.loss import LOSS_MAPS
from channel_models.rates import RATE_MAPS
from channel_models.retransmission import RETRANSMISSION
from channel_models.sharing import SHARING
from channel_models.traces import READERS
from channel_models.traces.rate_trace import AtEnd
from pwffsim.scenario.models import ModelOf, ModelSection
from pwffsim.scenario.names import OneOf
from pwffsim.scenario.parameters import Parameters, ParametersOf
from pwffsim.scenario.section import Count, Decibel, Flag, NonNegative, Positive, Section, Text, Word

FIDELITIES = ("packet", "fluid", "analytic", "per_packet_event")
DELIVERIES = ("unicast", "broadcast", "rateless")

RATES, LOSSES, SHARINGS = ModelOf(RATE_MAPS), ModelOf(LOSS_MAPS), ModelOf(SHARING)
FADINGS = ModelOf(FADING, default="rayleigh")
REPEATS = ModelOf(RETRANSMISSION, default="selective_repeat")
ENERGY = ParametersOf(RadioPower)

# Tags of a union, as in the section of clients.
FLUID, SECTION = "~word: 'fluid' or a mapping of keys", "~section: 'fluid' or a mapping of keys"


def _word_or_section(value: Any) -> str:
    return FLUID if isinstance(value, str) else SECTION


class Packets(Section):
    """How a payload is cut into packets."""

    payload_bytes: Count = Field(1460, description="Payload of a packet.")
    header_bytes: Annotated[int, Field(ge=0, strict=True)] = Field(40, description="Headers of a packet.")


class LinkSettings(Section):
    """A link budget: of transmit power, noise figure, path loss and mean SNR, three are given; the fourth follows."""

    bandwidth_hz: Positive = Field(1e6, description="Bandwidth B.", examples=["1 MHz"])
    tx_power_w: Annotated[Positive, Field(le=1e9)] | None = Field(None, description="Transmit power P.")
    noise_figure_db: NonNegative | None = Field(None, description="Receiver noise figure; noise is k T B F at 290 K.")
    path_loss_db: Decibel | None = Field(None, description="Path loss, antenna gains included.")
    mean_snr_db: Decibel | None = Field(None, description="Mean SNR.")


class Downlink(LinkSettings):
    """The server's link to a client."""

    ideal: Flag = Field(False, description="True: downloads take no time and no energy.")
    delivery: Annotated[str, OneOf(DELIVERIES)] = Field(
        "unicast",
        description="'unicast': to each client by itself; 'broadcast': once, at the rate of the worst listener; "
        "'rateless': to each client by itself, in coded packets until it has enough.",
    )
    sharing: Annotated[ModelSection, SHARINGS] = Field(
        default_factory=partial(SHARINGS.read, "private"), description="How downloads share the band."
    )


class Trace(Section):
    """Recorded rates in place of link budget, fading and rate map; client i replays file i mod n."""

    format: Annotated[str, OneOf(tuple(READERS))] = Field(description="Format of the files.")
    files: tuple[Text, ...] = Field(
        min_length=1, description="The recordings; ${PWFFSIM_DATA} and other variables are filled in."
    )
    direction: Annotated[str, OneOf(("up", "down", "both"))] = Field(
        "both", description="Which of a client's links are recorded."
    )
    at_end: Annotated[str, OneOf(get_args(AtEnd))] = Field(
        "loop", description="After the end of a recording: from its start again, or refuse to go on."
    )
    offset_s: NonNegative = Field(0.0, description="Where in its recording a client starts.")
    spread_s: NonNegative = Field(
        0.0, description="Clients start later by a time drawn between 0 and this, so that shared files are not in step."
    )
    bin_s: Positive | None = Field(None, description="Length of the bins of packet deliveries (format: mahimahi).")
    holds: Annotated[str, OneOf(("forward", "backward"))] | None = Field(
        None, description="Whether a value holds until the next stamp or since the last one (format: cooked)."
    )
    missing: Annotated[str, OneOf(("refuse", "hold"))] | None = Field(
        None, description="Values that the log lacks: refused, or the one before holds (format: ucc5g)."
    )

    @property
    def options(self) -> dict[str, Any]:
        """What is given of the format's own settings, as its reader takes it."""
        settings = {key: getattr(self, key) for key in TRACE_OPTIONS}
        return {key: value for key, value in settings.items() if value is not None}

    @property
    def uplink(self) -> bool:
        """Whether uploads are recorded."""
        return self.direction != "down"

    @property
    def downlink(self) -> bool:
        """Whether downloads are recorded."""
        return self.direction != "up"


TRACE_OPTIONS = ("bin_s", "holds", "missing")
"""Keys of a trace that belong to one format each."""


class JammerSettings(Parameters):
    """A jammer, by its name on the timeline."""

    name: Word = Field(description="Name of the jammer.")


class Radio(LinkSettings):
    """The uplink, and what both directions share."""

    preset: Annotated[str, OneOf(("physical", "paper"))] = Field(
        "physical",
        description="Fills what is not given. 'paper': constant rate at the mean SNR, no packets, ideal downlink.",
    )
    snr_spread_db: NonNegative = Field(0.0, description="Clients' mean SNR is uniform within plus or minus this.")
    rate: Annotated[ModelSection, RATES] | None = Field(None, description="Rate map: bits a second and hertz by SNR.")
    fading: Annotated[ModelSection, FADINGS] | None = Field(
        None, description="Small-scale fading of both directions; rayleigh where no model is named."
    )
    loss: Annotated[ModelSection, LOSSES] | None = Field(None, description="Which packets are lost.")
    retransmission: Annotated[ModelSection, REPEATS] | None = Field(
        None, description="What is sent again; selective_repeat where no model is named."
    )
    sharing: Annotated[ModelSection, SHARINGS] = Field(
        default_factory=partial(SHARINGS.read, "private"), description="How uploads share the band."
    )
    packets: (
        Annotated[
            Annotated[Packets, Tag(SECTION)] | Annotated[Literal["fluid"], Tag(FLUID)], Discriminator(_word_or_section)
        ]
        | None
    ) = Field(None, description="Packets, or 'fluid': bits without headers or loss.")
    fidelity: Annotated[str, OneOf(FIDELITIES)] = Field(
        "packet",
        description="'packet': exact, every packet's fate drawn; 'fluid': mean losses, no packet noise; 'analytic': "
        "one draw a transfer from its normal law; 'per_packet_event': an event a packet, slow, for comparison.",
    )
    residual_loss: Annotated[str, OneOf(("discard", "partial"))] = Field(
        "discard",
        description="What an update with packets still missing is worth: nothing, or all but the missing slices.",
    )
    energy: Annotated[Parameters, ENERGY] = Field(
        default_factory=ENERGY.defaults, description="What a client's radio draws in each of its states."
    )
    trace: Trace | None = Field(None, description="Recorded rates, in place of link budget, fading and rate map.")
    jammers: tuple[Annotated[JammerSettings, ParametersOf(Jammer, JammerSettings)], ...] = Field(
        (), description="Transmitters that disturb the uplink."
    )
    downlink: Downlink | None = Field(None, description="The server's links.")

    def recorded(self, link: str) -> bool:
        """Whether the rates of the "uplink" or "downlink" come from recordings."""
        return self.trace is not None and getattr(self.trace, link)
