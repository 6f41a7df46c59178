"""Clients with different topics."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from channel_models.randomness import stream
from pwffsim.data.partitioners.base import Partitioner
from pwffsim.data.population import Client
from pwffsim.data.spec import Partition


class Topic(Partitioner):
    """Shares ~ Dirichlet(alpha K p) over K topics of prior p: symmetric Dirichlet(alpha) where topics are equal.

    Small alpha: one or two topics a client; large alpha: as in the whole corpus. E[share_k] = p_k and
    Var[share_k] = p_k (1 - p_k) / (alpha K + 1). Source: Hsu, Qi and Brown 2019 (arXiv:1909.06335).
    """

    name = "topic"

    def shares(self, client: Client, partition: Partition, prior: Mapping[str, float]) -> dict[str, float]:
        concentration = partition.dirichlet_alpha * len(prior) * np.array(list(prior.values()))
        drawn = stream(client.seed, "data.topics", client.index).dirichlet(concentration)
        return dict(zip(prior, map(float, drawn), strict=True))
