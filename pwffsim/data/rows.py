"""What a stage trains on: instruction rows and preference pairs."""

from __future__ import annotations

from dataclasses import dataclass

OBJECTIVES: tuple[str, str] = ("helpfulness", "harmlessness")


@dataclass(frozen=True, slots=True)
class Instruction:
    """One supervised row: the bare prompt (see :mod:`pwffsim.data.prompting`), the wanted response, its topic."""

    prompt: str
    response: str
    topic: str


@dataclass(frozen=True, slots=True)
class Preference:
    """One labelled pair: of two responses to a prompt, the one that was preferred and the other."""

    prompt: str
    chosen: str
    rejected: str
