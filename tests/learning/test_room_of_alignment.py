"""How many clients align in one batch."""

from __future__ import annotations

import pytest
from small_models import reward_params

from pwffsim.learning import declarations

TINY, GPT2 = (128, 4), (768, 12)


def params(rows, length, upload="head"):
    return {"batch_size": rows, "max_length": length, "reward": reward_params(upload)}


@pytest.mark.parametrize(
    ("network", "rows", "length", "clients"),
    [(TINY, 16, 64, 16), (TINY, 64, 64, 4), (GPT2, 4, 32, 7), (GPT2, 16, 64, 1)],
)
def test_activations_bound_the_batch(network, rows, length, clients):
    """tokens x width x blocks up to 2^23, and sixteen clients, whatever the width."""
    assert declarations.together("alignment.train", params(rows, length), *network) == clients


def test_full_encoders_align_one_by_one():
    assert declarations.together("alignment.train", params(4, 32, "full"), *TINY) == 1
