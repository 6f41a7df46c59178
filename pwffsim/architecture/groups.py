"""Tensors of the four parameter groups of a client: adapters, LoRA, reward models, critics."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from pwffsim.architecture.families import Architecture
from pwffsim.architecture.tensors import TensorShape

OBJECTIVES: tuple[str, ...] = ("helpfulness", "harmlessness")


def adapter_tensors(model: Architecture, bottleneck: int, sites: Sequence[str]) -> tuple[TensorShape, ...]:
    """Bottleneck adapters, one a site a block: 2 d b + b + d parameters each (16,138 at d = 768, b = 10)."""
    return tuple(
        tensor
        for layer in range(model.layers)
        for site in sites
        for tensor in _bottleneck(f"{model.blocks}.{layer}.adapters.{site}", model.width, bottleneck)
    )


def _bottleneck(name: str, width: int, bottleneck: int) -> Iterator[TensorShape]:
    yield TensorShape(f"{name}.down.weight", (bottleneck, width))
    yield TensorShape(f"{name}.down.bias", (bottleneck,))
    yield TensorShape(f"{name}.up.weight", (width, bottleneck))
    yield TensorShape(f"{name}.up.bias", (width,))


def lora_tensors(model: Architecture, rank: int, modules_per_block: int, prefix: str = "") -> tuple[TensorShape, ...]:
    """LoRA factors in the model's places under peft's state-dict keys: r (inputs + outputs) parameters a module.

    Raises:
        ValueError: when a block has fewer places than `modules_per_block`, or `rank` exceeds a matrix's smaller side.
    """
    places = model.first_places(modules_per_block)
    for place in places:
        if rank > min(place.inputs, place.outputs):
            raise ValueError(
                f"LoRA rank {rank} exceeds the smaller side of {place.module}, {min(place.inputs, place.outputs)}"
            )
    return tuple(
        tensor
        for layer in range(model.layers)
        for place in places
        for tensor in _low_rank(
            f"{prefix}base_model.model.{model.blocks}.{layer}.{place.module}", place.inputs, place.outputs, rank
        )
    )


def _low_rank(name: str, inputs: int, outputs: int, rank: int) -> Iterator[TensorShape]:
    yield TensorShape(f"{name}.lora_A.weight", (rank, inputs))
    yield TensorShape(f"{name}.lora_B.weight", (outputs, rank))


def reward_tensors(
    encoder: Architecture, upload: str, lora_rank: int, objectives: Sequence[str] = OBJECTIVES
) -> tuple[TensorShape, ...]:
    """What is trained (and uploaded) of a reward model an objective: a head; a head and LoRA; or a head and the whole
    encoder.

    A model that is used as an encoder alone carries LoRA in one module a block, the family's usual first.
    """
    return tuple(tensor for objective in objectives for tensor in _reward_model(objective, encoder, upload, lora_rank))


def _reward_model(objective: str, encoder: Architecture, upload: str, lora_rank: int) -> Iterator[TensorShape]:
    width = encoder.width
    yield TensorShape(f"{objective}.head.0.weight", (width, width))
    yield TensorShape(f"{objective}.head.0.bias", (width,))
    yield TensorShape(f"{objective}.head.2.weight", (1, width))
    yield TensorShape(f"{objective}.head.2.bias", (1,))
    if upload == "lora":
        yield from lora_tensors(encoder.placed(None), lora_rank, 1, prefix=f"{objective}.encoder.")
    if upload == "full":
        for tensor in encoder.tensors:
            yield TensorShape(f"{objective}.encoder.{tensor.name}", tensor.shape)


def group_of(tensor: str) -> str:
    """The group that a tensor belongs to, by its name: reward, adapters or lora.

    Raises:
        ValueError: for a name that no group has.
    """
    if tensor.partition(".")[0] in OBJECTIVES:
        return "reward"
    found = next((group for mark, group in _MARKS.items() if mark in tensor), None)
    if found is None:
        raise ValueError(f"{tensor} belongs to no group of parameters")
    return found


_MARKS = {".adapters.": "adapters", ".lora_A.": "lora", ".lora_B.": "lora"}
