"""The laws of power: a joule is a watt for a second, in every state of device and radio."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from pwffsim.runs.errors import RunDamaged
from pwffsim.runs.laws import declared
from pwffsim.runs.laws.breach import refuse
from pwffsim.runs.laws.transfers import transfers
from pwffsim.runs.laws.views import DIRECTIONS, actors_of, air_ns, of_clients
from pwffsim.runs.records import Direction, SpanKind

if TYPE_CHECKING:
    from pandas import Series

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
    mine, off_air = of_clients(run), ~spans.kind.isin(list(DIRECTIONS))
    refuse("power", spans, ~mine & (spans.energy_nj != 0), "its energy is counted by nobody")
    computing = mine & spans.kind.isin(list(COMPUTING))
    expected_nj = _computing_w(run, computing, watts) * spans.duration_ns + _at_rest_nj(run, off_air, watts)
    since_start_nj = max(watts.at_rest_w) * (spans.start_ns + spans.duration_ns)
    slack_nj = _ROUNDED_NJ + _FLOAT * (expected_nj + since_start_nj)
    wrong = mine & off_air & ((spans.energy_nj - expected_nj).abs() > slack_nj)
    refuse("power", spans, wrong, "its energy is not power x time")
    return len(spans) - int((mine & ~off_air).sum())


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
    slack_nj = (
        _ROUNDED_NJ * transfers(run).spans_of_messages() + sum(power_w for power_w, _ in states) + _SUMMED * expected_nj
    )
    off = (messages.energy_nj - expected_nj).abs() > slack_nj
    refuse("radio_power", messages, off, "its energy is not power x time", "source")
    return len(messages)


def _computing_w(run: Run, computing: Series, watts: declared.Power) -> NDArray[np.float64]:
    """What the device of each span draws for computing meanwhile."""
    actor, names = actors_of(run)
    drawn_w = np.array([watts.compute_w.get(name, np.nan) for name in names])[actor]
    strangers = {names[number] for number in np.unique(actor[computing & np.isnan(drawn_w)])}
    if strangers:
        raise RunDamaged(f"the manifest gives no compute power of {', '.join(sorted(strangers))} (power_w)")
    return np.where(computing, drawn_w, 0.0)


def _at_rest_nj(run: Run, off_air: Series, watts: declared.Power) -> Series:
    """What each actor's radio draws in each of its spans as if it were at rest."""
    spans, actor = run.spans, actors_of(run)[0]
    if not any(watts.at_rest_w):
        return 0.0 * spans.duration_ns
    ends_ns = spans.start_ns + spans.duration_ns
    active_ns = ends_ns.mask(off_air).groupby(actor).ffill()
    last_ns = active_ns.groupby(actor).shift()
    from_ns, to_ns = spans.start_ns - last_ns.fillna(0.0), ends_ns - last_ns.fillna(0.0)
    tail_ns = np.where(last_ns.notna(), watts.radio["tail_s"] * _NS_PER_S, 0.0)
    edges_ns: tuple[Any, ...] = (0.0, tail_ns, tail_ns + watts.radio["idle_s"] * _NS_PER_S, np.inf)
    drawn_nj = 0.0 * from_ns
    for power_w, begin_ns, end_ns in zip(watts.at_rest_w, edges_ns, edges_ns[1:], strict=False):
        drawn_nj += power_w * (np.minimum(to_ns, end_ns) - np.maximum(from_ns, begin_ns)).clip(lower=0.0)
    return drawn_nj
