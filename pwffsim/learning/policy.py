"""The policy: a frozen language model with the adapters and LoRA of C clients. One network a shape; clients are states
that are lent to it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import lru_cache
from typing import Any

from torch import Tensor

from pwffsim.learning import frozen, grouped, predicting, runtime, sparse, state
from pwffsim.learning.batching import Batch
from pwffsim.learning.grouped import Module
from pwffsim.learning.jobs import Job
from pwffsim.learning.lora import LoraShape
from pwffsim.learning.stacked import Shapes, Stack


class Policy:
    """A causal language model over client-major rows.

    Attributes:
        network: the transformers model with its wrapped modules.
        shapes: group -> name -> shape of one client's tensor.
        stack: the states it holds.
    """

    def __init__(self, params: Mapping[str, Any], groups: Sequence[str]) -> None:
        self.network = frozen.language_model(params)
        sparse.attach(self.network, params.get("attention"))
        modules: dict[str, list[Module]] = {}
        if "adapters" in groups:
            settings = params["adapters"]
            modules["adapters"] = grouped.attach_adapters(self.network, settings["bottleneck"], settings["sites"])
        if "lora" in groups:
            shape = LoraShape.of(params)
            self._places = shape.taken(self.network)
            modules["lora"] = grouped.attach_lora(self.network, shape)
        self._modules = [module for attached in modules.values() for module in attached]
        self.shapes = {group: grouped.shapes(attached) for group, attached in modules.items()}

    @property
    def clients(self) -> int:
        """C."""
        return len(self.stack)

    def load(self, jobs: Sequence[Job], prefix: str = "") -> None:
        """Take over the states of C clients: ``job.inputs[prefix + group]`` for every group.

        A client of a smaller device tier has fewer LoRA modules than the network; those that it has not do nothing.

        Raises:
            KeyError: when a group or a tensor is missing.
            ValueError: when a shape differs.
        """
        everything = {name: shape for group in self.shapes.values() for name, shape in group.items()}
        self._lend(Stack([self._own(job, prefix) for job in jobs], everything, runtime.device()))

    def read(self) -> list[dict[str, state.Group]]:
        """Copies of the states, client by client, by group."""
        return [self._by_group(own) for own in self.stack.split()]

    @contextmanager
    def holding(self, jobs: Sequence[Job], prefix: str) -> Iterator[None]:
        """Hold other states for a while (the reference policies), then the present ones again, to the bit."""
        own = self.stack
        self.load(jobs, prefix)
        try:
            yield
        finally:
            self._lend(own)

    def hidden(self, ids: Tensor, **arguments: Any) -> Any:
        """The trunk's output for ids (C rows, length): ``last_hidden_state`` of shape (C rows, length, width)."""
        return self.network.base_model(input_ids=ids, **arguments)

    def predicting(self, batch: Batch) -> Tensor:
        """(N, width): the states from which the response tokens of a client-major batch are predicted, row by row."""
        return predicting.states(self.network, batch, self.clients)

    def logits(self, hidden: Tensor) -> Tensor:
        """(..., width) -> (..., vocabulary)."""
        return self.network.get_output_embeddings()(hidden)

    def _lend(self, stack: Stack) -> None:
        self.stack = stack
        for module in self._modules:
            module.lend(stack.tensors)

    def _own(self, job: Job, prefix: str) -> dict[str, Tensor]:
        """The tensors that the client's description asks for, out of its inputs."""
        own: dict[str, Tensor] = {}
        for group, shapes in self.shapes.items():
            if prefix + group not in job.inputs:
                raise KeyError(f"input {prefix + group!r} is missing; the policy has groups {', '.join(self.shapes)}")
            held, wanted = job.inputs[prefix + group], self._names(group, shapes, job.params["model"])
            if missing := [name for name in wanted if name not in held]:
                raise KeyError(f"the state lacks {len(missing)} tensors, such as {missing[0]}")
            own |= {name: held[name] for name in wanted}
        return own

    def _names(self, group: str, shapes: Shapes, params: Mapping[str, Any]) -> list[str]:
        """The tensors of a group that a client of this description has."""
        if group != "lora":
            return list(shapes)
        places = self._places[: params["lora_modules_per_block"]]
        return [name for name in shapes if any(f".{place.module}.lora_" in name for place in places)]

    def _by_group(self, own: state.Group) -> dict[str, state.Group]:
        return {group: {name: own[name] for name in shapes if name in own} for group, shapes in self.shapes.items()}


def resident(jobs: Sequence[Job]) -> Policy:
    """The policy of some clients, holding their states; their models differ in the number of LoRA modules at most. The
    network is built once a process for the largest of them."""
    largest = max((job.params["model"] for job in jobs), key=lambda params: int(params["lora_modules_per_block"]))
    policy = network(largest, jobs[0].params["groups"])
    policy.load(jobs)
    return policy


def network(params: Mapping[str, Any], groups: Sequence[str]) -> Policy:
    """The policy of a model description, built once a process; its states are whatever was loaded last."""
    return _network(json.dumps(dict(params), sort_keys=True), tuple(groups))


@lru_cache(maxsize=8)
def _network(params: str, groups: tuple[str, ...]) -> Policy:
    return Policy(json.loads(params), groups)
