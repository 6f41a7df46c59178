"""Data sets of the hub (or local folders of the same layout) through `datasets.load_dataset`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pwffsim.data.corpora.pool import Pairs, deal
from pwffsim.data.corpora.records import Reading, alpaca, hh_rlhf, name_topics, parse
from pwffsim.data.errors import DataError
from pwffsim.data.federated import FederatedData, ShardSize
from pwffsim.data.population import Client
from pwffsim.data.rows import OBJECTIVES, Instruction
from pwffsim.data.spec import DataSpec, Hub

SPLIT = "train"


class HubCorpus:
    """Rows out of the spec's ``hub`` data sets, their ``train`` split."""

    name = "hub"

    def build(self, spec: DataSpec, clients: Sequence[Client]) -> FederatedData:
        rows, pairs, report = read_hub(spec.hub)
        return deal(spec, clients, rows, pairs, {"corpus": self.name, **report})

    def census(self, spec: DataSpec, clients: Sequence[Client]) -> list[ShardSize]:
        return self.build(spec, clients).sizes

    def row_counts(self, spec: DataSpec) -> dict[str, int] | None:
        missing = [name for name in ("instructions", *OBJECTIVES) if getattr(spec.hub, name) is None]
        if missing:
            raise DataError(f"corpus hub needs a data set under data.hub.{missing[0]}")
        return None


def read_hub(hub: Hub) -> tuple[list[Instruction], Pairs, dict[str, Any]]:
    """Instruction rows, pairs by objective, and the report (``files``: data set -> what became of its rows)."""
    report: dict[str, Any] = {}
    rows = name_topics(_read("instructions", hub.instructions, None, alpaca, report))
    folders = {name: getattr(hub, f"{name}_folder") for name in OBJECTIVES}
    pairs = {name: _read(name, getattr(hub, name), folders[name], hh_rlhf, report) for name in OBJECTIVES}
    return rows, pairs, {"files": report}


def _read(what: str, name: str | None, folder: str | None, reader: Any, report: dict[str, Any]) -> list[Any]:
    if name is None:
        raise DataError(f"corpus hub needs a data set under data.hub.{what}")
    place = f"{name}/{folder}" if folder else name
    reading = Reading(place)
    rows = parse(
        ((f"{place}:{at}", dict(row)) for at, row in enumerate(_load(name, folder), 1)), reader, reading, set()
    )
    reading.require_some("give a data set with rows in the expected format")
    report[f"{what}: {place}"] = reading.summary()
    return rows


def _load(name: str, folder: str | None) -> Any:
    """The split's rows. DataError where the library is missing or the data set cannot be had."""
    try:
        from datasets import load_dataset
    except ImportError as error:
        raise DataError("corpus hub needs the package datasets: pip install datasets") from error
    try:
        return load_dataset(name, data_dir=folder, split=SPLIT)
    except Exception as error:
        where = f"{name!r}" + (f", folder {folder!r}" if folder else "")
        raise DataError(
            f"data set {where} cannot be loaded ({type(error).__name__}: {error}); check the id and the network "
            "(HF_HUB_OFFLINE must not be set), or give a local folder, or use corpus jsonl"
        ) from error
