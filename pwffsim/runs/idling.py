"""To which round idling belongs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from pandas import DataFrame

PLACE = ["stage", "round"]
NOWHERE = ("", 0)


def in_rounds(spans: DataFrame) -> DataFrame:
    """Spans in order of their start, each with the round in which it was: time that no round has claimed (it names no
    stage) belongs to the one that its actor has last worked in, before all work to the first one."""
    ordered = spans.sort_values("start_ns", kind="stable")
    claimed = (ordered["stage"] != "").to_numpy()
    actors = ordered["actor"].factorize()[0]
    own = pd.Series(np.where(claimed, np.arange(len(ordered)), np.nan))
    teller = own.groupby(actors).ffill().groupby(actors).bfill()
    nobody = teller.isna().to_numpy()
    told = ordered[PLACE].take(teller.fillna(0).astype("int64"))
    places = {
        name: told[name].set_axis(ordered.index).mask(nobody, empty) for name, empty in zip(PLACE, NOWHERE, strict=True)
    }
    return ordered.assign(**places)
