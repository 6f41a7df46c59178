"""Slotted ALOHA: everybody with something to send does so in a slot with some probability, whoever else may."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import expm1, log1p
from typing import ClassVar

from channel_models.model import parameter
from channel_models.sharing import SHARING
from channel_models.sharing.policy import Allocation, Sharing, User
from channel_models.validation import count, probability

_LEAST_SUCCESS = 1e-6


@SHARING.register("slotted_aloha")
@dataclass(frozen=True, kw_only=True)
class SlottedAloha(Sharing):
    """Random access of n users (Roberts 1975): on air a share p of the slots, each spoiled with 1 - (1-p)^(n-1).

    A packet lasts a slot, two in one slot destroy each other (no capture), slots are drawn independently. A slot
    carries a packet unharmed with probability n p (1-p)^(n-1), at most (1 - 1/n)^(n-1) at p = 1/n, 1/e for many.
    """

    dynamic: ClassVar[bool] = True
    collides: ClassVar[bool] = True

    attempt_probability: float | None = parameter(
        "Probability of sending in a slot; left out: 1/n, the best for n users.", default=None, above=0, below=1
    )

    def hopeless(self, users: int) -> str | None:
        """p (1-p)^(n-1) below one in a million."""
        attempt = self.attempt_probability or 1.0 / max(users, 1)
        success = attempt * (1.0 - collision_probability(max(users, 1), attempt))
        if success >= _LEAST_SUCCESS:
            return None
        return (
            f"with {users} users who send with probability {attempt:g}, a packet gets through in {success:.2g} of the "
            f"slots; lower attempt_probability to about {1.0 / users:.2g}, or leave it out"
        )

    def allocate(self, active: Sequence[User], population: Sequence[User], block: int) -> dict[int, Allocation]:
        users = len(active)
        attempt = self.attempt_probability or 1.0 / max(users, 1)
        part = Allocation(airtime=attempt, collision=collision_probability(users, attempt)) if users else Allocation()
        return {user.client: part for user in active}


def collision_probability(users: int, attempt_probability: float) -> float:
    """1 - (1-p)^(n-1): at least one of the n - 1 others sends in the same slot."""
    others = count("users", users, least=1) - 1
    attempt = probability("attempt_probability", attempt_probability)
    if attempt == 1.0:
        return float(others > 0)
    return -expm1(others * log1p(-attempt))


def throughput(users: int, attempt_probability: float) -> float:
    """n p (1-p)^(n-1): mean packets that get through in a slot. Raises ValueError for no users or a bad p."""
    return users * attempt_probability * (1.0 - collision_probability(users, attempt_probability))
