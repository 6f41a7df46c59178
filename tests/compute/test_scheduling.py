"""The scheduler over stages that add: places of results, failures, interrupts, stores that are shared."""

from __future__ import annotations

from threading import Thread

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from stand_ins import add, adding, scheduler

from pwffsim.compute.batch import batch
from pwffsim.compute.course import Course, Node
from pwffsim.compute.executors.answer import Failure
from pwffsim.compute.executors.serial import Serial
from pwffsim.compute.recipe import ComputeError, Recipe
from pwffsim.compute.scheduler import Scheduler
from pwffsim.compute.store import Store
from pwffsim.learning import stages


def up_to(most):
    return lambda recipe: most if recipe.stage == "add" else 1


def clients(compute, count, n=0):
    return [compute.submit(add(n, client=client)) for client in range(count)]


def test_alike_recipes_run_as_one_call(counting, tmp_path):
    compute = scheduler(tmp_path, up_to(4))
    compute.settle(clients(compute, 6))
    assert [len(numbers) for _, numbers in counting] == [3, 3]
    assert (compute.counts.computed, compute.counts.batches) == (6, 2)


def test_a_second_run_with_the_same_batches_finds_all(counting, tmp_path):
    for order in (1, -1):
        compute = scheduler(tmp_path, up_to(4))
        handles = [compute.submit(add(0, client=client)) for client in range(6)[::order]]
        compute.settle(handles)
    assert len(counting) == 2 and compute.counts.reused == 6


def test_other_batches_never_take_each_others_results(counting, tmp_path):
    """Rounding shows who shared a batch; so what three computed together is not what two did, or one alone."""
    places = set()
    for count, most in [(3, 3), (2, 3), (3, 1)]:
        compute = scheduler(tmp_path, up_to(most))
        compute.settle(clients(compute, count))
        assert compute.counts.reused == 0
        places |= set(compute._places.values())
    assert len(places) == 3 + 2 + 3


def test_what_rests_on_other_batches_has_a_place_of_its_own(counting, tmp_path):
    places = set()
    for most in (3, 1):
        compute = scheduler(tmp_path, up_to(most))
        total = compute.submit(add(5, *clients(compute, 3), stage="sum"))
        assert total.facts() == {"total": 5.0}
        places.add(compute._places[total.key])
    assert len(places) == 2


def test_the_place_says_the_order_within_a_batch():
    recipes = [Recipe("add", {"n": n}) for n in range(3)]
    one, other = batch(recipes, str, "e").places, batch(recipes[::-1], str, "e").places
    assert len({*one, *other, *(recipe.key("e") for recipe in recipes)}) == 9


def test_a_batch_of_which_one_result_is_missing_runs_as_a_whole(counting, tmp_path):
    compute = scheduler(tmp_path, up_to(3))
    handles = clients(compute, 3)
    compute.settle(handles)
    place = compute._places[handles[1].key]
    (tmp_path / place[:2] / f"{place}.json").unlink()
    again = scheduler(tmp_path, up_to(3))
    again.settle(clients(again, 3))
    assert counting == [("add", (0, 0, 0))] * 2


@given(wanted=st.lists(st.lists(st.integers(0, 11), min_size=1, max_size=5), min_size=1, max_size=4))
@settings(deadline=None, max_examples=30)
def test_batches_do_not_depend_on_what_the_store_holds(tmp_path_factory, wanted):
    """Several settles, of any of 12 recipes in chains of three: the same places over an empty store and over one that
    holds results of other batches, or of some of the same."""
    places = []
    folder = tmp_path_factory.mktemp("store")

    def play(folder, settles):
        compute = scheduler(folder, up_to(4))
        handles = clients(compute, 4)
        for n in (1, 2):
            handles += [compute.submit(add(n, handle, client=i)) for i, handle in enumerate(handles[-4:])]
        for numbers in settles:
            compute.settle([handles[number] for number in numbers])
        return dict(compute._places)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(stages, "run_together", adding([]))
        play(folder, [[number] for number in range(12)])
        play(folder, wanted[:1])
        places = [play(folder, wanted), play(tmp_path_factory.mktemp("empty"), wanted)]
    assert places[0] == places[1]


class Backwards:
    """An executor with several slots that ends what was begun last first."""

    def __init__(self, store, slots):
        self.slots = slots
        self._serial = Serial(store)
        self._begun = []

    def start(self, work):
        self._begun.append(work)

    def finished(self, wait_s):
        self._serial.start(self._begun.pop())
        return self._serial.finished(wait_s)

    def close(self):
        """Nothing."""


