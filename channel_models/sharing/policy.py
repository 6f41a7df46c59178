"""The contract of sharing: who wants the medium, what each one gets of it, and the rule that decides.

The rate of a user in block b is

    B bandwidth airtime(b) SE(mean_snr snr gain(b))      [b/s]

of which a share 1 - collision survives; its radiated power is P power while it is on air. One physical law ties the
factors together, snr = power / bandwidth: noise is proportional to bandwidth, so a narrower band at the same power
has a higher SNR, and less power over the same band a lower one.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import ClassVar, Protocol

import numpy as np
from numpy.typing import NDArray

from channel_models.model import Model
from channel_models.validation import count, non_negative, positive, probability

FloatArray = NDArray[np.float64]
BlockFunction = Callable[[int, int], FloatArray]
"""f64[count] of the blocks first_block .. first_block + count - 1, asked for as (first_block, count)."""

_SUBBAND_STRIDE = 2**40


class Gain(Protocol):
    """Power gains f64[count] of unit mean by (first_block, count) and, where the band is cut, by sub-band."""

    def __call__(self, first_block: int, count: int, subband: int = 0, /) -> FloatArray: ...


def gain_of_link(gain: Callable[[int, int, int], FloatArray], link: int) -> Gain:
    """The gains of one link, with independent ones for every sub-band.

    gain: ``fading.gain``, by (link, first_block, count); link: 0 .. 2**40 - 1. Sub-band 0 is the link itself, sub-band
    k the link k 2**40 further on: no two users' sub-bands meet, and a user's do not depend on who else is there.
    Raises ValueError for a link or a sub-band out of range.
    """
    if count("link", link) >= _SUBBAND_STRIDE:
        raise ValueError(f"link must be below 2**40, got {link}")

    def of_subband(first_block: int, blocks: int, subband: int = 0, /) -> FloatArray:
        return gain(link + count("subband", subband) * _SUBBAND_STRIDE, first_block, blocks)

    return of_subband


@dataclass(frozen=True, kw_only=True)
class User:
    """A transmitter that has something to send.

    client: its number; mean_snr: linear, over the whole band at full power; bits: payload left, for rules that look
    at it; tx_power_w: full radiated power; gain: power gains of unit mean. Raises ValueError for unphysical values.
    """

    client: int
    mean_snr: float
    bits: float
    tx_power_w: float
    gain: Gain

    def __post_init__(self) -> None:
        count("client", self.client)
        positive("mean_snr", self.mean_snr)
        non_negative("bits", self.bits)
        positive("tx_power_w", self.tx_power_w)


@dataclass(frozen=True, kw_only=True)
class Allocation:
    """What a user gets of the medium, relative to the whole of it.

    bandwidth: fraction of the band, in (0, 1]; snr: factor on the SNR; power: factor on the radiated power while on
    air; airtime: share of the time on air, a function of (first_block, count) where it changes by block; gain: the
    power gains met, where they are not the user's own (a choice among sub-bands); collision: probability that a
    packet is spoiled by others. Raises ValueError for a share out of range.
    """

    bandwidth: float = 1.0
    snr: float = 1.0
    power: float = 1.0
    airtime: float | BlockFunction = 1.0
    gain: BlockFunction | None = None
    collision: float = 0.0

    def __post_init__(self) -> None:
        _share("bandwidth", self.bandwidth)
        positive("snr", self.snr)
        non_negative("power", self.power)
        probability("collision", self.collision)
        if not callable(self.airtime):
            _share("airtime", self.airtime)

    @property
    def implied_snr(self) -> float:
        """power / bandwidth: the SNR factor that physics gives to this power over this band."""
        return self.power / self.bandwidth

    def airtime_of(self, first_block: int, blocks: int) -> FloatArray:
        """Shares of time f64[blocks] on air."""
        return self.airtime(first_block, blocks) if callable(self.airtime) else np.full(blocks, self.airtime)

    def snr_of(self, user: User, first_block: int, blocks: int) -> FloatArray:
        """Linear SNR f64[blocks] that a user with this allocation has while it is on air."""
        return user.mean_snr * self.snr * (self.gain or user.gain)(first_block, blocks)


@dataclass(frozen=True, kw_only=True)
class Sharing(Model):
    """A rule that divides one band among transmitters.

    exclusive: one user at a time, first come first served (the simulator queues the others); dynamic: allocations
    depend on who is on air now, and are asked for anew whenever that changes; superposes: users send at once and the
    receiver hears the sum of what they send, never one of them alone (the simulator gathers them before they begin).
    """

    exclusive: ClassVar[bool] = False
    dynamic: ClassVar[bool] = False
    superposes: ClassVar[bool] = False
    by_population: ClassVar[bool] = False
    """Whether shares go by everybody who might be on air; else ``population`` may be the active users alone."""
    uses_snr: ClassVar[bool] = False
    """Whether shares go by SNR, or change it."""
    collides: ClassVar[bool] = False
    """Whether users may spoil each other's packets."""

    def hopeless(self, users: int) -> str | None:
        """Why so many users on air at once would get next to nothing through, and what to do; None if they would."""
        return None

    @abstractmethod
    def allocate(self, active: Sequence[User], population: Sequence[User], block: int) -> dict[int, Allocation]:
        """Allocation by client of every active user, from block ``block`` on.

        active: users on air now, in the order of clients; population: everybody who might be (a static division goes
        by it). Pure: equal arguments give equal allocations. Raises ValueError for an active user who is not of the
        population, where the division goes by the population.
        """


def check_members(active: Sequence[User], population: Sequence[User]) -> None:
    """Raises ValueError if an active user has no part in a division among the population."""
    strangers = sorted({user.client for user in active} - {user.client for user in population})
    if strangers:
        raise ValueError(f"clients {strangers} are on air but not in the population that the band is divided among")


def _share(name: str, value: float) -> float:
    if not 0.0 < value <= 1.0:
        raise ValueError(f"{name} must lie in (0, 1], got {value!r}")
    return value
