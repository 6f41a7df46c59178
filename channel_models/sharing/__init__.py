"""How transmitters share one band: models by the name that scenarios use."""

from __future__ import annotations

from channel_models.registry import Registry
from channel_models.sharing.policy import Allocation, Sharing, User

SHARING: Registry[Sharing] = Registry("sharing")

__all__ = ["SHARING", "Allocation", "Sharing", "User"]
