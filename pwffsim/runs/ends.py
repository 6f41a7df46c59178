"""Whose a message is: the client at one end of it, and what is at the other."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pwffsim.runs.records import Direction

if TYPE_CHECKING:
    from pandas import DataFrame, Series


def client_ends(messages: DataFrame) -> Series:
    """The end of each message's link that is not the server: where it comes from if it goes up, else its target."""
    return _ends(messages, Direction.UP)


def other_ends(messages: DataFrame) -> Series:
    """The other end of each message's link, the server's."""
    return _ends(messages, Direction.DOWN)


def _ends(messages: DataFrame, of_sources: Direction) -> Series:
    """Sources of messages that go one way, targets of the others. (pandas' own ``where`` is slow on text.)"""
    import pandas as pd

    ends = pd.concat([messages.source, messages.target], ignore_index=True)
    places = np.arange(len(messages))
    chosen = np.where(messages.direction == of_sources, places, places + len(messages))
    return ends.take(chosen).set_axis(messages.index)
