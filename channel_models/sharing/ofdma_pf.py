"""OFDMA with proportional fair scheduling: in each block, each sub-band goes to whoever gains most from it.

In block b, sub-band k of K is given to the user of greatest r_ik / T_i, with r_ik = log2(1 + snr_i gain_ik(b)) and the
average T_i of what it had so far,

    T_i <- beta T_i + (1 - beta) sum_k (r_ik / K, where k is i's).

Source: Viswanath, Tse and Laroia, IEEE Trans. Inf. Theory 48(6), 2002. beta is 1 minus the inverse of their window t_c.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import log
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from channel_models.model import parameter
from channel_models.sharing import SHARING
from channel_models.sharing.policy import Allocation, BlockFunction, Sharing, User

FloatArray = NDArray[np.float64]

_CHUNK_BLOCKS = 256


@SHARING.register("ofdma_pf")
@dataclass(frozen=True, kw_only=True)
class OfdmaProportionalFair(Sharing):
    """Sub-bands by proportional fairness, power per hertz pinned: m of K sub-bands carry m/K of the power and rate.

    The share m/K is the airtime, in time average one and the same. The SNR of a user's several sub-bands is their
    capacity-effective one, 2^mean(log2(1 + snr_k)) - 1: exact for Shannon's rate map. Sub-bands fade independently
    (flat inside); averages start at equal shares of each mean rate and start anew when the set of users changes.
    """

    uses_snr: ClassVar[bool] = True
    dynamic: ClassVar[bool] = True

    resource_blocks: int = parameter("Sub-bands the band is cut into.", default=1, least=1, most=1024)
    window_beta: float = parameter("Memory of the averages, by block.", default=0.99, least=0, below=1)

    def allocate(self, active: Sequence[User], population: Sequence[User], block: int) -> dict[int, Allocation]:
        schedule = Schedule(active, self.resource_blocks, self.window_beta, block)
        return {
            user.client: Allocation(airtime=schedule.shares_of(row), gain=schedule.gains_of(row))
            for row, user in enumerate(active)
        }


class Schedule:
    """Who has which sub-band in every block from a first one on, found as far as it is asked for.

    Whatever order blocks are asked for in, the answers are the same: the schedule is computed forwards, once.
    """

    def __init__(self, users: Sequence[User], subbands: int, beta: float, first_block: int) -> None:
        self._users, self._subbands, self._beta, self._first = users, subbands, beta, first_block
        snr = np.array([user.mean_snr for user in users])
        self._average = np.log1p(snr) / log(2.0) / max(len(users), 1)
        self._shares = np.empty((len(users), 0))
        self._rates = np.empty((len(users), 0))

    def shares_of(self, row: int) -> BlockFunction:
        """Share of the sub-bands that a user has, by block."""
        return lambda first, count: self.stretch(first, count)[0][row]

    def gains_of(self, row: int) -> BlockFunction:
        """Effective gain over the sub-bands that a user has, by block; 0 where it has none."""
        mean_snr = self._users[row].mean_snr

        def gains(first: int, count: int) -> FloatArray:
            shares, rates = (part[row] for part in self.stretch(first, count))
            inside = np.divide(rates, shares, out=np.zeros_like(rates), where=shares > 0.0)
            return np.expm1(inside * log(2.0)) / mean_snr

        return gains

    def stretch(self, first_block: int, count: int) -> tuple[FloatArray, FloatArray]:
        """Shares and rates [b/s/Hz of the whole band], each f64[users, count]. Raises ValueError before the start."""
        start = first_block - self._first
        if start < 0:
            raise ValueError(f"first_block must be at least {self._first}, where the schedule starts: {first_block}")
        while self._shares.shape[1] < start + count:
            self._grow()
        return self._shares[:, start : start + count], self._rates[:, start : start + count]

    def _grow(self) -> None:
        blocks = max(_CHUNK_BLOCKS, self._shares.shape[1])
        efficiency = self._efficiency(self._first + self._shares.shape[1], blocks)
        owner = np.array([self._decide(block) for block in efficiency])
        mine = owner[:, :, np.newaxis] == np.arange(len(self._users))
        self._shares = np.hstack((self._shares, mine.mean(axis=1).T))
        self._rates = np.hstack((self._rates, (mine * efficiency).mean(axis=1).T))

    def _efficiency(self, first_block: int, count: int) -> FloatArray:
        """log2(1 + snr) as f64[count, subbands, users]."""
        snr = [
            [user.mean_snr * user.gain(first_block, count, band) for user in self._users]
            for band in range(self._subbands)
        ]
        return np.log1p(np.ascontiguousarray(np.moveaxis(np.array(snr), 2, 0))) / log(2.0)

    def _decide(self, efficiency: FloatArray) -> NDArray[np.int64]:
        """Owner of each sub-band in one block, i64[subbands]; the lower client where two gain alike."""
        owner = np.argmax(efficiency / self._average, axis=1)
        self._average *= self._beta
        np.add.at(self._average, owner, (1.0 - self._beta) / len(owner) * efficiency[np.arange(len(owner)), owner])
        return owner
