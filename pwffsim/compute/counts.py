"""What a scheduler has done so far."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass
class Counts:
    """Recipes so far.

    Attributes:
        announced: submitted by the world.
        wanted: needed by somebody.
        computed: carried out now.
        reused: wanted and not computed: found in the store, or beneath what was found there.
        batches: calls of a stage.
        to_go: to be carried out before the world plays on, or ends.
    """

    announced: int = 0
    wanted: int = 0
    computed: int = 0
    reused: int = 0
    batches: int = 0
    to_go: int = 0
