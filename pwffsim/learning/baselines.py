"""What one would score on response tokens without a model: baselines that stand beside every accuracy."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from weakref import WeakKeyDictionary

from pwffsim.learning.token_rows import TokenRows
from pwffsim.learning.tokens import Encoded

Predict = Callable[[Encoded], list[int]]

_KEPT: WeakKeyDictionary[TokenRows, dict[str, float]] = WeakKeyDictionary()


def of(rows: TokenRows) -> dict[str, float]:
    """majority_accuracy, unigram_accuracy and bigram_accuracy of a client's held-out rows; computed once."""
    if rows not in _KEPT:
        each = {"majority": majority_accuracy, "unigram": unigram_accuracy, "bigram": bigram_accuracy}
        _KEPT[rows] = {f"{name}_accuracy": accuracy(rows.train, rows.test) for name, accuracy in each.items()}
    return _KEPT[rows]


def majority_accuracy(train: Iterable[Encoded], test: Iterable[Encoded]) -> float:
    """Always say the most frequent response token of the training rows."""
    counts = _unigrams(train)
    return _accuracy(test, lambda row: [_mode(counts)] * len(row.response))


def unigram_accuracy(train: Iterable[Encoded], test: Iterable[Encoded]) -> float:
    """Draw each token from the training rows' frequencies: the expected share of hits, sum p(v) q(v)."""
    p, q = _unigrams(train), _unigrams(test)
    return sum(count * q[token] for token, count in p.items()) / (p.total() * q.total())


def bigram_accuracy(train: Sequence[Encoded], test: Iterable[Encoded]) -> float:
    """Say the token that most often followed the one before it in the training rows, or the most frequent of all."""
    followers: dict[int, Counter[int]] = defaultdict(Counter)
    for row in train:
        for before, token in zip(_previous(row), row.response, strict=True):
            followers[before][token] += 1
    fallback = _mode(_unigrams(train))
    table = {before: _mode(counts) for before, counts in followers.items()}
    return _accuracy(test, lambda row: [table.get(before, fallback) for before in _previous(row)])


def _previous(row: Encoded) -> list[int]:
    return [*row.prompt[-1:], *row.response[:-1]]


def _unigrams(rows: Iterable[Encoded]) -> Counter[int]:
    return Counter(token for row in rows for token in row.response)


def _mode(counts: Counter[int]) -> int:
    """The most frequent token, the smallest id among equals."""
    return min(counts, key=lambda token: (-counts[token], token))


def _accuracy(rows: Iterable[Encoded], predict: Predict) -> float:
    pairs = [(a, b) for row in rows for a, b in zip(predict(row), row.response, strict=True)]
    return sum(a == b for a, b in pairs) / len(pairs)
