"""Random plans of posts, races, interrupts and deadlines: whatever happens, no item is lost, doubled or overtaken."""

from __future__ import annotations

from collections import Counter

import simpy
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from pwffsim.kernel.clock import Kernel
from pwffsim.kernel.mailbox import Mailbox
from pwffsim.kernel.order import Order
from pwffsim.kernel.race import race

MOMENTS = st.integers(0, 3)
ORDERS = st.sampled_from([Order.DELIVERY, Order.COMPLETION, Order.FAULT, Order.TIMER])
BOXES = st.integers(0, 1)
REACHED: Counter[str] = Counter()


class Post(RuleBasedStateMachine):
    """A few mailboxes; consumers that come and go; times so close that most things collide."""

    def __init__(self):
        super().__init__()
        self.kernel = Kernel()
        self.boxes: list[Mailbox[int]] = [Mailbox(self.kernel, f"box {i}", actor=i) for i in range(2)]
        self.posted: list[list[int]] = [[], []]
        self.received: list[list[int]] = [[], []]
        self.consumers: list = []

    @rule(box=BOXES, delay_ns=MOMENTS, order=ORDERS, count=st.integers(1, 3))
    def post(self, box, delay_ns, order, count):
        def poster():
            yield self.kernel.timeout(delay_ns, order=order)
            for _ in range(count):
                item = len(self.posted[box])
                self.posted[box].append(item)
                self.boxes[box].post(item)

        self.kernel.process(poster(), "poster")

    @rule(box=BOXES, patience_ns=MOMENTS, order=ORDERS, rounds=st.integers(1, 4), nested=st.booleans())
    def race_for(self, box, patience_ns, order, rounds, nested):
        def consumer():
            for _ in range(rounds):
                wish = self.boxes[box].receive()
                if nested:
                    wish = race(self.kernel, item=wish, guard=self.kernel.timeout(10**6))
                timer = self.kernel.timeout(patience_ns, order=order)
                try:
                    winner, value = yield race(self.kernel, wish=wish, timer=timer)
                except simpy.Interrupt:
                    REACHED["interrupted race"] += 1
                    continue
                REACHED[winner] += 1
                if winner == "wish":
                    self.received[box].append(value[1] if nested else value)

        self.consumers.append(self.kernel.process(consumer(), "racer"))

    @rule(box=BOXES, rounds=st.integers(1, 3), stubborn=st.booleans())
    def wait_for(self, box, rounds, stubborn):
        def consumer():
            for _ in range(rounds):
                try:
                    self.received[box].append((yield self.boxes[box].receive()))
                except simpy.Interrupt:
                    REACHED["interrupted with items there" if len(self.boxes[box]) else "interrupted"] += 1
                    if not stubborn:
                        return

        self.consumers.append(self.kernel.process(consumer(), "waiter"))

    @rule(box=BOXES, both=st.lists(MOMENTS, min_size=2, max_size=2))
    def wait_for_either_box(self, box, both):
        def consumer():
            first, second = self.boxes[box], self.boxes[1 - box]
            winner, value = yield race(self.kernel, first=first.receive(), second=second.receive())
            self.received[box if winner == "first" else 1 - box].append(value)

        self.consumers.append(self.kernel.process(consumer(), "chooser"))

    @rule(box=BOXES)
    def make_and_forget(self, box):
        self.boxes[box].receive()
        race(self.kernel, item=self.boxes[box].receive(), timer=self.kernel.timeout(1))

    @rule(who=st.integers(0, 30), delay_ns=MOMENTS, order=ORDERS)
    def interrupt(self, who, delay_ns, order):
        def killer():
            yield self.kernel.timeout(delay_ns, order=order)
            victims = [process for process in self.consumers if process.is_alive and process.name != "chooser"]
            if victims:
                victims[who % len(victims)].interrupt()

        self.kernel.process(killer(), "killer")

    @rule(box=BOXES, who=st.integers(0, 30), delay_ns=MOMENTS)
    def post_and_interrupt_in_one_breath(self, box, who, delay_ns):
        def hasty():
            yield self.kernel.timeout(delay_ns)
            item = len(self.posted[box])
            self.posted[box].append(item)
            self.boxes[box].post(item)
            victims = [process for process in self.consumers if process.is_alive and process.name != "chooser"]
            if victims:
                victims[who % len(victims)].interrupt()

        self.kernel.process(hasty(), "hasty")

    @rule(duration_ns=st.integers(0, 4))
    def advance(self, duration_ns):
        before_ns = self.kernel.now_ns
        self.kernel.run(self.kernel.timeout(duration_ns))
        assert self.kernel.now_ns == before_ns + duration_ns

    @invariant()
    def items_leave_once_and_in_order(self):
        for box, posted, received in zip(self.boxes, self.posted, self.received, strict=True):
            assert received == posted[: len(received)]
            assert len(received) + len(box) == len(posted)

    def teardown(self):
        self.kernel.run(self.kernel.timeout(1000))
        self.items_leave_once_and_in_order()
        for index in (0, 1):
            rest = [self.kernel.run(self.boxes[index].receive()) for _ in range(len(self.boxes[index]))]
            assert self.received[index] + rest == self.posted[index]


def test_no_item_is_lost_doubled_or_overtaken():
    REACHED.clear()
    hurry = [HealthCheck.too_slow, HealthCheck.filter_too_much]
    Post.TestCase.settings = settings(
        max_examples=300, stateful_step_count=25, deadline=None, derandomize=True, suppress_health_check=hurry
    )
    Post.TestCase().runTest()
    for situation in ("wish", "timer", "interrupted race", "interrupted", "interrupted with items there"):
        assert REACHED[situation] > 0, f"the plans never reached: {situation}"
