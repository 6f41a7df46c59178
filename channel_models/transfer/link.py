"""One direction of one radio link, with all that decides what becomes of a payload on it."""

from __future__ import annotations

from dataclasses import dataclass, field

from channel_models.loss.loss_map import LossMap
from channel_models.loss.none import NoLoss
from channel_models.rates.rate_map import RateMap
from channel_models.retransmission.scheme import Retransmission
from channel_models.retransmission.selective_repeat import SelectiveRepeat
from channel_models.transfer.delivery import Delivery
from channel_models.transfer.fate import Fate
from channel_models.transfer.fidelity import FIDELITIES
from channel_models.transfer.packets import Packetisation, PacketScheme
from channel_models.transfer.profile import Profile
from channel_models.transfer.transmission import Transmission
from channel_models.validation import count as checked_count
from channel_models.validation import non_negative, positive


@dataclass(frozen=True)
class Link:
    """A link and the rules of transfers over it.

    link_id: the index that keys its draws; profile: what it offers over time; seed and purpose ("uplink", "downlink")
    key the draws of losses; fidelity: how closely transfers are simulated, a name of ``FIDELITIES``. Raises ValueError
    for unphysical values, for a loss on a fluid payload (which has no packets to lose), for hybrid ARQ where the loss
    does not depend on the SNR, and for models that the fidelity cannot tell the truth of.
    """

    link_id: int
    profile: Profile
    rate_map: RateMap
    tx_power_w: float
    seed: int
    purpose: str = "uplink"
    loss_map: LossMap = field(default_factory=NoLoss)
    packetisation: PacketScheme = field(default_factory=Packetisation)
    scheme: Retransmission = field(default_factory=SelectiveRepeat)
    max_transfer_s: float = 1e6
    fidelity: str = "packet"

    def __post_init__(self) -> None:
        checked_count("link_id", self.link_id)
        non_negative("tx_power_w", self.tx_power_w)
        positive("max_transfer_s", self.max_transfer_s)
        if self.fidelity not in FIDELITIES:
            raise ValueError(f"fidelity must be one of {', '.join(FIDELITIES)}, got {self.fidelity!r}")
        self._check_losses()
        FIDELITIES[self.fidelity].check(self.scheme, self.loss_map, self.rate_map)

    def transfer(self, start_s: float, payload_bytes: int, transfer_index: int) -> Delivery:
        """Send a payload from start_s on, alone; pure in its arguments and the link.

        transfer_index tells the transfers of a link apart: equal indices meet equal losses.
        Raises LinkStalled if it would last longer than max_transfer_s.
        """
        return self.start(start_s, payload_bytes, transfer_index).delivery()

    def start(
        self, start_s: float, payload_bytes: int, transfer_index: int, profile: Profile | None = None
    ) -> Transmission:
        """A transfer that begins at start_s, over the link or, to begin with, over another profile of it."""
        fidelity = FIDELITIES[self.fidelity]
        work = fidelity.work(profile or self.profile, start_s, self.max_transfer_s)
        fate = self.fate(payload_bytes, transfer_index)
        return Transmission(work, payload_bytes, self.packetisation, self.scheme, fate, self.tx_power_w, fidelity)

    def fate(self, payload_bytes: int, transfer_index: int) -> Fate:
        """The losses of a transfer."""
        return Fate(
            self.loss_map,
            self.rate_map,
            self.seed,
            self.purpose,
            self.link_id,
            checked_count("transfer_index", transfer_index),
            self.packetisation.count(payload_bytes),
        )

    def _check_losses(self) -> None:
        loss, rate = self.loss_map, self.rate_map
        if not (self.packetisation.divisible or (loss.lossless and not rate.carries_loss)):
            raise ValueError(
                f"a fluid payload has no packets that {type(loss).__name__} or {type(rate).__name__} could lose: use "
                "packets, or a rate map and a loss map without loss"
            )
        carried = rate.carries_loss and not loss.by_scheme
        if carried and not loss.lossless:
            raise ValueError(
                f"{type(loss).__name__} would count losses twice: {type(rate).__name__} sends at a rate at which a "
                "known share of packets fails already; use NoLoss, or a rate map that carries no loss"
            )
        if self.scheme.combines and (carried or not (loss.lossless or loss.by_block)):
            raise ValueError(
                f"{type(self.scheme).__name__} combines attempts, which does nothing to the losses of "
                f"{type(loss).__name__} and {type(rate).__name__}: use a loss that follows the SNR of each block, such "
                "as outage, or selective_repeat"
            )
