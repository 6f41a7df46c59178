"""Delay and energy of every round, as stacked bars.

The delay of an update runs from when the server sends it off to the last bit of it that is back at the server: over
wires, where there are any, and through the air. A round's delay is that of its slowest update, the straggler.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from pwffsim.runs import network
from pwffsim.runs.idling import PLACE, in_rounds
from pwffsim.runs.load import Run
from pwffsim.runs.network import Role
from reports.columns import Column
from reports.timeline import KINDS, codes, tick_ns, ticks

DELAY_KINDS = ("download", "compute", "queue", "upload", "retransmit", "handover", "backhaul")


@dataclass
class Bars:
    """Panels as JSON; each one's rounds as a packed table."""

    panels: list[dict[str, Any]] = field(default_factory=list)
    tables: dict[str, dict[str, Column]] = field(default_factory=dict)

    def add(self, title: str, unit: str, where: pd.DataFrame, sums: pd.DataFrame, tick: int, **more: Column) -> None:
        """Adds a panel with a bar for every row of ``where``, stacked from the columns of ``sums`` in their order."""
        name = f"bars{len(self.panels)}"
        stages = list(dict.fromkeys(where["stage"]))
        kinds = [kind for kind in sums.columns if (sums[kind] > 0).any()]
        start, end = ticks(where["start_ns"], tick), ticks(where["end_ns"], tick)
        rounds = {
            "stage": Column(codes(where["stage"], stages), "code"),
            "round": Column(where["round"], "delta"),
            "start": Column(start, "delta"),
            "length": Column(end - start),
        }
        ordered = sums.reindex(pd.MultiIndex.from_frame(where[PLACE])).fillna(0.0)
        stacks = {f"stack {kind}": Column(ordered[kind], "float", bits=17) for kind in kinds}
        self.panels.append({"title": title, "unit": unit, "table": name, "kinds": kinds, "stages": stages})
        self.tables[name] = {**rounds, **stacks, **more}


def places(spans: pd.DataFrame) -> pd.DataFrame:
    """The rounds that have spans, in order of their first span: stage, round, start_ns, end_ns."""
    with_end = spans.assign(end_ns=spans["start_ns"] + spans["duration_ns"])
    found = with_end.groupby(PLACE, sort=False).agg(start_ns=("start_ns", "min"), end_ns=("end_ns", "max"))
    return found.reset_index().sort_values(["start_ns", "round"], kind="stable", ignore_index=True)


def by_kind(spans: pd.DataFrame, column: str, kinds: Sequence[str]) -> pd.DataFrame:
    """Sums of a column: a row a (stage, round), a column a kind of span, the kinds in the order given."""
    sums = spans.pivot_table(index=PLACE, columns="kind", values=column, aggfunc="sum", fill_value=0)
    return sums[sorted(sums.columns, key=lambda kind: kinds.index(kind) if kind in kinds else len(kinds))]


def stragglers(spans: pd.DataFrame) -> pd.DataFrame:
    """For every (stage, round) the longest delay of an update (s) and whose it was."""
    end = spans["start_ns"] + spans["duration_ns"]
    by_update = spans.assign(end_ns=end).groupby([*PLACE, "owner", "update"], sort=False)
    times = by_update.agg(start=("start_ns", "min"), end=("end_ns", "max")).reset_index()
    times["delay_s"] = (times["end"] - times["start"]) * 1e-9
    slowest = times.loc[times.groupby(PLACE, sort=False)["delay_s"].idxmax()]
    return slowest.set_index(PLACE)[["delay_s", "owner"]]


def steps(run: Run) -> pd.DataFrame:
    """What clients and wires did for updates, with the update's client as ``owner``; a hop lasts until the last bit
    has arrived, and before it the message may have waited for the wire."""
    spans = run.spans[(run.spans["update"] >= 0) & run.spans["kind"].isin(DELAY_KINDS)]
    role, wires = spans["actor"].map(network.roles(run)), network.wires(run.manifest)
    own, hops = spans[role == Role.CLIENT], spans[role == Role.WIRE]
    delays_ns = [wires[name].delay_ns if name in wires else 0 for name in hops["actor"]]
    both = pd.concat([own, hops.assign(duration_ns=hops["duration_ns"] + np.array(delays_ns, dtype=np.int64))])
    owners = dict(zip(own["update"], own["actor"], strict=True))
    found = pd.concat([both, waits_for_wires(both)], ignore_index=True)
    return found.assign(owner=found["update"].map(owners)).dropna(subset=["owner"])


def waits_for_wires(spans: pd.DataFrame) -> pd.DataFrame:
    """The time between the end of each update's step and the hop over a wire that follows it, as queueing."""
    ordered = spans.sort_values("start_ns", kind="stable")
    over_ns = (ordered["start_ns"] + ordered["duration_ns"]).groupby(ordered["update"]).shift()
    waited = (ordered["kind"] == "backhaul") & (ordered["start_ns"] > over_ns)
    lengths = (ordered["start_ns"] - over_ns)[waited].astype(np.int64)
    return ordered[waited].assign(kind="queue", start_ns=over_ns[waited].astype(np.int64), duration_ns=lengths)


def add_delay(bars: Bars, run: Run, actors: Sequence[str]) -> None:
    """Mean delay of a round's updates by what they waited for, and the straggler's delay; nothing without updates."""
    spans = steps(run)
    if spans.empty:
        return
    where = places(spans)
    updates = spans.groupby(PLACE, sort=False)["update"].nunique().astype(np.float64)
    slowest = stragglers(spans).reindex(pd.MultiIndex.from_frame(where[PLACE]))
    straggler = {
        "straggler": Column(slowest["delay_s"], "float", bits=17),
        "whose": Column(codes(slowest["owner"], actors), "delta"),
    }
    mean = by_kind(spans, "duration_ns", DELAY_KINDS).div(updates, axis=0) * 1e-9
    title = "Delay of a round's updates: mean by part, and the straggler"
    bars.add(title, "s", where, mean, tick_ns(len(run.spans)), **straggler)


def add_energy(bars: Bars, run: Run) -> None:
    """Energy of a round, all actors together, by what it was spent on; nothing where none was spent."""
    spans = in_rounds(run.spans)
    spans = spans[spans["energy_nj"] > 0]
    if not spans.empty:
        sums = by_kind(spans, "energy_nj", KINDS) * 1e-9
        bars.add("Energy of a round, all together", "J", places(spans), sums, tick_ns(len(run.spans)))


def build(run: Run, actors: Sequence[str]) -> Bars:
    """The bar panels that have something to show; ``actors`` are the names of the timeline's rows."""
    bars = Bars()
    add_delay(bars, run, actors)
    add_energy(bars, run)
    return bars
