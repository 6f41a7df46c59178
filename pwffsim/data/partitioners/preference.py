"""Clients with different preferences."""

from __future__ import annotations

from pwffsim.data.partitioners.base import Partitioner
from pwffsim.data.population import Client

_SMALLEST = 0.1


class Preference(Partitioner):
    """Pairs and harmful requests follow the client's weight w of helpfulness.

    Of its pairs a share w (kept within 0.1 .. 0.9, so that both reward models can learn) is about helpfulness, and
    its harmful requests are a share proportional to 1 - w.
    """

    name = "preference"

    def helpfulness_share(self, client: Client) -> float:
        return min(max(client.preference_weight, _SMALLEST), 1 - _SMALLEST)
