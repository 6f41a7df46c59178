"""The report as one HTML file that asks the network for nothing: styles inside, named by hash in a policy that forbids
everything else; no script at all."""

from __future__ import annotations

import re
from importlib.resources import files

from markupsafe import Markup

from pwffsim.drawing.plot import STYLE, picture
from pwffsim.paper.document import Document
from pwffsim.paper.verdicts import Verdict
from reports.html import source_hash, template

_TEMPLATE = "paper.html.j2"
_NUMBER = re.compile(r"^[-+−]?\d")
_CLASSES = {str(verdict): verdict.name.lower().replace("_", "-") for verdict in Verdict}


def page(document: Document) -> str:
    """The text of the page."""
    style = files("pwffsim.paper").joinpath("assets", "paper.css").read_text(encoding="utf-8") + STYLE
    return template("pwffsim.paper", _TEMPLATE).render(
        document=document,
        style=Markup(style),
        policy=f"default-src 'none'; style-src {source_hash(style)}; base-uri 'none'; form-action 'none'",
        picture=_inline,
        kind=_kind,
    )


def _inline(plot: str) -> Markup:
    """A drawing, whose words were escaped when it was drawn."""
    return Markup(picture([plot], 1, style=""))


def _kind(cell: str) -> str:
    """The class of a table's cell: a verdict's, a number's, or none."""
    return _CLASSES.get(cell) or ("number" if _NUMBER.match(cell) else "")
