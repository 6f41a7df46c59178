"""Every client's two links, made from the radio section of a scenario."""

from __future__ import annotations

from collections.abc import Sequence

from channel_models.fading import FADING, Fading
from channel_models.link_budget import SolvedBudget
from channel_models.loss import LOSS_MAPS, LossMap
from channel_models.packets import Fluid, Packetisation, PacketScheme
from channel_models.rates import RATE_MAPS
from channel_models.transfer import Delivery, Link, LinkStalled
from channel_models.units import db_to_linear
from pwffsim.scenario.budgets import downlink_budget, uplink_budget
from pwffsim.scenario.schema import Packets, Radio
from pwffsim.world.profiles import Profile

_UNTIL_DELIVERED = 10_000
"""Repetitions of a download: as many as it takes, within reason."""


class Links:
    """Uplinks and downlinks by client.

    A client's path loss holds in both directions: its downlink's mean SNR lies as far from the cell's as its uplink's.

    Args:
        radio: the resolved radio section.
        seed: root of the draws.
        profiles: the clients.
    """

    def __init__(self, radio: Radio, seed: int, profiles: Sequence[Profile]) -> None:
        self._radio = radio
        self._scheme = _scheme(radio)
        up, down = uplink_budget(radio), downlink_budget(radio)
        self.uplink_power_w = up.tx_power_w
        self._up = {p.index: self._link(p, up, up, seed, "uplink") for p in profiles}
        self._down = {p.index: self._link(p, down, up, seed, "downlink") for p in profiles} if down else {}
        self._transfers: dict[tuple[str, int], int] = {}

    def upload(self, client: int, start_s: float, payload_bytes: int) -> Delivery:
        """The client's next upload; missing packets are repeated as often as the scenario allows."""
        packets = self._radio.packets
        repeats = packets.retransmissions if isinstance(packets, Packets) else 0
        return self._up[client].transfer(start_s, payload_bytes, self._scheme, repeats, self._next("up", client))

    def download(self, client: int, start_s: float, payload_bytes: int) -> Delivery | None:
        """The client's next download, repeated until it is whole; None where downloads take no time.

        Raises:
            LinkStalled: when it cannot be made whole.
        """
        if not self._down or payload_bytes == 0:
            return None
        index = self._next("down", client)
        delivery = self._down[client].transfer(start_s, payload_bytes, self._scheme, _UNTIL_DELIVERED, index)
        if not delivery.complete:
            raise LinkStalled(
                f"a download of client {client} is not whole after {_UNTIL_DELIVERED} repetitions: "
                "lower radio.packets.error_rate or raise the downlink's mean SNR"
            )
        return delivery

    def _next(self, direction: str, client: int) -> int:
        count = self._transfers.get((direction, client), 0)
        self._transfers[direction, client] = count + 1
        return count

    def _link(self, profile: Profile, budget: SolvedBudget, uplink: SolvedBudget, seed: int, purpose: str) -> Link:
        offset_db = profile.mean_snr_db - uplink.mean_snr_db
        return Link(
            link_id=profile.index,
            fading=_fading(self._radio, seed, purpose),
            rate_map=RATE_MAPS[self._radio.rate](),
            loss_map=_loss(self._radio),
            bandwidth_hz=budget.bandwidth_hz,
            mean_snr=db_to_linear(budget.mean_snr_db + offset_db),
            tx_power_w=budget.tx_power_w,
            seed=seed,
            purpose=purpose,
        )


def _fading(radio: Radio, seed: int, purpose: str) -> Fading:
    assert radio.fading is not None, "a resolved scenario has a fading model"
    return FADING[radio.fading.model](seed=seed, coherence_s=radio.fading.coherence_s, purpose=purpose)


def _scheme(radio: Radio) -> PacketScheme:
    packets = radio.packets
    if isinstance(packets, Packets):
        return Packetisation(packets.payload_bytes, packets.header_bytes)
    return Fluid()


_LOSS_PARAMETERS = {
    "none": lambda packets: {},
    "constant": lambda packets: {"error_rate": packets.error_rate},
    "outage": lambda packets: {"threshold_snr": db_to_linear(packets.outage_snr_db)},
}


def _loss(radio: Radio) -> LossMap:
    packets = radio.packets
    name = packets.loss if isinstance(packets, Packets) else "none"
    return LOSS_MAPS[name](**_LOSS_PARAMETERS[name](packets))
