"""To which round idling belongs."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pandas import DataFrame

PLACE = ["stage", "round"]


def in_rounds(spans: DataFrame) -> DataFrame:
    """Spans in order of their start, each with the round in which it was: time that no round has claimed (it names no
    stage) belongs to the one that its actor has last worked in, before all work to the first one."""
    known = spans["stage"].astype(str) != ""
    ordered = spans.assign(**{name: spans[name].where(known) for name in PLACE}).sort_values("start_ns", kind="stable")
    filled = ordered.groupby("actor", sort=False)[PLACE].ffill()
    filled = filled.groupby(ordered["actor"], sort=False)[PLACE].bfill()
    return ordered.assign(stage=filled["stage"].fillna(""), round=filled["round"].fillna(0).astype("int64"))
