"""SimPy's traps, each sprung on bare SimPy and shown closed in the kernel."""

from __future__ import annotations

import json
import math
from contextlib import suppress

import pytest
import simpy

from pwffsim.kernel.clock import Kernel, ns
from pwffsim.kernel.faults import SimFault
from pwffsim.kernel.mailbox import Mailbox
from pwffsim.kernel.order import Order
from pwffsim.kernel.race import race
from pwffsim.kernel.resource import Medium


def test_item_lost_when_the_consumer_is_interrupted_as_its_grant_is_queued():
    env = simpy.Environment()
    store, got = simpy.Store(env), []

    def bare():
        with store.get() as request, suppress(simpy.Interrupt):
            got.append((yield request))

    def bare_killer(victim):
        yield env.timeout(5)
        yield store.put("update")
        victim.interrupt()

    env.process(bare_killer(env.process(bare())))
    env.run()
    assert (got, store.items) == ([], []), "SimPy has lost the item"

    kernel = Kernel()
    box: Mailbox[str] = Mailbox(kernel)

    def consumer():
        with suppress(simpy.Interrupt):
            got.append((yield box.receive()))

    def killer(victim):
        yield kernel.timeout(5)
        box.post("update")
        victim.interrupt()

    kernel.run(kernel.process(killer(kernel.process(consumer(), "consumer")), "killer"))
    kernel.run(kernel.timeout(1))
    assert (got, len(box)) == ([], 1)

    def heir():
        return (yield box.receive())

    assert kernel.run(kernel.process(heir(), "heir")) == "update"


def test_item_swallowed_by_the_ghost_of_a_dead_consumer():
    env = simpy.Environment()
    store, got = simpy.Store(env), []

    def bare(name):
        try:
            item = yield store.get()
            got.append((name, item))
        except simpy.Interrupt:
            pass

    def bare_script():
        ghost = env.process(bare("ghost"))
        yield env.timeout(1)
        ghost.interrupt()
        env.process(bare("heir"))
        yield env.timeout(1)
        store.put("update")

    env.process(bare_script())
    env.run()
    assert got == [], "SimPy gave the item to the dead consumer"

    kernel = Kernel()
    box: Mailbox[str] = Mailbox(kernel)

    def consumer(name):
        try:
            item = yield box.receive()
            got.append((name, item))
        except simpy.Interrupt:
            pass

    def script():
        ghost = kernel.process(consumer("ghost"), "ghost")
        yield kernel.timeout(1)
        ghost.interrupt()
        heir = kernel.process(consumer("heir"), "heir")
        yield kernel.timeout(1)
        box.post("update")
        yield heir

    kernel.run(kernel.process(script(), "script"))
    assert got == [("heir", "update")]


@pytest.mark.parametrize("worker_first", [True, False])
def test_completion_and_fault_at_one_instant(worker_first):
    def bare(first):
        env, log = simpy.Environment(), []

        def worker():
            try:
                yield env.timeout(5)
                log.append("done")
            except simpy.Interrupt:
                log.append("interrupted")

        def killer():
            yield env.timeout(5)
            if victim.is_alive:
                victim.interrupt()

        if first:
            victim = env.process(worker())
            env.process(killer())
        else:
            killing = killer()
            env.process(killing)
            victim = env.process(worker())
        env.run()
        return log

    assert bare(True) != bare(False), "in SimPy the order of creation decides"

    kernel = Kernel()

    def life():
        if worker_first:
            done, crash = kernel.timeout(5, order=Order.COMPLETION), kernel.timeout(5, order=Order.FAULT)
            return (yield race(kernel, done=done, crash=crash))[0]
        crash, done = kernel.timeout(5, order=Order.FAULT), kernel.timeout(5, order=Order.COMPLETION)
        return (yield race(kernel, crash=crash, done=done))[0]

    assert kernel.run(kernel.process(life(), "p")) == "done"


def test_guard_timers_that_outlive_their_race():
    races = 10_000
    env = simpy.Environment()

    def bare():
        for _ in range(races):
            yield env.timeout(1) | env.timeout(10**6)

    env.process(bare())
    env.run()
    assert env.now > races, "SimPy's clock has run on to the stale guards"

    kernel = Kernel()

    def life():
        for _ in range(races):
            yield race(kernel, work=kernel.timeout(1), guard=kernel.timeout(10**6))

    kernel.run(kernel.process(life(), "p"))
    assert kernel.now_ns == races
    assert len(kernel.env._queue) < 200
    with pytest.raises(SimFault, match=f"deadlock: at {races} ns"):
        kernel.run(kernel.event())


def test_exceptions_that_cannot_be_re_created():
    env = simpy.Environment()

    def bare():
        yield env.timeout(1)
        json.loads("{")

    env.process(bare())
    with pytest.raises(TypeError):
        env.run()

    kernel = Kernel()

    def process():
        yield kernel.timeout(1)
        json.loads("{")

    with pytest.raises(json.JSONDecodeError):
        kernel.run(kernel.process(process(), "p"))


def test_nan_and_floats_as_time():
    env = simpy.Environment()
    env.timeout(math.nan)
    env.run()
    assert math.isnan(env.now), "SimPy takes nan for a time"
    clock = simpy.Environment()
    for _ in range(10):
        clock.run(clock.timeout(0.1))
    assert clock.now != 1.0, "SimPy's float clock drifts"

    with pytest.raises(SimFault, match="nan"):
        Kernel().timeout(math.nan)  # type: ignore[arg-type]
    kernel = Kernel()
    for _ in range(10):
        kernel.run(kernel.timeout(ns(0.1)))
    assert kernel.now_ns == ns(1)


def test_run_until_a_time_leaves_out_what_happens_then():
    env, log = simpy.Environment(), []
    env.timeout(5).callbacks.append(log.append)
    env.run(until=5)
    assert log == [], "SimPy stops before the events of that time"

    kernel = Kernel()
    kernel.timeout(5).callbacks.append(log.append)
    kernel.run(kernel.timeout(5))
    assert len(log) == 1


def test_a_slot_leaked_by_an_interrupted_waiter():
    env = simpy.Environment()
    resource, got = simpy.Resource(env), []

    def bare(hold):
        request = resource.request()
        try:
            yield request
            yield env.timeout(hold)
            got.append(env.now)
            resource.release(request)
        except simpy.Interrupt:
            pass

    def bare_script():
        env.process(bare(10))
        waiter = env.process(bare(1))
        yield env.timeout(1)
        waiter.interrupt()
        yield env.process(bare(1))

    env.process(bare_script())
    env.run()
    assert got == [10], "SimPy granted the slot to the dead waiter for ever"

    kernel = Kernel()
    medium = Medium(kernel)
    got.clear()

    def user(actor, hold_ns):
        try:
            yield medium.acquire(actor)
        except simpy.Interrupt:
            return
        yield kernel.timeout(hold_ns)
        got.append(kernel.now_ns)
        medium.release(actor)

    def script():
        kernel.process(user(0, 10), "holder")
        waiter = kernel.process(user(1, 1), "waiter")
        yield kernel.timeout(1)
        waiter.interrupt()
        yield kernel.process(user(2, 1), "heir")

    kernel.run(kernel.process(script(), "script"))
    assert got == [10, 11]
