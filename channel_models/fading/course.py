"""The gains of many links along their way, asked for a stretch after another."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from channel_models.fading.fading import CHUNK_BLOCKS, ChunkedFading, Fading, FloatArray

IntArray = NDArray[np.int64]

_SLOTS = 2
_RING_BLOCKS = _SLOTS * CHUNK_BLOCKS


class Course:
    """Gains of links by number, to the bit what ``Fading.gain`` says of each.

    The two chunks of each link that were reached last stay in a ring (4 KiB a link), for the next stretch often begins
    where one before it lay.
    """

    def __init__(self, fading: Fading, links: Sequence[int]) -> None:
        self._fading = fading
        self._links = np.array(links, dtype=np.int64)
        self._chunks = np.full((len(links), _SLOTS), -1)
        self._ring = np.empty((len(links) if isinstance(fading, ChunkedFading) else 0, _SLOTS, CHUNK_BLOCKS))

    def gains(self, rows: IntArray, first_blocks: IntArray, count: int) -> FloatArray:
        """Power gains f64[n, count] of some of the links, by their places int64[n], each from a block of its own on."""
        if not isinstance(self._fading, ChunkedFading) or count > CHUNK_BLOCKS:
            return self._fading.gains_from(self._links[rows].tolist(), first_blocks.tolist(), count)
        for reached in (first_blocks, first_blocks + (count - 1)):
            self._draw(self._fading, rows, reached // CHUNK_BLOCKS)
        blocks = (first_blocks[:, None] + np.arange(count)) & (_RING_BLOCKS - 1)  # modulo a power of two
        return self._ring.reshape(-1).take(rows[:, None] * _RING_BLOCKS + blocks)

    def _draw(self, fading: ChunkedFading, rows: IntArray, chunks: IntArray) -> None:
        """Have a chunk of each row's link in the ring."""
        missing = self._chunks[rows, chunks % _SLOTS] != chunks
        for chunk in set(chunks[missing].tolist()):
            mine, slot = rows[missing & (chunks == chunk)], self._ring[:, chunk % _SLOTS]
            fading.fill([slot[row] for row in mine.tolist()], self._links[mine].tolist(), chunk, 0)
            self._chunks[mine, chunk % _SLOTS] = chunk
