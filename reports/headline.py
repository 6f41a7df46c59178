"""The figures at the top of the page, each with its unit and what it is to be compared with."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from pwffsim.runs.load import Run
from pwffsim.runs.records import is_client
from reports import quantities, timeline
from reports.tables import FATES, ON_AIR, first_and_last


@dataclass(frozen=True)
class Figure:
    """A key figure: what it is, its value as text, and a line of context."""

    title: str
    value: str
    note: str = ""


def best_baseline(run: Run, metric: str) -> str:
    """The highest baseline of a metric in words, or nothing."""
    known = {
        str(name): float(value) for name, value in ((run.manifest.get("baselines") or {}).get(metric) or {}).items()
    }
    if not known:
        return ""
    name = max(known, key=lambda label: known[label])
    return f"best baseline {quantities.percent(known[name])} ({name})"


def joined(*parts: str) -> str:
    """The parts that say something."""
    return " · ".join(part for part in parts if part)


def times(run: Run) -> list[Figure]:
    """Simulated and wall time."""
    wall_s = run.manifest.get("wall_s")
    simulated = timeline.end_s(run)
    figures = [Figure("Simulated time to the end", quantities.duration(simulated), stage_times(run))]
    if isinstance(wall_s, (int, float)) and wall_s > 0:
        ratio = f"{quantities.significant(simulated / wall_s)} simulated seconds a second"
        figures.append(Figure("Wall time", quantities.duration(wall_s), ratio))
    return figures


def stage_times(run: Run) -> str:
    """How long each stage took."""
    bands = timeline.bands(run.spans)
    return joined(*(f"{band['stage']} {quantities.duration(band['end_s'] - band['start_s'])}" for band in bands))


def clients_first_last(run: Run, name: str) -> tuple[pd.Series, pd.Series]:
    """A metric's first and last value of every client; of the server where no client was measured."""
    first, last = first_and_last(run.metrics, name)
    clients = [actor for actor in first.index if is_client(str(actor))]
    return (first[clients], last[clients]) if clients else (first, last)


def accuracy(run: Run) -> list[Figure]:
    """Response-token accuracy before and after, beside the best baseline."""
    for name, where in (("accuracy", "mean over clients"), ("global_accuracy", "global test set")):
        first, last = clients_first_last(run, name)
        if len(last):
            value = f"{quantities.percent(first.mean())} → {quantities.percent(last.mean())}"
            return [Figure("Response-token accuracy", value, joined(where, best_baseline(run, name)))]
    return []


def reward_models(run: Run) -> list[Figure]:
    """Share of held-out pairs that the two reward models rank right."""
    lasts = [clients_first_last(run, f"{objective}_accuracy")[1] for objective in ("helpfulness", "harmlessness")]
    if not all(len(last) for last in lasts):
        return []
    value = " / ".join(quantities.percent(last.mean()) for last in lasts)
    return [Figure("Reward models' accuracy", value, "helpfulness / harmlessness, held-out pairs")]


def rewards(run: Run) -> list[Figure]:
    """Gain in clients' own weighted reward, and the KL paid for it."""
    first, last = clients_first_last(run, "reward_weighted")
    if not len(last):
        return []
    gain = last - first
    _, kl = clients_first_last(run, "kl")
    kl_text = f"KL {quantities.plain(kl.mean())} nats" if len(kl) else ""
    note = joined(f"{int((gain > 0).sum())} of {len(gain)} clients gain", kl_text)
    return [Figure("Own weighted reward gained", quantities.signed(gain.mean()), note)]


def traffic(run: Run) -> list[Figure]:
    """Bytes up and down, and what became of the updates."""
    payload = run.messages.groupby("direction")["payload_bytes"].sum()
    up, down = (int(payload.get(direction, 0)) for direction in ("up", "down"))
    lost = int(run.messages.loc[run.messages["direction"] == "up", "lost_bytes"].sum())
    note = joined(f"down {quantities.byte_count(down)}", f"lost {quantities.byte_count(lost)}")
    fates = run.updates["fate"].value_counts()
    known = [f"{quantities.count(fates.get(fate, 0))} {fate}" for fate in FATES[1:]]
    updates = Figure(
        "Updates applied",
        f"{quantities.count(fates.get('applied', 0))} of {quantities.count(len(run.updates))}",
        joined(*known),
    )
    return [Figure("Uplink payload", quantities.byte_count(up), note), *([updates] if len(run.updates) else [])]


def moves(run: Run) -> list[Figure]:
    """Changes of cells and what wires carried, where there were any."""
    spans, changes = run.spans, int(run.messages["handovers"].sum())
    between, hops = spans[spans["kind"] == "handover"], spans[spans["kind"] == "backhaul"]
    lost_s = f"{quantities.duration(between['duration_ns'].sum() * 1e-9)} between cells"
    carried = quantities.byte_count(int(hops["bytes"].sum()))
    busy = f"{quantities.count(len(hops))} hops, {quantities.duration(hops['duration_ns'].sum() * 1e-9)} of wire time"
    return [
        *([Figure("Handovers during transfers", quantities.count(changes), lost_s)] if changes else []),
        *([Figure("Carried over wires", carried, busy)] if len(hops) else []),
    ]


def joules(run: Run) -> list[Figure]:
    """Energy of all clients, and its parts."""
    by_kind = run.spans.groupby("kind")["energy_nj"].sum() * 1e-9
    air = float(by_kind.reindex(list(ON_AIR)).sum())
    repeats = float(by_kind.get("retransmit", 0.0))
    parts = [f"on air {quantities.energy(air)}", f"of it repeats {quantities.energy(repeats)}"]
    return [Figure("Energy", quantities.energy(float(by_kind.sum())), joined(*parts))]


def build(run: Run) -> Sequence[Figure]:
    """All key figures that this run has."""
    return [*times(run), *accuracy(run), *reward_models(run), *rewards(run), *traffic(run), *moves(run), *joules(run)]
