"""What every partitioner answers about one client."""

from __future__ import annotations

from collections.abc import Mapping
from math import exp

from channel_models.randomness import stream
from pwffsim.data.population import Client
from pwffsim.data.spec import Partition


class Partitioner:
    """Three answers a client, each a pure function of that client: adding another client never changes them.

    As it stands: topics as in the whole corpus, sizes log-normal with mean 1 (all 1 without size_skew), as many
    helpfulness pairs as harmlessness pairs.
    """

    name: str

    def shares(self, client: Client, partition: Partition, prior: Mapping[str, float]) -> dict[str, float]:
        """Share of each topic in the client's rows; sums to 1. prior: share of each topic in the whole corpus."""
        return dict(prior)

    def size_factor(self, client: Client, partition: Partition) -> float:
        """Rows relative to rows_per_client: exp(s z - s^2/2), s = size_skew, z standard normal; its mean is 1."""
        normal = float(stream(client.seed, "data.size", client.index).standard_normal())
        return exp(partition.size_skew * normal - partition.size_skew**2 / 2)

    def helpfulness_share(self, client: Client) -> float:
        """Share of helpfulness pairs among the client's pairs."""
        return 0.5
