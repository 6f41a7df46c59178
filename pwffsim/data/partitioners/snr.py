"""Clients whose topics go with their radio link."""

from __future__ import annotations

from collections.abc import Mapping
from math import exp

import numpy as np

from pwffsim.data.partitioners.base import Partitioner
from pwffsim.data.population import Client
from pwffsim.data.spec import Partition

REFERENCE_DB = 5.0
SCALE_DB = 5.0
WIDTH = 0.15


class Snr(Partitioner):
    """Topic k of K sits at u_k = (k + 1/2) / K; a client sits at u = 1 / (1 + exp(-(snr - 5 dB) / 5 dB)).

    share_k is proportional to p_k exp(-(u - u_k)^2 / (2 * 0.15^2)): who has a bad link knows other things, so a
    selection by SNR loses topics. The place depends on the client's own SNR alone.
    """

    name = "snr"

    def shares(self, client: Client, partition: Partition, prior: Mapping[str, float]) -> dict[str, float]:
        place = 1 / (1 + exp(-(client.mean_snr_db - REFERENCE_DB) / SCALE_DB))
        places = (np.arange(len(prior)) + 0.5) / len(prior)
        weights = np.array(list(prior.values())) * np.exp(-((place - places) ** 2) / (2 * WIDTH**2))
        return dict(zip(prior, map(float, weights / weights.sum()), strict=True))
