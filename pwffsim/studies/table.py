"""All numbers of a study in one long table, and columns of it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from pwffsim.runs.atomic import replacing
from pwffsim.studies.numbers import COLUMNS, NO_ROUND, kept
from pwffsim.studies.outcome import Outcome

if TYPE_CHECKING:
    from pandas import DataFrame, Series


def courses(outcomes: Sequence[Outcome]) -> DataFrame:
    """Labels, seed, stage, round, quantity, value of every point that is done; "" where a point has no such label."""
    import pandas as pd

    axes = list(dict.fromkeys(axis for each in outcomes for axis, _ in each.point.labels))
    frames = [_labelled(each, axes) for each in outcomes if each.done]
    columns = [*axes, "seed", *COLUMNS]
    return pd.concat(frames, ignore_index=True)[columns] if frames else pd.DataFrame(columns=columns)


def _labelled(outcome: Outcome, axes: Sequence[str]) -> DataFrame:
    labels = dict(outcome.point.labels)
    return kept(outcome.path).assign(**{axis: labels.get(axis, "") for axis in axes}, seed=outcome.point.seed)


def table(found: DataFrame) -> DataFrame:
    """Each quantity once: totals as they are, what has rounds as it stands at the end of its stage."""
    keys = [column for column in found.columns if column not in ("round", "value")]
    last = found.groupby(keys, sort=False)["round"].idxmax()
    totals = found[found["round"] == NO_ROUND].index
    return found.loc[found.index.isin(last) | found.index.isin(totals)].drop(columns="round").reset_index(drop=True)


def write(found: DataFrame, path: Path) -> None:
    """The table as ``<path>.csv`` and ``<path>.parquet``."""
    with replacing(path.with_suffix(".csv")) as file:
        file.write(found.to_csv(index=False).encode())
    with replacing(path.with_suffix(".parquet")) as file:
        found.to_parquet(file, index=False)


def chosen(found: DataFrame, stage: str, quantity: str, **labels: str) -> Series:
    """Values by seed of the one point a seed that bears these labels.

    Raises:
        ValueError: when several points of a seed do.
    """
    rows = found[(found["stage"] == stage) & (found["quantity"] == quantity)]
    for axis, name in labels.items():
        rows = rows[rows[axis] == name]
    return by_seed(rows, str(labels))


def by_seed(rows: DataFrame, name: str) -> Series:
    """The values of some rows by seed.

    Raises:
        ValueError: when a seed has several.
    """
    values = rows.set_index("seed")["value"].sort_index()
    if not values.index.is_unique:
        raise ValueError(f"{name}: several points a seed; say more labels")
    return values
