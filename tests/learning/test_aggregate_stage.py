"""The server's sum against an independent FedAvg loop, lost slices, and modules that not everybody holds."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import combinations
from math import fsum, isnan
from statistics import fmean

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from pwffsim.learning import stages, state

SHAPES = {"b": (3, 2), "a": (5,), "c": (2, 2, 2)}
BYTES = 4 * (5 + 6 + 8)


def group(seed, names=tuple(SHAPES)):
    generator = torch.Generator().manual_seed(seed)
    return {name: torch.randn(SHAPES[name], generator=generator) for name in names}


def summed(current, updates, coefficients, bases=None, lost=None, per_module=False):
    inputs = {"global/adapters": current}
    for i, update in enumerate(updates):
        inputs[f"update{i}/adapters"] = update
        inputs[f"base{i}/adapters"] = current if bases is None else bases[i]
    params = {
        "groups": ["adapters"],
        "coefficients": list(coefficients),
        "lost": lost or [[] for _ in updates],
        "per_module": per_module,
    }
    return stages.run("aggregate", params, inputs)


def test_equal_clients_from_one_base_are_plain_fedavg():
    current, updates = group(0), [group(i) for i in range(1, 6)]
    new = summed(current, updates, [0.2] * 5).parts["adapters"]
    for name in SHAPES:
        mean = np.mean([update[name].numpy() for update in updates], axis=0)
        np.testing.assert_allclose(new[name].numpy(), mean, atol=1e-6)


@given(st.integers(0, 1000), st.integers(1, 6))
def test_weighted_updates_of_old_bases(seed, clients):
    rng = np.random.default_rng(seed)
    weights = rng.dirichlet(np.ones(clients))
    current = group(seed)
    updates, bases = ([group(seed + k + i) for i in range(clients)] for k in (10, 50))
    new = summed(current, updates, weights, bases).parts["adapters"]
    for name in SHAPES:
        expected = current[name].double().numpy() + sum(
            w * (u[name].double().numpy() - b[name].double().numpy())
            for w, u, b in zip(weights, updates, bases, strict=True)
        )
        np.testing.assert_allclose(new[name].numpy(), expected.astype(np.float32), rtol=2e-7, atol=1e-7)


def test_two_groups_share_one_payload():
    current = {"adapters": group(0), "lora": {"z": torch.zeros(2), "A": torch.zeros(3)}}
    inputs = {f"{kind}/{g}": tensors for g, tensors in current.items() for kind in ("global", "base0")}
    inputs |= {"update0/adapters": group(1), "update0/lora": {"z": torch.ones(2), "A": torch.ones(3)}}
    params = {"groups": ["adapters", "lora"], "coefficients": [1.0], "lost": [[[0, 12]]], "per_module": False}
    parts = stages.run("aggregate", params, inputs).parts
    assert not parts["lora"]["A"].any()  # "A" sorts before the rest: its 12 bytes were lost
    assert parts["lora"]["z"].tolist() == [1.0, 1.0]
    torch.testing.assert_close(parts["adapters"]["a"], group(1)["a"])


@given(st.integers(0, BYTES - 1), st.integers(1, BYTES), st.integers(0, 100))
def test_lost_slices_keep_the_last_global_value(start, length, seed):
    stop = min(start + length, BYTES)
    current, update = group(seed), group(seed + 1)
    result = summed(current, [update], [1.0], lost=[[[start, stop]]])
    new = torch.cat([result.parts["adapters"][name].flatten() for name in sorted(SHAPES)])
    old = torch.cat([current[name].flatten() for name in sorted(SHAPES)])
    sent = torch.cat([update[name].flatten() for name in sorted(SHAPES)])
    for i in range(len(new)):
        touched = 4 * i < stop and start < 4 * (i + 1)
        assert float(new[i]) == pytest.approx(float(old[i] if touched else sent[i]), abs=1e-6)
    assert result.facts["lost_bytes"] == stop - start


def test_a_slice_that_one_client_lost_still_gets_the_other():
    current = {"a": torch.zeros(2)}
    updates = [{"a": torch.ones(2)}, {"a": torch.full((2,), 3.0)}]
    new = summed(current, updates, [0.5, 0.5], lost=[[[4, 8]], []]).parts["adapters"]["a"]
    assert new.tolist() == [2.0, 1.5]


def test_a_lost_range_beyond_the_payload_is_refused():
    with pytest.raises(ValueError, match=r"lost bytes 70\.\.80 lie outside the payload of 76 bytes of update 0"):
        summed(group(0), [group(1)], [1.0], lost=[[[70, 80]]])


def test_modules_are_averaged_over_their_holders():
    current = {"a": torch.zeros(1), "b": torch.zeros(1), "c": torch.full((1,), 7.0)}
    updates = [{"a": torch.tensor([1.0]), "b": torch.tensor([1.0])}, {"a": torch.tensor([5.0])}]
    result = summed(current, updates, [0.25, 0.75], bases=[current, current], per_module=True)
    assert {name: t.item() for name, t in result.parts["adapters"].items()} == {"a": 4.0, "b": 1.0, "c": 7.0}


def test_a_missing_module_is_refused_where_all_must_hold_it():
    with pytest.raises(ValueError, match="an update lacks a; average each module over its holders"):
        summed(group(0), [group(1, ("b", "c"))], [1.0])


def test_a_foreign_tensor_is_refused():
    with pytest.raises(ValueError, match="an update holds x, which the global state has not"):
        summed(group(0), [{**group(1), "x": torch.zeros(1)}], [1.0], bases=[{**group(0), "x": torch.zeros(1)}])


def test_facts_tell_content_and_agreement():
    current = group(0)
    shift = {name: tensor + 1 for name, tensor in current.items()}
    back = {name: tensor - 1 for name, tensor in current.items()}
    facts = summed(current, [shift, shift], [0.5, 0.5]).facts
    assert facts["cosine"] == pytest.approx(1)
    assert facts["update_norms"] == pytest.approx([19**0.5] * 2)
    assert facts["finite"] is True
    assert summed(current, [shift, back], [0.5, 0.5]).facts["cosine"] == pytest.approx(-1)
    unchanged = summed(current, [shift, back], [0.5, 0.5]).parts["adapters"]
    assert facts["digest"] != state.content_digest(unchanged)


def by_definition(current, updates, bases, coefficients):
    """The next state tensor by tensor, and the mean cosine pair by pair over what both hold."""
    differences = [{n: u[n].double() - b[n].double() for n in u} for u, b in zip(updates, bases, strict=True)]
    new = {}
    for name, old in current.items():
        held = [c for c, d in zip(coefficients, differences, strict=True) if name in d]
        factor = 1.0 if len(held) in (0, len(updates)) else fsum(coefficients) / fsum(held)
        total = old.double()
        for c, d in zip(coefficients, differences, strict=True):
            total = total + factor * c * d[name] if name in d else total
        new[name] = total.float()
    return new, [cosine(a, b) for a, b in combinations(differences, 2)]


def cosine(a, b):
    both = sorted(set(a) & set(b))
    x, y = (torch.cat([torch.zeros(0).double(), *(d[n].flatten() for n in both)]) for d in (a, b))
    norms = float(x.norm() * y.norm())
    return float(x @ y) / norms if norms > 0 else 0.0


@settings(deadline=None)
@given(st.integers(0, 10_000), st.lists(st.sets(st.sampled_from("abc"), min_size=1), min_size=1, max_size=7))
def test_one_pass_is_the_definition_to_the_bit(seed, holdings):
    """Whoever holds what: the sum's bits are those of the loops, the cosine is the mean over pairs."""
    rng, clients = np.random.default_rng(seed), len(holdings)
    coefficients, current = rng.dirichlet(np.ones(clients)).tolist(), group(seed)
    updates = [group(seed + 10 + i, sorted(names)) for i, names in enumerate(holdings)]
    bases = [current if rng.random() < 0.5 else group(seed + 50 + i) for i in range(clients)]
    if clients > 2:
        updates[1] = {name: bases[1][name].clone() for name in updates[1]}  # nothing learnt: no direction
    result = summed(current, updates, coefficients, bases, per_module=True)
    new, cosines = by_definition(current, updates, bases, coefficients)
    assert {name: t.numpy().tobytes() for name, t in result.parts["adapters"].items()} == {
        name: t.numpy().tobytes() for name, t in new.items()
    }
    assert result.facts["cosine"] == pytest.approx(fmean(cosines) if cosines else 0.0, abs=1e-12)


