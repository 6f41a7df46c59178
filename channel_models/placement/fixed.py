"""Positions by hand."""

from __future__ import annotations

from dataclasses import dataclass

from channel_models.model import parameter
from channel_models.placement import PLACEMENTS, Placement
from channel_models.validation import count


@PLACEMENTS.register("fixed")
@dataclass(frozen=True, kw_only=True)
class Fixed(Placement):
    """Client i stands at (x_m[i], y_m[i]). Raises ValueError for lists of unequal length and a client not listed."""

    x_m: tuple[float, ...] = parameter("East coordinates, one a client.")
    y_m: tuple[float, ...] = parameter("North coordinates, one a client.")

    def __post_init__(self) -> None:
        super().__post_init__()
        if len(self.x_m) != len(self.y_m):
            raise ValueError(
                f"Fixed: x_m and y_m must have one entry a client, got {len(self.x_m)} and {len(self.y_m)}"
            )

    def place_m(self, client: int) -> tuple[float, float]:
        if count("client", client) >= len(self.x_m):
            raise ValueError(f"Fixed: client {client} has no position, x_m and y_m list {len(self.x_m)} clients")
        return self.x_m[client], self.y_m[client]
