"""A run as one long table of numbers: stage, round, quantity, value.

Numbers of a round: each metric (a mean over clients; the server's own begin with ``global_``), ``round_delay_s`` from
the aggregation before to this one, ``round_airtime_s`` that all uploads of the round took together. Numbers of a stage,
and of the whole run (stage ""), have no round (-1): all of summary.json's, the air time, and a mean upload by what it
carries.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pwffsim.architecture.groups import group_of
from pwffsim.runs.atomic import replacing
from pwffsim.runs.load import Run, load
from pwffsim.runs.records import SERVER, Direction

if TYPE_CHECKING:
    from pandas import DataFrame

WHOLE = ""
"""In place of a stage: the whole run."""
NO_ROUND = -1
"""In place of a round: the whole stage."""
COLUMNS = ("stage", "round", "quantity", "value")
FILE_NAME = "numbers.parquet"
NANO = 1e9

Row = tuple[str, int, str, float]


def numbers(run: Run) -> DataFrame:
    """The table; values that do not exist have no row."""
    import pandas as pd

    rows = [*_learnt(run), *_timed(run), *_totals(WHOLE, run.summary), *_uploads(run)]
    for stage, summary in run.summary["stages"].items():
        rows += _totals(stage, summary)
    return pd.DataFrame(rows, columns=list(COLUMNS)).astype({"round": "int64", "value": "float64"})


def keep(run: Run, folder: Path) -> None:
    """Write the table beside the run."""
    with replacing(folder / FILE_NAME) as file:
        numbers(run).to_parquet(file, index=False)


def kept(folder: Path) -> DataFrame:
    """The table of a point that is done; computed from the records where it has not been written."""
    import pandas as pd

    if not (folder / FILE_NAME).is_file():
        keep(load(folder), folder)
    return pd.read_parquet(folder / FILE_NAME)


def _learnt(run: Run) -> Iterator[Row]:
    """Metrics, round by round."""
    metrics = run.metrics
    own = metrics[metrics["actor"] != SERVER]
    for each in (own, metrics[metrics["actor"] == SERVER]):
        means = each.groupby(["stage", "round", "name"], sort=True)["value"].mean()
        yield from ((stage, int(round_), name, float(value)) for (stage, round_, name), value in means.items())


def _timed(run: Run) -> Iterator[Row]:
    """Delay and air time, round by round."""
    for stage, rounds in run.rounds.groupby("stage", sort=False):
        before = int(run.spans.loc[run.spans["stage"] == stage, "start_ns"].min())
        for round_, time_ns in zip(rounds["round"], rounds["time_ns"], strict=True):
            yield stage, int(round_), "round_delay_s", (int(time_ns) - before) / NANO
            before = int(time_ns)
    for (stage, round_), total_ns in _sent(run).groupby(["stage", "round"])["on_air_ns"].sum().items():
        yield stage, int(round_), "round_airtime_s", int(total_ns) / NANO


def _totals(stage: str, summary: Mapping[str, Any]) -> Iterator[Row]:
    """Every number of a summary."""
    for name, value in summary.items():
        if isinstance(value, int | float) and not isinstance(value, bool):
            yield stage, NO_ROUND, name, float(value)


def _uploads(run: Run) -> Iterator[Row]:
    """Air time, and the mean upload: its air time, energy and bytes, altogether and by parameter group."""
    sent = _sent(run)
    yield WHOLE, NO_ROUND, "uplink_airtime_s", int(sent["on_air_ns"].sum()) / NANO
    for stage, uploads in sent.groupby("stage", sort=False):
        yield stage, NO_ROUND, "uplink_airtime_s", int(uploads["on_air_ns"].sum()) / NANO
        yield stage, NO_ROUND, "upload_airtime_s", float(uploads["on_air_ns"].mean()) / NANO
        yield stage, NO_ROUND, "upload_energy_j", float(uploads["energy_nj"].mean()) / NANO
        yield stage, NO_ROUND, "upload_bytes", float(uploads["payload_bytes"].mean())
        for group, size in _by_group(run, uploads).items():
            yield stage, NO_ROUND, f"upload_{group}_bytes", size


def _by_group(run: Run, uploads: DataFrame) -> dict[str, float]:
    """Bytes of each parameter group in a mean upload."""
    found: dict[str, float] = {}
    for digest, share in uploads["payload"].value_counts(normalize=True).items():
        for name, size in run.payloads[digest]:
            group = group_of(name)
            found[group] = found.get(group, 0.0) + float(share) * size
    return found


def _sent(run: Run) -> DataFrame:
    return run.messages[run.messages["direction"] == Direction.UP]
