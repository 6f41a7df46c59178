"""What every fidelity answers."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from channel_models.loss.loss_map import LossMap
from channel_models.rates.rate_map import RateMap
from channel_models.retransmission.scheme import PassLog, Retransmission
from channel_models.transfer.fate import Fate
from channel_models.transfer.profile import Profile
from channel_models.transfer.work import Work

IntArray = NDArray[np.int64]


class Fidelity(ABC):
    """A way to find out what becomes of a transfer."""

    switchable: ClassVar[bool] = True
    """Whether a transfer under way can be told that its link has changed."""

    @abstractmethod
    def run(self, scheme: Retransmission, work: Work, sizes_bits: IntArray, fate: Fate) -> PassLog:
        """Send packets of the given sizes (at least one), int64[n], over the link."""

    def work(self, profile: Profile, start_s: float, max_transfer_s: float) -> Work:
        """The link from a time on."""
        return Work(profile, start_s, max_transfer_s)

    def check(self, scheme: Retransmission, loss_map: LossMap, rate_map: RateMap) -> None:  # noqa: B027 - may be so
        """Raises ValueError, with the remedy, for models that this fidelity cannot tell the truth of."""
