"""The report: one document from all points, written as a page, as Markdown, and its two figures as pictures."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from pwffsim.drawing.plot import picture
from pwffsim.paper import sections
from pwffsim.paper.claims import CLAIMS, QUESTIONS
from pwffsim.paper.document import Document
from pwffsim.paper.inconsistencies import INCONSISTENCIES, audit
from pwffsim.paper.markdown import markdown
from pwffsim.paper.measured import Measured, measured
from pwffsim.paper.page import page
from pwffsim.runs.atomic import write_bytes
from pwffsim.studies.outcome import Outcome
from pwffsim.studies.table import courses, write

TITLE = "Personalized wireless federated fine-tuning, reproduced and audited"
_WORDS = "Jiang et al., arXiv 2404.13238 v2: every configuration on equal draws, and a verdict on each claim."
_COLUMNS = 2


def report(outcomes: Sequence[Outcome], out: Path) -> Document:
    """Write paper.html, paper.md, fig4.svg, fig5.svg, table and courses below a folder.

    Returns:
        what was written.
    """
    found = measured(courses(outcomes))
    write(found.ends, out / "table")
    write(found.courses, out / "courses")
    document = compose(found, outcomes)
    write_bytes(out / "paper.html", page(document).encode())
    write_bytes(out / "paper.md", markdown(document).encode())
    for section in document.sections:
        if section.picture:
            write_bytes(out / section.picture, picture(list(section.plots), _COLUMNS).encode())
    return document


def compose(found: Measured, outcomes: Sequence[Outcome]) -> Document:
    """All sections."""
    claims, questions, entries = (audit(found, each) for each in (CLAIMS, QUESTIONS, INCONSISTENCIES))
    seeds = len({each.point.seed for each in outcomes})
    return Document(
        TITLE,
        (_WORDS,),
        (
            sections.verdicts(claims, questions, seeds),
            sections.saved(found),
            sections.figure4(found),
            sections.figure5(found),
            sections.sizes(found),
            sections.airtime(found),
            sections.trade(found),
            sections.fitting(found),
            sections.alignment_health(found),
            sections.choices(found),
            sections.inconsistencies(entries),
            sections.configurations(),
            sections.what_ran(outcomes),
        ),
    )
