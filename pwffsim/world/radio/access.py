"""Radio access: what happens to a payload between a client and the server, in both directions."""

from __future__ import annotations

from collections.abc import Callable, Generator, Hashable, Sequence
from functools import partial
from typing import Any, TypeVar

from channel_models.energy.radio import RadioPower
from channel_models.sharing.policy import User
from channel_models.transfer.delivery import Delivery
from channel_models.transfer.link import Link
from channel_models.transfer.work import LinkStalled
from pwffsim.architecture.tensors import Payload, TensorShape
from pwffsim.kernel.clock import Kernel, seconds
from pwffsim.kernel.order import Order
from pwffsim.runs.records import SERVER, Direction, Message, SpanKind
from pwffsim.scenario.schema import Scenario
from pwffsim.world.diary import ON_AIR, Diary, Recorder
from pwffsim.world.profiles import Profile
from pwffsim.world.radio import jamming
from pwffsim.world.radio.air import Air, Leave, never
from pwffsim.world.radio.backbone import Backbone
from pwffsim.world.radio.chorus import Chorus, Voice
from pwffsim.world.radio.coverage import Coverage
from pwffsim.world.radio.downlink import Broadcast, Unicast
from pwffsim.world.radio.downlink import Delivery as DownlinkDelivery
from pwffsim.world.radio.ground import coverage_of, terrain_of, topology_of
from pwffsim.world.radio.links import DOWN, UNTIL_DELIVERED, UP, Links
from pwffsim.world.radio.rider import Piece, Rider, user_of
from pwffsim.world.tasks import Report, Task, about

R = TypeVar("R", bound=Rider)
Ride = Callable[[int, Leave], Generator[Any, Any, bool]]
"""(cell, when to leave) -> a stay on the cell's air, which says whether all is done."""


