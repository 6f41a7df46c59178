"""Recorded fading: the SNR of a measured link, replayed as a power gain."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from math import inf
from typing import ClassVar, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from channel_models.fading.fading import FADING, LEAST_BLOCK_S, Fading, FloatArray
from channel_models.model import parameter
from channel_models.traces.errors import TraceEnded
from channel_models.traces.readers import SNR_READERS, read_snr_trace
from channel_models.validation import count as checked_count
from channel_models.validation import non_negative, positive, probability

_CACHED_FILES = 256
_CACHED_LAWS = 16


@FADING.register("recorded")
@dataclass(frozen=True, kw_only=True)
class Recorded(Fading):
    """Power gain of a recording relative to its own mean SNR: link i replays file i mod n, from
    (i div n) stagger_s on, so that links which share a file do not fade together.

    Each recording has a time-mean gain of 1: the link budget says how strong a link is, the file how it varies. The law
    (cdf, quantile, expectation) is that of a block taken at random from a file taken at random, exactly. Blocks are not
    independent. Raises TraceError for a bad file, at the first question.
    """

    files: tuple[str, ...] = parameter(
        "Recordings of SNR, dealt to links in turn.", examples=(("drive.csv", "walk.csv"),)
    )
    format: str = parameter("Format of the files.", default="ucc5g", choices=tuple(SNR_READERS))
    missing: str = parameter(
        "Values that the log lacks: refused, or the one before holds.", default="refuse", choices=("refuse", "hold")
    )
    coherence_s: float = parameter(
        "Length of a block, over which the recorded SNR is averaged.", default=1.0, least=LEAST_BLOCK_S
    )
    stagger_s: float = parameter("How much later each further link of a file starts in it.", default=0.0, least=0)
    at_end: str = parameter("After the last block: begin again, or refuse.", default="loop", choices=("loop", "refuse"))
    independent_blocks: ClassVar[bool] = False

    def __post_init__(self) -> None:
        super().__post_init__()
        if isinstance(self.files, str) or not self.files:
            raise ValueError(f"Recorded: files must be a list of at least one path, got {self.files!r}")

    @property
    def block_s(self) -> float:
        return self.coherence_s

    def blocks_of(self, link: int) -> float:
        gains, skipped = self._entered(link)
        return inf if self.at_end == "loop" else max(gains.size - skipped, 0)

    def gain(self, link: int, first_block: int, count: int) -> FloatArray:
        gains, skipped = self._entered(link)
        start = checked_count("first_block", first_block) + skipped
        end = start + checked_count("count", count)
        if self.at_end == "refuse" and end > gains.size:
            asked = f"block {end - 1} of {self.files[link % len(self.files)]} (link {link})"
            raise TraceEnded(asked, gains.size * self.coherence_s)
        return gains[np.arange(start, end) % gains.size]

    def cdf(self, x: ArrayLike) -> FloatArray:
        law = _law(self)
        return law.cumulative[np.searchsorted(law.gains, np.asarray(x, dtype=np.float64), side="right")]

    def quantile(self, p: float) -> float:
        law = _law(self)
        return float(law.gains[max(0, int(np.searchsorted(law.cumulative, probability("p", p))) - 1)])

    def outage(self, threshold_snr: float, mean_snr: float) -> float:
        law, threshold = _law(self), non_negative("threshold_snr", threshold_snr) / positive("mean_snr", mean_snr)
        return float(law.cumulative[np.searchsorted(law.gains, threshold, side="left")])

    def expectation(self, function: Callable[[FloatArray], FloatArray]) -> float:
        law = _law(self)
        return float(np.dot(function(law.gains), np.diff(law.cumulative)))

    def _entered(self, link: int) -> tuple[FloatArray, int]:
        """A link's recording, and how many blocks of it lie before its start."""
        turn, file = divmod(checked_count("link", link), len(self.files))
        return self._gains(self.files[file]), round(turn * self.stagger_s / self.coherence_s)

    def _gains(self, file: str) -> FloatArray:
        return _file_gains(file, self.format, self.missing, self.coherence_s)


class _Law(NamedTuple):
    """Gains f64[n] in ascending order, and f64[n + 1] the share of blocks among the first 0, 1, ... n of them."""

    gains: FloatArray
    cumulative: FloatArray


@lru_cache(maxsize=_CACHED_LAWS)
def _law(model: Recorded) -> _Law:
    parts = [model._gains(file) for file in model.files]
    gains = np.concatenate(parts)
    weights = np.concatenate([np.full(part.size, 1.0 / (part.size * len(parts))) for part in parts])
    order = np.argsort(gains, kind="stable")
    cumulative = np.concatenate(([0.0], np.cumsum(weights[order])))
    return _Law(gains[order], cumulative / cumulative[-1])


@lru_cache(maxsize=_CACHED_FILES)
def _file_gains(file: str, format: str, missing: str, block_s: float) -> FloatArray:
    gains = read_snr_trace(file, format, missing=missing).gains(block_s)  # type: ignore[arg-type]
    gains.setflags(write=False)
    return gains
