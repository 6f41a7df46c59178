"""No retransmission: what is lost stays lost."""

from __future__ import annotations

from dataclasses import dataclass

from channel_models.retransmission.passes import Passes
from channel_models.retransmission.scheme import RETRANSMISSION


@RETRANSMISSION.register("none")
@dataclass(frozen=True, kw_only=True)
class NoRetransmission(Passes):
    """Each packet is sent once (as with UDP)."""

    @property
    def attempts(self) -> int:
        return 1
