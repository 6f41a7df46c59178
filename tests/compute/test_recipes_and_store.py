"""Content addresses, the store's commit point, and the scheduler's laziness."""

from __future__ import annotations

import json
from math import isnan, nan

import pytest
import torch
from stand_ins import add, scheduler

from pwffsim.compute.dry import DryCompute
from pwffsim.compute.recipe import ComputeError, Recipe
from pwffsim.compute.store import Store


def test_a_key_depends_on_everything_and_on_order_of_nothing():
    recipe = Recipe("s", {"a": 1, "b": [2.5]}, {"x": "k/p", "y": "l/p"})
    same = Recipe("s", {"b": [2.5], "a": 1}, {"y": "l/p", "x": "k/p"})
    assert recipe.key("e") == same.key("e")
    others = [Recipe("t", recipe.params, recipe.inputs), Recipe("s", {"a": 2, "b": [2.5]}, recipe.inputs)]
    others += [Recipe("s", recipe.params, {"x": "k/p", "y": "l/q"})]
    assert len({r.key("e") for r in [recipe, *others]} | {recipe.key("f")}) == 5


def test_hints_are_not_part_of_the_address():
    assert Recipe("s", {"a": 1}, {}, {"where": "here"}).key("e") == Recipe("s", {"a": 1}, {}, {}).key("e")


def test_nan_has_no_address():
    with pytest.raises(ValueError, match="not JSON compliant"):
        Recipe("s", {"a": float("nan")}).key("e")


def test_nothing_runs_until_somebody_asks(counting, tmp_path):
    compute = scheduler(tmp_path)
    first = compute.submit(add(1))
    second = compute.submit(add(2, first))
    compute.submit(add(3))
    assert counting == [] and not first.known() and not second.known()
    assert second.facts() == {"total": 3.0}
    assert counting == [("add", (1,)), ("add", (2,))]
    assert first.known() and first.facts() == {"total": 1.0}
    counts = compute.counts
    assert (counts.announced, counts.wanted, counts.computed, counts.batches) == (3, 2, 2, 2)


def test_the_same_recipe_is_computed_once(counting, tmp_path):
    compute = scheduler(tmp_path)
    first, again = compute.submit(add(1)), compute.submit(add(1))
    compute.settle([first, again])
    assert compute.submit(add(1)).facts() == {"total": 1.0}
    assert counting == [("add", (1,))] and compute.counts.announced == 1


def test_a_chain_of_thousands_needs_no_recursion(counting, tmp_path):
    compute = scheduler(tmp_path)
    handle = compute.submit(add(0))
    for n in range(1, 1500):
        handle = compute.submit(add(n, handle))
    assert handle.facts()["total"] == sum(range(1500))


def test_a_second_run_finds_the_first_ones_results(counting, tmp_path):
    for _ in range(2):
        compute = scheduler(tmp_path)
        first = compute.submit(add(1))
        assert compute.submit(add(2, first)).facts()["total"] == 3.0
    assert counting == [("add", (1,)), ("add", (2,))]
    assert (compute.counts.reused, compute.counts.computed) == (2, 0)
    assert not first.known(), "the first result need not even be looked at"


def test_another_environment_finds_nothing(counting, tmp_path):
    for environment in ("one", "another"):
        assert scheduler(tmp_path, environment=environment).submit(add(1)).facts() == {"total": 1.0}
    assert len(counting) == 2


def stored(folder, suffix):
    (path,) = folder.glob(f"*/*.{suffix}")
    return path


@pytest.mark.parametrize("damage", ["torn", "altered", "emptied", "of another entry"])
def test_damaged_facts_are_computed_again(counting, tmp_path, damage):
    scheduler(tmp_path).submit(add(1)).facts()
    facts = stored(tmp_path, "json")
    if damage == "torn":
        facts.write_bytes(facts.read_bytes()[:-5])
    elif damage == "altered":
        facts.write_text(facts.read_text().replace('"total": 1', '"total": 9'))
    elif damage == "emptied":
        facts.write_text('{"facts": {}, "parts": {}}')
    else:
        Store(tmp_path / "elsewhere").put("ef01", {}, {"total": 9.0})
        facts.write_bytes(stored(tmp_path / "elsewhere", "json").read_bytes())
    assert scheduler(tmp_path).submit(add(1)).facts() == {"total": 1.0}
    assert len(counting) == 2


def damaged(path, how):
    contents = bytearray(path.read_bytes())
    contents[-1] ^= 1
    return {"torn": path.read_bytes()[:-1], "altered": bytes(contents), "emptied": b"", "gone": None}[how]


def damage_tensors(folder, how):
    path = stored(folder, "out.safetensors")
    contents = damaged(path, how)
    path.unlink() if contents is None else path.write_bytes(contents)


@pytest.mark.parametrize("how", ["torn", "altered", "emptied", "gone"])
def test_damaged_tensors_are_computed_again_for_whoever_reads_them(counting, tmp_path, how):
    scheduler(tmp_path).submit(add(1)).facts()
    damage_tensors(tmp_path, how)
    compute = scheduler(tmp_path)
    first = compute.submit(add(1))
    assert first.facts() == {"total": 1.0} and len(counting) == 1, "facts have a seal of their own"
    assert compute.submit(add(2, first)).facts() == {"total": 3.0}
    assert counting == [("add", (1,)), ("add", (1,)), ("add", (2,))]