class ReadOnce(Mapping):
    """Inputs that are loaded when asked for; each may be asked for once."""

    def __init__(self, inputs):
        self._inputs, self._asked = inputs, set()

    def __getitem__(self, name):
        assert name not in self._asked, f"{name} is read again"
        self._asked.add(name)
        return self._inputs[name]

    def __iter__(self):
        return iter(self._inputs)

    def __len__(self):
        return len(self._inputs)


def test_inputs_are_read_once():
    current, updates = group(0), [group(i) for i in range(1, 4)]
    inputs = {"global/adapters": current}
    inputs |= {
        f"{kind}{i}/adapters": t for i, u in enumerate(updates) for kind, t in (("update", u), ("base", current))
    }
    params = {"groups": ["adapters"], "coefficients": [0.2, 0.3, 0.5], "lost": [[]] * 3, "per_module": False}
    lazily = stages.run("aggregate", params, ReadOnce(inputs))
    assert lazily.facts == summed(current, updates, [0.2, 0.3, 0.5]).facts


def test_a_base_is_never_taken_for_another():
    """Neighbours of equal bases share its flat form; who began elsewhere does not."""
    one, other = group(5), group(6)
    updates, bases = [group(i) for i in range(1, 5)], [one, one, other, one]
    result = summed(group(0), updates, [0.25] * 4, bases)
    new, _ = by_definition(group(0), updates, bases, [0.25] * 4)
    for name, tensor in new.items():
        assert torch.equal(result.parts["adapters"][name], tensor)


def test_an_update_that_is_no_number_has_no_direction_and_hides_no_other():
    current = group(0)
    shift = {name: tensor + 1 for name, tensor in current.items()}
    broken = {**shift, "a": torch.full((5,), float("nan"))}
    facts = summed(current, [shift, broken, shift], [0.25, 0.5, 0.25]).facts
    assert facts["finite"] is False
    assert isnan(facts["update_norms"][1]) and not isnan(facts["update_norms"][2])
    assert facts["cosine"] == pytest.approx(1 / 3)  # of three pairs one has a cosine


def test_nan_shows():
    assert summed(group(0), [{**group(1), "a": torch.full((5,), float("nan"))}], [1.0]).facts["finite"] is False


def test_the_same_sum_gives_the_same_bits():
    digests = {summed(group(0), [group(1), group(2), group(3)], [0.2, 0.3, 0.5]).facts["digest"] for _ in range(3)}
    assert len(digests) == 1


def test_a_digest_sees_names_shapes_and_bits():
    base = {"a": torch.zeros(2, 2), "b": torch.zeros(1)}
    others = [
        {"a": torch.zeros(4), "b": torch.zeros(1)},
        {"a": torch.zeros(2, 2), "c": torch.zeros(1)},
        {"a": torch.zeros(2, 2), "b": torch.tensor([1e-45])},
    ]
    assert len({state.content_digest(x) for x in (base, *others)}) == 4
    assert state.content_digest(dict(reversed(base.items()))) == state.content_digest(base)
