"""One client's policy made by peft: what other libraries train, and what our own modules are held against."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import lru_cache
from typing import Any

from torch import Tensor, nn

from pwffsim.learning import adapters, frozen, lora, sparse, state
from pwffsim.learning.lora import LoraShape


class PeftPolicy:
    """A causal language model whose trained parameters are grouped and named.

    Attributes:
        network: the transformers model, wrapped modules included.
        groups: group -> name -> resident parameter.
    """

    def __init__(self, params: Mapping[str, Any], groups: Sequence[str]) -> None:
        self.network = frozen.language_model(params)
        sparse.attach(self.network, params.get("attention"))
        self.groups: dict[str, dict[str, nn.Parameter]] = {}
        if "adapters" in groups:
            settings = params["adapters"]
            self.groups["adapters"] = adapters.attach(self.network, settings["bottleneck"], settings["sites"])
        if "lora" in groups:
            self.groups["lora"] = lora.attach(self.network, LoraShape.of(params))
        for parameter in self.parameters():
            parameter.requires_grad_(True)

    def parameters(self) -> list[nn.Parameter]:
        """All trained parameters."""
        return [parameter for group in self.groups.values() for parameter in group.values()]

    def load(self, states: Mapping[str, Mapping[str, Tensor]], prefix: str = "") -> None:
        """Take over a client's state: ``states[prefix + group]`` for every group.

        Raises:
            KeyError: when a group or a tensor is missing.
            ValueError: when a shape differs.
        """
        for name, parameters in self.groups.items():
            if prefix + name not in states:
                raise KeyError(f"input {prefix + name!r} is missing; the policy has groups {', '.join(self.groups)}")
            state.load(parameters, states[prefix + name])

    def read(self) -> dict[str, state.Group]:
        """Copies of the resident state."""
        return {name: state.read(parameters) for name, parameters in self.groups.items()}

    @contextmanager
    def holding(self, states: Mapping[str, Mapping[str, Tensor]], prefix: str) -> Iterator[None]:
        """Hold another state for a while (the reference policy), then the present one again, to the bit."""
        own = self.read()
        self.load(states, prefix)
        try:
            yield
        finally:
            self.load(own)

    def hidden(self, ids: Tensor, **arguments: Any) -> Any:
        """The trunk's output for ids (rows, length): ``last_hidden_state`` of shape (rows, length, width)."""
        return self.network.base_model(input_ids=ids, **arguments)

    def logits(self, hidden: Tensor) -> Tensor:
        """(..., width) -> (..., vocabulary)."""
        return self.network.get_output_embeddings()(hidden)


def resident(params: Mapping[str, Any], groups: Sequence[str]) -> PeftPolicy:
    """The policy of a model description, built once a process; its state is whatever was loaded last."""
    return _resident(json.dumps({key: params[key] for key in sorted(params)}, sort_keys=True), tuple(groups))


@lru_cache(maxsize=8)
def _resident(params: str, groups: tuple[str, ...]) -> PeftPolicy:
    return PeftPolicy(json.loads(params), groups)
