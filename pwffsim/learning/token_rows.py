"""Instruction rows as token ids, encoded once a process and kept."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass

from pwffsim.data.rows import Instruction
from pwffsim.learning import shards
from pwffsim.learning.jobs import Params
from pwffsim.learning.tokens import Encoded, tokenizer

_MOST_KEPT = 4096
"""Clients whose rows stay in memory, least recently used first to go."""


@dataclass(frozen=True, eq=False)
class TokenRows:
    """Training and held-out rows of a client, or of everybody; one object as long as it is kept."""

    train: tuple[Encoded, ...]
    test: tuple[Encoded, ...]


_KEPT: OrderedDict[tuple[str, str, int], TokenRows] = OrderedDict()


def of(params: Params) -> TokenRows:
    """The rows that a recipe names by client and digest; client None: everybody's and the global test set, or the
    training rows of a ``pool``."""
    name = (_digest(params), params["model"]["tokenizer"], params["max_length"])
    if name not in _KEPT:
        _KEPT[name] = _read(params)
        if len(_KEPT) > _MOST_KEPT:
            _KEPT.popitem(last=False)
    _KEPT.move_to_end(name)
    return _KEPT[name]


def _digest(params: Params) -> str:
    if _of_everybody(params):
        return shards.everybody(params).instructions_digest
    return shards.shard(params).digests["instructions"]


def _of_everybody(params: Params) -> bool:
    return params["client"] is None and "pool" not in params


def _read(params: Params) -> TokenRows:
    if _of_everybody(params):
        everybody = shards.everybody(params)
        train = [row for client in everybody.clients for row in client.instructions_train]
        return TokenRows(_encoded(params, train), _encoded(params, everybody.test))
    client = shards.shard(params)
    return TokenRows(_encoded(params, client.instructions_train), _encoded(params, client.instructions_test))


def _encoded(params: Params, rows: Iterable[Instruction]) -> tuple[Encoded, ...]:
    text = tokenizer(params["model"]["tokenizer"])
    return tuple(text.sequence(row.prompt, row.response, params["max_length"]) for row in rows)
