"""What can go wrong with a recording."""

from __future__ import annotations

from pathlib import Path


class TraceError(ValueError):
    """A file that is not the recording it should be.

    The message reads ``FILE:LINE: problem; remedy``. Attributes: file, line (None where a line says nothing).
    """

    def __init__(self, file: Path, line: int | None, problem: str, remedy: str) -> None:
        place = f"{file}" if line is None else f"{file}:{line}"
        super().__init__(f"{place}: {problem}; {remedy}")
        self.file = file
        self.line = line


class TraceEnded(RuntimeError):  # noqa: N818
    """A time beyond the end of a recording that must not be looped."""

    def __init__(self, asked: str, duration_s: float) -> None:
        super().__init__(
            f"{asked} lies beyond the recording, which lasts {duration_s:g} s: "
            "use a longer one, start earlier in it, or set at_end to 'loop'"
        )
