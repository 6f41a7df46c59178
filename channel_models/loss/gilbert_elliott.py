"""Losses in bursts: a two-state Markov chain over transmissions.

    good -> bad with probability p, bad -> good with probability r, at each transmission.

Stationary share of bad: pi_B = p/(p + r); a bad spell lasts 1/r transmissions on average, geometrically distributed;
states n transmissions apart correlate by lambda^n, lambda = 1 - p - r.

Sources: Gilbert, Bell Syst. Tech. J. 39, 1960; Elliott, Bell Syst. Tech. J. 42, 1963.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.random import PCG64, Generator, SeedSequence
from numpy.typing import NDArray

from channel_models.fading.fading import Fading
from channel_models.loss.loss_map import LOSS_MAPS, FloatArray, LossMap, Reception
from channel_models.model import parameter

_LEAST_PROBABILITY = 1e-9
_SPELLS_AT_ONCE = 64
_SEED_WORDS = 4


@LOSS_MAPS.register("gilbert_elliott")
@dataclass(frozen=True, kw_only=True)
class GilbertElliottLoss(LossMap):
    """Losses with the loss probability of the state, good or bad, that a transmission meets.

    The chain counts transmissions of one transfer, repeats included, and starts from its stationary law.
    """

    needs_snr: ClassVar[bool] = False
    memoryless: ClassVar[bool] = False

    good_to_bad: float = parameter("p, by transmission.", default=0.01, least=_LEAST_PROBABILITY, most=1)
    bad_to_good: float = parameter("r, by transmission.", default=0.1, least=_LEAST_PROBABILITY, most=1)
    loss_good: float = parameter("Loss probability in the good state.", default=0.0, least=0, most=1)
    loss_bad: float = parameter("Loss probability in the bad state.", default=1.0, least=0, most=1)

    @property
    def lossless(self) -> bool:
        return self.loss_good == self.loss_bad == 0.0

    @property
    def bad_share(self) -> float:
        """pi_B = p/(p + r)."""
        return self.good_to_bad / (self.good_to_bad + self.bad_to_good)

    @property
    def memory(self) -> float:
        """lambda = 1 - p - r, the correlation of the states of neighbours."""
        return 1.0 - self.good_to_bad - self.bad_to_good

    @property
    def mean_burst(self) -> float:
        """Transmissions in a bad spell, 1/r."""
        return 1.0 / self.bad_to_good

    def burst_tail(self, length: int) -> float:
        """P(a bad spell lasts at least ``length`` transmissions) = (1 - r)^(length - 1), length >= 1."""
        return (1.0 - self.bad_to_good) ** (length - 1)

    @property
    def variance_inflation(self) -> float:
        """(1 + lambda)/(1 - lambda): how much more the share of bad states among many transmissions varies than
        if they were independent."""
        return (1.0 + self.memory) / (1.0 - self.memory)

    def loss_share_variance(self, transmissions: int) -> float:
        """Var of the share of losses among n consecutive transmissions, exactly:

        q(1 - q)/n + (2 c/n) sum over k = 1..n-1 of (1 - k/n) lambda^k, with q the mean loss probability and
        c = pi_B (1 - pi_B) (loss_bad - loss_good)^2.
        """
        n, q = transmissions, self.stationary_loss
        spread = self.bad_share * (1.0 - self.bad_share) * (self.loss_bad - self.loss_good) ** 2
        lag = np.arange(1, n)
        return q * (1.0 - q) / n + 2.0 * spread / n * float(np.sum((1.0 - lag / n) * self.memory**lag))

    @property
    def stationary_loss(self) -> float:
        """pi_G loss_good + pi_B loss_bad."""
        return (1.0 - self.bad_share) * self.loss_good + self.bad_share * self.loss_bad

    def packet_error_rate(self, reception: Reception) -> FloatArray:
        """The stationary loss, for a packet of which no other is known."""
        return np.full(np.shape(reception.snr), self.stationary_loss)

    def mean_error_rate(self, mean_snr: float, fading: Fading) -> float:
        return self.stationary_loss

    def process(self, generator: Generator) -> GilbertElliottProcess:
        return GilbertElliottProcess(self, generator)


class GilbertElliottProcess:
    """The states of one transfer, drawn spell by spell as far as they are asked for, and remembered.

    The generator given is drawn from once, at the start, for a seed of its own: nothing that is drawn from it later
    changes a state.
    """

    def __init__(self, loss_map: GilbertElliottLoss, generator: Generator) -> None:
        words = generator.integers(2**32, size=_SEED_WORDS).tolist()
        self._draws = Generator(PCG64(SeedSequence(words)))
        self._loss_map = loss_map
        self._first_bad = bool(self._draws.random() < loss_map.bad_share)
        self._ends = np.empty(0, dtype=np.int64)

    def error_rate(self, first_slot: int, reception: Reception) -> FloatArray:
        """Loss probability in the state of each of the transmissions first_slot, first_slot + 1, ..., f64[n]."""
        bad = self.bad(first_slot, np.size(reception.snr))
        return np.where(bad, self._loss_map.loss_bad, self._loss_map.loss_good).reshape(np.shape(reception.snr))

    def bad(self, first_slot: int, count: int) -> NDArray[np.bool_]:
        """Whether the state is bad, bool[count]. Raises ValueError for a negative slot."""
        if first_slot < 0:
            raise ValueError(f"first_slot must be at least 0, got {first_slot}")
        while self._reach <= first_slot + count:
            self._extend()
        spell = np.searchsorted(self._ends, np.arange(first_slot, first_slot + count), side="right")
        return (spell % 2 == 1) ^ self._first_bad

    @property
    def _reach(self) -> int:
        return int(self._ends[-1]) if self._ends.size else 0

    def _extend(self) -> None:
        """Doubles the spells: in pairs, the first state's and the other's. Geometric, as the chain has no memory of
        when its spell began."""
        pairs = max(_SPELLS_AT_ONCE, self._ends.size) // 2
        leave = (self._loss_map.good_to_bad, self._loss_map.bad_to_good)
        first, other = reversed(leave) if self._first_bad else leave
        spells = np.column_stack((self._draws.geometric(first, pairs), self._draws.geometric(other, pairs))).ravel()
        self._ends = np.concatenate((self._ends, self._reach + np.cumsum(spells)))
