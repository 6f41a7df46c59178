"""Trained tensors of C clients side by side: one matrix, a row a client, with a view of it for every tensor.

Values V and gradients G are (C, P); the tensor of n elements under a name is a slice of n columns, seen as (C, *shape).
Autograd adds every gradient into its slice of G, so that norms, clipping and AdamW are single operations on matrices. A
client that lacks a tensor has zeros in its place: with both factors of a low-rank product zero both gradients are zero,
so zeros stay zeros under AdamW and decay.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import prod

import torch
from torch import Tensor

from pwffsim.learning import state

Shapes = Mapping[str, tuple[int, ...]]


class Stack:
    """The same tensors of C clients.

    Attributes:
        values: (C, P).
        tensors: name -> (C, *shape), views of `values` whose gradients gather in :attr:`gradients`.
    """

    def __init__(self, members: Sequence[Mapping[str, Tensor]], shapes: Shapes, device: torch.device) -> None:
        """Copy the members' tensors side by side.

        Args:
            members: a state a client; names beyond `shapes` are left alone, missing ones are zero.
            shapes: name -> shape of one client's tensor.
            device: where the matrix lies.

        Raises:
            ValueError: when a tensor has another shape.
        """
        self._shapes = {name: tuple(shape) for name, shape in shapes.items()}
        self._held = [frozenset(self._shapes) & frozenset(member) for member in members]
        self.values = torch.stack([self._row(member) for member in members]).to(device)
        self.tensors = {name: view.requires_grad_() for name, view in self._views(self.values).items()}

    def __len__(self) -> int:
        return len(self._held)

    def gradients(self, loss: Tensor) -> Tensor:
        """(C, P): of a sum over clients, each of whose terms depends on one client's state alone; P may be 0."""
        if not self.tensors:  # devices without LoRA where nothing else is trained
            return torch.zeros_like(self.values)
        each = torch.autograd.grad(loss, list(self.tensors.values()), allow_unused=True, materialize_grads=True)
        return torch.cat([gradient.flatten(1) for gradient in each], 1)

    def split(self) -> list[state.Group]:
        """A copy of each client's own tensors, on the CPU."""
        rows = self.values.detach().cpu().clone()
        whole = self._views(rows)
        return [{name: whole[name][i] for name in self._shapes if name in held} for i, held in enumerate(self._held)]

    def _row(self, member: Mapping[str, Tensor]) -> Tensor:
        pieces = [self._piece(name, member.get(name), shape) for name, shape in self._shapes.items()]
        return torch.cat(pieces) if pieces else torch.zeros(0)

    @staticmethod
    def _piece(name: str, tensor: Tensor | None, shape: tuple[int, ...]) -> Tensor:
        if tensor is None:
            return torch.zeros(prod(shape))
        if tuple(tensor.shape) != shape:
            raise ValueError(f"{name}: shape {tuple(tensor.shape)}, expected {shape}")
        return tensor.detach().flatten()

    def _views(self, matrix: Tensor) -> dict[str, Tensor]:
        pieces = matrix.detach().split([prod(shape) for shape in self._shapes.values()], dim=1)
        named = zip(self._shapes.items(), pieces, strict=True)
        return {name: piece.unflatten(1, shape) for (name, shape), piece in named}
