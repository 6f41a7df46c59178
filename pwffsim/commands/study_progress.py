"""Progress of a study: a bar on a terminal, and a line for each point that ends."""

from __future__ import annotations

from collections.abc import Sequence
from types import TracebackType

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from pwffsim.studies.outcome import WAITING, Outcome


class StudyProgress:
    """Shows how many points are done, and which one has just ended."""

    def __init__(self) -> None:
        columns = (TextColumn("points"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TimeRemainingColumn())
        self._progress = Progress(*columns, console=Console(stderr=True))
        self._task = self._progress.add_task("points", total=None)
        self._ended: set[int] | None = None

    def __enter__(self) -> StudyProgress:
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._progress.stop()

    def tell(self, outcomes: Sequence[Outcome]) -> None:
        """Where every point stands; what had ended when this was first called is not told again."""
        ended = {place for place, each in enumerate(outcomes) if each.ending.status != WAITING}
        for place in sorted(ended - (ended if self._ended is None else self._ended)):
            each = outcomes[place]
            self._progress.console.print(escape(f"{each.ending.status}: {each.point}"), highlight=False)
        self._ended = ended
        self._progress.update(self._task, total=len(outcomes), completed=len(ended))
