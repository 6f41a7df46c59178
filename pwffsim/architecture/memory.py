"""Memory that a stage needs on a device, declared: what does not fit is refused before anything runs."""

from __future__ import annotations

from pwffsim.architecture.families import Architecture
from pwffsim.architecture.tensors import BYTES_PER_ELEMENT

_TRAINED_COPIES = 4
"""Weight, gradient and AdamW's two moments."""


def weights_bytes(model: Architecture) -> int:
    """The frozen model in fp32."""
    return model.parameters * BYTES_PER_ELEMENT


def trained_bytes(parameters: int) -> int:
    """Trained parameters with their gradients and AdamW's moments."""
    return parameters * BYTES_PER_ELEMENT * _TRAINED_COPIES


def activation_bytes(model: Architecture, sequences: int, length: int, heads: int = 1) -> int:
    """Activations kept for the backward pass, without recomputation.

    About 34 s b d elements' worth of half-precision bytes a layer (Korthikanti et al. 2022, arXiv 2205.05198, eq. 1,
    without the attention scores), which is 17 elements in our fp32, and the logits with their gradient.
    """
    hidden = 17 * model.layers * model.width * sequences * length
    logits = 2 * model.vocabulary * sequences * length * heads
    return (hidden + logits) * BYTES_PER_ELEMENT


def instruction_bytes(model: Architecture, trained: int, batch: int, length: int) -> int:
    """Stage 1: base, trained modules, activations of one batch."""
    return weights_bytes(model) + trained_bytes(trained) + activation_bytes(model, batch, length)


def reward_bytes(encoder: Architecture, trained: int, frozen: bool, batch: int, length: int) -> int:
    """Stage 2: the encoder, all trained parts, activations of one batch of pairs for one objective at a time."""
    activations = 0 if frozen else activation_bytes(encoder, 2 * batch, length, heads=0)
    return weights_bytes(encoder) + trained_bytes(trained) + activations


def alignment_bytes(
    model: Architecture,
    encoders_bytes: int,
    trained: int,
    rewards: int,
    batch: int,
    length: int,
    critics: bool = True,
    references: int = 1,
) -> int:
    """Stage 3: actor, modules of policies that it is held against, rewards, critics, activations of one batch.

    Args:
        model: the actor.
        encoders_bytes: what rewards and critics hold beside the actor's own base.
        trained: trained parameters of the actor.
        rewards: trained parameters of all reward models, and so of all critics.
        batch, length: sequences.
        critics: whether there are any.
        references: policies that the actor is held against.
    """
    held = references * trained * BYTES_PER_ELEMENT
    scorers = rewards * BYTES_PER_ELEMENT + critics * trained_bytes(rewards)
    actor = weights_bytes(model) + trained_bytes(trained) + activation_bytes(model, batch, length)
    return actor + held + scorers + encoders_bytes
