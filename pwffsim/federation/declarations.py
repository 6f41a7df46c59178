"""Names of everything in this room that a scenario may choose."""

from __future__ import annotations

from pwffsim.federation.coordination import MODES as _MODES
from pwffsim.federation.coordination import RETASK_RULES
from pwffsim.federation.methods import METHODS as _METHODS
from pwffsim.federation.selection import SELECTORS as _SELECTORS
from pwffsim.federation.staleness import STALENESS as _STALENESS
from pwffsim.federation.weighting import WEIGHTS as _WEIGHTS

METHODS: tuple[str, ...] = tuple(_METHODS)
MODES: tuple[str, ...] = tuple(_MODES)
SELECTORS: tuple[str, ...] = tuple(_SELECTORS)
STALENESS_RULES: tuple[str, ...] = tuple(_STALENESS)
WEIGHTS: tuple[str, ...] = tuple(_WEIGHTS)

__all__ = ["METHODS", "MODES", "RETASK_RULES", "SELECTORS", "STALENESS_RULES", "WEIGHTS"]
