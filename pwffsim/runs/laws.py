"""Conservation laws that every finished run obeys, checked exactly on the recorded integers.

Each law is a function of a run that returns how many things it checked and raises LawBroken, naming the law, the actor
and the records, at the first breach.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np
import pandas as pd

from pwffsim.runs.errors import LawBroken, RunDamaged
from pwffsim.runs.records import CELL, CLIENT_PREFIX, SERVER, Direction, Fate, SpanKind

if TYPE_CHECKING:
    from pandas import DataFrame, MultiIndex, Series

    from pwffsim.runs.load import Run

Law = Callable[["Run"], int]

WEIGHT_TOLERANCE = 1e-12
DIRECTIONS = {
    SpanKind.UPLOAD: Direction.UP,
    SpanKind.RETRANSMIT: Direction.UP,
    SpanKind.DOWNLOAD: Direction.DOWN,
}
"""Span kinds during which something is on air, and which way it goes."""
_SHOWN = 3


def clock(run: Run) -> int:
    """Nothing is negative and the clock never goes back: span durations, air times, and along the records each client's
    span starts and the aggregations' times."""
    spans, messages, rounds = run.spans, run.messages, run.rounds
    _refuse("clock", spans, (spans.start_ns < 0) | (spans.duration_ns < 0), "a negative time")
    _refuse("clock", messages, (messages.sent_ns < 0) | (messages.received_ns < messages.sent_ns), "time runs back")
    _refuse("clock", run.metrics, run.metrics.time_ns < 0, "a negative time")
    clients = spans[_of_clients(spans)]
    back = clients.groupby("actor").start_ns.diff() < 0
    _refuse("clock", clients, back, "it starts before the span recorded before it")
    _refuse("clock", rounds, (rounds.time_ns < 0) | (rounds.time_ns.diff() < 0), "it comes before the one before it")
    return len(spans) + len(messages) + len(run.metrics) + len(rounds)


def tiling(run: Run) -> int:
    """Each client's spans cover the time from its first start to the end of the run without gap or overlap."""
    spans = run.spans
    ends = spans.start_ns + spans.duration_ns
    last_ns = int(ends.max()) if len(spans) else 0
    lasting = spans.assign(end_ns=ends)[_of_clients(spans) & (spans.duration_ns > 0)]
    for actor, own in lasting.sort_values("start_ns", kind="stable").groupby("actor", sort=False):
        starts, stops = own.start_ns.to_numpy(), own.end_ns.to_numpy()
        torn = np.flatnonzero(starts[1:] != stops[:-1])
        if len(torn):
            what = "gap" if starts[torn[0] + 1] > stops[torn[0]] else "overlap"
            _break("tiling", str(actor), f"{what} between two spans", own.iloc[torn[0] : torn[0] + 2])
        if stops[-1] != last_ns:
            _break("tiling", str(actor), f"its last span does not end with the run at {last_ns} ns", own.tail(1))
    idle_from_birth = set(spans.actor[_of_clients(spans)]) - set(lasting.actor)
    for actor in sorted(idle_from_birth):
        own = spans[spans.actor == actor]
        if int(own.start_ns.min()) != last_ns:
            _break("tiling", actor, f"nothing is recorded of it up to the end of the run at {last_ns} ns", own)
    return len(lasting)


def bytes_kept(run: Run) -> int:
    """Each payload's bytes were delivered or lost, and a message is complete if and only if nothing was lost."""
    messages = run.messages
    split = messages.delivered_bytes + messages.lost_bytes
    negative = (messages.delivered_bytes < 0) | (messages.lost_bytes < 0)
    _refuse("bytes_kept", messages, negative | (split != messages.payload_bytes), "payload is not delivered + lost")
    wrong = messages.complete != (messages.lost_bytes == 0)
    _refuse("bytes_kept", messages, wrong, "complete does not say whether bytes were lost")
    return len(messages)


def tensors_declared(run: Run) -> int:
    """Each payload's bytes are the sum of its tensors' bytes."""
    sums = {digest: sum(size for _, size in tensors) for digest, tensors in run.payloads.items()}
    messages = run.messages
    unknown = ~messages.payload.isin(list(sums))
    _refuse("tensors_declared", messages, unknown, "its payload is not in payloads.json")
    declared = messages.payload.map(sums)
    _refuse("tensors_declared", messages, declared != messages.payload_bytes, "payload is not the sum of its tensors")
    return len(messages)


