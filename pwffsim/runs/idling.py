"""To which round idling belongs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pwffsim.runs.in_turn import in_turn

if TYPE_CHECKING:
    from pandas import DataFrame

PLACE = ["stage", "round"]
NOWHERE = ("", 0)
_NOBODY = -1


def in_rounds(spans: DataFrame) -> DataFrame:
    """Spans, each with the round in which it was: time that no round has claimed (it names no stage) belongs to the one
    that its actor has last worked in, before all work to the first one."""
    actors = spans["actor"].factorize()[0]
    order = in_turn(actors, spans["start_ns"].to_numpy())
    claimed, places = (spans["stage"] != "").to_numpy()[order], np.arange(order.size)
    before = np.maximum.accumulate(np.where(claimed, places, -1))
    after = np.minimum.accumulate(np.where(claimed, places, order.size)[::-1])[::-1]
    own, actor = actors[order], np.append(actors[order], _NOBODY)
    teller = np.where(actor[before] == own, before, after)
    told = np.empty_like(order)
    told[order] = np.append(order, _NOBODY)[np.where(actor[teller] == own, teller, order.size)]
    return spans.assign(
        **{
            name: spans[name].array.take(told, allow_fill=True, fill_value=empty)
            for name, empty in zip(PLACE, NOWHERE, strict=True)
        }
    )
