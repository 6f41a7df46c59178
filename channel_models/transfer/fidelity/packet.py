"""Exact to the packet: vectors over packets and blocks, one event a transfer."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from channel_models.retransmission.scheme import PassLog, Retransmission
from channel_models.transfer.fate import Fate
from channel_models.transfer.fidelity.fidelity import Fidelity
from channel_models.transfer.work import Work

IntArray = NDArray[np.int64]


class Packet(Fidelity):
    """The scheme's own passes."""

    def run(self, scheme: Retransmission, work: Work, sizes_bits: IntArray, fate: Fate) -> PassLog:
        return scheme.run(work, sizes_bits, fate)
