"""Radio presets: everything that a user leaves open, made explicit.

What the user wrote is never changed, and what a preset adds fits it: losses come with packets and a rate map that has
none of its own. Of transmit power, noise figure, path loss and mean SNR three are given and the fourth follows; a
preset fills what is missing in the order power, noise figure, mean SNR until three are given, and the one that stays
empty is the derived one. A downlink whose path loss and mean SNR are both empty has the path loss of its client's
uplink. Where path loss follows from geometry only power and noise figure are filled; a recorded link has only a power.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

from channel_models.model import parameters
from pwffsim.scenario.models import ModelSection
from pwffsim.scenario.schema import Downlink, LinkSettings, Network, Packets, Radio, Scenario
from pwffsim.scenario.schema.radio import FADINGS, LOSSES, RATES, REPEATS

BUDGET = ("tx_power_w", "noise_figure_db", "path_loss_db", "mean_snr_db")
"""The four quantities of a link budget, of which three are given."""

GEOMETRIC = ("tx_power_w", "noise_figure_db")
"""Those that are given where path loss follows from positions."""

RECORDED = ("tx_power_w",)
"""Those that are given where rates are recorded."""

_Link = TypeVar("_Link", bound=LinkSettings)


@dataclass(frozen=True)
class Preset:
    """What a preset fills in where the user says nothing.

    Attributes:
        uplink, downlink: budget quantities, in the order in which they are filled.
        rate, fading, loss, retransmission: models and their parameters, of both directions.
        packets: of both directions.
        ideal_downlink: whether downloads are free when there is no `downlink` section.
    """

    uplink: Mapping[str, float]
    downlink: Mapping[str, float]
    rate: Mapping[str, Any]
    fading: Mapping[str, Any]
    loss: Mapping[str, Any]
    retransmission: Mapping[str, Any]
    packets: Packets | Literal["fluid"]
    ideal_downlink: bool


PRESETS: dict[str, Preset] = {
    "physical": Preset(
        uplink={"tx_power_w": 1.0, "noise_figure_db": 9.0, "mean_snr_db": 5.0},
        downlink={"tx_power_w": 10.0, "noise_figure_db": 9.0},
        rate={"model": "shannon"},
        fading={"model": "rayleigh", "coherence_s": 0.05},
        loss={"model": "constant", "error_rate": 0.02},
        retransmission={"model": "selective_repeat", "retransmissions": 4},
        packets=Packets(),
        ideal_downlink=False,
    ),
    "paper": Preset(
        uplink={"tx_power_w": 1.0, "noise_figure_db": 0.0, "mean_snr_db": 5.0},
        downlink={"tx_power_w": 10.0, "noise_figure_db": 0.0},
        rate={"model": "shannon"},
        fading={"model": "none"},
        loss={"model": "none"},
        retransmission={"model": "none"},
        packets="fluid",
        ideal_downlink=True,
    ),
}

_NONE = {"model": "none"}


def resolve(scenario: Scenario) -> Scenario:
    """The scenario with its preset filled in; resolving it again changes nothing."""
    network = scenario.network
    filled = {"radio": _resolve_radio(scenario.radio, geometric=network is not None)}
    return scenario.model_copy(update=filled if network is None else {**filled, "network": _resolve_network(network)})


def given(link: LinkSettings) -> list[str]:
    """Which of the four budget quantities a link states."""
    return [quantity for quantity in BUDGET if getattr(link, quantity) is not None]


def modelled(radio: Radio) -> bool:
    """Whether some link is not recorded, and so looks at fading and rate map."""
    ideal = radio.downlink.ideal if radio.downlink else PRESETS[radio.preset].ideal_downlink
    return not radio.recorded("uplink") or not (radio.recorded("downlink") or ideal)


def _resolve_radio(radio: Radio, geometric: bool) -> Radio:
    preset = PRESETS[radio.preset]
    downlink = radio.downlink or Downlink(ideal=preset.ideal_downlink)
    wanted = [
        GEOMETRIC if geometric else RECORDED if radio.recorded(link) else BUDGET for link in ("uplink", "downlink")
    ]
    models = {**_models(radio, preset), "packets": radio.packets or preset.packets}
    down = downlink if downlink.ideal else _filled(downlink, preset.downlink, wanted[1])
    return _filled(radio, preset.uplink, wanted[0]).model_copy(update={**models, "downlink": down})


def _models(radio: Radio, preset: Preset) -> dict[str, ModelSection]:
    """A model on every axis (recorded links look at neither fading nor rate map)."""
    rate = radio.rate or RATES.read(preset.rate)
    packets = (radio.packets or preset.packets) != "fluid"
    loses = packets and radio.trace is None and not getattr(rate.source, "carries_loss", False)
    return {
        "rate": rate,
        "fading": radio.fading or FADINGS.read(preset.fading),
        "loss": radio.loss or LOSSES.read(preset.loss if loses else _NONE),
        "retransmission": radio.retransmission or REPEATS.read(preset.retransmission if packets else _NONE),
    }


def _resolve_network(network: Network) -> Network:
    """One carrier, of the network and of its path loss model."""
    path_loss = network.path_loss
    if "carrier_hz" not in parameters(path_loss.source):
        return network
    if network.carrier_hz is None:
        return network.model_copy(update={"carrier_hz": path_loss.build().carrier_hz})
    return network.model_copy(update={"path_loss": path_loss.model_copy(update={"carrier_hz": network.carrier_hz})})


def _filled(link: _Link, defaults: Mapping[str, float], wanted: tuple[str, ...]) -> _Link:
    """The link with defaults in their order, until as many budget quantities are given as there must be."""
    missing = [quantity for quantity in defaults if quantity in wanted and getattr(link, quantity) is None]
    count = min(len(wanted), 3) - len(given(link))
    return link.model_copy(update={quantity: defaults[quantity] for quantity in missing[: max(count, 0)]})
