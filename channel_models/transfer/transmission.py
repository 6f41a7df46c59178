"""A transfer under way, which can be planned anew whenever its link changes."""

from __future__ import annotations

from functools import cached_property
from math import inf, log10

from channel_models.retransmission.scheme import NOTHING_SENT, PassLog, Retransmission
from channel_models.transfer.delivery import Delivery
from channel_models.transfer.fate import Fate
from channel_models.transfer.fidelity.fidelity import Fidelity
from channel_models.transfer.packets import PacketScheme
from channel_models.transfer.profile import Profile
from channel_models.transfer.work import Work


class Transmission:
    """A payload on its way over a link.

    Its end is known at once, as far as the link is known; ``switch`` tells it that the link is another from a time on
    (a user joins or leaves the medium, the terminal is handed over, everything stops), and the end moves. What has
    happened before that time stays: cutting a transfer into pieces changes nothing but rounding.

    Args:
        work: the link from the start on.
        payload_bytes: what is carried.
        packetisation: how it is cut.
        scheme: what is sent again.
        fate: which transmissions fail.
        tx_power_w: radiated power.
        fidelity: how closely it is simulated.
    """

    def __init__(
        self,
        work: Work,
        payload_bytes: int,
        packetisation: PacketScheme,
        scheme: Retransmission,
        fate: Fate,
        tx_power_w: float,
        fidelity: Fidelity,
    ) -> None:
        self.work = work
        self.payload_bytes = payload_bytes
        self.packetisation = packetisation
        self._sizes_bits = packetisation.sizes_bits(payload_bytes)
        self._scheme = scheme
        self._fate = fate
        self._tx_power_w = tx_power_w
        self._fidelity = fidelity

    @property
    def start_s(self) -> float:
        """Absolute time of the start."""
        return self.work.start_s

    @property
    def finish_s(self) -> float:
        """Absolute time of the end, if the link stays as it is. Raises LinkStalled if that is too far off."""
        return self.start_s + self.log.elapsed_s

    @cached_property
    def log(self) -> PassLog:
        """What the passes come to, if the link stays as it is."""
        if self._sizes_bits.size == 0:
            return NOTHING_SENT
        return self._fidelity.run(self._scheme, self.work, self._sizes_bits, self._fate)

    def switch(self, time_s: float, profile: Profile) -> None:
        """From an absolute time on the link is another; a transfer that is known to have ended by then stays ended.

        Raises ValueError for a time before the start or an earlier switch, and in a fidelity without switching.
        """
        if not self._fidelity.switchable:
            raise ValueError("an analytic transfer cannot be switched to another link: use fidelity fluid or packet")
        if "log" in self.__dict__ and time_s >= self.finish_s:
            return  # Rounding may say that a last bit is missing, which a link that is held up would never carry.
        self.work.switch(time_s, profile)
        self.__dict__.pop("log", None)

    def share_done(self, time_s: float) -> float:
        """Share of all its bits on the air that have been sent by an absolute time (not before the start)."""
        if self.log.bits_on_air == 0:
            return 1.0
        elapsed_s = min(time_s - self.start_s, self.log.elapsed_s)
        sent_bits = self._sent_bits(elapsed_s)
        return min(sent_bits / self._sent_bits(self.log.elapsed_s), 1.0)

    def _sent_bits(self, elapsed_s: float) -> float:
        """Work done in so many seconds from the start, without what the link could have carried in waits."""
        if elapsed_s < 0.0:
            raise ValueError(f"a transfer has done nothing {-elapsed_s} s before its start")
        cuts_s = [min(cut, elapsed_s) for span in self.log.busy for cut in span]
        bits = self.work.bits_after(cuts_s)
        return float((bits[1::2] - bits[::2]).sum())

    def delivery(self) -> Delivery:
        """What it comes to."""
        log = self.log
        exposure = self.work.exposure(log.busy)
        lost_ranges = tuple(self.packetisation.byte_ranges(log.lost, self.payload_bytes))
        moved = log.elapsed_s > 0.0
        return Delivery(
            start_s=self.start_s,
            first_pass_s=self.start_s + log.first_pass_s,
            finish_s=self.start_s + log.elapsed_s,
            on_air_s=exposure.on_air_s,
            radiated_j=self._tx_power_w * exposure.full_power_s,
            payload_bytes=self.payload_bytes,
            packets=self._sizes_bits.size,
            passes=log.passes,
            transmissions=log.transmissions,
            bits_on_air=log.bits_on_air,
            lost=log.lost,
            lost_ranges=lost_ranges,
            lost_bytes=sum(stop - start for start, stop in lost_ranges),
            mean_snr_db=-inf if exposure.mean_snr == 0.0 else 10.0 * log10(exposure.mean_snr),
            mean_rate_bps=log.bits_on_air / log.elapsed_s if moved else self.work.rate_at_start_bps,
        )