@pytest.mark.parametrize("slots", [1, 2, 3, 6])
def test_of_several_failures_the_earliest_is_told_however_many_run_at_once(counting, tmp_path, slots):
    store = Store(tmp_path)
    compute = Scheduler(store, Backwards(store, slots), "test")
    base = compute.submit(add(0))
    handles = [compute.submit(add(1, base)), compute.submit(add(2, base, stage="fail early"))]
    handles += [compute.submit(add(3, handles[1])), compute.submit(add(4, stage="fail late")), compute.submit(add(5))]
    handles += [compute.submit(add(6, handles[0]))]
    with pytest.raises(ComputeError, match="fail early failed: RuntimeError: no, fail early"):
        compute.settle(handles)
    ran = [numbers for _, numbers in counting]
    assert (1,) in ran and (3,) not in ran, "what came before it ran, what rests on it did not"


@pytest.mark.parametrize("slots", [1, 3])
def test_many_at_once_tell_the_same(counting, tmp_path, slots):
    store, told = Store(tmp_path), []
    compute = Scheduler(store, Backwards(store, slots), "test", up_to(2))
    handles = clients(compute, 5)
    handles += [compute.submit(add(1, *handles[i : i + 2], client=i)) for i in range(3)]
    compute.settle(handles, lambda: told.append(sum(handle.known() for handle in handles)))
    assert [handle.facts()["total"] for handle in handles] == [0.0] * 5 + [1.0] * 3
    assert told == sorted(told) and told[0] == 0 and told[-1] == 8


@pytest.mark.parametrize("order", [(1, 2), (2, 1)])
def test_a_failed_batch_lets_nothing_later_begin(order):
    recipes = [Recipe("add", {"n": n}) for n in range(4)]
    nodes = [Node(i, batch([recipe], str, "e"), [str(i)], []) for i, recipe in enumerate(recipes)]
    course = Course(nodes)
    begun = [course.next() for _ in range(3)]
    for number in order:
        course.failed(begun[number], Failure(ComputeError(f"number {number}"), None))
    assert not course.ready
    course.done(begun[0])
    with pytest.raises(ComputeError, match="number 1"):
        course.strike()


def test_what_an_interrupt_left_undone_is_all_that_the_next_run_does(counting, tmp_path):
    def chain(compute):
        handle = compute.submit(add(0))
        for n in range(1, 6):
            handle = compute.submit(add(n, handle))
        return handle

    def interrupt():
        if len(counting) == 3:
            raise KeyboardInterrupt

    store = Store(tmp_path)
    with pytest.raises(KeyboardInterrupt):
        chain(Scheduler(store, Serial(store), "test", checkpoint=interrupt)).facts()
    assert chain(scheduler(tmp_path)).facts() == {"total": 15.0}
    assert [numbers for _, numbers in counting] == [(n,) for n in range(6)]


def test_two_runs_may_share_a_store_at_once(counting, tmp_path):
    totals = []

    def run():
        compute = scheduler(tmp_path, up_to(3))
        handles = clients(compute, 3)
        for n in range(1, 15):
            handles = [compute.submit(add(n, *handles[i:], client=i)) for i in range(3)]
        compute.settle(handles)
        totals.append([handle.facts() for handle in handles])

    threads = [Thread(target=run) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(totals) == 4 and all(found == totals[0] for found in totals)
    again = scheduler(tmp_path, up_to(3))
    assert all(again._store.whole(path.stem) for path in tmp_path.glob("*/*.json"))
    assert not list(tmp_path.glob("*/*.tmp"))


def test_what_nobody_rests_on_waits_for_a_gap():
    """A round of two trainings, their sum, two evaluations of it, and the next round's trainings."""
    names = ["train a", "train b", "sum", "evaluate a", "evaluate b", "train a again", "train b again", "sum again"]
    names += ["evaluate again"]
    rests = {2: (0, 1), 3: (2,), 4: (2,), 5: (2,), 6: (2,), 7: (5, 6), 8: (7,)}
    nodes: list[Node] = []
    for i, name in enumerate(names):
        alone = batch([Recipe("add", {"n": i})], str, "e")
        nodes.append(Node(i, alone, [name], [nodes[need] for need in rests.get(i, ())]))
    course, order = Course(nodes), []
    while course.ready:
        order.append(course.next())
        course.done(order[-1])
    assert [node.number for node in order] == [0, 1, 2, 5, 6, 7, 3, 4, 8]
