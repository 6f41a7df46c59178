"""An actor's diary: spans that tile its life. What it does not account for is idleness."""

from __future__ import annotations

from typing import Protocol

from pwffsim.kernel.clock import Kernel
from pwffsim.runs.records import Aggregation, Message, Metric, Span, SpanKind, UpdateFate
from pwffsim.world.radio.meter import RestMeter

ON_AIR = (SpanKind.UPLOAD, SpanKind.RETRANSMIT, SpanKind.DOWNLOAD)
"""Spans whose energy the radio's activity itself explains."""


class Recorder(Protocol):
    """Where records go: a run directory, or memory for a plan."""

    def span(self, record: Span) -> None: ...
    def message(self, record: Message) -> None: ...
    def aggregation(self, record: Aggregation) -> None: ...
    def fate(self, record: UpdateFate) -> None: ...
    def metric(self, record: Metric) -> None: ...


class Diary:
    """Writes one actor's spans, in order and without gaps.

    Args:
        kernel: the clock.
        recorder: where spans go.
        actor: whose diary it is.
        meter: of the actor's radio at rest, whose energy is added to every span in which it is not active.
    """

    def __init__(self, kernel: Kernel, recorder: Recorder, actor: str, meter: RestMeter | None = None) -> None:
        self._kernel = kernel
        self._recorder = recorder
        self._meter = meter
        self.actor = actor
        self._written_ns = 0

    def write(
        self,
        kind: SpanKind,
        start_ns: int,
        end_ns: int,
        *,
        stage: str = "",
        round_: int = 0,
        version: int = -1,
        size_bytes: int = 0,
        energy_j: float = 0.0,
        update: int = -1,
        note: str = "",
    ) -> None:
        """One span; time since the last one becomes idle. Without length only aggregations and trainings are kept."""
        self._idle_until(start_ns)
        if end_ns > start_ns or kind in (SpanKind.AGGREGATE, SpanKind.COMPUTE):
            energy_nj = self._energy_nj(kind, start_ns, end_ns, energy_j)
            duration_ns = end_ns - start_ns
            self._recorder.span(
                Span(
                    self.actor, kind, start_ns, duration_ns, stage, round_, version, size_bytes, energy_nj, update, note
                )
            )
        self._written_ns = end_ns

    def close(self) -> None:
        """Idle until now, the end of the run."""
        self._idle_until(self._kernel.now_ns)

    def _idle_until(self, instant_ns: int) -> None:
        if instant_ns > self._written_ns:
            start_ns, duration_ns = self._written_ns, instant_ns - self._written_ns
            energy_nj = self._energy_nj(SpanKind.IDLE, start_ns, instant_ns, 0.0)
            self._recorder.span(Span(self.actor, SpanKind.IDLE, start_ns, duration_ns, "", 0, -1, 0, energy_nj, -1, ""))
            self._written_ns = instant_ns

    def _energy_nj(self, kind: SpanKind, start_ns: int, end_ns: int, energy_j: float) -> int:
        """A span's own energy and that of the radio at rest, to the nearest nanojoule."""
        if self._meter is None:
            return round(energy_j * 1e9)
        if kind in ON_AIR:
            self._meter.active_until(end_ns)
            return round(energy_j * 1e9)
        return round((energy_j + self._meter.rest_j(start_ns, end_ns)) * 1e9)
