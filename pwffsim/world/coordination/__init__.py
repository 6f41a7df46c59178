"""Coordination modes: processes that run one stage. Names are declared in :mod:`pwffsim.federation.coordination`."""

from __future__ import annotations

from pwffsim.world.coordination.buffered import buffered
from pwffsim.world.coordination.synchronous import synchronous

COORDINATION = {"synchronous": synchronous, "buffered": buffered}
