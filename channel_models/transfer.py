"""The exact transfer of a payload over a block-fading link.

Vector work over blocks and packets, one event for the simulator: the finish. A packet that straddles the
edge of a block continues at the new rate and takes the error probability of the block in which it ends.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from channel_models.energy import transmit_energy_j
from channel_models.fading import Fading
from channel_models.loss import LossMap
from channel_models.packets import ByteRange, PacketScheme
from channel_models.randomness import stream
from channel_models.rates import RateMap
from channel_models.retransmission import PassLog, SelectiveRepeat
from channel_models.units import linear_to_db
from channel_models.validation import count as checked_count
from channel_models.validation import non_negative, positive
from channel_models.work import LinkProfile, LinkStalled, Work

__all__ = ["Delivery", "Link", "LinkProfile", "LinkStalled", "Work"]

IntArray = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Delivery:
    """What a transfer came to.

    start_s, first_pass_s, finish_s: absolute times of the start, of the end of the first pass over all
    packets, and of the end. air_time_s = finish - start, all of it transmitting; retransmission_s is the
    part of it after the first pass. packets: number of packets; passes: rounds of feedback; transmissions:
    with repeats; bits_on_air: headers and repeats included. lost: int64 numbers of the packets never
    delivered; lost_ranges: their payload bytes [start, stop). payload_bytes = delivered_bytes + lost_bytes.
    energy_j = transmit power x air time. mean_snr_db: time average of the linear SNR over the transfer, in
    dB; mean_rate_bps = bits_on_air / air_time_s (both: the value at the start if the transfer took no
    time).
    """

    start_s: float
    first_pass_s: float
    finish_s: float
    air_time_s: float
    retransmission_s: float
    payload_bytes: int
    packets: int
    passes: int
    transmissions: int
    bits_on_air: int
    lost: IntArray
    lost_ranges: tuple[ByteRange, ...]
    lost_bytes: int
    energy_j: float
    mean_snr_db: float
    mean_rate_bps: float

    @property
    def delivered_bytes(self) -> int:
        """Payload bytes that arrived."""
        return self.payload_bytes - self.lost_bytes

    @property
    def complete(self) -> bool:
        """True if every byte arrived."""
        return self.lost.size == 0


@dataclass(frozen=True)
class Link:
    """One direction of one radio link, private to its user.

    link_id: the index that keys its draws; mean_snr: linear; purpose: what its draws are for ("uplink",
    "downlink"), which keeps the loss of the two directions independent; the gains are keyed by the fading model's
    own seed and purpose. Raises ValueError for unphysical parameters.
    """

    link_id: int
    fading: Fading
    rate_map: RateMap
    loss_map: LossMap
    bandwidth_hz: float
    mean_snr: float
    tx_power_w: float
    seed: int
    purpose: str = "uplink"
    max_transfer_s: float = 1e6

    def __post_init__(self) -> None:
        checked_count("link_id", self.link_id)
        positive("bandwidth_hz", self.bandwidth_hz)
        positive("mean_snr", self.mean_snr)
        non_negative("tx_power_w", self.tx_power_w)
        positive("max_transfer_s", self.max_transfer_s)

    @cached_property
    def profile(self) -> LinkProfile:
        """SNR and rate by coherence block."""
        return LinkProfile(self.link_id, self.fading, self.rate_map, self.bandwidth_hz, self.mean_snr)

    def work(self, start_s: float) -> Work:
        """W(t) and its inverse from start_s on: what carries a transfer that is cut and continued."""
        return Work(self.profile, start_s, self.max_transfer_s)

    def transfer(
        self,
        start_s: float,
        payload_bytes: int,
        packetisation: PacketScheme,
        retransmissions: int,
        transfer_index: int,
    ) -> Delivery:
        """Send a payload from start_s on; pure in its arguments and the link's seed, purpose and id.

        transfer_index tells the transfers of a link apart: equal indices meet equal loss draws.
        Raises LinkStalled if it would last longer than max_transfer_s, ValueError for bad arguments or for a
        loss map on a fluid payload, which has no packets to lose.
        """
        self._check_lossy(packetisation)
        work = self.work(start_s)
        sizes_bits = packetisation.sizes_bits(payload_bytes)
        scheme = SelectiveRepeat(retransmissions)
        log = PassLog(np.empty(0, dtype=np.int64), 0, 0, 0, 0.0, 0.0)
        if sizes_bits.size:
            log = scheme.run(work, sizes_bits, self.loss_map, self._draws(transfer_index, sizes_bits.size))
        return self._delivery(work, log, payload_bytes, packetisation)

    def _draws(self, transfer_index: int, packets: int) -> Callable[[], NDArray[np.float64]]:
        checked_count("transfer_index", transfer_index)
        generator = None

        def next_pass() -> NDArray[np.float64]:
            nonlocal generator
            if generator is None:
                generator = stream(self.seed, f"{self.purpose}/loss", self.link_id, transfer_index)
            return generator.random(packets)

        return next_pass

    def _check_lossy(self, packetisation: PacketScheme) -> None:
        if not packetisation.divisible and not self.loss_map.lossless:
            raise ValueError(
                f"a fluid payload has no packets that {type(self.loss_map).__name__} could lose: "
                "use packets, or the loss map 'none'"
            )

    def _delivery(self, work: Work, log: PassLog, payload_bytes: int, packetisation: PacketScheme) -> Delivery:
        lost_ranges = tuple(packetisation.byte_ranges(log.lost, payload_bytes))
        moved = log.elapsed_s > 0.0
        return Delivery(
            start_s=work.start_s,
            first_pass_s=work.start_s + log.first_pass_s,
            finish_s=work.start_s + log.elapsed_s,
            air_time_s=log.elapsed_s,
            retransmission_s=log.elapsed_s - log.first_pass_s,
            payload_bytes=payload_bytes,
            packets=packetisation.count(payload_bytes),
            passes=log.passes,
            transmissions=log.transmissions,
            bits_on_air=log.bits_on_air,
            lost=log.lost,
            lost_ranges=lost_ranges,
            lost_bytes=sum(stop - start for start, stop in lost_ranges),
            energy_j=transmit_energy_j(self.tx_power_w, log.elapsed_s),
            mean_snr_db=float(linear_to_db(work.mean_snr(log.elapsed_s))),
            mean_rate_bps=log.bits_on_air / log.elapsed_s if moved else work.rate_at_start_bps,
        )
