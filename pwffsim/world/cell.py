"""The cell: what happens to a payload between a client and the server, in both directions."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from typing import Any

from channel_models.transfer import Delivery
from pwffsim.architecture.tensors import TensorShape, total_bytes
from pwffsim.kernel.clock import Kernel, ns, seconds
from pwffsim.kernel.order import Order
from pwffsim.kernel.resource import Medium
from pwffsim.runs.records import CELL, SERVER, Direction, Message, SpanKind
from pwffsim.world.diary import Diary, Recorder
from pwffsim.world.links import Links
from pwffsim.world.tasks import Task


class Cell:
    """Carries payloads over faded links; a shared band is used by one client at a time.

    Args:
        kernel: the clock.
        recorder: where messages go.
        links: every client's uplink and downlink.
        shared: whether all uplinks use one band, first come first served.
    """

    def __init__(self, kernel: Kernel, recorder: Recorder, links: Links, shared: bool) -> None:
        self._kernel = kernel
        self._recorder = recorder
        self._links = links
        self._band = Medium(kernel, "the band") if shared else None
        self._diary = Diary(kernel, recorder, CELL)

    def download(
        self, client: int, tensors: Sequence[TensorShape], task: Task, diary: Diary
    ) -> Generator[Any, Any, None]:
        """Bring the server's states to a client; repeated until all of it has come.

        The server hangs on the mains: its transmit energy is nobody's, and receiving costs the client nothing.
        """
        start_ns = self._kernel.now_ns
        delivery = self._links.download(client, seconds(start_ns), total_bytes(tensors))
        if delivery is None:
            return
        end_ns = ns(delivery.finish_s)
        yield self._kernel.timeout(end_ns - start_ns, order=Order.DELIVERY, actor=client)
        diary.write(SpanKind.DOWNLOAD, start_ns, end_ns, **_about(task), size_bytes=delivery.payload_bytes)
        self._post(SERVER, diary.actor, Direction.DOWN, start_ns, end_ns, delivery, tensors, task, energy_nj=0)

    def upload(
        self, client: int, tensors: Sequence[TensorShape], task: Task, diary: Diary
    ) -> Generator[Any, Any, Delivery]:
        """Send an update to the server; what is still missing after the last repetition is lost."""
        yield from self._queue(client, task, diary)
        start_ns = self._kernel.now_ns
        delivery = self._links.upload(client, seconds(start_ns), total_bytes(tensors))
        first_ns, end_ns = ns(delivery.first_pass_s), ns(delivery.finish_s)
        yield self._kernel.timeout(end_ns - start_ns, order=Order.DELIVERY, actor=client)
        first_nj, again_nj = (round(self._links.uplink_power_w * d) for d in (first_ns - start_ns, end_ns - first_ns))
        about = _about(task)
        diary.write(SpanKind.UPLOAD, start_ns, first_ns, **about, size_bytes=delivery.payload_bytes, energy_nj=first_nj)
        diary.write(SpanKind.RETRANSMIT, first_ns, end_ns, **about, energy_nj=again_nj)
        self._free(client, start_ns, end_ns, task, diary.actor)
        self._post(diary.actor, SERVER, Direction.UP, start_ns, end_ns, delivery, tensors, task, first_nj + again_nj)
        return delivery

    def close(self) -> None:
        """The end of the run."""
        self._diary.close()

    def _queue(self, client: int, task: Task, diary: Diary) -> Generator[Any, Any, None]:
        if self._band is None:
            return
        asked_ns = self._kernel.now_ns
        yield self._band.acquire(client)
        diary.write(SpanKind.QUEUE, asked_ns, self._kernel.now_ns, **_about(task))

    def _free(self, client: int, start_ns: int, end_ns: int, task: Task, name: str) -> None:
        if self._band is not None:
            self._diary.write(SpanKind.UPLOAD, start_ns, end_ns, **_about(task), note=name)
            self._band.release(client)

    def _post(
        self,
        source: str,
        target: str,
        direction: Direction,
        start_ns: int,
        end_ns: int,
        delivery: Delivery,
        tensors: Sequence[TensorShape],
        task: Task,
        energy_nj: int,
    ) -> None:
        self._recorder.message(
            Message(
                update=task.update,
                source=source,
                target=target,
                direction=direction,
                sent_ns=start_ns,
                received_ns=end_ns,
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
                tensors=tuple((tensor.name, tensor.size_bytes) for tensor in tensors),
            )
        )


def _about(task: Task) -> dict[str, Any]:
    return {"stage": task.stage.name, "round_": task.round, "version": task.version, "update": task.update}
