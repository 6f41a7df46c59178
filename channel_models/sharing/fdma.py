"""The band is cut into equal parts, one for each member of the population, for good."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from channel_models.model import parameter
from channel_models.sharing import SHARING
from channel_models.sharing.policy import Allocation, Sharing, User, check_members


@SHARING.register("fdma")
@dataclass(frozen=True, kw_only=True)
class Fdma(Sharing):
    """Equal frequency division among N users: B/N each, and a choice of what does not change with the band.

    power  P stays, the SNR in the narrower band is N times higher:     SE(N snr)/N
    psd    power per hertz stays, so that each radiates P/N:            SE(snr)/N
    snr    SNR and P stay: the noise is counted as that of the whole band, which no receiver does. For comparison with
           work that divides the bandwidth of a rate formula and forgets the noise; not physical for N > 1.
    """

    by_population: ClassVar[bool] = True
    uses_snr: ClassVar[bool] = True

    pin: str = parameter("What stays when the band is divided.", default="power", choices=("power", "psd", "snr"))

    def allocate(self, active: Sequence[User], population: Sequence[User], block: int) -> dict[int, Allocation]:
        check_members(active, population)
        return {user.client: self.part(len(population)) for user in active}

    def part(self, users: int) -> Allocation:
        """What each of so many users gets."""
        snr = {"power": float(users), "psd": 1.0, "snr": 1.0}[self.pin]
        power = {"power": 1.0, "psd": 1.0 / users, "snr": 1.0}[self.pin]
        return Allocation(bandwidth=1.0 / users, snr=snr, power=power)
