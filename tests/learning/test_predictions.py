"""The closed forms at a policy's head against torch's own, over whole vocabularies."""

from __future__ import annotations

from math import log

import pytest
import torch

from pwffsim.learning import predictions
from pwffsim.learning.predictions import Head

TEMPERATURES = (0.7, 1.0, 1.6)


def problem(n=300, vocabulary=701, width=24, spread=0.1, dtype=torch.float32, seed=0):
    """More tokens than one piece holds."""
    generator = torch.Generator().manual_seed(seed)
    weight = torch.randn(vocabulary, width, generator=generator, dtype=dtype)
    states = torch.randn(n, width, generator=generator, dtype=dtype)
    reference = states + spread * torch.randn(n, width, generator=generator, dtype=dtype)
    return weight, states, reference, torch.randint(vocabulary, (n,), generator=generator)


def plain(weight, states, temperature):
    return torch.log_softmax(states.double() @ weight.double().T / temperature, -1)


@pytest.mark.parametrize("temperature", TEMPERATURES)
def test_comparison_is_that_of_whole_distributions(temperature):
    weight, states, reference, tokens = problem()
    found = predictions.compare(Head(weight, temperature), states, reference, tokens)
    own, other = plain(weight, states, temperature), plain(weight, reference, temperature)
    close = {"rtol": 1e-5, "atol": 1e-5, "check_dtype": False}
    torch.testing.assert_close(found.log_probs, own.gather(1, tokens[:, None]).squeeze(1), **close)
    torch.testing.assert_close(found.reference_log_probs, other.gather(1, tokens[:, None]).squeeze(1), **close)
    torch.testing.assert_close(found.entropy, -(own.exp() * own).sum(-1), **close)
    torch.testing.assert_close(found.divergence, (own.exp() * (own - other)).sum(-1), **close)


@pytest.mark.parametrize("spread", [1e-3, 1e-5])
def test_a_small_divergence_keeps_its_digits(spread):
    """fp32 logits are off by 1e-6, a divergence of 1e-6 or 1e-10 is not lost in them."""
    weight, states, reference, tokens = problem(spread=spread)
    found = predictions.compare(Head(weight, 1.0), states, reference, tokens).divergence
    own, other = plain(weight, states, 1.0), plain(weight, reference, 1.0)
    exact = (own.exp() * (own - other)).sum(-1)
    assert float((found - exact).abs().sum() / exact.sum()) < 2e-2


def test_the_divergence_of_equal_policies_is_zero():
    weight, states, _, tokens = problem()
    assert not predictions.compare(Head(weight, 1.0), states, states, tokens).divergence.any()


def test_policies_that_lie_far_apart_stay_finite():
    weight, states, reference, tokens = problem(spread=30.0)
    found = predictions.compare(Head(weight, 1.0), states, reference, tokens)
    own, other = plain(weight, states, 1.0), plain(weight, reference, 1.0)
    exact = (own.exp() * (own - other)).sum(-1)
    assert float(exact.max()) > 100
    torch.testing.assert_close(found.divergence.double(), exact, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("temperature", TEMPERATURES)
def test_gradients_are_those_of_autograd(temperature):
    weight, states, reference, tokens = problem(n=40)
    generator = torch.Generator().manual_seed(1)
    first, second = torch.randn(40, generator=generator), torch.randn(40, generator=generator)
    second[::3] = 0
    head = Head(weight, temperature)
    constant = torch.logsumexp(reference @ weight.T / temperature, -1)
    own = states.clone().requires_grad_()
    log_probs, divergence = predictions.predict(head, own, tokens, reference, constant)
    (log_probs * first + divergence * second).sum().backward()
    expected = states.double().requires_grad_()
    whole = torch.log_softmax(expected @ weight.double().T / temperature, -1)
    apart = (whole.exp() * (whole - plain(weight, reference, temperature))).sum(-1)
    drawn = whole.gather(1, tokens[:, None]).squeeze(1)
    (drawn * first + apart * second).sum().backward()
    torch.testing.assert_close(log_probs.double(), drawn, rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(divergence.double(), apart, rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(own.grad.double(), expected.grad, rtol=1e-4, atol=1e-5)


def test_a_state_that_is_not_a_number_spoils_its_own_token_alone():
    weight, states, reference, tokens = problem(n=6)
    constant = torch.logsumexp(reference @ weight.T, -1)
    states[2] = float("nan")
    own = states.requires_grad_()
    log_probs, divergence = predictions.predict(Head(weight, 1.0), own, tokens, reference, constant)
    (log_probs + divergence).sum().backward()
    assert torch.isnan(own.grad).any(1).tolist() == [False, False, True, False, False, False]


def test_everything_is_fp32_under_autocast():
    weight, states, reference, tokens = problem(n=40)
    head = Head(weight, 1.0)
    plainly = predictions.compare(head, states, reference, tokens)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        cast = predictions.compare(head, states, reference, tokens)
        log_probs, _ = predictions.predict(head, states, tokens, reference, plainly.reference_normalisers)
    assert torch.equal(cast.log_probs, plainly.log_probs)
    torch.testing.assert_close(log_probs, plainly.log_probs)


def test_divergence_and_entropy_of_known_distributions():
    """With W = I states are logits."""
    head, tokens = Head(torch.eye(3), 1.0), torch.tensor([0])
    p, q = torch.tensor([[0.5, 0.25, 0.25]]), torch.tensor([[0.25, 0.5, 0.25]])
    found = predictions.compare(head, p.log(), q.log(), tokens)
    assert float(found.divergence) == pytest.approx(0.25 * log(2))
    assert float(found.entropy) == pytest.approx(1.5 * log(2))
    assert float(found.log_probs) == pytest.approx(-log(2))
    assert float(found.reference_log_probs) == pytest.approx(-2 * log(2))
    even = predictions.compare(Head(torch.eye(8), 1.0), torch.zeros(1, 8), torch.zeros(1, 8), tokens)
    assert float(even.entropy) == pytest.approx(log(8))
