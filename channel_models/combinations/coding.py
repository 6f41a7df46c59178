"""Schemes that code."""

from __future__ import annotations

import numpy as np

from channel_models.retransmission.scheme import Retransmission


def codes(scheme: Retransmission) -> bool:
    """Whether more than the payload goes on the air even where nothing fails."""
    return scheme.sizes_on_air(np.ones(1, dtype=np.int64)).size > 1
