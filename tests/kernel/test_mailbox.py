"""Mailboxes and races: first in, first out, and nothing lost at any instant."""

from __future__ import annotations

import pytest
import simpy

from pwffsim.kernel.clock import Kernel
from pwffsim.kernel.faults import SimFault
from pwffsim.kernel.mailbox import Mailbox
from pwffsim.kernel.order import Order
from pwffsim.kernel.race import race


@pytest.fixture
def kernel():
    return Kernel()


@pytest.fixture
def box(kernel) -> Mailbox[int]:
    return Mailbox(kernel, "inbox of client-03")


def collect(kernel, box, count, log, name="receiver"):
    for _ in range(count):
        item = yield box.receive()
        log.append((kernel.now_ns, name, item))


def test_items_leave_in_the_order_in_which_they_came(kernel, box):
    log = []

    def sender():
        box.post(1)
        box.post(2)
        yield kernel.timeout(5)
        box.post(3)
        assert len(box) == 1

    kernel.process(sender(), "sender")
    kernel.run(kernel.process(collect(kernel, box, 3, log), "receiver"))
    assert log == [(0, "receiver", 1), (0, "receiver", 2), (5, "receiver", 3)]
    assert len(box) == 0


def test_receivers_are_served_in_turn(kernel, box):
    log = []
    kernel.process(collect(kernel, box, 2, log, "a"), "a")
    kernel.process(collect(kernel, box, 2, log, "b"), "b")

    def sender():
        for item in range(4):
            yield kernel.timeout(1)
            box.post(item)

    kernel.run(kernel.process(sender(), "sender"))
    kernel.run(kernel.timeout(1))
    assert log == [(1, "a", 0), (2, "b", 1), (3, "a", 2), (4, "b", 3)]


def test_deliveries_of_one_instant_go_by_actor(kernel):
    log = []
    boxes = {actor: Mailbox[int](kernel, f"box {actor}", actor=actor) for actor in (5, 2, 9)}
    for actor, box in boxes.items():
        kernel.process(collect(kernel, box, 1, log, actor), str(actor))

    def sender():
        yield kernel.timeout(1)
        for box in boxes.values():
            box.post(0)

    kernel.run(kernel.process(sender(), "sender"))
    kernel.run(kernel.timeout(1))
    assert [name for _, name, _ in log] == [2, 5, 9]


def test_a_receive_that_nobody_waits_for_takes_nothing(kernel, box):
    forgotten = box.receive()
    box.post(1)
    log = []
    kernel.run(kernel.process(collect(kernel, box, 1, log), "receiver"))
    assert log == [(0, "receiver", 1)]
    assert not forgotten.processed


def test_a_receive_made_early_and_waited_for_late_gets_its_item(kernel, box):
    def process():
        receive = box.receive()
        box.post(1)
        yield kernel.timeout(10)
        return (yield receive)

    assert kernel.run(kernel.process(process(), "p")) == 1


def test_one_receive_serves_one_waiter(kernel, box):
    receive = box.receive()

    def process():
        yield receive

    kernel.process(process(), "a")
    second = kernel.process(process(), "b")
    with pytest.raises(SimFault, match="an item in inbox of client-03 has a listener already"):
        kernel.run(second)


def test_a_cancelled_receive_leaves_the_item(kernel, box):
    receive = box.receive()
    assert receive.cancel()
    box.post(1)
    kernel.run(kernel.timeout(1))
    assert len(box) == 1

    def process():
        yield receive

    with pytest.raises(SimFault, match="was cancelled"):
        kernel.run(kernel.process(process(), "p"))


def test_taking_back_what_was_not_received(kernel, box):
    for item in range(6):
        box.post(item)
    assert box.take_back(lambda item: item % 2 == 0) == [0, 2, 4]
    log = []
    kernel.run(kernel.process(collect(kernel, box, 3, log), "receiver"))
    assert [item for _, _, item in log] == [1, 3, 5]


def test_taking_back_at_the_very_instant_of_delivery_gives_nothing_twice(kernel, box):
    log = []
    receiver = kernel.process(collect(kernel, box, 1, log), "receiver")

    def owner():
        yield kernel.timeout(1)
        box.post(7)
        assert box.take_back(lambda item: True) == [7]
        yield kernel.timeout(1)
        box.post(8)

    kernel.process(owner(), "owner")
    kernel.run(receiver)
    assert log == [(2, "receiver", 8)]


def test_a_deadlock_names_the_mailbox(kernel, box):
    kernel.process(collect(kernel, box, 1, []), "client-03")
    with pytest.raises(SimFault, match=r"client-03 \(waits for an item in inbox of client-03\)"):
        kernel.run(kernel.event())


@pytest.mark.parametrize(("order", "winner", "left"), [(Order.TIMER, "item", 0), (Order.DELIVERY, "timer", 1)])
def test_item_and_timer_at_one_instant(kernel, box, order, winner, left):
    log = []

    def sender():
        yield kernel.timeout(5, order=Order.COMPLETION)
        box.post(1)

    def receiver():
        log.append((yield race(kernel, item=box.receive(), timer=kernel.timeout(5, "late", order=order))))

    kernel.process(sender(), "sender")
    kernel.run(kernel.process(receiver(), "receiver"))
    kernel.run(kernel.timeout(1))
    assert log == [(winner, 1 if winner == "item" else "late")]
    assert len(box) == left