def packets_counted(run: Run) -> int:
    """Every packet was sent at least once unless nothing was sent, and none of a message without packets."""
    messages = run.messages
    negative = (messages.packets < 0) | (messages.transmissions < 0)
    unsent = messages.complete & (messages.transmissions < messages.packets)
    _refuse("packets_counted", messages, negative | unsent, "complete with fewer transmissions than packets")
    return len(messages)


def air_time(run: Run) -> int:
    """Messages are on air exactly as long as the upload, retransmission and download spans of their update say."""
    messages = run.messages
    times = messages.received_ns - messages.sent_ns
    return _same_sums("air_time", "ns on air", run, _by_transfer(messages, times), "duration_ns")


def energy(run: Run) -> int:
    """The energy of a client's transfers is the energy of its spans on air; no energy is negative."""
    spans, messages = run.spans, run.messages
    _refuse("energy", spans, spans.energy_nj < 0, "negative energy")
    _refuse("energy", messages, messages.energy_nj < 0, "negative energy")
    return _same_sums("energy", "nJ", run, _by_transfer(messages, messages.energy_nj), "energy_nj")


def both_ends(run: Run) -> int:
    """Every message goes between the server and a client with records of its own, and has its span on air."""
    messages, spans = run.messages, run.spans
    up = messages.direction == Direction.UP
    client, other = messages.source.where(up, messages.target), messages.target.where(up, messages.source)
    _refuse("both_ends", messages, ~client.isin(spans.actor.unique()), "its client has no spans")
    _refuse("both_ends", messages, ~other.isin([SERVER, CELL]), "its other end is not the server")
    silent = ~_transfers(messages, client).isin(_transfers(air := _on_air(spans), air.actor))
    _refuse("both_ends", messages, silent & (messages.received_ns > messages.sent_ns), "no span shows it on air")
    return len(messages)


def channels(run: Run) -> int:
    """Never more clients' uplink transfers on air at once than the cell has channels (``channels`` in the manifest);
    so air time <= elapsed time x channels. Raises RunDamaged if the manifest does not say how many."""
    limit = run.manifest.get("channels")
    if not isinstance(limit, int) or limit < 1:
        raise RunDamaged(f"the manifest gives no number of uplink channels (channels: {limit!r})")
    spans = run.spans
    going_up = spans.kind.isin([SpanKind.UPLOAD, SpanKind.RETRANSMIT])
    air = spans[_of_clients(spans) & going_up & (spans.duration_ns > 0)]
    starts, ends = air.start_ns.to_numpy(), (air.start_ns + air.duration_ns).to_numpy()
    begun = np.searchsorted(np.sort(starts), starts, side="right")
    ended = np.searchsorted(np.sort(ends), starts, side="right")
    _refuse("channels", air, begun - ended > limit, f"more than {limit} on air at once")
    return len(air)


def updates_accounted(run: Run) -> int:
    """Every update that was worked on or sent has exactly one fate, and none has a fate that never was."""
    fates = run.updates
    _refuse("updates_accounted", fates, fates["update"].duplicated(keep=False), "two fates of one update")
    known = set(fates["update"])
    for table, actor in ((run.spans, "actor"), (run.messages, "source")):
        homeless = (table["update"] >= 0) & ~table["update"].isin(known)
        _refuse("updates_accounted", table, homeless, "its update has no fate", actor)
    seen = set(run.spans["update"]) | set(run.messages["update"])
    invented = ~fates["update"].isin(seen) & (fates.fate != Fate.SKIPPED)
    _refuse("updates_accounted", fates, invented, "a fate of an update that nobody made")
    return len(fates)


def applied_once(run: Run) -> int:
    """The updates that the aggregations used are, each once and from its client, those whose fate is ``applied``."""
    rounds, fates = run.rounds, run.updates
    _refuse("applied_once", rounds, _lengths_differ(rounds), "updates, clients, weights and staleness differ in number")
    used = rounds[["round", "stage", "updates", "clients"]].explode(["updates", "clients"]).dropna()
    _refuse("applied_once", used, used.updates.duplicated(keep=False), "an update was used twice", "clients")
    applied = fates[fates.fate == Fate.APPLIED]
    owner = dict(zip(applied["update"], applied.client, strict=True))
    expected = used.updates.map(owner)
    _refuse("applied_once", used, expected != used.clients, "used, but not applied by this client", "clients")
    unused = ~applied["update"].isin(set(used.updates))
    _refuse("applied_once", applied, unused, "applied, but in no aggregation", "client")
    return len(used)


