"""An actor's diary: spans that tile its life. What it does not account for is idleness."""

from __future__ import annotations

from typing import Protocol

from pwffsim.kernel.clock import Kernel
from pwffsim.runs.records import Aggregation, Message, Metric, Span, SpanKind, UpdateFate


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
    """

    def __init__(self, kernel: Kernel, recorder: Recorder, actor: str) -> None:
        self._kernel = kernel
        self._recorder = recorder
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
        energy_nj: int = 0,
        update: int = -1,
        note: str = "",
    ) -> None:
        """One span; time since the last one becomes idle. Spans without length are kept only on the server's row."""
        self._idle_until(start_ns)
        if end_ns > start_ns or kind is SpanKind.AGGREGATE:
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
            gap_ns = instant_ns - self._written_ns
            self._recorder.span(Span(self.actor, SpanKind.IDLE, self._written_ns, gap_ns, "", 0, -1, 0, 0, -1, ""))
            self._written_ns = instant_ns
