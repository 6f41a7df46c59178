"""What every corpus can do."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

from pwffsim.data.population import Client
from pwffsim.data.spec import DataSpec

if TYPE_CHECKING:
    from pwffsim.data.federated import FederatedData, ShardSize


class Corpus(Protocol):
    """A source of rows, by name."""

    name: str

    def build(self, spec: DataSpec, clients: Sequence[Client]) -> FederatedData:
        """Every client's rows. DataError names the client or the file and line, and the remedy."""
        ...

    def census(self, spec: DataSpec, clients: Sequence[Client]) -> list[ShardSize]:
        """How much of it each client trains on, as `build` would say, by the cheapest way to know. DataError as
        `build` raises."""
        ...

    def row_counts(self, spec: DataSpec) -> dict[str, int] | None:
        """Usable rows, cheaply: ``instructions`` and one count an objective; None where that cannot be told.

        DataError for a file that is missing or holds nothing usable.
        """
        ...
