"""The states from which a language model predicts tokens: packed for GPT-2, out of the whole grid for others."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from pwffsim.learning import gpt2
from pwffsim.learning.batching import IGNORED, Batch
from pwffsim.learning.packing import pack


def states(network: Any, batch: Batch, clients: int) -> Tensor:
    """(N, width): the states before the labelled tokens of a client-major batch, row by row.

    Args:
        network: whose ``base_model`` is the trunk.
        batch: labels but in the first column.
        clients: C, blocks of equal size, by which its grouped modules take rows.
    """
    if network.base_model.config.model_type == "gpt2":
        return gpt2.states(network, pack(batch, clients))
    hidden: Tensor = network.base_model(input_ids=batch.ids, use_cache=False).last_hidden_state[:, :-1]
    return hidden[batch.labels[:, 1:] != IGNORED]
