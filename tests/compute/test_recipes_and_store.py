"""Content addresses, the store's commit point, and the serial executor's laziness."""

from __future__ import annotations

import pytest
import torch

from pwffsim.compute import serial
from pwffsim.compute.dry import DryCompute
from pwffsim.compute.recipe import ComputeError, Recipe
from pwffsim.compute.serial import SerialCompute
from pwffsim.compute.store import Store
from pwffsim.learning import stages
from pwffsim.learning.stages import StageResult


@pytest.fixture
def counting(monkeypatch):
    """Stages that add, and a list of what ran."""
    ran = []

    def run(stage, params, inputs):
        ran.append((stage, params.get("n")))
        if stage == "fail":
            raise RuntimeError("no")
        total = params["n"] + sum(float(state["x"]) for state in inputs.values())
        return StageResult({"out": {"x": torch.tensor(total)}}, {"total": total})

    monkeypatch.setattr(stages, "run", run)
    monkeypatch.setattr(serial, "environment", lambda: "test")
    return ran


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
    compute = SerialCompute(Store(tmp_path))
    first = compute.submit(Recipe("add", {"n": 1}))
    second = compute.submit(Recipe("add", {"n": 2}, {"a": first.part("out")}))
    compute.submit(Recipe("add", {"n": 3}))
    assert counting == []
    assert second.facts() == {"total": 3.0}
    assert counting == [("add", 1), ("add", 2)]


def test_a_chain_of_thousands_needs_no_recursion(counting, tmp_path):
    compute = SerialCompute(Store(tmp_path))
    handle = compute.submit(Recipe("add", {"n": 0}))
    for n in range(1, 1500):
        handle = compute.submit(Recipe("add", {"n": n}, {"a": handle.part("out")}))
    assert handle.facts()["total"] == sum(range(1500))


def test_a_second_run_finds_the_first_ones_results(counting, tmp_path):
    for _ in range(2):
        compute = SerialCompute(Store(tmp_path))
        first = compute.submit(Recipe("add", {"n": 1}))
        assert compute.submit(Recipe("add", {"n": 2}, {"a": first.part("out")})).facts()["total"] == 3.0
    assert counting == [("add", 1), ("add", 2)]
    assert (compute.store.hits, compute.store.misses) == (1, 0), "the first result need not even be looked at"


@pytest.mark.parametrize("damage", ["facts torn", "tensors torn", "tensors gone", "facts altered", "facts emptied"])
def test_a_damaged_entry_is_computed_again(counting, tmp_path, damage):
    key = SerialCompute(Store(tmp_path)).submit(Recipe("add", {"n": 1})).key
    SerialCompute(Store(tmp_path)).submit(Recipe("add", {"n": 1})).facts()
    facts, tensors = tmp_path / key[:2] / f"{key}.json", tmp_path / key[:2] / f"{key}.out.safetensors"
    if damage == "facts torn":
        facts.write_bytes(facts.read_bytes()[:-5])
    elif damage == "facts altered":
        facts.write_text(facts.read_text().replace('"total": 1', '"total": 9'))
    elif damage == "facts emptied":
        facts.write_text('{"facts": {}, "parts": {}}')
    elif damage == "tensors torn":
        tensors.write_bytes(tensors.read_bytes()[:-1])
    else:
        tensors.unlink()
    again = SerialCompute(Store(tmp_path))
    assert again.submit(Recipe("add", {"n": 1})).facts() == {"total": 1.0}
    assert len(counting) == 2


def test_tensors_survive_the_disk(tmp_path):
    state = {"a": torch.arange(6.0).view(2, 3), "b": torch.zeros(())}
    Store(tmp_path).put("ab12", {"out": state}, {})
    read = Store(tmp_path).state("ab12", "out")
    assert all(torch.equal(state[name], read[name]) for name in state)
    with pytest.raises(KeyError, match="no tensors named 'other'"):
        Store(tmp_path).state("ab12", "other")


def test_memory_is_bounded(tmp_path):
    store = Store(tmp_path, resident_bytes=8)
    for i in range(5):
        store.put(f"ab{i}", {"out": {"x": torch.tensor(float(i))}}, {})
    assert len(store._states) == 2
    assert float(store.state("ab0", "out")["x"]) == 0.0


def test_a_failing_stage_is_named(counting, tmp_path):
    handle = SerialCompute(Store(tmp_path)).submit(Recipe("fail", {"client": 3, "n": 0}))
    with pytest.raises(ComputeError, match="fail of client 3 failed: RuntimeError: no"):
        handle.facts()


def test_a_plan_knows_keys_and_no_facts():
    handle = DryCompute().submit(Recipe("instruction.train", {}))
    assert handle.part("lora") == f"{handle.key}/lora"
    with pytest.raises(ComputeError, match=r"depends on the outcome of instruction\.train"):
        handle.facts()
