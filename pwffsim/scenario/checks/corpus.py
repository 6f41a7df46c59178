"""Where rows come from, and whether there are enough of them for everybody."""

from __future__ import annotations

from collections.abc import Iterator

from pwffsim.data.errors import DataError
from pwffsim.data.rows import OBJECTIVES
from pwffsim.data.spec import DataSpec
from pwffsim.scenario.checks.finding import Finding, finding, reads
from pwffsim.scenario.errors import Loc
from pwffsim.scenario.schema import Scenario

SOURCES = ("instructions", *OBJECTIVES)
"""What every corpus of files or data sets consists of."""


@reads("data.corpus", "data.files.*", "data.hub.*")
def sources_are_named(scenario: Scenario) -> Iterator[Finding]:
    """A corpus of files has files, a corpus of the hub has ids."""
    data = scenario.data
    if data.corpus not in ("jsonl", "hub"):
        return
    named, key = (data.files, "files") if data.corpus == "jsonl" else (data.hub, "hub")
    for source in SOURCES:
        if not getattr(named, source):
            message = f"corpus {data.corpus!r} needs data.{key}.{source}"
            yield finding(message, ("data", key, source), ("data", key), ("data", "corpus"))


@reads("data.corpus", "data.files.*")
def files_exist(scenario: Scenario) -> Iterator[Finding]:
    """Every file is there, variables filled in."""
    if scenario.data.corpus == "jsonl":
        yield from _missing_files(scenario)


@reads("data.*", "clients.count")
def rows_suffice(scenario: Scenario) -> Iterator[Finding]:
    """Every client gets a row to train on and one held out, and a pair of each objective likewise."""
    if scenario.data.corpus != "jsonl" or any(sources_are_named.find(scenario)) or any(_missing_files(scenario)):
        return
    try:
        counts = _row_counts(_spec(scenario))
    except DataError as error:
        yield finding(str(error), ("data", "files"))
        return
    clients, held_out = scenario.clients.count, scenario.data.global_test_rows
    needed = {"instructions": held_out + 2 * clients, **dict.fromkeys(OBJECTIVES, 2 * clients)}
    for source, least in needed.items():
        if counts.get(source, least) < least:
            also = f" and a global test set of {held_out}" if source == "instructions" else ""
            message = f"{counts[source]} usable rows are too few for {clients} clients{also}: at least {least}"
            yield finding(message, ("data", "files", source), ("data", "files"), ("clients", "count"))


@reads("data.corpus", "data.partition.styles")
def styles_are_made_up(scenario: Scenario) -> Iterator[Finding]:
    """Only answers that are made up are worded in styles."""
    data = scenario.data
    if data.partition.styles is not None and data.corpus != "embedded":
        message = f"styles have no effect on corpus {data.corpus}, whose answers are as found; drop it"
        yield finding(message, ("data", "partition", "styles"), ("data", "corpus"))


@reads("data.*", "clients.count", "seed")
def shards_are_not_empty(scenario: Scenario) -> Iterator[Finding]:
    """Size skew leaves nobody without rows."""
    if scenario.data.partition.size_skew == 0 and scenario.data.partition.by != "size":
        return
    from pwffsim.data.population import Client, make_plan

    spec = _spec(scenario)
    for index in range(scenario.clients.count):
        try:
            # How many rows a client gets depends neither on its SNR nor, but for the preference rule, on its weight.
            make_plan(spec, Client(index, scenario.seed, mean_snr_db=0.0, preference_weight=0.5), {"all": 1.0})
        except DataError as error:
            yield finding(str(error), ("data", "partition", "size_skew"), ("data", "partition"), ("data",))
            return


def _missing_files(scenario: Scenario) -> Iterator[Finding]:
    from pwffsim.data.corpora.jsonl import resolve

    for source in SOURCES:
        for index, path in enumerate(getattr(scenario.data.files, source)):
            at: Loc = ("data", "files", source, index)
            try:
                resolve(path)
            except DataError as error:
                yield finding(str(error), at)


def _spec(scenario: Scenario) -> DataSpec:
    return DataSpec.from_mapping(scenario.data.model_dump(mode="json"))


def _row_counts(spec: DataSpec) -> dict[str, int]:
    from pwffsim.data.corpora import CORPORA

    return CORPORA[spec.corpus].row_counts(spec) or {}


CHECKS = (sources_are_named, files_exist, rows_suffice, styles_are_made_up, shards_are_not_empty)
