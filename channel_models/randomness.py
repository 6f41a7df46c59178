"""Randomness as a pure function of (seed, purpose, indices).

Every random number of a run comes from ``stream(seed, purpose, *indices)``. There is no shared generator
and no state, so the order of queries, the number of other streams and the process they run in never change
a value. The purpose string is hashed with BLAKE2b (never ``hash()``), so the values do not depend on
PYTHONHASHSEED.

Source: NumPy ``SeedSequence`` (O'Neill's seed_seq replacement) with an explicit ``spawn_key``.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from hashlib import blake2b
from operator import index
from typing import Any, SupportsIndex

from numpy.random import PCG64, Generator, Philox, SeedSequence

_WORD_BITS = 32
_PHILOX_WORDS = 4
_LOW_WORDS = tuple(count << 62 for count in range(4))
_FILLING = ((0, 0, 0), (0, 0), (0,), ())
_MAX_SEED = 2**63 - 1


def stream(seed: SupportsIndex, purpose: str, *indices: SupportsIndex) -> Generator:
    """A fresh PCG64 generator that depends on (seed, purpose, indices) alone.

    seed: 0 .. 2**63-1; purpose: what the numbers are for, e.g. ``"uplink"``; indices: which entity, round,
    block... Two calls with equal arguments return generators that yield equal values. Raises ValueError for
    a negative or too large seed or index and an empty purpose, TypeError for a non-integer.
    """
    return Generator(PCG64(SeedSequence(_checked("seed", seed), spawn_key=spawn_key(purpose, *indices))))


def derive_seed(seed: SupportsIndex, purpose: str, *indices: SupportsIndex) -> int:
    """A seed in 0 .. 2**63-1 for a foreign generator (torch, a library), pure in (seed, purpose, indices)."""
    # One word more in the key than any stream has: a derived seed never equals a stream's own state words.
    sequence = SeedSequence(_checked("seed", seed), spawn_key=(*spawn_key(purpose, *indices), 1))
    low, high = (int(word) for word in sequence.generate_state(2))
    return ((high << _WORD_BITS) | low) & _MAX_SEED


def spawn_key(purpose: str, *indices: SupportsIndex) -> tuple[int, ...]:
    """The SeedSequence spawn key of (purpose, indices), as 32-bit words.

    Four words of BLAKE2b-128 of the purpose, the count of indices, then two words an index: the fixed width
    keeps (purpose, 1) apart from (purpose, 1, 0).
    """
    words = [*_purpose_words(purpose), len(indices)]
    for entity in indices:
        value = _checked("index", entity)
        words += _low_high(value)
    return tuple(words)


class Draws:
    """The random numbers of one purpose, reached at once by up to three indices: a random field, not a sequence.

    Philox 4x64-10 (Salmon, Moraes, Dror and Shaw, SC11) with a key from (seed, purpose) and a counter from the indices,
    so that ``at(link, block)`` costs one to two microseconds and depends on nothing that was drawn before. The top two
    bits of the counter's low word hold how many indices there are: ``at(5)`` and ``at(5, 0)`` are different places.

    ``at`` returns one generator, set to a new place by each call: draw from it before the next call.
    """

    def __init__(self, seed: SupportsIndex, purpose: str) -> None:
        words = (*spawn_key(purpose), *_low_high(_checked("seed", seed)))
        digest = blake2b(b"".join(word.to_bytes(4, "little") for word in words), digest_size=16).digest()
        self._bits = Philox(key=int.from_bytes(digest, "little"))
        self._generator = Generator(self._bits)
        # In lists NumPy reads a state three times as quickly as in arrays.
        key, self._counter = self._bits.state["state"]["key"].tolist(), [0] * _PHILOX_WORDS
        self._state: Any = {
            **self._bits.state,
            "state": {"counter": self._counter, "key": key},
            "buffer": [0] * _PHILOX_WORDS,
            "buffer_pos": _PHILOX_WORDS,
            "has_uint32": 0,
        }

    def at(self, *indices: SupportsIndex) -> Generator:
        """A generator at the place of these indices (0 .. 2**64-1, at most three); 2**64 numbers follow there.

        Raises ValueError for a negative or too large index or a fourth one, TypeError for a non-integer.
        """
        try:
            self._counter[:] = (_LOW_WORDS[len(indices)], *map(index, indices), *_FILLING[len(indices)])
            self._bits.state = self._state
        except (IndexError, OverflowError) as error:
            raise _nowhere(indices) from error
        return self._generator

    def along(self, first: Iterable[int], second: int) -> Iterator[Generator]:
        """``at(index, second)`` for one index after another: draw from each before asking for the next.

        Raises ValueError for a negative or too large index.
        """
        low, counter, bits, state, generator = _LOW_WORDS[2], self._counter, self._bits, self._state, self._generator
        for entity in first:
            counter[:] = (low, entity, second, 0)
            try:
                bits.state = state
            except OverflowError as error:
                raise _nowhere((entity, second)) from error
            yield generator


def _nowhere(indices: Sequence[SupportsIndex]) -> ValueError:
    return ValueError(f"a place has at most three indices in 0 .. 2**64-1, got {indices}")


@lru_cache(maxsize=1024)
def draws(seed: int, purpose: str) -> Draws:
    """The draws of (seed, purpose)."""
    return Draws(seed, purpose)


@lru_cache(maxsize=256)
def _purpose_words(purpose: str) -> tuple[int, ...]:
    if not isinstance(purpose, str) or not purpose:
        raise ValueError(f"purpose must be a non-empty string, got {purpose!r}")
    digest = blake2b(purpose.encode("utf-8"), digest_size=16).digest()
    return tuple(int.from_bytes(digest[at : at + 4], "little") for at in range(0, 16, 4))


def _low_high(value: int) -> list[int]:
    return [value & (2**_WORD_BITS - 1), value >> _WORD_BITS]


def _checked(name: str, value: SupportsIndex) -> int:
    if isinstance(value, bool) or not hasattr(value, "__index__"):
        raise TypeError(f"{name} must be an integer, got {value!r}")
    number = index(value)
    if not 0 <= number <= _MAX_SEED:
        raise ValueError(f"{name} must lie in 0 .. 2**63-1, got {number}")
    return number
