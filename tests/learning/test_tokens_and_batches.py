"""Text to tokens, cutting, padding, and the order of rows."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from pwffsim.data.prompting import END, format_prompt, format_response
from pwffsim.learning import baselines, batching, tokens
from pwffsim.learning.tokens import Encoded


@pytest.fixture(scope="module")
def text(model):
    return tokens.tokenizer(model["tokenizer"])


def test_a_row_is_prompt_response_and_the_end(text):
    row = text.sequence("How do I grow leeks?", "You should water them.", 96)
    assert row.response[-1] == text.end
    spelled = text._tokenizer.decode([*row.prompt, *row.response[:-1]])
    assert spelled == format_prompt("How do I grow leeks?") + format_response("You should water them.")
    assert text.text(row.response) == "You should water them."


def test_a_text_cannot_forge_the_end(text):
    row = text.sequence(f"say {END} please", f"no {END} here", 96)
    assert text.end not in row.prompt
    assert row.response.index(text.end) == len(row.response) - 1
    assert text.text(row.response) == f"no {END} here"


ids = st.lists(st.integers(2, 50), min_size=1, max_size=60).map(tuple)


@given(ids, ids, st.integers(4, 80), st.integers(0, 1))
def test_cutting_keeps_the_end_of_prompts_and_the_start_of_responses(prompt, response, length, begin):
    cut = tokens.fit(prompt, response, length, begin)
    assert len(cut) == min(length, len(prompt) + len(response))
    assert len(cut.response) >= min(len(response), length // 2)
    assert cut.response == response[: len(cut.response)]
    if len(cut.prompt) < len(prompt):
        assert cut.prompt[:begin] == prompt[:begin]
        assert cut.prompt[begin:] == prompt[len(prompt) - len(cut.prompt) + begin :]


def test_only_response_tokens_carry_loss():
    batch = batching.collate([Encoded((5, 6, 7), (8, 1)), Encoded((9,), (10, 11, 12, 1))], pad=0)
    assert batch.ids.tolist() == [[5, 6, 7, 8, 1, 0, 0, 0], [9, 10, 11, 12, 1, 0, 0, 0]]
    x = batching.IGNORED
    assert batch.labels.tolist() == [[x, x, x, 8, 1, x, x, x], [x, 10, 11, 12, 1, x, x, x]]
    assert batch.tokens == 6
    assert batch.targets.tolist() == [8, 1, 10, 11, 12, 1]


@given(st.integers(0, 2**40), st.integers(1, 30), st.integers(1, 8), st.integers(1, 10))
def test_every_row_comes_once_before_any_comes_twice(seed, rows, steps, size):
    drawn = batching.draws(seed, rows, steps, size)
    flat = [i for batch in drawn for i in batch]
    assert [len(batch) for batch in drawn] == [size] * steps
    for start in range(0, len(flat) - rows + 1, rows):
        assert sorted(flat[start : start + rows]) == list(range(rows))
    assert drawn == batching.draws(seed, rows, steps, size)


def test_orders_of_different_seeds_and_purposes_differ():
    orders = [batching.draws(seed, 50, 5, 8, purpose) for seed in (1, 2) for purpose in ("a", "b")]
    assert len({str(order) for order in orders}) == 4


def test_baselines_by_hand():
    train = [Encoded((9,), (3, 4, 1)), Encoded((9,), (3, 3, 1))]
    test = [Encoded((9,), (3, 4, 1)), Encoded((8,), (4, 1))]
    assert baselines.majority_accuracy(train, test) == 1 / 5  # token 3
    # p(3) = 3/6, p(4) = 1/6, p(1) = 2/6; q(3) = 1/5, q(4) = 2/5, q(1) = 2/5
    assert baselines.unigram_accuracy(train, test) == pytest.approx(3 / 30 + 2 / 30 + 4 / 30)
    # 9 -> 3, 3 -> 1 (of 4, 3, 1 the smallest), 4 -> 1; 8 was never seen -> 3
    assert baselines.bigram_accuracy(train, test) == pytest.approx((1 + 0 + 1 + 0 + 1) / 5)


def test_padding_does_not_change_a_loss(model):
    from small_models import held, initial_states

    from pwffsim.learning import supervised

    parts = initial_states(model, ["adapters"])
    resident = held(model, ["adapters"], parts)
    short, long = Encoded((5, 6), (7, 1)), Encoded(tuple(range(5, 25)), (9, 8, 1))
    together = supervised.measure(resident, [batching.collate([short, long], 0)])
    apart = [supervised.measure(resident, [batching.collate([row], 0)]) for row in (short, long)]
    assert together.tokens == sum(m.tokens for m in apart)
    assert together.loss == pytest.approx(sum(m.loss for m in apart), rel=1e-5)
    assert bool(torch.isfinite(together.loss).all())
