"""The data a recipe names, built once a process and kept."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from pwffsim.data import federated
from pwffsim.data.federated import ClientData, FederatedData
from pwffsim.data.spec import DataSpec


def federation(data: Mapping[str, Any]) -> FederatedData:
    """All rows of a run.

    Args:
        data: spec, clients, seed, mean_snr_db, preference_weights.
    """
    return _built(json.dumps(data, sort_keys=True))


def shard(params: Mapping[str, Any]) -> ClientData:
    """The rows of the client that a recipe names, held against the digest it names, if any.

    Raises:
        ValueError: when the rows are not those that the recipe was written for.
    """
    client = federation(params["data"]).clients[params["client"]]
    expected = params.get("shard", client.digest)
    if client.digest != expected:
        raise ValueError(
            f"the rows of client {params['client']} have digest {client.digest}, but the recipe names {expected}: a "
            "data file changed during the run"
        )
    return client


@lru_cache(maxsize=4)
def _built(text: str) -> FederatedData:
    data = json.loads(text)
    return federated.build(
        DataSpec.from_mapping(data["spec"]),
        data["clients"],
        data["seed"],
        data["mean_snr_db"],
        data["preference_weights"],
    )
