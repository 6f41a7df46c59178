"""What a server hears of updates that add up on the air: the mean, and how much noise there is in it."""

from __future__ import annotations

from math import inf, sqrt

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from channel_models.aircomp import noise_deviation
from pwffsim.learning import stages
from pwffsim.learning.superposition import Sender, Superposition

SIZE = 60_000


def senders(coefficients, size=SIZE, silent=(), spread=(), seed=0):
    generator, made = torch.Generator().manual_seed(seed), []
    for i, coefficient in enumerate(coefficients):
        entries = torch.randn(size, generator=generator, dtype=torch.float64) * (spread[i] if spread else 1.0)
        deviation = float(entries.square().mean().sqrt())
        gaps = list(silent[i]) if silent else []
        for gap in gaps:
            entries[gap] = 0.0
        made.append(Sender(coefficient, entries, gaps, deviation))
    return made


def superposed(many):
    heard = Superposition(len(many[0].entries))
    for sender in many:
        heard.add(sender)
    return heard


def noisy_mean(many, snr, seed):
    return superposed(many).mean(snr, seed)


def scale(many):
    return superposed(many).scale


def scatter(values):
    """Mean square, and the class B tolerance on it."""
    squares = np.square(values)
    return squares.mean(), 4.4 * squares.std(ddof=1) / sqrt(len(squares))


