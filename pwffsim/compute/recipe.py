"""A recipe and the handle to its result. The world deals in these; it never sees a tensor."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Any, Protocol

Facts = dict[str, Any]
"""What a simulation may know of a result: JSON numbers, strings and lists, no tensors."""


@dataclass(frozen=True)
class Recipe:
    """A step of learning, as data.

    Attributes:
        stage: name of the pure function, such as ``instruction.train``.
        params: everything it depends on besides tensors, as JSON.
        inputs: name of an input state -> reference ``key/part`` of the result that holds it.
        hints: where to find what `params` names by its digest; not part of the address.
    """

    stage: str
    params: Mapping[str, Any]
    inputs: Mapping[str, str] = field(default_factory=dict)
    hints: Mapping[str, Any] = field(default_factory=dict)

    def key(self, environment: str = "") -> str:
        """Content address: a hash of the recipe, the references of its inputs, and what computes it.

        Args:
            environment: digest of code and numerics (library versions, instruction set, threads, device).
        """
        return address([environment, self.stage, self.params, sorted(self.inputs.items())])


def address(value: Any) -> str:
    """Hash of a JSON value (BLAKE2b, 20 bytes, hexadecimal)."""
    return blake2b(canonical(value).encode(), digest_size=20).hexdigest()


def canonical(value: Any) -> str:
    """One text for equal JSON values: sorted keys, no spaces, no NaN.

    Raises:
        ValueError: when the value holds NaN or an infinity.
        TypeError: when it is not JSON.
    """
    return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False, ensure_ascii=True)


class Handle(Protocol):
    """A result that may not exist yet."""

    @property
    def key(self) -> str:
        """Names the recipe within a run."""
        ...

    def part(self, name: str) -> str:
        """Reference to one group of tensors of the result."""
        ...

    def facts(self) -> Facts:
        """The facts, computed now if they are not there, with whatever they rest on and nothing else.

        Raises:
            ComputeError: when the stage fails.
        """
        ...

    def known(self) -> bool:
        """Whether the facts are there."""
        ...


class Compute(Protocol):
    """Where recipes are carried out."""

    learns: bool
    """False: nothing is ever computed (`pwffsim plan`)."""

    def submit(self, recipe: Recipe) -> Handle:
        """Announce a recipe; nothing runs until its facts are asked for, or those of one that rests on it."""
        ...

    def settle(self, handles: Iterable[Handle], tell: Callable[[], None] = lambda: None) -> None:
        """Compute all of these, and what they rest on; recipes that are alike may share a batch.

        Args:
            handles: whose facts are wanted.
            tell: called whenever more of them are known.

        Raises:
            ComputeError: when a stage fails.
        """
        ...

    def close(self) -> None:
        """Let go of workers and files."""
        ...


class ComputeError(Exception):
    """A stage failed; the message names it and its client."""


class WorkerLost(ComputeError):
    """Workers died over a batch."""


class BackendUnavailable(ComputeError):
    """An executor cannot be had, or would compute otherwise than the run."""


class NotPlanned(ComputeError):
    """A plan would have to train to go on."""


def split_reference(reference: str) -> tuple[str, str]:
    """``key/part`` -> (key, part)."""
    key, _, part = reference.partition("/")
    return key, part
