"""Groups of named tensors: copied into resident parameters and out of them, made, compared, digested."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from hashlib import blake2b
from math import sqrt

import torch
from torch import Tensor

from channel_models.randomness import derive_seed

Group = dict[str, Tensor]
Initial = Callable[[str, tuple[int, ...], torch.Generator], Tensor]


def load(parameters: Mapping[str, Tensor], values: Mapping[str, Tensor]) -> None:
    """Copy values into resident parameters of the same names; values of other names are left alone.

    A smaller device tier takes its own tensors out of the largest tier's state this way.

    Raises:
        KeyError: when a parameter has no value.
        ValueError: when shapes differ.
    """
    missing = [name for name in parameters if name not in values]
    if missing:
        raise KeyError(f"the state lacks {len(missing)} tensors, such as {missing[0]}")
    for name, parameter in parameters.items():
        if parameter.shape != values[name].shape:
            raise ValueError(f"{name}: shape {tuple(values[name].shape)}, expected {tuple(parameter.shape)}")
    if parameters:
        with torch.no_grad():
            torch._foreach_copy_(list(parameters.values()), [values[name] for name in parameters])


def read(parameters: Mapping[str, Tensor]) -> Group:
    """Copies of resident parameters, on the CPU."""
    return {name: parameter.detach().cpu().clone() for name, parameter in parameters.items()}


def make(shapes: Mapping[str, tuple[int, ...]], initial: Initial, seed: int) -> Group:
    """First values, each drawn from its own generator by (seed, name): a subset of names gets the same values."""
    return {name: initial(name, shape, _generator(seed, name)) for name, shape in shapes.items()}


def content_digest(tensors: Mapping[str, Tensor]) -> str:
    """BLAKE2b (16 bytes, hex) of names, shapes and fp32 bytes in the order of names."""
    digest = blake2b(digest_size=16)
    for name in sorted(tensors):
        digest.update(f"{name}{list(tensors[name].shape)}\0".encode())
        digest.update(tensors[name].detach().contiguous().numpy().data)
    return digest.hexdigest()


def norm(tensors: Iterable[Tensor]) -> float:
    """Euclidean norm of all elements together, summed in fp64."""
    return sqrt(sum(float(tensor.detach().double().square().sum()) for tensor in tensors))


def distance(a: Mapping[str, Tensor], b: Mapping[str, Tensor]) -> float:
    """Euclidean norm of a - b over the names of a."""
    return norm(a[name].detach() - b[name].detach() for name in a)


def all_finite(tensors: Iterable[Tensor]) -> bool:
    """Whether no element is NaN or infinite."""
    return all(bool(torch.isfinite(tensor).all()) for tensor in tensors)


def _generator(seed: int, name: str) -> torch.Generator:
    return torch.Generator().manual_seed(derive_seed(seed, f"initialise.{name}"))
