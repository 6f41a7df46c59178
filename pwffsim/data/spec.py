"""Which data a run uses: plain frozen values that survive JSON."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from math import inf
from typing import Any

from pwffsim.data.declarations import CORPORA, PARTITIONERS
from pwffsim.data.errors import DataError


@dataclass(frozen=True)
class Partition:
    """How rows are spread over clients.

    by: name of a partitioner; dirichlet_alpha: concentration of a client's topics (``topic``, ``size``: small is
    skewed); size_skew: standard deviation of the log of a client's number of rows, with any partitioner;
    styles: ways of wording answers, which clients have by turns, or None where each has its own (``embedded``).
    """

    by: str = "topic"
    dirichlet_alpha: float = 0.3
    size_skew: float = 0.0
    styles: int | None = None

    def __post_init__(self) -> None:
        _require(self.by in PARTITIONERS, f"partition.by {self.by!r} is not one of {', '.join(PARTITIONERS)}")
        _require(0 < self.dirichlet_alpha < inf, "partition.dirichlet_alpha must be positive and finite")
        _require(0 <= self.size_skew < inf, "partition.size_skew must be 0 or more, and finite")
        counted = isinstance(self.styles, int) and not isinstance(self.styles, bool) and self.styles > 0
        _require(self.styles is None or counted, "partition.styles must be a whole number above 0, or null")
        _require(self.by != "size" or self.size_skew > 0, "partition by size needs partition.size_skew above 0")


@dataclass(frozen=True)
class Files:
    """Local files of the ``jsonl`` corpus; ``${PWFFSIM_DATA}`` and other variables in paths are filled in."""

    instructions: tuple[str, ...] = ()
    helpfulness: tuple[str, ...] = ()
    harmlessness: tuple[str, ...] = ()


@dataclass(frozen=True)
class Hub:
    """Data sets of the ``hub`` corpus: ids or local folders for ``datasets.load_dataset``."""

    instructions: str | None = None
    helpfulness: str | None = None
    harmlessness: str | None = None
    helpfulness_folder: str | None = None
    harmlessness_folder: str | None = None


@dataclass(frozen=True)
class DataSpec:
    """Everything that decides rows, but for the number of clients and the seed.

    Counts are rows a client: to train on and (``test_``) held out; pairs count for each objective. examiner_pairs are
    of each objective too, for all clients together, and nobody's to train on; fewer where files hold fewer. label_noise
    is the probability that a pair's label is flipped (``embedded`` only: elsewhere labels are what the files say).
    """

    corpus: str = "embedded"
    files: Files = field(default_factory=Files)
    hub: Hub = field(default_factory=Hub)
    partition: Partition = field(default_factory=Partition)
    rows_per_client: int = 160
    test_rows_per_client: int = 48
    pairs_per_client: int = 96
    test_pairs_per_client: int = 48
    prompts_per_client: int = 96
    test_prompts_per_client: int = 24
    examiner_pairs: int = 256
    global_test_rows: int = 256
    label_noise: float = 0.05

    def __post_init__(self) -> None:
        _require(self.corpus in CORPORA, f"corpus {self.corpus!r} is not one of {', '.join(CORPORA)}")
        for name in COUNTS:
            value = getattr(self, name)
            whole = isinstance(value, int) and not isinstance(value, bool)
            _require(whole and value > 0, f"{name} must be a whole number above 0, got {value!r}")
        _require(0 <= self.label_noise <= 1, f"label_noise must lie in 0 .. 1, got {self.label_noise!r}")

    @classmethod
    def from_mapping(cls, values: Mapping[str, Any]) -> DataSpec:
        """The spec of plain JSON values, as ``to_mapping`` gives them. DataError for an unknown key or a bad value."""
        parts = {"files": Files, "hub": Hub, "partition": Partition}
        known = _known(cls, values, "data")
        nested = {key: part(**_known(part, known[key], key)) for key, part in parts.items() if key in known}
        return cls(**{**known, **nested})

    def to_mapping(self) -> dict[str, Any]:
        """Plain JSON values, nested; ``from_mapping`` of it is equal to this spec."""
        return asdict(self)


COUNTS: tuple[str, ...] = (
    "rows_per_client",
    "test_rows_per_client",
    "pairs_per_client",
    "test_pairs_per_client",
    "prompts_per_client",
    "test_prompts_per_client",
    "examiner_pairs",
    "global_test_rows",
)


def _known(part: type, values: Mapping[str, Any], where: str) -> dict[str, Any]:
    names = {f.name for f in fields(part)}
    unknown = sorted(set(values) - names)
    _require(not unknown, f"{where}: unknown key {', '.join(unknown)}; known are {', '.join(sorted(names))}")
    return {key: tuple(value) if isinstance(value, list) else value for key, value in values.items()}


def _require(condition: bool, message: str) -> None:
    if not condition:
        raise DataError(message)
