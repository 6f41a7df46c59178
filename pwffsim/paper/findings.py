"""A claim, what was measured of it under each preset, and the verdict."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from math import isnan

from pwffsim.paper.measured import Measured
from pwffsim.paper.verdicts import Verdict, across, every
from pwffsim.studies.intervals import Interval


@dataclass(frozen=True)
class Evidence:
    """One comparison or number.

    Attributes:
        preset: where it was measured; "" for what holds in all.
        what: in words, with the number.
        verdict: of this alone.
    """

    preset: str
    what: str
    verdict: Verdict


@dataclass(frozen=True)
class Finding:
    """An entry of the audit.

    Attributes:
        code: of the reference list: C1 to C6 are the paper's claims, I1 to I18 its inconsistencies, R1 ... ours.
        says: what the paper says, or what is asked.
        evidence: what was measured.
        remark: what to bear in mind, or what was chosen here.
    """

    code: str
    says: str
    evidence: tuple[Evidence, ...]
    remark: str = ""

    @cached_property
    def by_preset(self) -> dict[str, Verdict]:
        """Within a preset all parts must hold."""
        presets = dict.fromkeys(each.preset for each in self.evidence)
        return {preset: every([each.verdict for each in self.evidence if each.preset == preset]) for preset in presets}

    @property
    def verdict(self) -> Verdict:
        """Over presets; a claim without anything measurable cannot be decided."""
        return across(list(self.by_preset.values())) if self.evidence else Verdict.UNDECIDABLE


Entry = Callable[[Measured], Finding]


def told(interval: Interval | None, digits: int = 3, unit: str = "", factor: float = 1.0) -> str:
    """``0.021 [0.004, 0.038] unit``; a single value has no interval."""
    if interval is None:
        return "not measured"
    scaled = interval.scaled(factor)
    ending = f" {unit}" if unit else ""
    if isnan(scaled.low):
        return f"{scaled.mean:.{digits}f}{ending} (one seed)"
    return f"{scaled.mean:.{digits}f} [{scaled.low:.{digits}f}, {scaled.high:.{digits}f}]{ending}"
