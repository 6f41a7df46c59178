"""What everybody's radio draws at rest: ``RestMeter``, over clients."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from channel_models.energy.radio import RadioPower
from pwffsim.world.abreast.way import seconds

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]


class RestMeters:
    """Energy of radios at rest, which were all active before, or all not yet.

    Args:
        power: what the states draw.
        clients: how many there are.
    """

    def __init__(self, power: RadioPower, clients: int) -> None:
        self._power = power
        self._draws = any((power.tail_power_w, power.idle_power_w, power.sleep_power_w))
        self._active_ns = np.zeros(clients, dtype=np.int64)
        self._active = False

    def active_until(self, end_ns: IntArray) -> None:
        """The radios were sending or receiving until then, int64[N]."""
        self._active_ns, self._active = end_ns, True

    def rest_j(self, start_ns: IntArray, end_ns: IntArray) -> FloatArray:
        """Energy at rest between two times of each client, neither before its last activity [J]."""
        if not self._draws:
            return np.zeros(end_ns.size)
        return self._since_j(end_ns - self._active_ns) - self._since_j(start_ns - self._active_ns)

    def _since_j(self, length_ns: IntArray) -> FloatArray:
        return self._power.gap_energies_j(seconds(length_ns), after_activity=self._active)
