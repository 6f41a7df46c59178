"""What a point's results depend on, as one digest: it names the folder in which they lie."""

from __future__ import annotations

from functools import cache
from hashlib import blake2b

from pwffsim.compute.environment import code_digest, versions
from pwffsim.compute.recipe import canonical
from pwffsim.scenario.loader import LoadedScenario

_ROOMS = (
    "channel_models",
    *(
        f"pwffsim.{room}"
        for room in (
            "architecture",
            "compute",
            "data",
            "federation",
            "kernel",
            "learning",
            "runs",
            "scenario",
            "simulation",
            "studies",
            "world",
        )
    ),
)
"""Everything that a run or its numbers may depend on; what draws pictures of them is not among it."""


def identity(loaded: LoadedScenario, kind: str) -> str:
    """Digest of a resolved scenario, of how it is carried out, and of the code and libraries that do it.

    Files that a scenario names (data, weights) count by name: when they change, take another folder.
    """
    return blake2b(canonical([kind, loaded.sha256, _environment()]).encode(), digest_size=12).hexdigest()


@cache
def _environment() -> str:
    return canonical([code_digest(_ROOMS), versions()])
