"""What every fading model answers: a power gain of unit mean, constant within each block of a grid.

``gain(link, first_block, count)`` is a pure function of (seed, purpose, link, block); the gain multiplies the mean SNR:
snr = mean_snr * gain. A model ships the closed forms of its law, which are its tests and the simulator's fast path.

Blocks that are independent are an approximation of Clarke's model: the squared Bessel correlation has an infinite
integral, so blocks understate the spread of a long upload (by about 1.4x in standard deviation for a 10 s one at 10 Hz
Doppler).
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from math import inf, log
from typing import ClassVar

import numpy as np
from numpy.random import Generator
from numpy.typing import ArrayLike, NDArray

from channel_models.model import Model, parameter
from channel_models.randomness import draws
from channel_models.registry import Registry
from channel_models.validation import count as checked_count
from channel_models.validation import non_negative, positive

FloatArray = NDArray[np.float64]

CHUNK_BLOCKS = 256
LEAST_BLOCK_S = 1e-6
_CACHED_CHUNKS = 4096


@dataclass(frozen=True, kw_only=True)
class Fading(Model):
    """Power gain of unit mean by link and block.

    seed, purpose: root and subject ("uplink", "downlink") of the draws, filled in by whoever builds the link.
    """

    seed: int = 0
    purpose: str = "uplink"
    independent_blocks: ClassVar[bool] = True
    """Whether blocks are independent of each other, as the closed forms of delay suppose."""

    @property
    @abstractmethod
    def block_s(self) -> float:
        """Length of a block in seconds; infinity: one block for ever."""

    @abstractmethod
    def gain(self, link: int, first_block: int, count: int) -> FloatArray:
        """Power gains f64[count] of blocks first_block .. first_block + count - 1 of a link."""

    def gains(self, links: Sequence[int], first_block: int, count: int) -> FloatArray:
        """Power gains f64[links, count]: row by row, to the bit, what ``gain`` says of each link."""
        rows = np.empty((len(links), checked_count("count", count)))
        for row, link in enumerate(links):
            rows[row] = self.gain(int(link), first_block, count)
        return rows

    def gains_from(self, links: Sequence[int], first_blocks: Sequence[int], count: int) -> FloatArray:
        """Power gains f64[links, count], each link's from a block of its own on; to the bit, what ``gain`` says."""
        rows = np.empty((len(links), checked_count("count", count)))
        for row, link, first in zip(rows, links, first_blocks, strict=True):
            row[:] = self.gain(int(link), int(first), count)
        return rows

    def blocks_of(self, link: int) -> float:
        """How many blocks there are: infinity, but for a recording that must not be looped."""
        return inf

    @abstractmethod
    def cdf(self, x: ArrayLike) -> FloatArray:
        """P(gain <= x)."""

    @abstractmethod
    def quantile(self, p: float) -> float:
        """The x with P(gain <= x) = p."""

    @abstractmethod
    def expectation(self, function: Callable[[FloatArray], FloatArray]) -> float:
        """E[function(gain)], for a function smooth in the gain. Raises ValueError where it diverges."""

    def outage(self, threshold_snr: float, mean_snr: float) -> float:
        """P(snr < threshold), linear SNRs."""
        return float(self.cdf(non_negative("threshold_snr", threshold_snr) / positive("mean_snr", mean_snr)))

    def outage_rate(self, outage: float, mean_snr: float) -> float:
        """Rate in b/s/Hz that the channel supports in all but a share ``outage`` of blocks:
        log2(1 + mean_snr quantile(outage)) (Tse and Viswanath, ch. 5)."""
        return float(np.log1p(positive("mean_snr", mean_snr) * self.quantile(outage))) / log(2.0)

    def gain_variance(self) -> float:
        """Var of the gain; its mean is 1, so Var/mean^2 of the SNR as well."""
        return self.expectation(lambda x: np.square(x - 1.0))

    def mean_rate(self, snr: float) -> float:
        """Ergodic Shannon rate E[log2(1 + snr gain)] in b/s/Hz at a linear mean SNR."""
        positive("snr", snr)
        return self.expectation(lambda x: np.log1p(snr * x)) / log(2.0)

    def rate_cv2(self, snr: float) -> float:
        """Var/mean^2 of log2(1 + snr gain)."""
        positive("snr", snr)
        mean = self.expectation(lambda x: np.log1p(snr * x))
        return self.expectation(lambda x: np.square(np.log1p(snr * x) / mean - 1.0))


