"""PPO's formulas against closed forms and by their symmetries."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from pwffsim.learning import ppo

HORIZON = ppo.Horizon(0.9, 0.8)


def grid(rows):
    return torch.tensor(rows, dtype=torch.float64)


def test_gae_by_hand():
    rewards, values = grid([[1.0, 2.0, 4.0]]), grid([[0.5, 0.25, 1.0]])
    mask = torch.ones(1, 3)
    d0, d1, d2 = 1 + 0.9 * 0.25 - 0.5, 2 + 0.9 * 1.0 - 0.25, 4 - 1.0
    k = 0.9 * 0.8
    expected = grid([[d0 + k * d1 + k * k * d2, d1 + k * d2, d2]])
    torch.testing.assert_close(ppo.gae(rewards, values, mask, HORIZON), expected)


def test_gae_with_lambda_one_is_return_minus_value():
    rewards, values = torch.randn(4, 6, dtype=torch.float64), torch.randn(4, 6, dtype=torch.float64)
    mask = torch.ones(4, 6)
    returns = rewards.flip(1).cumsum(1).flip(1)
    torch.testing.assert_close(ppo.gae(rewards, values, mask, ppo.Horizon(1.0, 1.0)), returns - values)


def test_gae_with_lambda_zero_is_the_one_step_error():
    rewards, values = torch.randn(4, 6, dtype=torch.float64), torch.randn(4, 6, dtype=torch.float64)
    following = torch.cat([values[:, 1:], torch.zeros(4, 1)], 1)
    advantages = ppo.gae(rewards, values, torch.ones(4, 6), ppo.Horizon(0.9, 0.0))
    torch.testing.assert_close(advantages, rewards + 0.9 * following - values)


def test_gae_of_a_short_response_ignores_what_follows():
    rewards, values = torch.randn(2, 5, dtype=torch.float64), torch.randn(2, 5, dtype=torch.float64)
    mask = torch.tensor([[1.0, 1, 1, 0, 0], [1, 1, 1, 1, 1]])
    padded = ppo.gae(rewards * mask, values * mask, mask, HORIZON)
    alone = ppo.gae(rewards[:1, :3], values[:1, :3], torch.ones(1, 3), HORIZON)
    torch.testing.assert_close(padded[0, :3], alone[0])
    assert not padded[0, 3:].any()


@st.composite
def two_objectives(draw):
    rows, length = draw(st.integers(1, 4)), draw(st.integers(1, 7))
    generator = torch.Generator().manual_seed(draw(st.integers(0, 10_000)))
    lengths = torch.randint(1, length + 1, (rows,), generator=generator)
    mask = (torch.arange(length) < lengths[:, None]).double()
    each = [torch.randn(rows, length, generator=generator, dtype=torch.float64) * mask for _ in range(4)]
    return mask, {"a": each[0], "b": each[1]}, {"a": each[2], "b": each[3]}, draw(st.floats(0, 1))


@given(two_objectives(), st.floats(0, 1), st.floats(0, 1))
def test_weighted_advantages_are_the_advantage_of_weighted_rewards(problem, gamma, lam):
    mask, rewards, values, w = problem
    weights, horizon = {"a": w, "b": 1 - w}, ppo.Horizon(gamma, lam)
    one = ppo.COMBINERS["advantage"](rewards, values, weights, mask, horizon)
    two = ppo.COMBINERS["reward"](rewards, values, weights, mask, horizon)
    torch.testing.assert_close(one.advantage, two.advantage)
    for objective in rewards:
        own = ppo.gae(rewards[objective], values[objective], mask, horizon)
        torch.testing.assert_close(one.returns[objective], own + values[objective])
        torch.testing.assert_close(two.returns[objective], one.returns[objective])


@pytest.mark.parametrize("combine", sorted(ppo.COMBINERS))
@given(problem=two_objectives(), other=st.floats(0, 1))
def test_a_response_gets_what_its_own_weight_gives(combine, problem, other):
    """The same responses twice below one another with two weights, (rows, 1): as each alone."""
    mask, rewards, values, w = problem
    ways = [{"a": x, "b": 1 - x} for x in (w, other)]
    alone = [ppo.COMBINERS[combine](rewards, values, weights, mask, HORIZON).advantage for weights in ways]
    twice = [{k: v.repeat(2, 1) for k, v in each.items()} for each in (rewards, values)]
    columns = torch.tensor([w, other], dtype=torch.float64).repeat_interleave(len(mask))[:, None]
    both = ppo.COMBINERS[combine](*twice, {"a": columns, "b": 1 - columns}, mask.repeat(2, 1), HORIZON)
    torch.testing.assert_close(both.advantage, torch.cat(alone))


@given(two_objectives())
def test_the_literal_sum_adds_each_critic_at_the_last_token(problem):
    mask, rewards, values, w = problem
    weights = {"a": w, "b": 1 - w}
    plain = ppo.COMBINERS["advantage"](rewards, values, weights, mask, HORIZON)
    literal = ppo.COMBINERS["literal_sum"](rewards, values, weights, mask, HORIZON)
    last = mask.sum(1).long() - 1
    steps_to_last = (last[:, None] - torch.arange(mask.shape[1])).clamp(min=0).double()
    at_last = sum(weights[k] * values[k][torch.arange(len(mask)), last] for k in values)
    extra = at_last[:, None] * (HORIZON.gamma * HORIZON.gae_lambda) ** steps_to_last * mask
    torch.testing.assert_close(literal.advantage, plain.advantage + extra)
    torch.testing.assert_close(literal.returns["a"], plain.returns["a"])


def test_the_score_is_paid_at_the_last_token():
    mask = torch.tensor([[1.0, 1, 0], [1, 1, 1]])
    rewards = ppo.token_rewards(torch.tensor([5.0, 7.0]), torch.full((2, 3), 0.5), mask)
    assert rewards.tolist() == [[-0.5, 4.5, 0.0], [-0.5, -0.5, 6.5]]


def test_whitening():
    ones = torch.ones(4)
    white = ppo.whiten(torch.tensor([1.0, 2.0, 3.0, 6.0]), ones)
    assert float(white.mean()) == pytest.approx(0, abs=1e-6)
    assert float(white.square().mean()) == pytest.approx(1, rel=1e-5)
    assert not ppo.whiten(torch.full((3,), 2.0), ones[:3]).any()


def test_whitening_is_each_row_s_own_and_sees_its_tokens_alone():
    advantages = torch.tensor([[1.0, 2.0, 7.0, 0.0], [5.0, 3.0, 4.0, 100.0]])
    mask = torch.tensor([[1.0, 1, 1, 0], [1, 1, 0, 0]])
    white = ppo.whiten(advantages, mask)
    torch.testing.assert_close(white[0, :3], ppo.whiten(advantages[0, :3], torch.ones(3)))
    torch.testing.assert_close(white[1], torch.tensor([1.0, -1.0, 0.0, 0.0]))
    assert not white[0, 3]


def test_the_surrogate_is_clipped_on_the_side_that_pays():
    ratio = torch.tensor([1.5, 1.5, 0.5, 0.5, 1.1])
    advantages = torch.tensor([1.0, -1.0, 1.0, -1.0, 2.0])
    losses, outside = ppo.policy_loss(ratio, advantages, 0.2)
    torch.testing.assert_close(losses, -torch.tensor([1.2, -1.5, 0.5, -0.8, 2.2]))
    assert outside.tolist() == [1, 1, 1, 1, 0]


def test_a_clipped_ratio_has_no_gradient():
    ratio = torch.tensor([1.5, 0.5, 1.1], requires_grad=True)
    ppo.policy_loss(ratio, torch.tensor([1.0, -1.0, 1.0]), 0.2)[0].mean().backward()
    assert ratio.grad.tolist() == pytest.approx([0, 0, -1 / 3])


def test_value_loss_is_half_the_squared_error():
    assert ppo.value_loss(torch.tensor([1.0, 3.0]), torch.tensor([2.0, 0.0])).tolist() == [0.5, 4.5]
