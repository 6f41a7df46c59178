"""Fountain code: coded packets flow until enough of them have arrived, no matter which."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, inf

import numpy as np
from numpy.typing import NDArray

from channel_models.model import parameter
from channel_models.retransmission.scheme import NOTHING_SENT, RETRANSMISSION, Dialogue, PassLog, Retransmission
from channel_models.transfer.fate import Fate
from channel_models.transfer.work import Work

IntArray = NDArray[np.int64]

_EXACT = 1e-9


@RETRANSMISSION.register("fountain")
@dataclass(frozen=True, kw_only=True)
class Fountain(Retransmission):
    """A rateless code: any K = ceil(n (1 + overhead)) coded packets give the n packets of the payload back.

    Coded packets all have the size of the largest; nothing is ever repeated, nothing is lost in the end, and one
    message ends the flow. The transmissions are negative binomial, with the mean K/(1 - p) and the variance
    K p/(1 - p)^2. A channel that delivers nothing ends in LinkStalled at max_transfer_s. (Luby 2002; Shokrollahi 2006.)
    """

    overhead: float = parameter("Share of packets beyond the payload's own that decoding takes.", default=0.05, least=0)

    @property
    def attempts(self) -> float:
        """Infinity: a packet that fails is made up for by another."""
        return inf

    def needed(self, packets: int) -> int:
        """K = ceil(n (1 + overhead)); a product within 1e-9 of a whole number is that number."""
        return ceil(packets * (1.0 + self.overhead) - _EXACT)

    def sizes_on_air(self, sizes_bits: IntArray) -> IntArray:
        return np.full(self.needed(sizes_bits.size), sizes_bits.max())

    def run(self, work: Work, sizes_bits: IntArray, fate: Fate) -> PassLog:
        """As many packets as are missing can never be too many: send so many, count, go on."""
        size = int(sizes_bits.max())
        missing, sent, first_pass_s = self.needed(sizes_bits.size), 0, None
        while missing:
            ends_bits = size * np.arange(sent + 1.0, sent + missing + 1.0)
            failed = fate.failures(work, np.arange(sent, sent + missing), sent, float(size), ends_bits)
            sent, missing = sent + missing, int(np.count_nonzero(failed))
            elapsed_s = work.elapsed_s(float(size * sent))
            first_pass_s = elapsed_s if first_pass_s is None else first_pass_s
        return PassLog(NOTHING_SENT.lost, 1, sent, size * sent, first_pass_s or elapsed_s, elapsed_s)

    def dialogue(self, packets: int) -> Dialogue:
        arrived, sent = 0, 0
        while arrived < self.needed(packets):
            failed = yield sent, 0
            arrived, sent = arrived + (not failed), sent + 1
        return []
