"""Each conservation law: a lawful run passes, a planted breach is named."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lawful_run import C0, C1, MANIFEST, RADIO, RECORDS, changed, remember, remember_with, where, without

from pwffsim.runs.errors import LawBroken, RunDamaged
from pwffsim.runs.laws import LAWS, check
from pwffsim.runs.records import Aggregation, Direction, Fate, Message, Metric, Span, SpanKind, UpdateFate

UP0 = where(Message, update=0, direction=Direction.UP)
DOWN1 = where(Message, update=1, direction=Direction.DOWN)
AIR0 = where(Span, actor=C0, kind=SpanKind.UPLOAD, update=0)
AIR1 = where(Span, actor=C1, kind=SpanKind.UPLOAD, update=1)
WORK1 = where(Span, actor=C1, kind=SpanKind.COMPUTE, update=1)
AGAIN0 = where(Span, actor=C0, kind=SpanKind.RETRANSMIT)
LAST0 = where(Span, actor=C0, kind=SpanKind.IDLE, start_ns=170)
LOST2 = where(Message, update=2, direction=Direction.UP)
UP3 = where(Message, update=3, direction=Direction.UP)
KEPT7 = where(Span, actor=C0, update=7)
FIRST_ROUND, SECOND_ROUND = where(Aggregation, version=1), where(Aggregation, version=2)
FATE3 = where(UpdateFate, update=3)
TORN0 = changed(UP0, delivered_bytes=60, lost_bytes=40, complete=False)


def both_changed(span, message, *, energy_nj):
    """RECORDS with so much more energy in a span and in its message: their sums agree."""
    records = changed(span, energy_nj=RECORDS[span].energy_nj + energy_nj)
    records[message] = changed(message, energy_nj=RECORDS[message].energy_nj + energy_nj)[message]
    return records


BREACHES = [
    ("clock", C0, "a negative time", changed(AIR0, start_ns=-1)),
    ("clock", C0, "a negative time", changed(AIR0, duration_ns=-1)),
    ("clock", C0, "time runs back", changed(UP0, received_ns=29)),
    ("clock", "server", "a negative time", changed(where(Metric, name="global_accuracy"), time_ns=-5)),
    ("clock", C1, "starts before the span recorded before it", changed(AIR1, start_ns=11)),
    ("clock", "instruction", "comes before the one before it", changed(SECOND_ROUND, time_ns=69)),
    ("tiling", C1, "gap between two spans", changed(WORK1, duration_ns=39)),
    ("tiling", C1, "overlap between two spans", changed(WORK1, duration_ns=41)),
    ("tiling", C0, "gap between two spans", without(AGAIN0)),
    ("tiling", C0, "does not end with the run at 175 ns", changed(LAST0, duration_ns=4)),
    ("tiling", "client-02", "nothing is recorded of it", [Span("client-02", SpanKind.IDLE, 0, 0, "", 0), *RECORDS]),
    ("bytes_kept", C0, "payload is not delivered", changed(UP0, delivered_bytes=99)),
    ("bytes_kept", C0, "payload is not delivered", changed(UP0, delivered_bytes=101, lost_bytes=-1)),
    ("bytes_kept", C0, "complete does not say", changed(UP0, complete=False)),
    ("tensors_declared", C0, "not the sum", changed(UP0, tensors=(("a", 99),))),
    ("tensors_declared", C0, "not the sum", changed(UP0, tensors=())),
    ("packets_counted", C0, "fewer transmissions than packets", changed(UP0, transmissions=3)),
    ("packets_counted", C0, "fewer transmissions than packets", changed(UP0, packets=-1)),
    ("packets_counted", C0, "a payload without packets", changed(UP0, packets=0, transmissions=0)),
    ("packets_counted", "server", "a payload without packets", changed(DOWN1, packets=0)),
    ("transmissions", C0, "fewer transmissions than packets", changed(LOST2, transmissions=3)),
    ("transmissions", C0, "repeated more than 1 times each", changed(UP0, transmissions=9)),
    ("air_time", C0, "messages up of update 0: 24 ns on air, spans: 25", changed(UP0, received_ns=54)),
    ("air_time", C0, "update 0: 25 ns on air, spans: 5", without(AIR0)),
    ("air_time", C0, "messages up of update 0: 0 ns on air, spans: 25 ns", without(UP0)),
    ("energy", C0, "messages up of update 0: 51 nJ, spans: 50 nJ", changed(UP0, energy_nj=51)),
    ("energy", C1, "messages down of update 1: 4 nJ, spans: 5", changed(DOWN1 - 1, energy_nj=5)),
    ("energy", C1, "negative energy", changed(WORK1, energy_nj=-1)),
    ("radio_power", C0, "not power x time", both_changed(AIR0, UP0, energy_nj=6)),
    ("radio_power", C0, "not power x time", both_changed(AGAIN0, UP0, energy_nj=-6)),
    ("radio_power", "server", "not power x time", both_changed(DOWN1 - 1, DOWN1, energy_nj=4)),
    ("power", C1, "not power x time", changed(WORK1, energy_nj=15)),
    ("power", C0, "not power x time", changed(KEPT7, energy_nj=9)),
    ("power", C0, "not power x time", changed(KEPT7, kind=SpanKind.EVALUATE, energy_nj=0)),
    ("power", C0, "not power x time", changed(LAST0, energy_nj=2)),
    ("power", "cell", "counted by nobody", changed(where(Span, actor="cell"), energy_nj=50)),
    ("rows", "cell", "that is not what it does", changed(where(Span, actor="cell"), kind=SpanKind.COMPUTE)),
    ("rows", "cell", "before the span before it is over", changed(where(Span, actor="cell"), duration_ns=26)),
    ("handovers", C0, "there is no such cell", changed(UP0, cell="east")),
    ("handovers", C0, "there are no handovers in this network", changed(UP0, handovers=1)),
    ("held", C0, "held for another time", changed(UP0, held_ns=1)),
    ("bands", C0, "had the band for 24 ns, on air 25 ns", changed(where(Span, actor="cell"), duration_ns=24)),
    ("backhaul", "a>b", "no such wire", [*RECORDS, Span("a>b", SpanKind.BACKHAUL, 0, 1, "", 0)]),
    ("both_ends", "client-09", "its client has no spans", changed(UP0, source="client-09")),
    ("both_ends", C0, "its other end is not the server", changed(UP0, target=C1)),
    ("both_ends", C0, "no span shows it on air", changed(UP0, update=99)),
    ("channels", C1, "more than 1 on air at once", [*RECORDS, Span("client-02", SpanKind.UPLOAD, 106, 30, "", 0)]),
    ("updates_accounted", C1, "two fates", [*RECORDS, UpdateFate(5, C1, "reward", 1, 2, Fate.LOST)]),
    ("updates_accounted", C0, "its update has no fate", without(where(UpdateFate, update=2))),
    ("updates_accounted", C1, "nobody made", [*RECORDS, UpdateFate(77, C1, "reward", 1, 2, Fate.LATE)]),
    ("updates_accounted", C1, "another client, stage, round or version", changed(FATE3, version=0)),
    ("updates_accounted", C1, "another client, stage, round or version", changed(FATE3, stage="reward")),
    ("updates_accounted", C1, "another client, stage, round or version", changed(FATE3, round=1)),
    ("updates_accounted", C1, "another client, stage, round or version", changed(FATE3, client=C0)),
    ("updates_accounted", C1, "another client, stage, round or version", changed(UP3, version=0)),
    ("updates_accounted", C0, "another client, stage, round or version", changed(KEPT7, version=0)),
    ("applied_once", C0, "an update was used twice", changed(SECOND_ROUND, updates=(0,), clients=(C0,))),
    ("applied_once", C1, "not applied by this client", changed(FIRST_ROUND, clients=(C1, C1))),
    ("applied_once", C1, "not applied by this client", changed(FATE3, fate=Fate.LATE)),
    ("applied_once", C0, "applied, but in no aggregation", changed(where(UpdateFate, update=2), fate=Fate.APPLIED)),
    ("applied_once", "instruction", "differ in number", changed(FIRST_ROUND, weights=(1.0,))),
    ("arrival", C1, "never sent", without(UP3)),
    ("arrival", C0, "never sent", changed(where(UpdateFate, update=7), fate=Fate.LOST)),
    ("arrival", C0, "two uploads of one update", [*RECORDS, RECORDS[UP0]]),
    ("arrival", C0, "applied, though something of it was lost", TORN0),
    ("arrival", C1, "applied before it had arrived", changed(SECOND_ROUND, time_ns=129)),
    ("arrival", C1, "applied before it had arrived", changed(UP3, received_ns=131)),
    ("arrival", C1, "lost, though it arrived whole", changed(where(UpdateFate, update=5), fate=Fate.LOST)),
    ("arrival", C1, "sent all the same", changed(where(UpdateFate, update=5), fate=Fate.KEPT)),
    ("arrival", C1, "sent all the same", changed(where(UpdateFate, update=5), fate=Fate.SKIPPED)),
    ("versions", "instruction", "did not grow", changed(SECOND_ROUND, version=1)),
    ("versions", "instruction", "skipped", changed(FIRST_ROUND, version=0)),
    ("versions", "instruction", "negative staleness", changed(FIRST_ROUND, staleness=(0, -1))),
    ("staleness", C1, "not its age in versions", changed(FIRST_ROUND, staleness=(0, 1))),
    ("staleness", C1, "not its age in versions", changed(SECOND_ROUND, version=3)),
    ("staleness", C1, "not its age in versions", changed(FATE3, version=0)),
    ("staleness", C1, "not its age in versions", without(FATE3)),
    ("staleness", "instruction", "differ in number", changed(FIRST_ROUND, staleness=(0,))),
    ("weights", "instruction", "do not sum to 1", changed(FIRST_ROUND, weights=(0.25, 0.75 + 2e-12))),
]


def test_a_lawful_run_passes_and_says_what_was_checked():
    assert check(remember(RECORDS)) == {
        "clock": 53,  # 33 spans, 12 messages, 5 metrics, 3 rounds
        "tiling": 24,  # all spans but the cell's 6 and the server's 3
        "rows": 33,
        "bytes_kept": 12,
        "tensors_declared": 12,
        "packets_counted": 12,
        "transmissions": 6,
        "air_time": 12,
        "energy": 12,
        "power": 20,  # all spans but those on air
        "radio_power": 12,
        "both_ends": 12,
        "handovers": 12,
        "held": 12,
        "channels": 7,
        "bands": 6,
        "backhaul": 0,
        "updates_accounted": 8,
        "applied_once": 4,
        "arrival": 8,
        "versions": 3,
        "staleness": 4,
        "weights": 3,
    }


@pytest.mark.parametrize(("law", "actor", "what", "records"), BREACHES)
def test_a_planted_breach_is_named(law, actor, what, records):
    run = remember(records)
    with pytest.raises(LawBroken) as caught:
        LAWS[law](run)
    message = str(caught.value)
    assert message.startswith(f"law '{law}' is broken: {actor}: ")
    assert what in message
    assert "{" in message, "the records are shown"
    with pytest.raises(LawBroken):
        check(run)


def test_every_law_has_a_breach():
    assert {law for law, *_ in BREACHES} == set(LAWS)


@pytest.mark.parametrize(
    "field", ["payload_bytes", "delivered_bytes", "lost_bytes", "energy_nj", "sent_ns", "received_ns"]
)
@pytest.mark.parametrize("index", [i for i, record in enumerate(RECORDS) if isinstance(record, Message)])
@pytest.mark.parametrize("step", [-1, 1])
def test_no_number_of_a_message_can_change_alone(index, field, step):
    with pytest.raises(LawBroken):
        check(remember(changed(index, **{field: getattr(RECORDS[index], field) + step})))


@pytest.mark.parametrize("index", [i for i, r in enumerate(RECORDS) if isinstance(r, Span) and r.actor in (C0, C1)])
def test_no_span_of_a_client_can_go_missing_move_or_stretch(index):
    span = RECORDS[index]
    for records in (
        without(index),
        changed(index, start_ns=span.start_ns + 1),
        changed(index, duration_ns=span.duration_ns + 1),
    ):
        with pytest.raises(LawBroken):
            check(remember(records))


def test_long_lists_of_culprits_are_cut():
    broken = [r if not isinstance(r, Message) else changed(i, lost_bytes=7)[i] for i, r in enumerate(RECORDS)]
    with pytest.raises(LawBroken, match=r"and 9 more$"):
        LAWS["bytes_kept"](remember(broken))


def test_a_run_with_no_clients_at_work_is_lawful():
    assert set(check(remember([])).values()) == {0}


def test_back_to_back_transfers_share_one_channel():
    spans = [Span(C0, SpanKind.UPLOAD, 0, 10, "", 0), Span(C1, SpanKind.UPLOAD, 10, 5, "", 0)]
    assert LAWS["channels"](remember(spans, channels=1)) == 2
    late = [spans[0], Span(C1, SpanKind.UPLOAD, 9, 5, "", 0)]
    with pytest.raises(LawBroken, match="client-01: more than 1 on air at once"):
        LAWS["channels"](remember(late, channels=1))


@pytest.mark.parametrize(
    ("name", "values", "message"),
    [
        ("channels", [None, 0, "2", True], "no number of uplink channels"),
        ("retransmissions", [-1, "4", 1.0, True], "no bound of retransmissions"),
        ("residual_loss", [None, "some", True], "does not say what becomes of residual loss"),
        (
            "power_w",
            [None, 2.0, {}, {"uplink": 1.0}, {"uplink": 1.0, "compute": 3}, {"uplink": 1.0, "compute": {}}],
            "gives no powers",
        ),
        (
            "power_w",
            [{"uplink": value, "compute": {}, "radio": RADIO} for value in (-1.0, "2", True, math.nan, None)],
            "that are none",
        ),
        ("power_w", [{"uplink": 0.5, "compute": {C0: 0.25}, "radio": RADIO}], "no compute power of client-01"),
    ],
)
def test_what_the_records_are_held_against_must_be_declared(name, values, message):
    for value in values:
        with pytest.raises(RunDamaged, match=message):
            check(remember(RECORDS, **{name: value}))
    incomplete = {key: value for key, value in MANIFEST.items() if key != name}
    with pytest.raises(RunDamaged, match=r"the manifest (gives no|does not say)"):
        check(remember_with(incomplete, RECORDS))


def test_losses_may_be_applied_where_they_are_partial():
    assert check(remember(TORN0, residual_loss="partial"))["arrival"] == 8


def test_without_a_bound_packets_are_repeated_at_will():
    records = changed(UP0, transmissions=10_000)
    assert LAWS["transmissions"](remember(records, retransmissions=None)) == 6
    with pytest.raises(LawBroken):
        LAWS["transmissions"](remember(records, retransmissions=2_498))
    assert LAWS["transmissions"](remember(records, retransmissions=2_499)) == 6


def test_an_update_may_be_old_if_it_says_so():
    """Update 4, made from version 1, is summed into version 3."""
    records = [replace(r, version=1) if getattr(r, "update", -1) == 4 else r for r in RECORDS]
    with pytest.raises(LawBroken, match="law 'staleness' is broken: client-00: not its age"):
        check(remember(records))
    third = where(Aggregation, version=3)
    records[third] = replace(RECORDS[third], staleness=(1,))
    assert check(remember(records))["staleness"] == 4


@settings(deadline=None, max_examples=40)
@given(st.floats(0, 20), st.integers(0, 10**13), st.floats(0, 2), st.floats(0, 2))
def test_power_rounds_as_the_world_does(compute_w, duration_ns, idle_w, sleep_w):
    """P x T of the device and 10 ns idle, then asleep, in floats of seconds, to the nearest nanojoule."""
    idle_s, asleep_s = min(duration_ns / 1e9, 10e-9), max(duration_ns / 1e9 - 10e-9, 0.0)
    energy_j = compute_w * (duration_ns / 1e9) + (idle_w * idle_s + sleep_w * asleep_s)
    span = Span(C0, SpanKind.COMPUTE, 0, duration_ns, "", 0, energy_nj=round(energy_j * 1e9))
    radio = RADIO | {"idle_power_w": idle_w, "sleep_power_w": sleep_w}
    powers = {"uplink": 1.0, "compute": {C0: compute_w}, "radio": radio}
    assert LAWS["power"](remember([span], power_w=powers)) == 1
    with pytest.raises(LawBroken):
        LAWS["power"](remember([replace(span, energy_nj=span.energy_nj + 3)], power_w=powers))


def test_a_big_run_is_checked_exactly():
    """2**53 + 1 has no float64: sums must be integer sums."""
    big = 2**53 + 1
    index = where(Message, update=0, direction=Direction.UP)
    records = changed(index, energy_nj=big)
    records[AIR0] = changed(AIR0, energy_nj=big - 10)[AIR0]
    assert LAWS["energy"](remember(records)) == 12
    records[AIR0] = changed(AIR0, energy_nj=big - 11)[AIR0]
    with pytest.raises(LawBroken, match=f"{big} nJ, spans: {big - 1} nJ"):
        LAWS["energy"](remember(records))
    unsent = [*changed(index, energy_nj=big), Span(C1, SpanKind.UPLOAD, 175, 1, "", 0, update=99)]
    with pytest.raises(LawBroken, match=f"{big} nJ, spans: 50 nJ"):
        LAWS["energy"](remember(unsent))
