"""Interference: power from others that reaches a receiver besides the noise."""

from __future__ import annotations

from channel_models.interference.jammer import Jammer
from channel_models.interference.power import Interferers, inr, sinr

__all__ = ["Interferers", "Jammer", "inr", "sinr"]
