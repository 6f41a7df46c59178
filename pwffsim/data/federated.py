"""All data of one run, split over its clients."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from hashlib import blake2b
from typing import Any

from pwffsim.data.errors import DataError
from pwffsim.data.rows import OBJECTIVES, Instruction, Preference
from pwffsim.data.spec import DataSpec

Judge = Callable[[str, str], float]

DATA_KINDS: tuple[str, ...] = ("instructions", "preferences", "prompts")
"""What a client's shard holds, each with a digest of its own."""


@dataclass(frozen=True)
class ClientData:
    """One client's shard. Pairs are keyed by objective; ``topics`` counts its training rows by topic; ``digests`` holds
    one digest for each of ``DATA_KINDS``."""

    instructions_train: list[Instruction]
    instructions_test: list[Instruction]
    preferences_train: dict[str, list[Preference]]
    preferences_test: dict[str, list[Preference]]
    prompts_train: list[str]
    prompts_test: list[str]
    topics: dict[str, int]
    style: str
    digests: dict[str, str]

    @property
    def digest(self) -> str:
        """Of all its data."""
        return digest(self.style, *sorted(self.digests.items()))

    @property
    def size(self) -> ShardSize:
        """What it trains on, in numbers."""
        pairs = {name: len(part) for name, part in self.preferences_train.items()}
        return ShardSize(rows=len(self.instructions_train), pairs=pairs)


@dataclass(frozen=True)
class ShardSize:
    """What one client trains on, in numbers: instruction rows, and preference pairs by objective."""

    rows: int
    pairs: Mapping[str, int]


Pairs = Mapping[str, Sequence[Preference]]


def make_client(
    rows: tuple[Sequence[Instruction], Sequence[Instruction]],
    pairs: tuple[Pairs, Pairs],
    prompts: tuple[Sequence[str], Sequence[str]],
    style: str,
) -> ClientData:
    """A client's shard out of its (training, held-out) parts; topics are counted and everything is digested."""
    return ClientData(
        instructions_train=list(rows[0]),
        instructions_test=list(rows[1]),
        preferences_train={name: list(part) for name, part in pairs[0].items()},
        preferences_test={name: list(part) for name, part in pairs[1].items()},
        prompts_train=list(prompts[0]),
        prompts_test=list(prompts[1]),
        topics=dict(Counter(row.topic for row in rows[0])),
        style=style,
        digests=dict(zip(DATA_KINDS, (digest(*rows), digest(*pairs), digest(*prompts)), strict=True)),
    )


def pool(clients: Sequence[ClientData]) -> ClientData:
    """What several clients train on, as one shard."""
    return make_client(
        ([row for client in clients for row in client.instructions_train], []),
        ({name: [pair for client in clients for pair in client.preferences_train[name]] for name in OBJECTIVES}, {}),
        ([prompt for client in clients for prompt in client.prompts_train], []),
        style="of several clients",
    )


@dataclass(frozen=True)
class FederatedData:
    """``clients[i]``, one global ``test`` set, and where the rows came from.

    report: rows read and dropped, by file and by reason; judges: objective -> score(prompt, response) in [0, 1] where
    the corpus has a judge (``embedded``), else empty; unseen: makes the preference pairs that no client trains on.
    """

    clients: list[ClientData]
    test: list[Instruction]
    report: dict[str, Any]
    judges: Mapping[str, Judge] = field(default_factory=dict)
    base_rows: Callable[[], list[Instruction]] = list
    unseen: Callable[[], Pairs] = dict
    _pools: dict[tuple[int, ...], ClientData] = field(default_factory=dict, init=False, repr=False, compare=False)

    def pooled(self, clients: Sequence[int]) -> ClientData:
        """The training rows of these clients, one after another, as a shard with nothing held out; made once."""
        members = tuple(clients)
        if members not in self._pools:
            self._pools[members] = pool([self.clients[member] for member in members])
        return self._pools[members]

    @cached_property
    def examiner(self) -> ClientData:
        """The pairs that no client trains on (``unseen``), as a shard with nothing else."""
        return make_client(([], []), (self.unseen(), {}), ([], []), style="")

    @cached_property
    def instructions_digest(self) -> str:
        """Of the test set and of everybody's instruction rows."""
        test = [(row.prompt, row.response) for row in self.test]
        return digest(test, [client.digests["instructions"] for client in self.clients])

    @property
    def sizes(self) -> list[ShardSize]:
        """What each client trains on, in numbers."""
        return [client.size for client in self.clients]

    @property
    def base(self) -> list[Instruction]:
        """What pre-training of `tiny` read (``embedded``; elsewhere unknown, so empty). Generated at each call."""
        return self.base_rows()


def build(
    spec: DataSpec, clients: int, seed: int, mean_snr_db: Sequence[float], preference_weights: Sequence[float]
) -> FederatedData:
    """Rows of every client, as a pure function of the arguments.

    mean_snr_db and preference_weights (weight of helpfulness, 0 .. 1) hold one value a client. With the embedded
    corpus client i's rows depend on (seed, i, spec) and its own two values alone: an eleventh client changes nothing
    for the other ten. Raises DataError naming the client, file or line, and the remedy.
    """
    from pwffsim.data.corpora import CORPORA
    from pwffsim.data.population import population

    return CORPORA[spec.corpus].build(spec, population(spec, clients, seed, mean_snr_db, preference_weights))


def census(
    spec: DataSpec, clients: int, seed: int, mean_snr_db: Sequence[float], preference_weights: Sequence[float]
) -> list[ShardSize]:
    """``build(...).sizes``, without wording a row where the corpus knows beforehand how many there will be.

    Arguments and errors as of `build`.
    """
    from pwffsim.data.corpora import CORPORA
    from pwffsim.data.population import population

    return CORPORA[spec.corpus].census(spec, population(spec, clients, seed, mean_snr_db, preference_weights))


def count_rows(spec: DataSpec) -> dict[str, int] | None:
    """Usable rows of the corpus (``instructions``, ``helpfulness``, ``harmlessness``) without dealing them.

    None where the corpus has no end (``embedded``) or is not here yet (``hub``). DataError as `build` raises for files.
    """
    from pwffsim.data.corpora import CORPORA

    return CORPORA[spec.corpus].row_counts(spec)


def check(spec: DataSpec, clients: int) -> None:
    """Refuse what row counts alone can tell is impossible. DataError with the remedy."""
    counts = count_rows(spec)
    if counts is None:
        return
    needed = dict.fromkeys(OBJECTIVES, 2 * clients) | {"instructions": spec.global_test_rows + 2 * clients}
    for name, least in needed.items():
        if counts[name] < least:
            raise DataError(
                f"{counts[name]} usable {name} rows are too few for {clients} clients (at least {least}): "
                f"give more files under data.files.{name}, or lower clients or global_test_rows"
            )


def digest(*parts: Any) -> str:
    """A hash of rows (BLAKE2b, 16 bytes, in hexadecimal), equal in every process."""
    return blake2b(repr(parts).encode("utf-8"), digest_size=16).hexdigest()
