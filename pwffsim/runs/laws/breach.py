"""How a breach of a law is told: the law, the actor, what is wrong, and the records."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np

from pwffsim.runs.errors import LawBroken

if TYPE_CHECKING:
    from pandas import DataFrame

_SHOWN = 3


def refuse(law: str, frame: DataFrame, bad: Any, what: str, actor: str | None = None) -> None:
    """Breach if any row is bad, bool[rows]; it is told of the actor in the column ``actor``, or the first that fits."""
    if np.asarray(bad, dtype=np.bool_).any():
        found = frame[bad]
        names = [name for name in (actor, "actor", "source", "client", "stage") if name and name in frame.columns]
        breach(law, str(found.iloc[0][names[0]]), what, found)


def breach(law: str, actor: str, what: str, records: DataFrame) -> NoReturn:
    shown = "; ".join(str(row) for row in records.head(_SHOWN).to_dict("records"))
    more = f" and {len(records) - _SHOWN} more" if len(records) > _SHOWN else ""
    raise LawBroken(f"law {law!r} is broken: {actor}: {what}: {shown}{more}")