class RadioAccess:
    """The cells, their air, and the wires behind them.

    Args:
        kernel: the clock.
        recorder: where records go.
        scenario: the resolved scenario.
        clients: everybody.
        report: takes what clients report to the server.
    """

    def __init__(
        self,
        kernel: Kernel,
        recorder: Recorder,
        scenario: Scenario,
        clients: Sequence[Profile],
        report: Callable[[Report], None],
    ) -> None:
        self._kernel = kernel
        self._recorder = recorder
        self._clients = clients
        self._report = report
        self._power: RadioPower = scenario.radio.energy.build()
        terrain = terrain_of(scenario)
        self._coverage: Coverage = coverage_of(scenario, terrain)
        self._roaming = terrain is not None and terrain.mobility.moves and len(self._coverage.cells) > 1
        self._links = Links(scenario, clients, terrain)
        topology = topology_of(scenario)
        self._backbone = Backbone(kernel, recorder, topology) if topology else None
        names = list(self._coverage.cells)
        self._diaries = [Diary(kernel, recorder, name) for name in names]
        sharing = scenario.radio.sharing.build()
        self._exclusive = sharing.exclusive
        self._chorus = Chorus(kernel, sharing) if sharing.superposes else None
        self._uplinks = [Air(kernel, sharing, partial(self._users, UP), name, SpanKind.UPLOAD) for name in names]
        self._downlink = self._downlinks(scenario, names)
        self._ended_in: dict[int, int] = {}
        self.forwards: list[Any] = []

    def download(
        self, client: int, tensors: Sequence[TensorShape], task: Task, diary: Diary
    ) -> Generator[Any, Any, None]:
        """Bring the server's states to a client; repeated until all of it has come.

        The server hangs on the mains: its transmit energy is nobody's; what receiving costs is the client's.
        """
        downlink, payload = self._downlink, Payload.of(tensors)
        size_bytes = payload.size_bytes
        if downlink is None or size_bytes == 0:
            return
        content = (task.stage.name, task.version, payload)
        if self._backbone is not None and downlink.for_all:
            yield from self._supply(self._backbone, client, content, size_bytes, task)
        elif self._backbone is not None:
            yield from self._backbone.carry(SERVER, self._cell_name(client), size_bytes, task)
        rider = self._rider(Rider, task, client, DOWN, size_bytes)
        cell = yield from self._travel(rider, DOWN, lambda cell, leave: downlink.ride(rider, cell, content, leave))
        _refuse_gaps(rider)
        received_j = self._power.receive_w()
        energy_nj = self._write_pieces(rider, diary, lambda piece: received_j * _length_s(piece))
        self._post(Direction.DOWN, rider, cell, payload, diary, energy_nj)

    def upload(
        self, client: int, tensors: Sequence[TensorShape], task: Task, diary: Diary
    ) -> Generator[Any, Any, Delivery]:
        """Send an update to the server; what is still missing after the last repetition is lost."""
        payload = Payload.of(tensors)
        rider, cell = yield from self._send(task, client, payload.size_bytes)
        energy_nj = self._write_pieces(rider, diary, lambda piece: self._sending_j(rider, piece))
        self._post(Direction.UP, rider, cell, payload, diary, energy_nj)
        self._ended_in[client] = cell
        return rider.delivery

    def hand_in(self, report: Report) -> None:
        """Pass a client's report on to the server, over the wires where there are any."""
        if self._backbone is None or report.delivery is None:
            self._report(report)
        else:
            self.forwards.append(self._kernel.process(self._forward(report), f"update {report.task.update}"))

    def close(self) -> None:
        """The end of the run."""
        for diary in self._diaries:
            diary.close()
        if self._backbone is not None:
            self._backbone.close()
        for name, jammer in self._links.jammers.items():
            jamming.write_down(self._kernel, self._recorder, name, jammer)

    def _forward(self, report: Report) -> Generator[Any, Any, None]:
        assert self._backbone is not None and report.delivery is not None
        cell = self._coverage.cells[self._ended_in[report.client]]
        yield from self._backbone.carry(cell, SERVER, report.delivery.delivered_bytes, report.task)
        self._report(report)

    def _supply(
        self, backbone: Backbone, client: int, content: Hashable, size_bytes: int, task: Task
    ) -> Generator[Any, Any, None]:
        """Wait until the cell that serves the client has the content; who moves on meanwhile waits for the next."""
        supplied = ""
        while supplied != (cell := self._cell_name(client)):
            yield backbone.supply(cell, content, size_bytes, task)
            supplied = cell

    def _send(self, task: Task, client: int, size_bytes: int) -> Generator[Any, Any, tuple[Rider, int]]:
        """Carry an update, alone or in a chorus; how it went, and the cell it ended in."""
        if self._chorus is None:
            rider = self._rider(Rider, task, client, UP, size_bytes)
            cell = yield from self._travel(rider, UP, lambda cell, leave: self._uplinks[cell].ride(rider, leave))
            return rider, cell
        voice = self._rider(Voice, task, client, UP, size_bytes)
        yield from self._chorus.sing(voice)
        return voice, self._coverage.serving(client, self._kernel.now_ns)

    def _travel(self, rider: Rider, purpose: str, ride: Ride) -> Generator[Any, Any, int]:
        """Be on the air of whatever cell serves the client, handed over from one to the next; the last one's number."""
        coverage, client = self._coverage, rider.client
        while True:
            cell, on_board = coverage.serving(client, self._kernel.now_ns), len(rider.pieces)
            rider.link = self._link(client, cell, purpose)
            done = yield from ride(cell, self._leave(client))
            self._write_band(cell, rider, on_board, purpose)
            if done:
                return cell
            yield from self._change_cells(rider)

    def _change_cells(self, rider: Rider) -> Generator[Any, Any, None]:
        """The interruption of a handover, and of another one that comes just as it ends."""
        if rider.transmission is not None:
            rider.hold()
        handover_ns: int | None = self._kernel.now_ns
        while handover_ns is not None:
            rider.handovers += 1
            yield self._kernel.timeout(self._coverage.interruption_ns, order=Order.COMPLETION, actor=rider.client)
            rider.note(SpanKind.HANDOVER, handover_ns)
            handover_ns = self._coverage.next_handover_ns(rider.client, handover_ns, self._kernel.now_ns)

    def _leave(self, client: int) -> Leave:
        """When the client leaves its cell; with one cell, or where nobody moves, it never does."""
        if not self._roaming:
            return never
        return lambda until_ns: self._coverage.next_handover_ns(client, self._kernel.now_ns, until_ns)

    def _link(self, client: int, cell: int, purpose: str) -> Link:
        return self._links.uplink(client, cell) if purpose == UP else self._links.downlink(client, cell)

    def _rider(self, kind: type[R], task: Task, client: int, purpose: str, size_bytes: int) -> R:
        cell = self._coverage.serving(client, self._kernel.now_ns)
        link = self._link(client, cell, purpose)
        return kind(self._kernel, task, client, link, size_bytes, self._links.next_index(purpose, client))

    def _cell_name(self, client: int) -> str:
        return self._coverage.cells[self._coverage.serving(client, self._kernel.now_ns)]

    def _users(self, purpose: str, rider: Rider) -> Sequence[User]:
        """Everybody whom the rider's cell serves now, as if each had as much to carry as the rider."""
        now_ns = self._kernel.now_ns
        cell = self._coverage.serving(rider.client, now_ns)
        return [
            user_of(self._link(profile.index, cell, purpose), profile.index, rider.payload_bytes)
            for profile in self._clients
            if not profile.idle and self._coverage.serving(profile.index, now_ns) == cell
        ]

    def _downlinks(self, scenario: Scenario, cells: list[str]) -> DownlinkDelivery | None:
        downlink = scenario.radio.downlink
        if downlink is None or downlink.ideal:
            return None
        if downlink.delivery == "broadcast":
            return Broadcast(self._kernel, cells)
        sharing = downlink.sharing.build()
        users = partial(self._users, DOWN)
        return Unicast([Air(self._kernel, sharing, users, f"{cell} down", SpanKind.DOWNLOAD) for cell in cells])

    def _sending_j(self, rider: Rider, piece: Piece) -> float:
        """Energy of a piece of an upload: amplifier and circuit on air, idle in between.

        P/eta x (seconds at full power) + P_c x (seconds on air) + P_idle x (the others).
        """
        power, length_s = self._power, _length_s(piece)
        exposure = rider.exposure(piece)
        radiated_j = rider.link.tx_power_w * exposure.full_power_s / power.amplifier_efficiency
        off_air_s = max(length_s - exposure.on_air_s, 0.0)
        return radiated_j + power.circuit_power_w * exposure.on_air_s + power.idle_power_w * off_air_s

    def _write_pieces(self, rider: Rider, diary: Diary, energy_j: Callable[[Piece], float]) -> int:
        """Write a transfer into its client's diary; the energy of what was on air [nJ]."""
        total_nj, unsaid_bytes = 0, rider.payload_bytes
        for piece in rider.told_apart():
            on_air = piece.kind in ON_AIR
            spent_j = energy_j(piece) if on_air else 0.0
            facts, size_bytes = about(rider.task), unsaid_bytes if on_air else 0
            diary.write(piece.kind, piece.start_ns, piece.end_ns, **facts, size_bytes=size_bytes, energy_j=spent_j)
            unsaid_bytes -= size_bytes
            total_nj += round(spent_j * 1e9)
        return total_nj

    def _write_band(self, cell: int, rider: Rider, first_piece: int, purpose: str) -> None:
        """A band that one client has at a time has a row on the timeline."""
        if purpose == UP and self._exclusive:
            note, facts = self._clients[rider.client].name, about(rider.task)
            for piece in rider.pieces[first_piece:]:
                if piece.kind is SpanKind.UPLOAD:
                    self._diaries[cell].write(piece.kind, piece.start_ns, piece.end_ns, **facts, note=note)

    def _post(
        self,
        direction: Direction,
        rider: Rider,
        cell: int,
        payload: Payload,
        diary: Diary,
        energy_nj: int,
    ) -> None:
        delivery, task = rider.delivery, rider.task
        ends = (diary.actor, SERVER) if direction is Direction.UP else (SERVER, diary.actor)
        self._recorder.message(
            Message(
                task.update,
                *ends,
                direction,
                sent_ns=rider.sent_ns,
                received_ns=self._kernel.now_ns,
                stage=task.stage.name,
                round=task.round,
                version=task.version,
                payload_bytes=delivery.payload_bytes,
                delivered_bytes=delivery.delivered_bytes,
                lost_bytes=delivery.lost_bytes,
                packets=delivery.packets,
                transmissions=delivery.transmissions,
                energy_nj=energy_nj,
                mean_snr_db=delivery.mean_snr_db,
                mean_rate_bps=delivery.mean_rate_bps,
                complete=delivery.complete,
                cell=self._coverage.cells[cell],
                handovers=rider.handovers,
                held_ns=rider.held_ns,
                on_air_ns=round(delivery.on_air_s * 1e9),
                full_power_ns=round(rider.full_power_s * 1e9),
                tensors=payload.listing,
            )
        )


def _refuse_gaps(rider: Rider) -> None:
    """Raises LinkStalled for a download that never became whole."""
    if not rider.delivery.complete:
        raise LinkStalled(
            f"a download of client {rider.client} is not whole after {UNTIL_DELIVERED} repetitions: lower the loss of "
            "radio.loss, or raise the downlink's mean SNR"
        )


def _length_s(piece: Piece) -> float:
    return seconds(piece.end_ns - piece.start_ns)
