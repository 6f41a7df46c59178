"""The data a recipe names, built once a process and kept."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from pwffsim.data import federated
from pwffsim.data.federated import ClientData, FederatedData
from pwffsim.data.spec import DataSpec
from pwffsim.learning.declarations import EXAMINER


def federation(data: Mapping[str, Any]) -> FederatedData:
    """All rows of a run.

    Args:
        data: spec, clients, seed, mean_snr_db, preference_weights; and at will ``name``, a digest of these, which saves
            looking at them.
    """
    name = _name(data)
    if name not in _BUILT:
        if len(_BUILT) >= _MOST_BUILT:
            _BUILT.clear()
        _BUILT[name] = _build(data)
    return _BUILT[name]


def reread(data: Mapping[str, Any]) -> FederatedData:
    """As :func:`federation`, out of files as they are now; rows that are made up are what they were."""
    if any(places for part in ("files", "hub") for places in data["spec"][part].values()):
        _BUILT.pop(_name(data), None)
    return federation(data)


def shard(params: Mapping[str, Any]) -> ClientData:
    """The rows of the client that a recipe names, held against the digests it names, if any.

    Where ``client`` is None, ``pool`` says whose rows they are: a list of clients, whose training rows are taken
    together, or "examiner", for the pairs that no client trains on.

    Raises:
        ValueError: when the rows are not those that the recipe was written for.
    """
    found, who = _found(params)
    for kind, expected in params.get("shard", {}).items():
        _refuse_other(f"{kind} of {who}", found.digests[kind], expected)
    return found


def _found(params: Mapping[str, Any]) -> tuple[ClientData, str]:
    """Rows, and whose they are."""
    everything, client = federation(params["data"]), params["client"]
    if client is not None:
        return everything.clients[client], f"client {client}"
    if params["pool"] == EXAMINER:
        return everything.examiner, "the examiners"
    return everything.pooled(params["pool"]), f"clients {', '.join(map(str, params['pool']))}"


def everybody(params: Mapping[str, Any]) -> FederatedData:
    """The rows of all clients and the global test set, held against the digest that a recipe names, if any.

    Raises:
        ValueError: as :func:`shard`.
    """
    found = federation(params["data"])
    if expected := params.get("shard", {}).get("everybody"):
        _refuse_other("instructions of all clients", found.instructions_digest, expected)
    return found


def _refuse_other(what: str, found: str, expected: str) -> None:
    if found != expected:
        raise ValueError(
            f"the {what} have digest {found}, but the recipe names {expected}: a data file changed during the run"
        )


def _name(data: Mapping[str, Any]) -> str:
    return str(data.get("name") or json.dumps(data, sort_keys=True))


_MOST_BUILT = 4
_BUILT: dict[str, FederatedData] = {}


def _build(data: Mapping[str, Any]) -> FederatedData:
    return federated.build(
        DataSpec.from_mapping(data["spec"]),
        data["clients"],
        data["seed"],
        data["mean_snr_db"],
        data["preference_weights"],
    )
