"""What each preset at the true architecture takes the paper to mean: the prediction beside the tensors."""

from __future__ import annotations

from dataclasses import dataclass

from pwffsim.paper.closed_forms import Map, adapter_parameters, lora_parameters

SNR_DB, BANDWIDTH_HZ, POWER_W = 5.0, 1e6, 1.0
"""The paper's radio."""
PAPER_RANK = 96
"""Of LoRA, as the text has it."""


@dataclass(frozen=True)
class Reading:
    """One way to read the paper's parameter counts.

    Attributes:
        adapters, width, bottleneck: how many adapters, and their shape.
        rank: of LoRA.
        maps: what LoRA is put on where it is uploaded (the largest device tier's, where tiers differ).
    """

    adapters: int
    width: int
    bottleneck: int
    rank: int
    maps: tuple[Map, ...]

    @property
    def parameters(self) -> dict[str, int]:
        """By group."""
        return {
            "adapters": adapter_parameters(self.adapters, self.width, self.bottleneck),
            "lora": lora_parameters(self.rank, self.maps),
        }


_ATTENTION = ((12, 768, 2304), (12, 768, 768))

READINGS = {
    "paper_consistent": Reading(36, 768, 10, 8, _ATTENTION),
    "paper_literal": Reading(36, 768, 10, 96, _ATTENTION),
    "paper_tiers": Reading(36, 768, 10, 96, (*_ATTENTION, (12, 3072, 768))),
    "paper_large": Reading(36, 1280, 10, 8, ((36, 1280, 1280),)),
}
"""Preset -> its reading; one without has no prediction, and is measured all the same."""