@pytest.mark.parametrize("how", ["torn", "gone"])
def test_tensors_damaged_beneath_a_running_world_are_computed_again(counting, tmp_path, how):
    """A later step rests on what was settled long ago, and has left memory since."""
    compute = scheduler(tmp_path)
    first = compute.submit(add(1))
    first.facts()
    compute._store._states.clear()
    damage_tensors(tmp_path, how)
    assert compute.submit(add(2, first)).facts() == {"total": 3.0}
    assert [numbers for _, numbers in counting] == [(1,), (1,), (2,)]
    assert compute.counts.computed == 3 and compute.counts.reused == 0


def test_tensors_that_somebody_asks_for_are_computed_again(counting, tmp_path):
    scheduler(tmp_path).submit(add(1)).facts()
    damage_tensors(tmp_path, "gone")
    compute = scheduler(tmp_path)
    assert float(compute.state(compute.submit(add(1)).part("out"))["x"]) == 1.0


def test_facts_are_the_same_whether_computed_or_read(tmp_path):
    """JSON has no tuples and no numbers as names, so nobody ever sees any."""
    facts = {"b": (1, 2.5), "a": {3: "x"}, "third": 1 / 3, "lost": nan, "fine": True}
    computed, read = Store(tmp_path).put("ab12", {}, facts), Store(tmp_path).facts("ab12")
    assert isnan(computed.pop("lost")) and isnan(read.pop("lost"))
    assert computed == read == {"a": {"3": "x"}, "b": [1, 2.5], "fine": True, "third": 1 / 3}
    assert list(computed) == list(read)


def test_facts_that_are_no_json_are_refused(tmp_path):
    with pytest.raises(TypeError, match="not JSON serializable"):
        Store(tmp_path).put("ab12", {}, {"a": torch.tensor(1.0)})


def test_tensors_survive_the_disk(tmp_path):
    state = {"a": torch.arange(6.0).view(2, 3), "b": torch.zeros(()), "c": torch.arange(6.0).view(2, 3).T}
    Store(tmp_path).put("ab12", {"out": state}, {})
    read = Store(tmp_path).state("ab12", "out")
    assert list(read) == ["a", "b", "c"] and all(torch.equal(state[name], read[name]) for name in state)
    with pytest.raises(KeyError, match="no tensors named 'other'"):
        Store(tmp_path).state("ab12", "other")


def test_a_state_in_memory_is_as_it_will_be_read(tmp_path):
    """Sums over names, and products, must not hang on whether a result was computed or found."""
    store = Store(tmp_path)
    store.put("ab12", {"out": {"b": torch.arange(6.0).view(2, 3).T, "a": torch.zeros(2)}}, {})
    held, read = store.state("ab12", "out"), Store(tmp_path).state("ab12", "out")
    assert list(held) == list(read) == ["a", "b"]
    assert [tensor.stride() for tensor in held.values()] == [tensor.stride() for tensor in read.values()]


def test_memory_is_bounded(tmp_path):
    store = Store(tmp_path, resident_bytes=8)
    for i in range(5):
        store.put(f"ab{i}", {"out": {"x": torch.tensor(float(i))}}, {})
    assert len(store._states) == 2
    assert float(store.state("ab0", "out")["x"]) == 0.0


def test_what_a_store_holds_in_memory_is_what_it_says(tmp_path):
    """A row of a matrix of 1000 clients does not hold the other 999."""
    store, everybody = Store(tmp_path), torch.zeros(1000, 8)
    store.put("ab12", {"out": {"x": everybody[3]}}, {})
    assert store._states["ab12/out"]["x"].untyped_storage().nbytes() == 8 * 4


def test_a_failing_stage_is_named(counting, tmp_path):
    handle = scheduler(tmp_path).submit(Recipe("fail", {"client": 3, "n": 0}))
    with pytest.raises(ComputeError, match="fail of client 3 failed: RuntimeError: no") as failure:
        handle.facts()
    assert isinstance(failure.value.__cause__, RuntimeError)


def test_a_store_that_cannot_be_written_is_the_batchs_failure(counting, tmp_path):
    (tmp_path / "store").write_text("a file where a folder should be")
    with pytest.raises(ComputeError, match="add failed") as failure:
        scheduler(tmp_path / "store").submit(add(1)).facts()
    assert isinstance(failure.value.__cause__, OSError), "whose exit code says that a disk failed"


def test_a_plan_knows_keys_and_no_facts():
    handle = DryCompute().submit(Recipe("instruction.train", {}))
    assert handle.part("lora") == f"{handle.key}/lora"
    with pytest.raises(ComputeError, match=r"depends on the outcome of instruction\.train"):
        handle.facts()


def test_an_entry_says_what_it_holds(tmp_path):
    """The layout that other programs may read."""
    Store(tmp_path).put("ab12", {"out": {"x": torch.tensor(2.0)}}, {"total": 2.0})
    entry = json.loads((tmp_path / "ab" / "ab12.json").read_text())
    assert set(entry) == {"facts", "parts", "seal"} and entry["facts"] == {"total": 2.0}
    assert (tmp_path / "ab" / "ab12.out.safetensors").is_file() and list(entry["parts"]) == ["out"]
    assert not list(tmp_path.glob("**/*.tmp"))
