"""The law of wires where cells send from one copy to all their clients: a lawful run passes, one falsified value is
named."""

from __future__ import annotations

from dataclasses import replace

import pytest
from lawful_run import C0, C1, remember_with
from roaming_run import DECLARED, EAST, ROAMING, WEST, hop

from pwffsim.runs.errors import LawBroken
from pwffsim.runs.laws import LAWS
from pwffsim.runs.records import Direction, Message, Span


def is_way_down(record, update):
    return isinstance(record, Span) and record.actor in ("server>hub", "hub>west") and record.update == update


def is_download(record, update):
    return isinstance(record, Message) and record.direction == Direction.DOWN and record.update == update


def for_all(record):
    """ROAMING with one copy for both clients of the west cell: client 0 asked for it first."""
    if is_way_down(record, 0):
        return replace(record, note=WEST)
    return replace(record, cell=WEST) if is_download(record, 0) else record


COPIED = [for_all(record) for record in ROAMING if not is_way_down(record, 1)]
FIRST, SECOND = (index for index, record in enumerate(COPIED) if is_way_down(record, 0))
DOWN0, DOWN1 = (next(i for i, record in enumerate(COPIED) if is_download(record, update)) for update in (0, 1))
AGAIN = [replace(hop(wire, start_ns, 1), note=WEST) for wire, start_ns in (("server>hub", 4), ("hub>west", 10))]
ON_TO_EAST = [replace(hop(wire, at_ns, 0), note=EAST) for wire, at_ns in (("server>hub", 11), ("hub>east", 17))]


def falsified(index, **changes):
    return [replace(record, **changes) if place == index else record for place, record in enumerate(COPIED)]


def without(*indices):
    return [record for place, record in enumerate(COPIED) if place not in indices]


BREACHES = [
    ("server>hub", "its bytes are not those of the message", falsified(FIRST, bytes=99)),
    ("server", "no wire carried it", falsified(DOWN1, cell=EAST)),
    ("server", "no wire carried it", falsified(DOWN1, version=5)),
    ("server", "no wire carried it", falsified(DOWN1, tensors=(("another", 100),))),
    ("server", "no wire carried it", without(FIRST, SECOND)),
    ("hub>west", "its way does not begin where the message is", without(FIRST)),
    ("server>hub", "its way does not lead to the end", without(SECOND)),
    ("server>hub", "its cell has a copy already, or one on its way", COPIED + AGAIN),
    ("server", "on air before it came over the wires", falsified(DOWN1, sent_ns=9)),
    ("server", "on air before it came over the wires", falsified(DOWN0, sent_ns=9)),
    ("server", "on air before it came over the wires", falsified(SECOND, start_ns=8)),
    ("hub>west", "begins before the hop before it is over", falsified(SECOND, start_ns=4)),
    ("hub>west", "its way does not begin where the message is", falsified(FIRST, note="")),
    ("hub>west", "its way does not begin where the message is", falsified(SECOND, note=EAST)),
    ("server>hub", "no message was carried", falsified(FIRST, update=7)),
]


def law(records):
    return LAWS["backhaul"](remember_with(DECLARED, records))


def test_one_copy_serves_all_in_its_cell():
    assert {COPIED[DOWN0].client, COPIED[DOWN1].client} == {C0, C1}
    assert law(COPIED) == 6


def test_who_moves_on_asks_for_a_copy_in_the_next_cell_too():
    """Two ways of one update; client 0 then listens in the east from 22 ns on."""
    moved = [*falsified(DOWN0, cell=EAST, sent_ns=22), *ON_TO_EAST]
    assert law(moved) == 8
    with pytest.raises(LawBroken, match="server: no wire carried it"):
        law(falsified(DOWN0, cell=EAST, sent_ns=22))
    late = [*falsified(DOWN0, cell=EAST, sent_ns=20), *ON_TO_EAST]
    with pytest.raises(LawBroken, match="on air before it came over the wires"):
        law(late)


@pytest.mark.parametrize(("actor", "what", "records"), BREACHES)
def test_a_falsified_value_is_named(actor, what, records):
    with pytest.raises(LawBroken) as caught:
        law(records)
    assert str(caught.value).startswith(f"law 'backhaul' is broken: {actor}: ")
    assert what in str(caught.value)
