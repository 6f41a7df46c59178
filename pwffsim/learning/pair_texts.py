"""Clients' preference pairs as dialogues, encoded once a process and kept."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass

from pwffsim.data.rows import Preference
from pwffsim.learning import shards
from pwffsim.learning.jobs import Params
from pwffsim.learning.scoring import Dialogue
from pwffsim.learning.tokens import tokenizer

Pairs = Sequence[tuple[Dialogue, Dialogue]]
"""(chosen, rejected), pair after pair."""

_MOST_KEPT = 256
"""Lists of pairs that stay in memory, least recently used first to go."""

_KEPT: OrderedDict[tuple[str, ...], Pairs] = OrderedDict()


@dataclass(frozen=True)
class Member:
    """One objective of one client.

    Attributes:
        objective: whose pairs.
        params: reward, model (the base alone), data, client, shard, max_length, precision.
    """

    objective: str
    params: Params


def of(member: Member, split: str) -> Pairs:
    """The pairs of a split, "train" or "test"."""
    params = member.params
    name = (digest(params), params["model"]["tokenizer"], str(params["max_length"]), member.objective, split)
    if name not in _KEPT:
        _KEPT[name] = _read(params, member.objective, split)
        if len(_KEPT) > _MOST_KEPT:
            _KEPT.popitem(last=False)
    _KEPT.move_to_end(name)
    return _KEPT[name]


def digest(params: Params) -> str:
    """Of the client's pairs, which are those that the recipe names.

    Raises:
        ValueError: as :func:`~pwffsim.learning.shards.shard` does.
    """
    return shards.shard(params).digests["preferences"]


def _read(params: Params, objective: str, split: str) -> Pairs:
    client = shards.shard(params)
    rows: Sequence[Preference] = {"train": client.preferences_train, "test": client.preferences_test}[split][objective]
    text, length = tokenizer(params["model"]["tokenizer"]), params["max_length"]

    def dialogue(prompt: str, response: str) -> Dialogue:
        return Dialogue(prompt, response, text.sequence(prompt, response, length))

    return [(dialogue(r.prompt, r.chosen), dialogue(r.prompt, r.rejected)) for r in rows]
