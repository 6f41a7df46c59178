"""The script of a world whose clients never meet: rounds, one after another, each over all clients at once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pwffsim.architecture.tensors import Payload
from pwffsim.federation.aggregation import coefficients
from pwffsim.federation.method import Group
from pwffsim.federation.staleness import STALENESS
from pwffsim.federation.weighting import WEIGHTS
from pwffsim.kernel.order import Order
from pwffsim.runs.page import Column
from pwffsim.runs.records import Aggregation, Direction, Fate, SpanKind
from pwffsim.world.abreast.cast import Cast
from pwffsim.world.abreast.journal import Book, Journal, Moment
from pwffsim.world.abreast.rest import RestMeters
from pwffsim.world.abreast.terms import NotAbreastError, refusal
from pwffsim.world.abreast.way import Ride, Way, seconds
from pwffsim.world.blueprint import Blueprint
from pwffsim.world.radio.links import Links
from pwffsim.world.stages.stage import Stage
from pwffsim.world.world import stages

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]

IDLE, STARTED, MOVED, SPLIT, TOLD = range(5)
"""Steps of what a client writes at one time: idleness before, the span itself, what followed it, and the message."""


@dataclass(frozen=True, eq=False)
class Round:
    """A round of a stage: updates int64[N] that its tasks will make, from one version of the global state."""

    stage: Stage
    number: int
    version: int
    updates: IntArray
    about: Mapping[str, Column]


class AbreastWorld:
    """Server and clients, without events.

    Args:
        blueprint: shapes and settings.
        book: where records go.

    Raises:
        NotAbreastError: for a world whose clients meet.
    """

    def __init__(self, blueprint: Blueprint, book: Book) -> None:
        if (why := refusal(blueprint)) is not None:
            raise NotAbreastError(why)
        self._blueprint, self._scenario = blueprint, blueprint.scenario
        self._cast = cast = Cast(blueprint)
        links, down = Links(self._scenario, blueprint.profiles, None), self._scenario.radio.downlink
        self._up = Way([links.uplink(client, 0) for client in cast.numbers.tolist()])
        receives = down is not None and not down.ideal
        self._down = Way([links.downlink(client, 0) for client in cast.numbers.tolist()]) if receives else None
        self._power = self._scenario.radio.energy.build()
        self._rest = RestMeters(self._power, cast.numbers.size)
        self._stages = stages(blueprint)
        self._journal = Journal(book, cast.names, tuple(stage.name for stage in self._stages))
        self._now_ns, self._aggregated_ns = 0, 0
        self._written_ns = np.zeros(cast.numbers.size, dtype=np.int64)
        self._version, self._updates = 0, 0
        self._whole: dict[str, tuple[float, ...]] = {}
        self._state: dict[Group, int] = {}
        self._held: dict[Group, int] = {}

    def run(self) -> None:
        """Play the scenario out.

        Raises:
            NotAbreastError: where a transfer stalls, takes no time, or leaves gaps in a download: events tell what
                comes of it.
        """
        for stage in self._stages:
            for number in range(1, stage.rounds + 1):
                self._play(stage, number)
        self._close()

    def _play(self, stage: Stage, number: int) -> None:
        round_ = self._invited(stage, number)
        now_ns = np.full(self._cast.numbers.size, self._now_ns)
        now_ns = self._download(round_, now_ns)
        now_ns = self._compute(round_, now_ns)
        lost: BoolArray | None = None
        if stage.shared:
            now_ns, lost = self._upload(round_, now_ns)
        self._journal.turn()
        self._now_ns = int(now_ns.max())
        self._aggregate(round_, now_ns, lost)

    def _invited(self, stage: Stage, number: int) -> Round:
        updates = np.arange(self._updates, self._updates + self._cast.numbers.size)
        self._updates += updates.size
        about: dict[str, Column] = {
            "stage": self._journal.stage(stage.name),
            "round": number,
            "version": self._version,
            "update": updates,
        }
        return Round(stage, number, self._version, updates, about)

    def _download(self, round_: Round, start_ns: IntArray) -> IntArray:
        """Bring everybody what is new; the times at which that is done."""
        known = {group: self._state.get(group, 0) for group in round_.stage.received}
        new = [group for group, state in known.items() if self._held.get(group) != state]
        self._held |= known
        payloads = self._cast.payloads(new)
        if self._down is None or not any(payload.size_bytes for payload in payloads):
            return start_ns
        ride = self._down.carry(start_ns, self._cast.sizes(payloads))
        if np.any(ride.flights.lost_bytes > 0):
            raise NotAbreastError("a download never becomes whole")
        moment = self._idle(ride.end_ns, Order.DELIVERY, start_ns)
        energy_nj = _nanojoules(self._power.receive_w() * seconds(ride.end_ns - start_ns))
        sizes = self._cast.sizes(payloads)
        numbers = self._cast.numbers
        self._journal.spans(moment, numbers, SpanKind.DOWNLOAD, start_ns, ride.end_ns, energy_nj, round_.about, sizes)
        self._active_until(ride.end_ns)
        self._message(Direction.DOWN, round_, ride, payloads, energy_nj, self._down)
        return ride.end_ns

    def _compute(self, round_: Round, start_ns: IntArray) -> IntArray:
        """Measure what was received, where that costs time, then train."""
        if self._measures(round_):
            start_ns = self._work(SpanKind.EVALUATE, round_, start_ns, self._cast.evaluation_ns(round_.stage))
        return self._work(SpanKind.COMPUTE, round_, start_ns, self._cast.training_ns(round_.stage))

    def _measures(self, round_: Round) -> bool:
        evaluation = self._scenario.evaluation
        return evaluation.costs_time and (round_.number - 1) % evaluation.every == 0

    def _work(self, kind: SpanKind, round_: Round, start_ns: IntArray, duration_ns: IntArray) -> IntArray:
        if np.any(duration_ns <= 0):
            raise NotAbreastError("a computation takes less than a nanosecond")
        end_ns = start_ns + duration_ns
        moment = self._idle(end_ns, Order.COMPLETION, start_ns)
        own_j = self._cast.compute_power_w * seconds(duration_ns)
        energy_nj = _nanojoules(own_j + self._rest.rest_j(start_ns, end_ns))
        self._journal.spans(moment, self._cast.numbers, kind, start_ns, end_ns, energy_nj, round_.about)
        self._written_ns = end_ns
        return end_ns

    def _upload(self, round_: Round, start_ns: IntArray) -> tuple[IntArray, BoolArray]:
        """Send everybody's update; the times at which that is done, and whose was not whole in the end."""
        payloads = [round_.stage.upload_tensors(profile) for profile in self._cast.tiers]
        sizes = self._cast.sizes(payloads)
        ride = self._up.carry(start_ns, sizes)
        split_ns = np.minimum(ride.first_pass_ns, ride.end_ns)
        numbers, journal = self._cast.numbers, self._journal
        moment = self._idle(ride.end_ns, Order.DELIVERY, start_ns)
        first_nj, again_nj = self._sending_nj(ride, start_ns, split_ns), self._sending_nj(ride, split_ns, ride.end_ns)
        journal.spans(moment, numbers, SpanKind.UPLOAD, start_ns, split_ns, first_nj, round_.about, sizes)
        later = Moment(ride.end_ns, Order.DELIVERY, SPLIT)
        journal.spans(later, numbers, SpanKind.RETRANSMIT, split_ns, ride.end_ns, again_nj, round_.about)
        self._active_until(ride.end_ns)
        self._message(Direction.UP, round_, ride, payloads, first_nj + again_nj, self._up)
        return ride.end_ns, ride.flights.lost_bytes > 0

    def _sending_nj(self, ride: Ride, start_ns: IntArray, end_ns: IntArray) -> IntArray:
        """Energy of a piece of everybody's upload: amplifier and circuit on air, idle in between [nJ]."""
        power, length_s = self._power, seconds(end_ns - start_ns)
        on_air_s = ride.on_air_s(start_ns, end_ns)
        full_power_s = ride.flights.power * on_air_s
        radiated_j = self._up.tx_power_w * full_power_s / power.amplifier_efficiency
        off_air_s = np.maximum(length_s - on_air_s, 0.0)
        return _nanojoules(radiated_j + power.circuit_power_w * on_air_s + power.idle_power_w * off_air_s)

    def _message(
        self, direction: Direction, round_: Round, ride: Ride, payloads: list[Payload], energy_nj: IntArray, way: Way
    ) -> None:
        flights, sizes = ride.flights, self._cast.sizes(payloads)
        on_air_s, mean_snr_db = flights.whole()
        power_w = way.tx_power_w
        radiated_j = power_w * (flights.power * on_air_s)
        columns: dict[str, Column] = {
            **round_.about,
            "sent_ns": ride.start_ns,
            "received_ns": ride.end_ns,
            "payload_bytes": sizes,
            "delivered_bytes": sizes - flights.lost_bytes,
            "lost_bytes": flights.lost_bytes,
            "packets": flights.packets,
            "transmissions": flights.transmissions,
            "energy_nj": energy_nj,
            "mean_snr_db": mean_snr_db,
            "mean_rate_bps": flights.mean_rate_bps,
            "complete": flights.lost_bytes == 0,
            "on_air_ns": np.rint(on_air_s * 1e9).astype(np.int64),
            "full_power_ns": np.rint((radiated_j / power_w if power_w > 0 else 0.0 * radiated_j) * 1e9).astype(
                np.int64
            ),
            "payload": self._journal.payloads(self._cast.each([self._journal.payload(p.listing) for p in payloads])),
        }
        self._journal.messages(Moment(ride.end_ns, Order.DELIVERY, TOLD), self._cast.numbers, direction, columns)

    def _idle(self, written_at_ns: IntArray, order: Order, until_ns: IntArray) -> Moment:
        """Write down that everybody did nothing from its last span until a time; the moment of what follows."""
        begun_ns = self._written_ns
        energy_nj = _nanojoules(0.0 + self._rest.rest_j(begun_ns, until_ns))
        self._journal.spans(
            Moment(written_at_ns, order, IDLE), self._cast.numbers, SpanKind.IDLE, begun_ns, until_ns, energy_nj
        )
        return Moment(written_at_ns, order, STARTED)

    def _active_until(self, end_ns: IntArray) -> None:
        self._rest.active_until(end_ns)
        self._written_ns = end_ns

    def _aggregate(self, round_: Round, arrived_ns: IntArray, lost: BoolArray | None) -> None:
        """Fates of all updates, and the next version where there is anything to sum."""
        cast, journal, stage = self._cast, self._journal, round_.stage
        if lost is None:
            self._fates(round_, np.arange(cast.numbers.size), Fate.KEPT)
            return
        refused = lost if self._scenario.radio.residual_loss == "discard" else np.zeros_like(lost)
        by_arrival = np.lexsort((cast.numbers, arrived_ns))
        self._fates(round_, by_arrival[refused[by_arrival]], Fate.LOST)
        applied = np.flatnonzero(~refused)
        if not applied.size:
            return
        self._version += 1
        self._state |= dict.fromkeys(stage.shared, self._version)
        self._fates(round_, applied, Fate.APPLIED)
        now_ns = self._now_ns
        journal.row(SpanKind.IDLE, journal.server, self._aggregated_ns, now_ns)
        about = {**round_.about, "version": self._version, "update": -1}
        journal.instant(SpanKind.AGGREGATE, journal.server, now_ns, about)
        self._aggregated_ns = now_ns
        journal.aggregation(
            Aggregation(
                time_ns=now_ns,
                stage=stage.name,
                round=round_.number,
                version=self._version,
                updates=tuple(round_.updates[applied].tolist()),
                clients=tuple(cast.names[number] for number in cast.numbers[applied].tolist()),
                weights=self._weights(stage, applied),
                staleness=(0,) * applied.size,
            )
        )

    def _weights(self, stage: Stage, applied: IntArray) -> tuple[float, ...]:
        """Coefficients of the sum; where everybody's update is in it, they are those of the last time."""
        if applied.size < self._cast.numbers.size:
            return self._coefficients(stage, applied)
        if stage.name not in self._whole:
            self._whole[stage.name] = self._coefficients(stage, applied)
        return self._whole[stage.name]

    def _coefficients(self, stage: Stage, applied: IntArray) -> tuple[float, ...]:
        settings = self._scenario.aggregation
        fresh = STALENESS[settings.staleness.rule](0, settings.staleness.exponent)
        rows = self._cast.rows(stage)
        weigh = WEIGHTS[settings.weights]
        return coefficients([weigh(rows[at]) for at in applied.tolist()], [fresh] * applied.size)

    def _fates(self, round_: Round, who: IntArray, fate: Fate) -> None:
        about = {**round_.about, "update": round_.updates[who]}
        self._journal.fates(self._cast.numbers[who], fate, about)

    def _close(self) -> None:
        """Everybody is idle to the end: the server, the cell, then the clients in order."""
        journal, cast = self._journal, self._cast
        journal.row(SpanKind.IDLE, journal.server, self._aggregated_ns, self._now_ns)
        journal.row(SpanKind.IDLE, journal.cell, 0, self._now_ns)
        everybody = np.arange(len(cast.names))
        end_ns = np.full(everybody.size, self._now_ns)
        written_ns, energy_nj = np.zeros_like(end_ns), np.zeros_like(end_ns)
        written_ns[cast.numbers] = self._written_ns
        never = RestMeters(self._power, everybody.size)
        energy_nj[:] = _nanojoules(never.rest_j(written_ns, end_ns))
        energy_nj[cast.numbers] = _nanojoules(self._rest.rest_j(self._written_ns, end_ns[cast.numbers]))
        journal.spans(Moment(end_ns, Order.TIMER, IDLE), everybody, SpanKind.IDLE, written_ns, end_ns, energy_nj)
        journal.turn()


def _nanojoules(joules: FloatArray) -> IntArray:
    return np.rint(joules * 1e9).astype(np.int64)
