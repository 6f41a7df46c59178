"""The clock: units, refusals, ties, ends and failures."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
import simpy
from hypothesis import given
from hypothesis import strategies as st

from pwffsim.kernel.clock import Kernel, ns, seconds
from pwffsim.kernel.faults import ProcessFailed, SimFault
from pwffsim.kernel.order import Order


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (0, 0),
        (1, 10**9),
        (0.1 + 0.2, 300_000_000),
        (1.5e-9, 2),
        (0.4e-9, 0),
        (10**9, 10**18),
        (np.float32(0.5), 500_000_000),
    ],
)
def test_seconds_become_the_nearest_nanosecond(value, expected):
    assert ns(value) == expected
    assert type(ns(value)) is int


@given(st.integers(0, 2**52))
def test_nanoseconds_survive_a_round_trip_through_seconds(time_ns):
    assert abs(ns(seconds(time_ns)) - time_ns) <= 1
    assert time_ns > 10**15 or ns(seconds(time_ns)) == time_ns


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, -1e-12, -1, True, "3"])
def test_seconds_that_are_no_time_are_refused(value):
    with pytest.raises(SimFault, match="a time in seconds"):
        ns(value)


@pytest.mark.parametrize("value", [True, 1.0, math.nan, -1, "5", None, np.float64(3)])
def test_durations_are_whole_nanoseconds(value):
    with pytest.raises(SimFault, match="a duration .*" + str(value).replace(".", r"\.")):
        Kernel().timeout(value)


def test_numpy_integers_are_durations_and_the_clock_stays_a_plain_int():
    kernel = Kernel()
    kernel.run(kernel.timeout(np.int64(7)))
    assert kernel.now_ns == 7
    assert type(kernel.now_ns) is int
    assert kernel.now_s == 7e-9


def test_an_absolute_timer_refuses_the_past_and_allows_now():
    kernel = Kernel()
    kernel.run(kernel.timeout(10))
    assert kernel.run(kernel.at(10, "now")) == "now"
    assert kernel.run(kernel.at(15, "later")) == "later"
    assert kernel.now_ns == 15
    with pytest.raises(SimFault, match="14 ns is past: it is 15 ns"):
        kernel.at(14)


def test_an_exact_trace():
    kernel, log = Kernel(), []

    def car(name, drive_ns, park_ns):
        while kernel.now_ns < 12:
            log.append((kernel.now_ns, name, "park"))
            yield kernel.timeout(park_ns)
            log.append((kernel.now_ns, name, "drive"))
            yield kernel.timeout(drive_ns)
        return name

    slow = kernel.process(car("slow", 4, 5), "slow")
    kernel.process(car("fast", 3, 2), "fast")
    assert kernel.run(slow) == "slow"
    assert log == [
        (0, "slow", "park"),
        (0, "fast", "park"),
        (2, "fast", "drive"),
        (5, "slow", "drive"),
        (5, "fast", "park"),
        (7, "fast", "drive"),
        (9, "slow", "park"),
        (10, "fast", "park"),
        (12, "fast", "drive"),
        (14, "slow", "drive"),
    ]
    assert kernel.now_ns == 18


TIES = st.lists(
    st.tuples(st.integers(0, 3), st.sampled_from(Order), st.integers(0, 3)), min_size=1, max_size=40, unique=True
)


@given(TIES, st.randoms(use_true_random=False))
def test_ties_are_ordered_by_time_order_and_actor_however_they_were_made(moments, shuffler):
    kernel, fired = Kernel(), []
    end = kernel.timeout(4)
    for moment in shuffler.sample(moments, len(moments)):
        time_ns, order, actor = moment
        timer = kernel.timeout(time_ns, moment, order=order, actor=actor)
        timer.callbacks.append(lambda event: fired.append(event.value))
    kernel.run(end)
    assert fired == sorted(moments)


def test_insertion_decides_what_nothing_else_does():
    kernel, fired = Kernel(), []
    for name in "abc":
        kernel.timeout(1, name).callbacks.append(lambda event: fired.append(event.value))
    kernel.run(kernel.timeout(2))
    assert fired == ["a", "b", "c"]


def test_immediate_consequences_run_before_the_next_of_the_same_instant():
    kernel, log = Kernel(), []

    def worker(name, order):
        yield kernel.timeout(5, order=order)
        log.append(f"{name} works")

    def boss(name, order):
        yield kernel.process(worker(name, order), f"worker {name}")
        log.append(f"{name} is told")

    late = kernel.process(boss("timer", Order.TIMER), "late")
    kernel.process(boss("delivery", Order.DELIVERY), "early")
    kernel.run(late)
    assert log == ["delivery works", "delivery is told", "timer works", "timer is told"]


def test_a_process_starts_before_any_event_of_its_instant():
    kernel, log = Kernel(), []
    kernel.timeout(0, order=Order.DELIVERY).callbacks.append(lambda _: log.append("delivery"))

    def process():
        log.append("started")
        yield kernel.timeout(0)

    kernel.run(kernel.process(process(), "p"))
    assert log == ["started", "delivery"]


def test_run_includes_everything_before_its_end_at_the_same_instant():
    kernel, log = Kernel(), []
    kernel.timeout(5, order=Order.DELIVERY).callbacks.append(lambda _: log.append("delivery"))
    kernel.run(kernel.timeout(5, order=Order.TIMER))
    assert log == ["delivery"]


def test_run_goes_on_where_it_stopped_and_does_not_wait_for_what_is_over():
    kernel = Kernel()
    first, second = kernel.timeout(1, "one"), kernel.timeout(3, "three")
    assert kernel.run(first) == "one"
    assert kernel.now_ns == 1
    assert kernel.run(second) == "three"
    assert kernel.run(first) == "one"
    assert kernel.now_ns == 3


@pytest.mark.parametrize("until", [None, 5, simpy.Environment().timeout(1)])
def test_run_wants_an_event_of_its_own(until):
    with pytest.raises(SimFault, match="an event of this kernel"):
        Kernel().run(until)


def test_a_deadlock_names_who_waits_for_what():
    kernel = Kernel()

    def stuck():
        yield kernel.timeout(4)
        yield kernel.event()

    kernel.process(stuck(), "client-07")
    with pytest.raises(SimFault, match=r"deadlock: at 4 ns .* client-07 \(waits for Signal"):
        kernel.run(kernel.event())


def test_a_deadlock_of_many_names_some_and_counts_the_rest():
    kernel = Kernel()

    def stuck():
        yield kernel.event()

    for index in range(20):
        kernel.process(stuck(), f"p{index}")
    with pytest.raises(SimFault, match=r"p0 .* p11 \(.*\) and 8 more"):
        kernel.run(kernel.event())


def test_finished_processes_are_not_named():
    kernel = Kernel()

    def brief():
        yield kernel.timeout(1)

    kernel.process(brief(), "brief")
    with pytest.raises(SimFault, match="no process is left"):
        kernel.run(kernel.event())


class AwkwardError(Exception):
    """Cannot be made from its own args."""

    def __init__(self, code, reason):
        super().__init__(f"{code}: {reason}")
        self.code = code


def failing(kernel, exception):
    yield kernel.timeout(3)
    raise exception


@pytest.mark.parametrize(
    "exception", [AwkwardError(7, "odd"), json.JSONDecodeError("bad", "{", 1), KeyError("k"), SimFault("f")]
)
@pytest.mark.parametrize("depth", [0, 1, 3])
def test_an_exception_that_nobody_handles_leaves_run_as_itself(exception, depth):
    kernel = Kernel()

    def waiting(levels):
        yield kernel.process(waiting(levels - 1) if levels else failing(kernel, exception), f"child {levels}")

    process = kernel.process(waiting(depth), "parent")
    with pytest.raises(type(exception)) as caught:
        kernel.run(process)
    assert caught.value is exception
    assert "in process 'child 0' at 3 ns of simulated time" in caught.value.__notes__


def test_a_fault_raised_on_purpose_keeps_its_cause():
    kernel, cause = Kernel(), ValueError("deep")

    def process():
        yield kernel.timeout(1)
        raise SimFault("told") from cause

    with pytest.raises(SimFault, match="told") as caught:
        kernel.run(kernel.process(process(), "p"))
    assert caught.value.__cause__ is cause


def test_a_parent_can_handle_what_its_child_raised():
    kernel, exception = Kernel(), AwkwardError(1, "x")

    def parent():
        try:
            yield kernel.process(failing(kernel, exception), "child")
        except ProcessFailed as fault:
            return str(fault)

    assert kernel.run(kernel.process(parent(), "parent")) == "process 'child': AwkwardError: 1: x"


def test_a_failed_event_carries_any_exception():
    kernel = Kernel()
    event = kernel.event()
    event.fail(AwkwardError(2, "y"))
    with pytest.raises(AwkwardError, match="2: y"):
        kernel.run(kernel.timeout(1))


def test_a_failure_nobody_waits_for_is_not_silent():
    kernel = Kernel()
    kernel.process(failing(kernel, ValueError("unseen")), "p")
    with pytest.raises(ValueError, match="unseen"):
        kernel.run(kernel.timeout(100))


@pytest.mark.parametrize("value", [5, None, "x", 1.5])
def test_yielding_anything_but_an_event_names_the_process(value):
    kernel = Kernel()

    def process():
        yield value

    with pytest.raises(SimFault, match=f"process 'p' yielded {value!r}: yield an event"):
        kernel.run(kernel.process(process(), "p"))


def test_events_of_two_kernels_do_not_mix():
    kernel, other = Kernel(), Kernel()

    def process():
        yield other.timeout(1)

    with pytest.raises(SimFault, match="another kernel"):
        kernel.run(kernel.process(process(), "p"))


def test_a_process_is_made_from_a_generator():
    with pytest.raises(SimFault, match="process 'p' needs a generator"):
        Kernel().process(lambda: None, "p")  # type: ignore[arg-type]


def test_all_of_waits_for_the_last():
    kernel = Kernel()
    kernel.run(kernel.all_of([kernel.timeout(3), kernel.timeout(9), kernel.timeout(1)]))
    assert kernel.now_ns == 9


def test_a_cancelled_timer_never_fires_and_never_moves_the_clock():
    kernel, fired = Kernel(), []
    timer = kernel.timeout(5)
    timer.callbacks.append(fired.append)
    timer.callbacks.remove(fired.append)
    assert timer.cancel()
    assert not timer.cancel()
    with pytest.raises(SimFault, match="deadlock: at 0 ns"):
        kernel.run(kernel.event())
    assert (kernel.now_ns, fired) == (0, [])


def test_a_timer_that_somebody_waits_for_cannot_be_cancelled_and_one_that_fired_is_left_alone():
    kernel = Kernel()
    timer = kernel.timeout(5)

    def process():
        yield timer

    waiter = kernel.process(process(), "p")
    kernel.run(kernel.timeout(1))
    with pytest.raises(SimFault, match="timer of 5 ns cannot be cancelled: somebody still waits"):
        timer.cancel()
    kernel.run(waiter)
    assert timer.cancel() is False


def test_waiting_for_a_cancelled_timer_is_refused():
    kernel = Kernel()
    timer = kernel.timeout(5)
    timer.cancel()

    def process():
        yield timer

    with pytest.raises(SimFault, match="timer of 5 ns was cancelled"):
        kernel.run(kernel.process(process(), "p"))


def test_cancelled_timers_leave_the_heap():
    kernel = Kernel()
    end = kernel.timeout(10)
    for _ in range(10_000):
        kernel.timeout(10**12).cancel()
    assert len(kernel.env._queue) < 200
    kernel.run(end)
    assert kernel.now_ns == 10
    assert kernel.events == 2
