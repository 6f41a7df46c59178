"""Radio presets: everything that a user leaves open, made explicit.

What the user wrote is never changed. Of transmit power, noise figure, path loss and mean SNR three are given and the
fourth follows; a preset fills what is missing in the order power, noise figure, mean SNR until three are given, and the
one that stays empty is the derived one. A downlink whose path loss and mean SNR are both empty has the path loss of its
client's uplink.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, TypeVar

from pwffsim.scenario.schema import Downlink, Fading, LinkSettings, Packets, Radio, Scenario

BUDGET = ("tx_power_w", "noise_figure_db", "path_loss_db", "mean_snr_db")
"""The four quantities of a link budget, of which three are given."""

_Link = TypeVar("_Link", bound=LinkSettings)


@dataclass(frozen=True)
class Preset:
    """What a preset fills in where the user says nothing.

    Attributes:
        uplink, downlink: budget quantities, in the order in which they are filled.
        fading, packets: of both directions.
        ideal_downlink: whether downloads are free when there is no `downlink` section.
    """

    uplink: Mapping[str, float]
    downlink: Mapping[str, float]
    fading: Fading
    packets: Packets | Literal["fluid"]
    ideal_downlink: bool


PRESETS: dict[str, Preset] = {
    "physical": Preset(
        uplink={"tx_power_w": 1.0, "noise_figure_db": 9.0, "mean_snr_db": 5.0},
        downlink={"tx_power_w": 10.0, "noise_figure_db": 9.0},
        fading=Fading(model="rayleigh", coherence_s=0.05),
        packets=Packets(loss="constant", error_rate=0.02, retransmissions=4),
        ideal_downlink=False,
    ),
    "paper": Preset(
        uplink={"tx_power_w": 1.0, "noise_figure_db": 0.0, "mean_snr_db": 5.0},
        downlink={"tx_power_w": 10.0, "noise_figure_db": 0.0},
        fading=Fading(model="none"),
        packets="fluid",
        ideal_downlink=True,
    ),
}


def resolve(scenario: Scenario) -> Scenario:
    """The scenario with its preset filled in; resolving it again changes nothing."""
    return scenario.model_copy(update={"radio": _resolve_radio(scenario.radio)})


def given(link: LinkSettings) -> list[str]:
    """Which of the four budget quantities a link states."""
    return [quantity for quantity in BUDGET if getattr(link, quantity) is not None]


def _resolve_radio(radio: Radio) -> Radio:
    preset = PRESETS[radio.preset]
    downlink = radio.downlink or Downlink(ideal=preset.ideal_downlink)
    return _filled(radio, preset.uplink).model_copy(
        update={
            "fading": radio.fading or preset.fading,
            "packets": radio.packets or preset.packets,
            "downlink": downlink if downlink.ideal else _filled(downlink, preset.downlink),
        }
    )


def _filled(link: _Link, defaults: Mapping[str, float]) -> _Link:
    """The link with defaults in their order, until three budget quantities are given."""
    missing = [quantity for quantity in defaults if getattr(link, quantity) is None]
    return link.model_copy(update={quantity: defaults[quantity] for quantity in missing[: 3 - len(given(link))]})