def test_equal_clients_meet_the_noise_of_the_closed_form():
    # class B: MSE of the mean of |A| senders = r^2 sigma^2/(rho0 |A|^2)
    many = senders([0.25] * 4, silent=[[], [], [], [slice(0, SIZE // 2)]])
    error = (noisy_mean(many, 2.0, seed=5) - noisy_mean(many, inf, seed=5)).numpy()
    largest = max(sender.deviation for sender in many)
    for part, heard in ((error[: SIZE // 2], 3), (error[SIZE // 2 :], 4)):
        square, tolerance = scatter(part)
        assert abs(square - float(noise_deviation(2.0, heard, largest)) ** 2) <= tolerance
        assert abs(part.mean()) <= 4.4 * part.std() / sqrt(part.size)


def test_unequal_weights_share_one_scale():
    # class B: deviation s/(sqrt(rho0/sigma^2) C_j), s = max c_i r_i, C_j = the sum of the senders' coefficients
    weights, gap = [0.5, 0.3, 0.2], slice(0, SIZE // 2)
    many = senders(weights, silent=[[gap], [], []], spread=[1.0, 4.0, 0.1])
    assert scale(many) == pytest.approx(0.3 * many[1].deviation, rel=1e-12)
    error = (noisy_mean(many, 10.0, seed=1) - noisy_mean(many, inf, seed=1)).numpy()
    for part, heard in ((error[gap], 0.5), (error[SIZE // 2 :], 1.0)):
        square, tolerance = scatter(part)
        assert abs(square - scale(many) ** 2 / (10.0 * heard**2)) <= tolerance


def test_a_single_client_meets_the_noise_of_its_own_link_whatever_its_weight():
    # the others have no weight: r^2 sigma^2/rho0, as if it were alone
    alone, crowd = senders([1.0]), senders([1.0, 0.0, 0.0])
    torch.testing.assert_close(noisy_mean(alone, 3.0, seed=2), noisy_mean(crowd, 3.0, seed=2), rtol=0, atol=0)


def test_nobody_sends_above_unit_mean_square_and_somebody_at_it():
    many = senders([0.5, 0.3, 0.2], spread=[1.0, 4.0, 0.1])
    sent = [sender.coefficient * sender.deviation / scale(many) for sender in many]
    assert max(sent) == 1.0 and min(sent) > 0


@settings(deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 5), st.integers(1, 40))
def test_without_noise_it_is_the_weighted_mean_of_those_who_send(seed, clients, size):
    rng = np.random.default_rng(seed)
    weights, sends = rng.dirichlet(np.ones(clients)), rng.random((clients, size)) < 0.6
    silent = [[slice(j, j + 1) for j in range(size) if not row[j]] for row in sends]
    many = senders(weights.tolist(), size, silent, seed=seed)
    heard = noisy_mean(many, inf, seed=0).numpy()
    for j in range(size):
        own = [(w, float(s.entries[j])) for w, s, on in zip(weights, many, sends[:, j], strict=True) if on]
        expected = sum(w * x for w, x in own) / sum(w for w, _ in own) if own else 0.0
        assert heard[j] == pytest.approx(expected, rel=1e-12, abs=1e-15)


def test_noise_is_pure_in_its_seed():
    many = senders([0.5, 0.5], 100)
    assert torch.equal(noisy_mean(many, 1.0, seed=3), noisy_mean(many, 1.0, seed=3))
    assert not torch.equal(noisy_mean(many, 1.0, seed=3), noisy_mean(many, 1.0, seed=4))


def test_a_sender_whose_strength_is_no_number_leaves_none_to_the_sum():
    """Its entries were lost, but the scale of all was to follow from it, whoever came first."""
    broken = Sender(0.5, torch.zeros(10, dtype=torch.float64), [slice(0, 10)], float("nan"))
    sound = senders([0.5], 10)[0]
    for many in ([broken, sound], [sound, broken]):
        assert noisy_mean(many, 1.0, seed=0).isnan().all()


@pytest.mark.parametrize("snr", [0.0, -1.0, float("nan")])
def test_without_power_nothing_is_heard(snr):
    with pytest.raises(ValueError, match="snr must be above 0"):
        noisy_mean(senders([1.0], 10), snr, seed=0)


# The stage: names, groups and bytes around it.

SHAPES = {"b": (3, 2), "a": (5,), "c": (2, 2, 2)}


def group(seed):
    generator = torch.Generator().manual_seed(seed)
    return {name: torch.randn(shape, generator=generator) for name, shape in SHAPES.items()}


def on_air(updates, coefficients, lost, snr_db=inf, seed=1, per_module=False):
    inputs = {"global/adapters": group(0)}
    for i, update in enumerate(updates):
        inputs |= {f"update{i}/adapters": update, f"base{i}/adapters": group(0)}
    params = {
        "groups": ["adapters"],
        "coefficients": coefficients,
        "lost": lost,
        "per_module": per_module,
        "air": {"snr_db": snr_db, "seed": seed},
    }
    return stages.run("aggregate", params, inputs)


def flat(tensors):
    return np.concatenate([tensors[name].double().numpy().ravel() for name in sorted(tensors)])


def test_the_stage_without_noise_by_hand():
    """Entries 0-3 from the second client alone, 4-9 from nobody, the others from both."""
    updates, old = [group(1), group(2)], flat(group(0))
    new = flat(on_air(updates, [0.25, 0.75], [[[0, 40]], [[16, 40]]]).parts["adapters"])
    first, second = (flat(update) for update in updates)
    np.testing.assert_allclose(new[:4], second[:4], rtol=2e-7, atol=1e-7)
    np.testing.assert_array_equal(new[4:10], old[4:10])
    np.testing.assert_allclose(new[10:], 0.25 * first[10:] + 0.75 * second[10:], rtol=2e-7, atol=1e-7)


def test_the_stage_adds_the_noise_of_its_seed_where_somebody_sent():
    updates, lost = [group(1), group(2)], [[[0, 40]], [[16, 40]]]
    quiet, noisy = (on_air(updates, [0.5, 0.5], lost, snr_db).parts["adapters"] for snr_db in (inf, 3.0))
    changed = flat(noisy) != flat(quiet)
    assert changed.tolist() == [True] * 4 + [False] * 6 + [True] * 9
    digests = {on_air(updates, [0.5, 0.5], lost, 3.0, seed).facts["digest"] for seed in (1, 1, 2)}
    assert len(digests) == 2


def test_the_noise_of_the_stage_is_as_strong_as_what_was_to_be_sent():
    """Half of what a client had was lost; its scale is that of the whole, told before anybody knew of that."""
    old, new = torch.zeros(20_000), torch.cat([torch.full((10_000,), 3.0), torch.zeros(10_000)])
    inputs = {"global/a": {"x": old}, "update0/a": {"x": new}, "base0/a": {"x": old}}
    params = {"groups": ["a"], "coefficients": [1.0], "lost": [[[0, 40_000]]], "per_module": False}
    heard = stages.run("aggregate", {**params, "air": {"snr_db": 0.0, "seed": 8}}, inputs).parts["a"]["x"].numpy()
    assert not heard[:10_000].any()
    square, tolerance = scatter(heard[10_000:].astype(float))
    assert abs(square - 9.0 / 2) <= tolerance


def test_clients_that_hold_different_tensors_cannot_add_up():
    with pytest.raises(ValueError, match="an update lacks a"):
        on_air([group(1), {name: group(2)[name] for name in "bc"}], [0.5, 0.5], [[], []], per_module=True)
