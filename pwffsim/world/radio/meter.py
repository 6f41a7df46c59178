"""What a client's radio draws while it neither sends nor receives."""

from __future__ import annotations

from channel_models.energy.radio import RadioPower
from pwffsim.kernel.clock import seconds


class RestMeter:
    """Energy of the radio at rest: first its tail, then idle, then asleep, counted from its last activity.

    Args:
        power: what the states draw.
    """

    def __init__(self, power: RadioPower) -> None:
        self._power = power
        self._active_ns: int | None = None

    def active_until(self, end_ns: int) -> None:
        """The radio was sending or receiving until then."""
        self._active_ns = end_ns

    def rest_j(self, start_ns: int, end_ns: int) -> float:
        """Energy at rest between two times, neither before its last activity [J]."""
        since_ns = self._active_ns or 0
        return self._since_j(end_ns - since_ns) - self._since_j(start_ns - since_ns)

    def _since_j(self, length_ns: int) -> float:
        return self._power.gap_energy_j(seconds(length_ns), after_activity=self._active_ns is not None)