def test_the_loser_of_a_race_leaves_its_item_to_the_next(kernel, box):
    def receiver():
        first = yield race(kernel, item=box.receive(), timer=kernel.timeout(5))
        second = yield race(kernel, item=box.receive(), timer=kernel.timeout(100))
        return first, second, kernel.now_ns

    def sender():
        yield kernel.timeout(6)
        box.post(1)

    kernel.process(sender(), "sender")
    assert kernel.run(kernel.process(receiver(), "receiver")) == (("timer", None), ("item", 1), 6)
    assert kernel.now_ns == 6


def test_a_race_whose_waiter_is_gone_takes_nothing(kernel, box):
    def receiver():
        try:
            yield race(kernel, item=box.receive(), timer=kernel.timeout(50))
        except simpy.Interrupt:
            return "gone"

    def killer():
        yield kernel.timeout(1)
        victim.interrupt()
        box.post(1)

    victim = kernel.process(receiver(), "receiver")
    kernel.process(killer(), "killer")
    assert kernel.run(victim) == "gone"
    kernel.run(kernel.timeout(100))
    assert len(box) == 1


def test_a_race_interrupted_as_its_item_is_on_the_way_takes_nothing(kernel, box):
    def receiver():
        try:
            yield race(kernel, item=box.receive(), other=kernel.event())
        except simpy.Interrupt:
            return "gone"

    def killer():
        yield kernel.timeout(1)
        box.post(1)
        victim.interrupt()

    victim = kernel.process(receiver(), "receiver")
    kernel.process(killer(), "killer")
    assert kernel.run(victim) == "gone"
    assert len(box) == 1


def test_an_interrupted_waiter_may_take_up_its_race_again(kernel, box):
    def receiver():
        contest = race(kernel, item=box.receive(), timer=kernel.timeout(50))
        try:
            yield contest
        except simpy.Interrupt:
            return (yield contest)

    def script():
        yield kernel.timeout(1)
        victim.interrupt()
        yield kernel.timeout(1)
        box.post(1)

    victim = kernel.process(receiver(), "receiver")
    kernel.process(script(), "script")
    assert kernel.run(victim) == ("item", 1)


def test_races_nest_and_let_go_all_the_way_down(kernel, box):
    def receiver():
        inner = race(kernel, item=box.receive(), guard=kernel.timeout(1000))
        return (yield race(kernel, inner=inner, quick=kernel.timeout(3, "now")))

    assert kernel.run(kernel.process(receiver(), "receiver")) == ("quick", "now")
    box.post(1)
    kernel.run(kernel.timeout(1))
    assert len(box) == 1
    with pytest.raises(SimFault, match="deadlock: at 4 ns"):
        kernel.run(kernel.event())


def test_the_inner_race_can_win(kernel, box):
    box.post(9)

    def receiver():
        inner = race(kernel, item=box.receive(), guard=kernel.timeout(1000))
        return (yield race(kernel, inner=inner, quick=kernel.timeout(3)))

    assert kernel.run(kernel.process(receiver(), "receiver")) == ("inner", ("item", 9))


def test_what_is_over_wins_at_once_and_the_first_named_of_two(kernel):
    past, gone = kernel.timeout(1, "past"), kernel.timeout(1, "gone")
    kernel.run(kernel.timeout(2))

    def process():
        return (yield race(kernel, slow=kernel.timeout(9), gone=gone, past=past))

    assert kernel.run(kernel.process(process(), "p")) == ("gone", "gone")
    assert kernel.now_ns == 2


def test_a_failed_runner_fails_the_race_and_frees_the_others(kernel, box):
    def worker():
        yield kernel.timeout(2)
        raise KeyError("broken")

    def process():
        yield race(kernel, work=kernel.process(worker(), "worker"), item=box.receive(), guard=kernel.timeout(99))

    with pytest.raises(KeyError, match="broken"):
        kernel.run(kernel.process(process(), "p"))
    with pytest.raises(SimFault, match="deadlock: at 2 ns"):
        kernel.run(kernel.event())


def test_a_loser_that_others_wait_for_is_not_cancelled(kernel):
    deadline, log = kernel.timeout(10), []

    def racer():
        log.append((yield race(kernel, deadline=deadline, work=kernel.timeout(3))))

    def waiter():
        yield deadline
        log.append(kernel.now_ns)

    kernel.process(racer(), "racer")
    kernel.run(kernel.process(waiter(), "waiter"))
    assert log == [("work", None), 10]


def test_a_process_that_loses_goes_on(kernel):
    log = []

    def worker():
        yield kernel.timeout(10)
        log.append("done")

    def process():
        return (yield race(kernel, work=kernel.process(worker(), "worker"), guard=kernel.timeout(3)))[0]

    assert kernel.run(kernel.process(process(), "p")) == "guard"
    kernel.run(kernel.timeout(20))
    assert log == ["done"]


def test_races_of_nothing_or_of_strangers_are_refused(kernel):
    with pytest.raises(SimFault, match="at least one"):
        race(kernel)
    with pytest.raises(SimFault, match="x=5 is not an event"):
        race(kernel, x=5)  # type: ignore[arg-type]
    with pytest.raises(SimFault, match="is not an event of this kernel"):
        race(kernel, x=Kernel().timeout(1))


def test_run_can_stop_on_a_receive(kernel, box):
    box.post(4)
    box.post(5)
    assert kernel.run(box.receive()) == 4
    assert kernel.run(race(kernel, item=box.receive(), timer=kernel.timeout(1))) == ("item", 5)
