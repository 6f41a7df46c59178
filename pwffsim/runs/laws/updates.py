"""Laws of updates: each has one fate, and the fate that its records tell of."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from pwffsim.runs.laws import declared
from pwffsim.runs.laws.breach import refuse
from pwffsim.runs.laws.views import by_update, client_of, of_clients, uploads, used_updates
from pwffsim.runs.records import Fate

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from pandas import DataFrame, Series

    from pwffsim.runs.load import Run


def updates_accounted(run: Run) -> int:
    """Every update that was worked on or sent has exactly one fate, of the same client, stage, round and version as all
    its records; none has a fate that never was."""
    fates, spans, messages = run.updates, run.spans, run.messages
    refuse("updates_accounted", fates, fates["update"].duplicated(keep=False), "two fates of one update")
    for table, actor in ((spans, "actor"), (messages, "source")):
        homeless = (table["update"] >= 0) & ~table["update"].isin(fates["update"])
        refuse("updates_accounted", table, homeless, "its update has no fate", actor)
    seen = fates["update"].isin(spans["update"]) | fates["update"].isin(messages["update"])
    invented = ~seen & (fates.fate != Fate.SKIPPED)
    refuse("updates_accounted", fates, invented, "a fate of an update that nobody made")
    everybody = np.ones(len(messages), dtype=np.bool_)
    for table, client, mine in ((spans, spans.actor, of_clients(run)), (messages, client_of(run), everybody)):
        astray = _elsewhere(table, client, mine & (table["update"] >= 0), fates)
        refuse("updates_accounted", table, astray, "its update is of another client, stage, round or version")
    return len(fates)


def applied_once(run: Run) -> int:
    """The updates that the aggregations used are, each once and from its client, those whose fate is ``applied``."""
    used, fates = used_updates("applied_once", run), run.updates
    refuse("applied_once", used, used.updates.duplicated(keep=False), "an update was used twice", "clients")
    applied = fates[fates.fate == Fate.APPLIED]
    expected = used.updates.map(by_update(applied, "client"))
    refuse("applied_once", used, expected != used.clients, "used, but not applied by this client", "clients")
    unused = ~applied["update"].isin(used.updates)
    refuse("applied_once", applied, unused, "applied, but in no aggregation", "client")
    return len(used)


def arrival(run: Run) -> int:
    """An update is sent once at most. What was applied had arrived by then, whole unless the manifest lets a loss be
    ``partial``; what was lost was sent and is not whole; what was kept at home or never begun was not sent."""
    fates, up = run.updates, uploads(run)
    up = up[up["update"] >= 0]
    refuse("arrival", up, up["update"].duplicated(keep=False), "two uploads of one update")
    sent = fates["update"].isin(up["update"])
    refuse("arrival", fates, ~sent & fates.fate.isin([Fate.APPLIED, Fate.LOST]), "never sent")
    refuse("arrival", fates, sent & fates.fate.isin([Fate.KEPT, Fate.SKIPPED]), "sent all the same")
    fate = up["update"].map(by_update(fates, "fate"))
    refuse("arrival", up, (fate == Fate.LOST) & up.complete, "lost, though it arrived whole")
    torn = (fate == Fate.APPLIED) & ~up.complete
    if not declared.loss_is_partial(run.manifest):
        refuse("arrival", up, torn, "applied, though something of it was lost")
    _refuse_early_use(up, used_updates("arrival", run))
    return len(fates)


def _refuse_early_use(up: DataFrame, used: DataFrame) -> None:
    used_ns = up["update"].map(used.groupby("updates").time_ns.min())
    refuse("arrival", up, up.received_ns > used_ns, "applied before it had arrived")


def _elsewhere(table: DataFrame, client: Series, rows: Series, fates: DataFrame) -> NDArray[np.bool_]:
    """Whether a row, of those chosen, has an update whose fate is of another client, stage, round or version."""
    chosen, astray = np.flatnonzero(rows), np.zeros(len(table), dtype=np.bool_)
    place = pd.Index(fates["update"]).get_indexer(table["update"].to_numpy()[chosen])
    chosen, place = chosen[place >= 0], place[place >= 0]
    for own, told in ((client, fates.client), *((table[name], fates[name]) for name in ("stage", "round", "version"))):
        astray[chosen] |= np.asarray(own.array.take(chosen) != told.array.take(place), dtype=np.bool_)
    return astray
