"""The report of one run: a single page with no dependency, that opens from a file and asks the network for nothing.

The page is a pure function of the run directory. All text goes through Jinja2 with autoescape on; scripts and styles
are inlined and named by hash in a content security policy that forbids everything else.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
from jinja2 import Environment, PackageLoader, StrictUndefined, Template
from jinja2.utils import htmlsafe_json_dumps
from markupsafe import Markup

from pwffsim.runs.load import Run
from reports import assumptions, curves, details, headline, rounds, tables, timeline
from reports.columns import pack

SCRIPTS = (
    "format.js",
    "columns.js",
    "theme.js",
    "timeline_model.js",
    "timeline_draw.js",
    "timeline_text.js",
    "timeline.js",
    "plot.js",
    "curves.js",
    "bars.js",
    "tables.js",
    "main.js",
)
STYLE = "style.css"
TEMPLATE = "report.html.j2"

STATUS_NOTES = {
    "running": "The run was still in progress when this page was written: it shows what had been recorded.",
    "interrupted": "The run was interrupted: the page shows what had been recorded.",
    "diverged": "The run stopped because training diverged: the page shows what had been recorded.",
    "failed": "The run failed: the page shows what had been recorded.",
}

UNTRAINED = (
    "The base model's weights are untrained: accuracies and rewards say nothing about what a trained model does."
)


def asset(name: str) -> str:
    """The text of an asset of this package."""
    return files("reports").joinpath("assets", name).read_text(encoding="utf-8")


def template(package: str, name: str) -> Template:
    """A page's template, from the assets of a package: all that is filled in is escaped, and nothing may be missing."""
    loader = PackageLoader(package, "assets")
    environment = Environment(
        loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    return environment.get_template(name)


def source_hash(text: str) -> str:
    """The name that a content security policy gives to an inline script or style."""
    digest = base64.b64encode(hashlib.sha256(text.encode("utf-8")).digest()).decode("ascii")
    return f"'sha256-{digest}'"


def policy(script: str, style: str) -> str:
    """The content security policy: this script, this style, and nothing from anywhere."""
    sources = f"script-src {source_hash(script)}; style-src {source_hash(style)}"
    return f"default-src 'none'; {sources}; base-uri 'none'; form-action 'none'"


def notices(manifest: Mapping[str, Any]) -> list[str]:
    """What a reader must know before any figure: an unfinished run, its error, untrained weights."""
    base = manifest.get("base")
    untrained = isinstance(base, Mapping) and base.get("untrained")
    error = manifest.get("error")
    return [
        *([note] if (note := STATUS_NOTES.get(str(manifest.get("status")))) else []),
        *([f"It ended with: {error}"] if error else []),
        *([UNTRAINED] if untrained else []),
    ]


def identity(run: Run) -> dict[str, Any]:
    """Who the run is: what the header shows."""
    manifest, scenario = run.manifest, run.scenario
    status = str(manifest.get("status") or "unknown")
    return {
        "name": str(scenario.get("name") or manifest.get("name") or "unnamed run"),
        "method": scenario.get("method"),
        "seed": scenario.get("seed"),
        "status": status,
        "notices": notices(manifest),
        "scenario_hash": manifest.get("scenario_sha256"),
        "fingerprints": manifest.get("fingerprints") or {},
        "version": manifest.get("pwffsim"),
        "run_id": manifest.get("run_id"),
    }


def json_text(value: Any) -> Markup:
    """JSON that is safe inside a script element; raises ValueError for nan and infinities."""
    return htmlsafe_json_dumps(value, allow_nan=False, separators=(",", ":"))


def render(run: Run) -> str:
    """The page as text."""
    line, learnt = timeline.build(run, tables.described_clients(run)), curves.build(run)
    bars = rounds.build(run, [row["name"] for row in line.facts["rows"]])
    packed = pack({**line.tables, **learnt.tables, **bars.tables})
    facts = {"timeline": line.facts, "panels": learnt.panels, "bars": bars.panels, "directory": packed.directory}
    clients = tables.client_rows(run)
    script, style = "\n".join(asset(name) for name in SCRIPTS), asset(STYLE)
    return template("reports", TEMPLATE).render(
        identity=identity(run),
        policy=policy(script, style),
        script=Markup(script),
        style=Markup(style),
        facts=json_text(facts),
        columns=packed.payload,
        figures=headline.build(run),
        counts={
            "spans": np.size(line.tables["spans"]["row"].values),
            "metrics": len(run.metrics),
            "bars": len(bars.panels),
        },
        once=learnt.once,
        client_table=tables.build(clients),
        plain_table=tables.build(clients, tables.CELL_TABLE_FIELDS),
        assumptions=assumptions.build(run),
        standings=assumptions.standings(run),
        details=details.build(run),
    )


def write(run: Run, path: Path) -> Path:
    """Writes the report of ``run`` to ``path`` (replacing an older one at once, never half) and returns the path."""
    path = Path(path)
    text = render(run)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(path.name + ".tmp")
    temporary.write_text(text, encoding="utf-8")
    temporary.replace(path)
    return path
