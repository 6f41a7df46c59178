"""One user at a time has the whole band; the others wait in the order in which they came."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from channel_models.sharing import SHARING
from channel_models.sharing.policy import Allocation, Sharing, User


@SHARING.register("tdma")
@dataclass(frozen=True, kw_only=True)
class Tdma(Sharing):
    """Time division, a whole transfer as the slot: N equal transfers take N times as long as one.

    Raises ValueError when two users are said to be on air at once.
    """

    exclusive: ClassVar[bool] = True

    def allocate(self, active: Sequence[User], population: Sequence[User], block: int) -> dict[int, Allocation]:
        if len(active) > 1:
            clients = [user.client for user in active]
            raise ValueError(f"tdma lets one user on air at a time, got clients {clients}: queue all but the first")
        return {user.client: Allocation() for user in active}
