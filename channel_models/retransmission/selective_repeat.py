"""Selective repeat: packets that were lost, and only they, are sent again."""

from __future__ import annotations

from dataclasses import dataclass

from channel_models.model import parameter
from channel_models.retransmission.passes import Passes, mean_passes, unlimited_transmissions
from channel_models.retransmission.scheme import RETRANSMISSION

__all__ = ["SelectiveRepeat", "mean_passes", "unlimited_transmissions"]


@RETRANSMISSION.register("selective_repeat")
@dataclass(frozen=True, kw_only=True)
class SelectiveRepeat(Passes):
    """Passes over what is still lost, with M = 1 + retransmissions attempts at a packet at most; feedback is immediate
    and free.

    E[transmissions] = (1 - p^M)/(1 - p); residual loss p^M (Lin and Costello).
    """

    retransmissions: int = parameter("Repeats of a packet at most.", default=4, least=0)

    @property
    def attempts(self) -> int:
        """M = 1 + retransmissions."""
        return 1 + self.retransmissions
