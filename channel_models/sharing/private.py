"""Everybody has a band of his own, as wide as the link budget says."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from channel_models.sharing import SHARING
from channel_models.sharing.policy import Allocation, Sharing, User


@SHARING.register("private")
@dataclass(frozen=True, kw_only=True)
class Private(Sharing):
    """N users occupy N bands: nobody waits, and N times the spectrum is in use. Rate B E[SE] for each."""

    def allocate(self, active: Sequence[User], population: Sequence[User], block: int) -> dict[int, Allocation]:
        return {user.client: Allocation() for user in active}
