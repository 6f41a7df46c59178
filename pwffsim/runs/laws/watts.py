"""The laws of power: a joule is a watt for a second, in every state of device and radio."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from pwffsim.runs.errors import RunDamaged
from pwffsim.runs.laws import declared
from pwffsim.runs.laws.breach import refuse
from pwffsim.runs.laws.views import DIRECTIONS, air_ns, client_of, of_clients, on_air, transfers
from pwffsim.runs.records import Direction, SpanKind

if TYPE_CHECKING:
    from pandas import DataFrame, Series

    from pwffsim.runs.load import Run

COMPUTING = (SpanKind.COMPUTE, SpanKind.EVALUATE)

_ROUNDED_NJ = 0.5 + 1e-6
"""Energies are whole nanojoules."""
_FLOAT = 2.0**-50
"""Relative error of a few operations on floats."""
_SUMMED = 1e-12
"""Relative error of a sum over many blocks of a channel."""
_NS_PER_S = 1e9


def power(run: Run) -> int:
    """The energy of a span off the air is power x time, to the nanojoule: a client draws its compute power while it
    computes, and its radio at rest draws, counted from its last activity, first the tail's power, then the idle one,
    then the sleeping one. The server, cells, wires and jammers draw nothing that is counted."""
    spans, watts = run.spans, declared.power(run.manifest)
    mine = of_clients(spans)
    refuse("power", spans, ~mine & (spans.energy_nj != 0), "its energy is counted by nobody")
    held = spans[mine & ~spans.kind.isin(list(DIRECTIONS))]
    expected_nj = _computing_w(held, watts) * held.duration_ns + _at_rest_nj(spans[mine], watts).reindex(held.index)
    since_start_nj = max(watts.at_rest_w) * (held.start_ns + held.duration_ns)
    slack_nj = _ROUNDED_NJ + _FLOAT * (expected_nj + since_start_nj)
    refuse("power", held, (held.energy_nj - expected_nj).abs() > slack_nj, "its energy is not power x time")
    return len(spans) - int((mine & spans.kind.isin(list(DIRECTIONS))).sum())


def radio_power(run: Run) -> int:
    """The energy of an upload is P/eta for its time at full power, the circuit's for its time on air and the idle one
    for the rest of its air time; that of a download is the receiver's for its air time. Nobody is on air for longer
    than the air time, and nobody radiates without being on air. Each span on air is rounded to a nanojoule, and each
    time to a nanosecond."""
    messages, watts = run.messages, declared.power(run.manifest)
    length_ns, on_air_ns = air_ns(messages), messages.on_air_ns
    refuse("radio_power", messages, (on_air_ns < 0) | (on_air_ns > length_ns + 1), "on air for too long")
    dark = (on_air_ns == 0) & (messages.full_power_ns > 0)
    refuse("radio_power", messages, dark | (messages.full_power_ns < 0), "it radiates without being on air")
    radio, amplified_w = watts.radio, watts.uplink_w / watts.radio["amplifier_efficiency"]
    states = ((amplified_w, messages.full_power_ns), (radio["circuit_power_w"], on_air_ns),
              (radio["idle_power_w"], length_ns - on_air_ns))  # fmt: skip
    sent_nj = sum((power_w * time_ns for power_w, time_ns in states), start=0.0 * length_ns)
    expected_nj = sent_nj.where(messages.direction == Direction.UP, radio["receive_power_w"] * length_ns)
    slack_nj = _ROUNDED_NJ * _pieces(run) + sum(power_w for power_w, _ in states) + _SUMMED * expected_nj
    off = (messages.energy_nj - expected_nj).abs() > slack_nj
    refuse("radio_power", messages, off, "its energy is not power x time", "source")
    return len(messages)


def _pieces(run: Run) -> Series:
    """How many spans show each message on air."""
    air = on_air(run.spans)
    found = pd.Series(1, index=transfers(air, air.actor), dtype="int64").groupby(level=[0, 1, 2]).sum()
    keys = transfers(run.messages, client_of(run.messages))
    return pd.Series(found.reindex(keys, fill_value=0).to_numpy(), index=run.messages.index)


def _computing_w(spans: DataFrame, watts: declared.Power) -> Series:
    """What the device of each client's span draws for computing meanwhile."""
    computing = spans.kind.isin(list(COMPUTING))
    strangers = set(spans.actor[computing]) - set(watts.compute_w)
    if strangers:
        raise RunDamaged(f"the manifest gives no compute power of {', '.join(sorted(strangers))} (power_w)")
    return (spans.duration_ns * 0.0).mask(computing, spans.actor.map(watts.compute_w))


def _at_rest_nj(mine: DataFrame, watts: declared.Power) -> Series:
    """What each client's radio draws in each of its spans as if it were at rest."""
    ends_ns = mine.start_ns + mine.duration_ns
    active_ns = ends_ns.where(mine.kind.isin(list(DIRECTIONS))).groupby(mine.actor).ffill()
    last_ns = active_ns.groupby(mine.actor).shift()
    from_ns, to_ns = mine.start_ns - last_ns.fillna(0.0), ends_ns - last_ns.fillna(0.0)
    tail_ns = np.where(last_ns.notna(), watts.radio["tail_s"] * _NS_PER_S, 0.0)
    edges_ns: tuple[Any, ...] = (0.0, tail_ns, tail_ns + watts.radio["idle_s"] * _NS_PER_S, np.inf)
    drawn_nj = 0.0 * from_ns
    for power_w, begin_ns, end_ns in zip(watts.at_rest_w, edges_ns, edges_ns[1:], strict=False):
        drawn_nj += power_w * (np.minimum(to_ns, end_ns) - np.maximum(from_ns, begin_ns)).clip(lower=0.0)
    return drawn_nj