FADING: Registry[Fading] = Registry("fading")
"""Fading models by scenario name."""


@dataclass(frozen=True, kw_only=True)
class ChunkedFading(Fading):
    """Gains that are made 256 blocks at a time, each chunk from (seed, purpose, link, chunk) alone.

    Any block is reached at once and no query changes another: the chunk is the same, whichever part is asked for.
    """

    @abstractmethod
    def fill(self, rows: Iterable[FloatArray], links: Sequence[int], chunk: int, first: int) -> None:
        """Write into each row, f64[count], the gains of blocks 256 chunk + first and on of its link, all of one
        chunk."""

    def gain(self, link: int, first_block: int, count: int) -> FloatArray:
        gains = np.empty(checked_count("count", count))
        for piece in _pieces(first_block, count):
            gains[piece.columns] = _chunk(self, link, piece.chunk)[piece.first :][: piece.count]
        return gains

    def gains(self, links: Sequence[int], first_block: int, count: int) -> FloatArray:
        """As :meth:`Fading.gains`; of any number of links, without the memory of chunks that ``gain`` keeps."""
        rows = np.empty((len(links), checked_count("count", count)))
        for piece in _pieces(first_block, count):
            self.fill(rows[:, piece.columns], links, piece.chunk, piece.first)
        return rows


@dataclass(frozen=True)
class _Piece:
    """The part of a query that lies in one chunk, and the columns of the answer that it fills."""

    chunk: int
    first: int
    columns: slice

    @property
    def count(self) -> int:
        return self.columns.stop - self.columns.start


def _pieces(first_block: int, count: int) -> Iterator[_Piece]:
    block, end = checked_count("first_block", first_block), first_block + count
    while block < end:
        chunk, first = divmod(block, CHUNK_BLOCKS)
        column, taken = block - first_block, min(CHUNK_BLOCKS - first, end - block)
        yield _Piece(chunk, first, slice(column, column + taken))
        block += taken


@lru_cache(maxsize=_CACHED_CHUNKS)
def _chunk(model: ChunkedFading, link: int, chunk: int) -> FloatArray:
    rows = np.empty((1, CHUNK_BLOCKS))
    model.fill(rows, (link,), chunk, 0)
    rows.setflags(write=False)
    return rows[0]


@dataclass(frozen=True, kw_only=True)
class BlockFading(ChunkedFading):
    """Gains drawn anew, independently, for each coherence block. A model says how they are drawn, and its law."""

    coherence_s: float = parameter(
        "Length of a block in which the gain is constant.", default=0.05, least=LEAST_BLOCK_S, infinite=True
    )

    @property
    def block_s(self) -> float:
        return self.coherence_s

    @abstractmethod
    def draw(self, generator: Generator, count: int) -> FloatArray:
        """Independent power gains f64[count] of unit mean; fewer of them are the beginning of more."""

    def draw_into(self, generator: Generator, row: FloatArray) -> None:
        """Write ``draw`` of as many gains as a row has, f64[count], into it."""
        row[:] = self.draw(generator, row.size)

    def gains_from(self, links: Sequence[int], first_blocks: Sequence[int], count: int) -> FloatArray:
        """As :meth:`Fading.gains_from`; what lies in one chunk is drawn as far as it is asked for, and not kept."""
        rows = np.empty((len(links), checked_count("count", count)))
        at, draw = draws(self.seed, f"{self.purpose}/fading").at, self.draw
        for row, link, block in zip(rows, links, first_blocks, strict=True):
            chunk, first = divmod(block, CHUNK_BLOCKS)
            done = min(CHUNK_BLOCKS - first, count)
            row[:done] = draw(at(link, chunk), first + done)[first:]
            while done < count:
                chunk, before = chunk + 1, done
                done = min(before + CHUNK_BLOCKS, count)
                row[before:done] = draw(at(link, chunk), done - before)
        return rows

    def fill(self, rows: Iterable[FloatArray], links: Sequence[int], chunk: int, first: int) -> None:
        generators = draws(self.seed, f"{self.purpose}/fading").along(links, chunk)
        if first == 0:
            for row, generator in zip(rows, generators, strict=True):
                self.draw_into(generator, row)
        else:
            for row, generator in zip(rows, generators, strict=True):
                row[:] = self.draw(generator, first + row.size)[first:]
