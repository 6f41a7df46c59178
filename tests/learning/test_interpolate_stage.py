"""Mixing a download with a client's own state."""

from __future__ import annotations

import pytest
import torch

from pwffsim.learning import stages

OWN = {"a": torch.tensor([1.0, 2.0]), "b": torch.tensor([[3.0]])}
GLOBAL = {"a": torch.tensor([5.0, -2.0]), "b": torch.tensor([[1.0]]), "c": torch.zeros(3)}


def mixed(share, own=OWN, known=GLOBAL):
    return stages.run("interpolate", {"group": "lora", "share": share}, {"own": own, "global": known}).parts["lora"]


def test_a_quarter_of_the_way():
    found = mixed(0.25)
    assert found.keys() == OWN.keys()
    assert found["a"].tolist() == [2.0, 1.0] and found["b"].tolist() == [[2.5]]


@pytest.mark.parametrize(("share", "state"), [(0.0, OWN), (1.0, GLOBAL)])
def test_the_ends_are_exact(share, state):
    assert all(torch.equal(tensor, state[name]) for name, tensor in mixed(share).items())


def test_a_global_state_that_lacks_something_is_refused():
    with pytest.raises(ValueError, match="the global state lacks b, which the client holds"):
        mixed(0.5, known={"a": GLOBAL["a"]})