def versions(run: Run) -> int:
    """The global version grows by one with each aggregation of a stage, and never falls; staleness is not negative."""
    rounds = run.rounds
    _refuse("versions", rounds, rounds.version.diff() <= 0, "the version did not grow")
    _refuse("versions", rounds, rounds.groupby("stage").version.diff().fillna(1) != 1, "the version skipped")
    negative = np.array([any(value < 0 for value in values) for values in rounds.staleness], dtype=bool)
    _refuse("versions", rounds, negative, "negative staleness")
    return len(rounds)


def weights(run: Run) -> int:
    """The weights of each aggregation sum to 1 within 1e-12."""
    rounds = run.rounds
    off = [len(values) > 0 and abs(math.fsum(values) - 1.0) > WEIGHT_TOLERANCE for values in rounds.weights]
    _refuse("weights", rounds, np.array(off, dtype=bool), "the weights do not sum to 1")
    return len(rounds)


LAWS: dict[str, Law] = {
    law.__name__: law
    for law in (
        clock,
        tiling,
        bytes_kept,
        tensors_declared,
        packets_counted,
        air_time,
        energy,
        both_ends,
        channels,
        updates_accounted,
        applied_once,
        versions,
        weights,
    )
}


def check(run: Run) -> dict[str, int]:
    """Law -> how many things were checked. Raises LawBroken at the first breach."""
    return {name: law(run) for name, law in LAWS.items()}


def _of_clients(frame: DataFrame) -> Series:
    return frame.actor.str.startswith(CLIENT_PREFIX).astype(bool)


def _lengths_differ(rounds: DataFrame) -> Series:
    lengths = rounds[["updates", "clients", "weights", "staleness"]].map(len)
    return lengths.nunique(axis=1) > 1


def _on_air(spans: DataFrame) -> DataFrame:
    air = spans[_of_clients(spans) & spans.kind.isin(list(DIRECTIONS))]
    return air.assign(direction=air.kind.map({str(kind): str(way) for kind, way in DIRECTIONS.items()}))


def _transfers(frame: DataFrame, client: Series) -> MultiIndex:
    return pd.MultiIndex.from_arrays([client, frame["update"], frame.direction])


def _by_transfer(messages: DataFrame, values: Series) -> Series:
    up = messages.direction == Direction.UP
    actor = messages.source.where(up, messages.target).rename("actor")
    return values.groupby([actor, messages["update"], messages.direction]).sum()


def _same_sums(law: str, unit: str, run: Run, of_messages: Series, column: str) -> int:
    of_spans = _on_air(run.spans).groupby(["actor", "update", "direction"])[column].sum()
    both = of_messages.index.union(of_spans.index)
    left, right = of_messages.reindex(both, fill_value=0), of_spans.reindex(both, fill_value=0)
    for key in left.index[left.to_numpy() != right.to_numpy()][:1]:
        actor, update, direction = key
        found = f"messages {direction} of update {update}: {left[key]} {unit}, spans: {right[key]} {unit}"
        of_update = run.messages[run.messages["update"] == update]
        _break(law, str(actor), found, of_update)
    return len(left)


def _refuse(law: str, frame: DataFrame, bad: Any, what: str, actor: str | None = None) -> None:
    found = frame[bad]
    if len(found):
        names = [name for name in (actor, "actor", "source", "client", "stage") if name and name in frame.columns]
        _break(law, str(found.iloc[0][names[0]]), what, found)


def _break(law: str, actor: str, what: str, records: DataFrame) -> NoReturn:
    shown = "; ".join(str(row) for row in records.head(_SHOWN).to_dict("records"))
    more = f" and {len(records) - _SHOWN} more" if len(records) > _SHOWN else ""
    raise LawBroken(f"law {law!r} is broken: {actor}: {what}: {shown}{more}")
