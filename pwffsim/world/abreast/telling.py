"""What rounds leave in everybody's diaries: the rows that each client would have written itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from pwffsim.kernel.order import Order
from pwffsim.runs.page import Column
from pwffsim.runs.records import Direction, SpanKind
from pwffsim.world.abreast.acts import Act, Round, Transfer, Upload, Work, joined
from pwffsim.world.abreast.cast import Cast
from pwffsim.world.abreast.journal import Journal, Moment
from pwffsim.world.abreast.play import Play
from pwffsim.world.abreast.rest import RestMeters
from pwffsim.world.abreast.tasks import tasks
from pwffsim.world.abreast.way import Way, ns, seconds

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

IDLE, STARTED, SPLIT, TOLD = range(4)
"""Steps of what a client writes at one time: idleness before, the span itself, what followed it, and the message."""

SomeAct = TypeVar("SomeAct", bound=Act)


class Teller:
    """Writes what clients do into a journal.

    Args:
        cast: who takes part.
        play: what they play.
        journal: where rows go.
    """

    def __init__(self, cast: Cast, play: Play, journal: Journal) -> None:
        self._cast, self._play, self._journal = cast, play, journal

    def tell(self, rounds: Sequence[Round]) -> None:
        """All acts of some rounds."""
        if self._play.down is not None:
            self._downloads(self._play.down, [(round_, round_.download) for round_ in rounds if round_.download])
        self._work(SpanKind.EVALUATE, [(round_, round_.evaluation) for round_ in rounds if round_.evaluation])
        self._work(SpanKind.COMPUTE, [(round_, round_.training) for round_ in rounds])
        self._uploads(self._play.up, [(round_, round_.upload) for round_ in rounds if round_.upload])

    def close(self) -> None:
        """Everybody does nothing to the end, those too who never took part."""
        play, cast = self._play, self._cast
        everybody = np.arange(len(cast.names))
        end_ns = np.full(everybody.size, play.now_ns)
        since_ns = np.zeros_like(end_ns)
        rest_j = RestMeters(play.power, everybody.size).rest_j(since_ns, end_ns)
        since_ns[cast.numbers] = play.since_ns
        rest_j[cast.numbers] = play.rest.rest_j(play.since_ns, end_ns[cast.numbers])
        moment, energy_nj = Moment(end_ns, Order.TIMER, everybody, IDLE), _nanojoules(rest_j)
        self._journal.spans(moment, everybody, SpanKind.IDLE, since_ns, end_ns, energy_nj)

    def _work(self, kind: SpanKind, done: Sequence[tuple[Round, Work]]) -> None:
        if not done:
            return
        act, who, about = self._joined(done)
        self._rest(act, Order.COMPLETION, who)
        power_w = np.tile(self._cast.compute_power_w, len(done))
        energy_nj = _nanojoules(power_w * seconds(act.end_ns - act.start_ns) + act.radio_j)
        moment = Moment(act.end_ns, Order.COMPLETION, who, STARTED)
        self._journal.spans(moment, who, kind, act.start_ns, act.end_ns, energy_nj, about)

    def _downloads(self, way: Way, done: Sequence[tuple[Round, Transfer]]) -> None:
        if not done:
            return
        act, who, about = self._joined(done)
        self._rest(act, Order.DELIVERY, who)
        energy_nj = _nanojoules(self._play.power.receive_w() * seconds(act.end_ns - act.start_ns))
        moment = Moment(act.end_ns, Order.DELIVERY, who, STARTED)
        sizes = act.payload_bytes
        self._journal.spans(moment, who, SpanKind.DOWNLOAD, act.start_ns, act.end_ns, energy_nj, about, sizes)
        self._message(Direction.DOWN, act, way, who, energy_nj, about)

    def _uploads(self, way: Way, done: Sequence[tuple[Round, Upload]]) -> None:
        if not done:
            return
        act, who, about = self._joined(done)
        self._rest(act, Order.DELIVERY, who)
        first_nj = self._sending_nj(way, act.first_s, act.split_ns - act.start_ns)
        again_nj = self._sending_nj(way, act.again_s, act.end_ns - act.split_ns)
        first, again = (Moment(act.end_ns, Order.DELIVERY, who, step) for step in (STARTED, SPLIT))
        sizes, spans = act.payload_bytes, self._journal.spans
        spans(first, who, SpanKind.UPLOAD, act.start_ns, act.split_ns, first_nj, about, sizes)
        spans(again, who, SpanKind.RETRANSMIT, act.split_ns, act.end_ns, again_nj, about)
        self._message(Direction.UP, act, way, who, first_nj + again_nj, about)

    def _joined(self, done: Sequence[tuple[Round, SomeAct]]) -> tuple[SomeAct, IntArray, dict[str, Column]]:
        """Acts of one sort one behind another, whose they are, and which tasks they belong to."""
        clients = self._cast.numbers
        about = tasks(self._journal, [round_ for round_, _ in done], clients.size)
        return joined([act for _, act in done]), np.tile(clients, len(done)), about

    def _rest(self, act: Act, order: Order, who: IntArray) -> None:
        """Everybody did nothing before an act, which is written down with it."""
        moment = Moment(act.end_ns, order, who, IDLE)
        self._journal.spans(moment, who, SpanKind.IDLE, act.since_ns, act.start_ns, _nanojoules(act.rest_j))

    def _sending_nj(self, way: Way, on_air_s: FloatArray, length_ns: IntArray) -> IntArray:
        """Energy of pieces of uploads: amplifier and circuit on air, idle in between [nJ]."""
        power = self._play.power
        radiated_j = way.tx_power_w * (way.power * on_air_s) / power.amplifier_efficiency
        off_air_s = np.maximum(seconds(length_ns) - on_air_s, 0.0)
        return _nanojoules(radiated_j + power.circuit_power_w * on_air_s + power.idle_power_w * off_air_s)

    def _message(
        self,
        direction: Direction,
        act: Transfer,
        way: Way,
        who: IntArray,
        energy_nj: IntArray,
        about: Mapping[str, Column],
    ) -> None:
        columns: dict[str, Column] = {
            **about,
            "sent_ns": act.start_ns,
            "received_ns": act.end_ns,
            "payload_bytes": act.payload_bytes,
            "delivered_bytes": act.payload_bytes - act.lost_bytes,
            "lost_bytes": act.lost_bytes,
            "packets": act.packets,
            "transmissions": act.transmissions,
            "energy_nj": energy_nj,
            "mean_snr_db": act.mean_snr_db,
            "mean_rate_bps": act.mean_rate_bps,
            "complete": act.lost_bytes == 0,
            "on_air_ns": ns(act.on_air_s),
            "full_power_ns": ns(way.full_power_s(act.on_air_s)),
            "payload": self._journal.payloads(act.payload),
        }
        self._journal.messages(Moment(act.end_ns, Order.DELIVERY, who, TOLD), who, direction, columns)


def _nanojoules(joules: FloatArray) -> IntArray:
    return np.rint(joules * 1e9).astype(np.int64)
