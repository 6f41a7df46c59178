"""Each law about cells, wires, jammers and radios' power: a lawful run passes, one falsified value is named."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from lawful_run import C0, C1, MANIFEST, RADIO, RECORDS, changed, remember, remember_with, where, without
from roaming_run import DECLARED, EAST, JAMMER, ROAMING, WEST, hop, span

from pwffsim.runs import network
from pwffsim.runs.errors import LawBroken, RunDamaged
from pwffsim.runs.laws import LAWS, check
from pwffsim.runs.network import Role
from pwffsim.runs.records import Aggregation, Direction, Message, Span, SpanKind


def place(record_type, **fields):
    return where(record_type, ROAMING, **fields)


def falsified(index, **changes):
    return changed(index, ROAMING, **changes)


UP0, UP1 = (place(Message, update=update, direction=Direction.UP) for update in (0, 1))
DOWN0, DOWN1 = (place(Message, update=update, direction=Direction.DOWN) for update in (0, 1))
CHANGE0 = place(Span, actor=C0, kind=SpanKind.HANDOVER, start_ns=15)
QUEUE0 = place(Span, actor=C0, kind=SpanKind.QUEUE)
JAM = place(Span, actor=JAMMER, kind=SpanKind.JAM)
FIRST_DOWN, SECOND_DOWN = place(Span, actor="server>hub", update=0), place(Span, actor="hub>west", update=0)
FIRST_UP, SECOND_UP = place(Span, actor="west>hub", update=0), place(Span, actor="hub>server", update=0)
EAST0 = place(Span, actor=EAST, kind=SpanKind.UPLOAD)
WEST0 = place(Span, actor=WEST, kind=SpanKind.UPLOAD, update=0)
ROUND = place(Aggregation)

BREACHES = [
    ("handovers", "server", "no such cell", falsified(DOWN0, cell="hub")),
    ("handovers", C0, "fewer handovers than none", falsified(UP0, handovers=-1)),
    ("handovers", C0, "tell of 1 handovers, spans of 2", falsified(UP0, handovers=0)),
    ("handovers", C1, "tell of 1 handovers, spans of 0", falsified(UP1, handovers=1)),
    ("handovers", C0, "a handover lasts 3 ns", falsified(CHANGE0, duration_ns=4)),
    ("handovers", C0, "tell of 2 handovers, spans of 1", without(CHANGE0, ROAMING)),
    ("handovers", C0, "tell of 2 handovers, spans of 1", falsified(CHANGE0, kind=SpanKind.IDLE)),
    ("held", C0, "another time than its client waited", falsified(UP0, held_ns=3)),
    ("held", "server", "another time than its client waited", falsified(DOWN0, held_ns=0)),
    ("held", C1, "another time than its client waited", falsified(UP1, held_ns=-1)),
    ("held", C0, "another time than its client waited", falsified(QUEUE0, kind=SpanKind.IDLE)),
    ("held", C0, "another time than its client waited", falsified(UP0, sent_ns=54)),
    ("bands", C0, "had the band for 17 ns, on air 18 ns", falsified(EAST0, duration_ns=9)),
    ("bands", C0, "had the band for 8 ns, on air 18 ns", without(EAST0, ROAMING)),
    ("bands", C0, "had the band for 8 ns, on air 18 ns", falsified(EAST0, note=C1)),
    ("bands", C0, "does not show the end of it", falsified(UP0, cell=EAST)),
    ("bands", C0, "does not show the end of it", falsified(WEST0, start_ns=59)),
    ("bands", C0, "does not show the end of it", falsified(WEST0, actor=EAST)),
    ("rows", WEST, "that is not what it does", falsified(WEST0, kind=SpanKind.RETRANSMIT)),
    ("rows", C0, "that is not what it does", falsified(CHANGE0, kind=SpanKind.JAM)),
    ("rows", C0, "that is not what it does", falsified(CHANGE0, kind=SpanKind.BACKHAUL)),
    ("rows", C0, "that is not what it does", falsified(CHANGE0, kind=SpanKind.AGGREGATE)),
    ("rows", JAMMER, "that is not what it does", falsified(JAM, kind=SpanKind.UPLOAD)),
    ("rows", "server", "that is not what it does", [*ROAMING, span("server", SpanKind.COMPUTE, 0, 1)]),
    ("rows", "west>hub", "that is not what it does", falsified(FIRST_UP, kind=SpanKind.UPLOAD)),
    ("rows", "server>hub", "before the span before it is over", falsified(FIRST_DOWN, duration_ns=5)),
    ("rows", WEST, "before the span before it is over", falsified(WEST0, start_ns=57)),
    ("rows", JAMMER, "before the span before it is over", falsified(JAM, duration_ns=5)),
    ("backhaul", "west>east", "no such wire", falsified(FIRST_UP, actor="west>east")),
    ("backhaul", "server>hub", "its bytes are not those of the message", falsified(FIRST_DOWN, bytes=99)),
    ("backhaul", "hub>server", "its bytes are not those of the message", falsified(SECOND_UP, bytes=101)),
    ("backhaul", "west>hub", "its bytes are not those", falsified(UP1, delivered_bytes=100)),
    ("backhaul", "server>hub", "its bytes are not those", falsified(DOWN1, payload_bytes=99)),
    ("backhaul", "west>hub", "no message was carried", falsified(FIRST_UP, update=7)),
    ("backhaul", "hub>server", "its way does not lead to the end", without(UP0, ROAMING)),
    ("backhaul", C0, "no wire carried it", without(FIRST_UP, without(SECOND_UP, ROAMING))),
    ("backhaul", "hub>server", "its way does not begin where the message is", without(FIRST_UP, ROAMING)),
    ("backhaul", "east>hub", "its way does not begin where the message is", falsified(FIRST_UP, actor="east>hub")),
    ("backhaul", "west>hub", "its way does not begin where the message is", falsified(UP0, cell=EAST)),
    ("backhaul", "hub>west", "its way does not begin where the message is", without(FIRST_DOWN, ROAMING)),
    ("backhaul", "west>hub", "its way does not lead to the end", without(SECOND_UP, ROAMING)),
    ("backhaul", "server>hub", "its way does not lead to the end", without(SECOND_DOWN, ROAMING)),
    ("backhaul", "west>hub", "does not begin where the hop before it ended", falsified(SECOND_UP, actor="west>hub")),
    ("backhaul", "hub>server", "begins before the hop before it is over", falsified(SECOND_UP, start_ns=69)),
    ("backhaul", "hub>west", "begins before the hop before it is over", falsified(SECOND_DOWN, start_ns=4)),
    ("backhaul", "hub>west", "on air before it came over the wires", falsified(SECOND_DOWN, start_ns=8)),
    ("backhaul", C0, "applied before it had come over the wires", falsified(ROUND, time_ns=75)),
    ("power", JAMMER, "its energy is counted by nobody", falsified(JAM, energy_nj=1)),
    ("power", "server>hub", "its energy is counted by nobody", falsified(FIRST_DOWN, energy_nj=1)),
    ("power", WEST, "its energy is counted by nobody", falsified(WEST0, energy_nj=1)),
    ("power", C0, "its energy is not power x time", falsified(CHANGE0, energy_nj=ROAMING[CHANGE0].energy_nj + 1)),
    ("power", C0, "its energy is not power x time", falsified(QUEUE0, energy_nj=0)),
    ("radio_power", C0, "on air for too long", falsified(UP0, on_air_ns=20)),
    ("radio_power", C0, "on air for too long", falsified(UP0, on_air_ns=-1)),
    ("radio_power", "server", "on air for too long", falsified(DOWN0, on_air_ns=12)),
    ("radio_power", "server", "radiates without being on air", falsified(DOWN0, on_air_ns=0)),
    ("radio_power", C0, "radiates without being on air", falsified(UP0, full_power_ns=-1)),
    ("radio_power", C0, "its energy is not power x time", falsified(UP0, on_air_ns=8)),
    ("radio_power", C0, "its energy is not power x time", falsified(UP0, full_power_ns=9)),
    ("radio_power", C0, "its energy is not power x time", falsified(UP0, energy_nj=ROAMING[UP0].energy_nj - 6)),
    ("radio_power", "server", "its energy is not power x time", falsified(DOWN0, energy_nj=10)),
]


def recalled(records, **manifest):
    return remember_with(DECLARED | manifest, records)


def test_a_lawful_run_over_a_network_passes_and_says_what_was_checked():
    counted = check(recalled(ROAMING))
    names = ("rows", "handovers", "held", "bands", "backhaul", "power", "radio_power", "channels")
    assert {name: counted[name] for name in names} == {
        "rows": 32,
        "handovers": 4,
        "held": 4,
        "bands": 3,
        "backhaul": 8,
        "power": 25,  # all spans but the 3 downloads and the 4 on air of uploads
        "radio_power": 4,
        "channels": 4,
    }


@pytest.mark.parametrize(("law", "actor", "what", "records"), BREACHES)
def test_a_falsified_value_is_named(law, actor, what, records):
    run = recalled(records)
    with pytest.raises(LawBroken) as caught:
        LAWS[law](run)
    message = str(caught.value)
    assert message.startswith(f"law '{law}' is broken: {actor}: ")
    assert what in message
    with pytest.raises(LawBroken):
        check(run)


FIELDS = (
    "payload_bytes",
    "delivered_bytes",
    "lost_bytes",
    "energy_nj",
    "sent_ns",
    "received_ns",
    "held_ns",
    "handovers",
)


@pytest.mark.parametrize("field", FIELDS)
@pytest.mark.parametrize("index", [UP0, UP1, DOWN0, DOWN1])
@pytest.mark.parametrize("step", [-1, 1])
def test_no_number_of_a_message_can_change_alone(index, field, step):
    with pytest.raises(LawBroken):
        check(recalled(falsified(index, **{field: getattr(ROAMING[index], field) + step})))


@pytest.mark.parametrize("index", [i for i, r in enumerate(ROAMING) if isinstance(r, Span) and r.actor != JAMMER])
@pytest.mark.parametrize("kind", [SpanKind.BACKHAUL, SpanKind.HANDOVER])
def test_no_span_can_be_of_another_kind(index, kind):
    if ROAMING[index].kind != kind:
        with pytest.raises(LawBroken):
            check(recalled(falsified(index, kind=kind)))


def test_channels_hold_for_the_network_and_bands_for_each_cell():
    """Two cells let two send at once, but not both in one of them."""
    with pytest.raises(LawBroken, match="client-01: more than 1 on air at once"):
        LAWS["channels"](recalled(ROAMING, channels=1))
    both_west = falsified(EAST0, actor=WEST)
    assert LAWS["channels"](recalled(both_west)) == 4
    with pytest.raises(LawBroken, match="law 'rows' is broken: west: it begins before the span before it is over"):
        check(recalled(both_west))


def test_what_is_not_declared_is_not_there():
    with pytest.raises(LawBroken, match="'backhaul' is broken: server>hub: the manifest tells of no such wire"):
        LAWS["backhaul"](recalled(ROAMING, wires=[]))
    with pytest.raises(LawBroken, match="'handovers' is broken: client-00: a handover lasts None ns"):
        LAWS["handovers"](recalled(ROAMING, handover_s=None))
    unshown = [record for record in ROAMING if getattr(record, "kind", None) != SpanKind.HANDOVER]
    with pytest.raises(LawBroken, match="there are no handovers in this network"):
        LAWS["handovers"](recalled(unshown, handover_s=None))
    with pytest.raises(LawBroken, match="there is no such cell"):
        LAWS["handovers"](remember(ROAMING))


def test_handovers_that_take_no_time_have_no_spans():
    at_once = [record for record in ROAMING if getattr(record, "kind", None) != SpanKind.HANDOVER]
    assert LAWS["handovers"](recalled(at_once, handover_s=0)) == 4
    with pytest.raises(LawBroken, match="a handover lasts 0 ns"):
        LAWS["handovers"](recalled(ROAMING, handover_s=0.0))


def test_a_message_of_no_bytes_passes_no_wire():
    nothing = falsified(UP1, delivered_bytes=0, lost_bytes=100)
    kept = [record for record in nothing if getattr(record, "bytes", 0) != 60]
    assert LAWS["backhaul"](recalled(kept)) == 6
    with pytest.raises(LawBroken, match="its bytes are not those of the message"):
        LAWS["backhaul"](recalled(nothing))


def test_a_client_that_moves_on_while_wires_carry_its_download_is_served_by_another_cell():
    """The way down leads to the cell that served it when the server sent."""
    assert ROAMING[DOWN0].cell == EAST and ROAMING[SECOND_DOWN].actor == "hub>west"
    to_nowhere = [hop("hub>east", 6, 0) if index == SECOND_DOWN else r for index, r in enumerate(ROAMING)]
    assert LAWS["backhaul"](recalled(to_nowhere)) == 8


def test_turns_on_the_air_draw_idle_power_between_them():
    """E = P/eta T_full + P_c T_on + P_idle (T - T_on): 1 W x 3 ns + 1 W x 6 ns + 0.25 W x 14 ns = 12.5 nJ."""
    up = where(Message, update=0, direction=Direction.UP)
    sent = replace(RECORDS[up], sent_ns=30, received_ns=50, on_air_ns=6, full_power_ns=3, energy_nj=12)
    assert LAWS["radio_power"](remember([sent])) == 1
    for wrong in (replace(sent, on_air_ns=12), replace(sent, full_power_ns=7), replace(sent, energy_nj=16)):
        with pytest.raises(LawBroken, match="its energy is not power x time"):
            LAWS["radio_power"](remember([wrong]))


@pytest.mark.parametrize("idle_s", ["inf", math.inf])
def test_a_radio_may_never_sleep(idle_s):
    """Tail 5 ns x 0.75 W, then 0.25 W for ever: idle from 55 to 70 ns draws 3.75 + 2.5 = 6.25 nJ."""
    power_w = MANIFEST["power_w"] | {"radio": RADIO | {"idle_s": idle_s}}
    spans = [span(C0, SpanKind.UPLOAD, 0, 10, 0), replace(span(C0, SpanKind.IDLE, 10, 1010), energy_nj=252)]
    assert LAWS["power"](remember(spans, power_w=power_w)) == 1
    with pytest.raises(LawBroken):
        LAWS["power"](remember(spans))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("idle_s", "never"),
        ("idle_s", None),
        ("idle_s", -1.0),
        ("idle_s", math.nan),
        ("tail_s", "inf"),
        ("tail_s", math.inf),
        ("receive_power_w", True),
        ("sleep_power_w", -0.1),
        ("amplifier_efficiency", 0),
        ("amplifier_efficiency", 1.01),
    ],
)
def test_a_radio_that_cannot_be_is_damage(name, value):
    power_w = MANIFEST["power_w"] | {"radio": RADIO | {name: value}}
    for law in ("power", "radio_power"):
        with pytest.raises(RunDamaged, match="gives powers that are none"):
            LAWS[law](remember(RECORDS, power_w=power_w))


@pytest.mark.parametrize(
    ("name", "values", "message"),
    [
        ("cells", [None, [], "west", [1], ["west", "west"]], "no list of names"),
        ("handover_s", [-1.0, "3", True, math.inf], "last no time"),
        (
            "wires",
            [
                None,
                5,
                [3],
                [{"ends": ["a", "b"]}],
                [{"ends": ["a", "a"], "delay_s": 0}],
                [{"ends": ["a"], "delay_s": 0}],
                [{"ends": ["a", "b"], "delay_s": -1}],
                [{"ends": ["a", "b"], "delay_s": "1"}],
            ],
            "wires that are none",
        ),
    ],
)
def test_a_network_that_cannot_be_is_damage(name, values, message):
    for value in values:
        with pytest.raises(RunDamaged, match=message):
            check(recalled(ROAMING, **{name: value}))


def test_everybody_has_a_role():
    told = network.roles(recalled(ROAMING))
    assert told == {
        "server": Role.SERVER,
        WEST: Role.CELL,
        EAST: Role.CELL,
        JAMMER: Role.JAMMER,
        C0: Role.CLIENT,
        C1: Role.CLIENT,
        **dict.fromkeys(("server>hub", "hub>west", "west>hub", "hub>server", "east>hub"), Role.WIRE),
    }
    silent = {name: value for name, value in DECLARED.items() if name not in ("cells", "wires")}
    assert network.roles(remember_with(silent, ROAMING)) == told | {"east>hub": Role.JAMMER}


def test_wires_are_used_in_both_directions():
    wires = network.wires(DECLARED)
    assert len(wires) == 6
    assert (wires["hub>server"].delay_ns, wires["server>hub"].delay_ns) == (2, 2)
    assert network.wires({}) == {}
    assert network.cells({}) == ["cell"]
    assert network.interruption_ns({}) is None
