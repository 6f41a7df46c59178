"""One-at-a-time use of a medium."""

from __future__ import annotations

import pytest
import simpy
from hypothesis import given
from hypothesis import strategies as st

from pwffsim.kernel.clock import Kernel
from pwffsim.kernel.faults import SimFault
from pwffsim.kernel.order import Order
from pwffsim.kernel.race import race
from pwffsim.kernel.resource import Medium


def use(kernel, medium, actor, ask_ns, hold_ns, log, order=Order.COMPLETION):
    yield kernel.timeout(ask_ns, order=order, actor=actor)
    yield medium.acquire(actor)
    start_ns = kernel.now_ns
    yield kernel.timeout(hold_ns, order=Order.DELIVERY, actor=actor)
    log.append((start_ns, kernel.now_ns, actor))
    medium.release(actor)


def test_an_exact_schedule():
    kernel, log = Kernel(), []
    medium = Medium(kernel)
    for actor, ask_ns, hold_ns in ((2, 0, 10), (1, 3, 4), (0, 2, 5), (3, 30, 1)):
        kernel.process(use(kernel, medium, actor, ask_ns, hold_ns, log), str(actor))
    kernel.run(kernel.timeout(100))
    assert log == [(0, 10, 2), (10, 15, 0), (15, 19, 1), (30, 31, 3)]
    assert (medium.holder, len(medium)) == (None, 0)


@pytest.mark.parametrize("orders", [(Order.DELIVERY, Order.TIMER), (Order.TIMER, Order.DELIVERY)])
def test_who_asks_at_one_instant_is_served_by_number_whatever_happened_first(orders):
    kernel, log = Kernel(), []
    medium = Medium(kernel)
    kernel.process(use(kernel, medium, 5, 4, 3, log, orders[0]), "5")
    kernel.process(use(kernel, medium, 2, 4, 3, log, orders[1]), "2")
    kernel.run(kernel.timeout(20))
    assert [actor for _, _, actor in log] == [2, 5]


REQUESTS = st.lists(st.tuples(st.integers(0, 8), st.integers(0, 4)), min_size=1, max_size=12)


@given(REQUESTS, st.randoms(use_true_random=False))
def test_first_come_first_served_without_pause_or_overlap(requests, shuffler):
    kernel, log = Kernel(), []
    medium = Medium(kernel)
    users = [(actor, *request) for actor, request in enumerate(requests)]
    for actor, ask_ns, hold_ns in shuffler.sample(users, len(users)):
        kernel.process(use(kernel, medium, actor, ask_ns, hold_ns, log), str(actor))
    kernel.run(kernel.timeout(1000))
    expected, free_ns = [], 0
    for ask_ns, actor, hold_ns in sorted((ask_ns, actor, hold_ns) for actor, ask_ns, hold_ns in users):
        start_ns = max(free_ns, ask_ns)
        free_ns = start_ns + hold_ns
        expected.append((start_ns, free_ns, actor))
    assert log == expected


def test_who_gives_up_leaves_the_queue_and_a_grant_is_never_held_by_nobody():
    kernel, log = Kernel(), []
    medium = Medium(kernel, "the band")
    kernel.process(use(kernel, medium, 0, 0, 10, log), "0")

    def impatient():
        winner, _ = yield race(kernel, medium=medium.acquire(1), timer=kernel.timeout(10))
        log.append(winner)

    def doomed():
        try:
            yield medium.acquire(2)
        except simpy.Interrupt:
            log.append("doomed")

    def killer(victim):
        yield kernel.timeout(10, order=Order.FAULT)
        victim.interrupt()

    kernel.process(impatient(), "impatient")
    kernel.process(killer(kernel.process(doomed(), "doomed")), "killer")
    kernel.process(use(kernel, medium, 3, 1, 1, log), "3")
    kernel.run(kernel.timeout(50))
    assert log == [(0, 10, 0), "doomed", "timer", (10, 11, 3)]
    assert medium.holder is None


def test_releasing_what_one_does_not_hold_is_refused():
    kernel = Kernel()
    medium = Medium(kernel, "the band")
    with pytest.raises(SimFault, match="actor 4 released the band, but its holder is None"):
        medium.release(4)


def test_asking_twice_is_refused():
    kernel = Kernel()
    medium = Medium(kernel, "the band")

    def greedy():
        yield medium.acquire(1)
        yield medium.acquire(1)

    with pytest.raises(SimFault, match="actor 1 already has or awaits the band"):
        kernel.run(kernel.process(greedy(), "greedy"))


def test_a_deadlock_names_the_medium():
    kernel = Kernel()
    medium = Medium(kernel, "the band")

    def holder():
        yield medium.acquire(0)

    def waiter():
        yield medium.acquire(1)

    kernel.process(holder(), "holder")
    kernel.process(waiter(), "waiter")
    with pytest.raises(SimFault, match=r"waiter \(waits for the band \(actor 1\)\)"):
        kernel.run(kernel.event())
