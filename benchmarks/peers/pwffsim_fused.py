"""pwffsim as it comes: clients that train at once share batched steps."""

from __future__ import annotations

from benchmarks.peers import pwffsim


def main() -> None:
    """Measure."""
    pwffsim.main(fusion="auto")
