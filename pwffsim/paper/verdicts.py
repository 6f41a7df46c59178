"""When a claim counts as reproduced or refuted: rules over intervals, the same for every claim.

A comparison is of paired differences over equal seeds, with their 95 % interval. Over presets and comparisons the words
are combined by the two rules below; none is chosen by hand.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum

from pwffsim.studies.intervals import Interval


class Verdict(StrEnum):
    """What came of a claim."""

    REPRODUCED = "reproduced"
    REFUTED = "refuted"
    DEPENDS = "depends on the preset"
    NOT_SHOWN = "not shown"
    UNDECIDABLE = "undecidable from the text"
    NOT_MEASURED = "not measured"


RULES = {
    Verdict.REPRODUCED: "every interval of paired differences lies wholly on the claimed side, in every preset named; "
    "or, where a number is claimed, wholly within the stated tolerance of it",
    Verdict.REFUTED: "in every preset some interval lies wholly on the other side, or all differences are exactly 0 "
    "where one was claimed; or the whole interval lies outside the tolerance",
    Verdict.DEPENDS: "reproduced under one preset and refuted under another; both stand beside it",
    Verdict.NOT_SHOWN: "the data do not separate the two: an interval holds 0, or rests on one seed",
    Verdict.UNDECIDABLE: "the text is silent, so that no measurement could decide",
    Verdict.NOT_MEASURED: "a run that it rests on has not been made, or has failed",
}


def above(difference: Interval | None) -> Verdict:
    """For a claim that a difference is positive."""
    if difference is None:
        return Verdict.NOT_MEASURED
    if difference.low > 0:
        return Verdict.REPRODUCED
    return Verdict.REFUTED if difference.high < 0 or difference.low == difference.high == 0 else Verdict.NOT_SHOWN


def below(difference: Interval | None) -> Verdict:
    """For a claim that a difference is negative."""
    return above(None if difference is None else difference.scaled(-1.0))


def near(found: Interval | None, claimed: float, tolerance: float) -> Verdict:
    """For a claim of a number: the whole interval within the tolerance, or wholly outside it."""
    if found is None:
        return Verdict.NOT_MEASURED
    if claimed - tolerance <= found.low and found.high <= claimed + tolerance:
        return Verdict.REPRODUCED
    outside = found.high < claimed - tolerance or found.low > claimed + tolerance
    return Verdict.REFUTED if outside else Verdict.NOT_SHOWN


def holds(stated: bool) -> Verdict:
    """For what is exact: a count, or an equality to the bit."""
    return Verdict.REPRODUCED if stated else Verdict.REFUTED


def every(verdicts: Sequence[Verdict]) -> Verdict:
    """Of a claim with several parts, all of which must hold: one refuted part refutes it."""
    for word in (Verdict.REFUTED, Verdict.NOT_MEASURED, Verdict.NOT_SHOWN):
        if word in verdicts:
            return word
    return Verdict.REPRODUCED if verdicts else Verdict.NOT_MEASURED


def across(verdicts: Sequence[Verdict]) -> Verdict:
    """Of a claim over presets: the same in all; or that it depends on the preset; or that it is not shown."""
    found = set(verdicts)
    if len(found) == 1:
        return verdicts[0]
    if {Verdict.REPRODUCED, Verdict.REFUTED} <= found:
        return Verdict.DEPENDS
    return Verdict.NOT_SHOWN if found - {Verdict.NOT_MEASURED} else Verdict.NOT_MEASURED
