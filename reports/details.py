"""The small print: laws that were checked, software, data, fingerprints."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pwffsim.runs.load import Run
from reports.assumptions import shown

PACKAGES = (
    "torch",
    "transformers",
    "peft",
    "trl",
    "tokenizers",
    "safetensors",
    "simpy",
    "numpy",
    "scipy",
    "pydantic",
    "pyarrow",
    "pandas",
)
MACHINE = ("python", "implementation", "platform", "cpu", "pwffsim", "git", "numerics")
RUN = (
    "run_id",
    "base",
    "created_utc",
    "finished_utc",
    "exit_code",
    "argv",
    "overrides",
    "seeds",
    "inputs",
    "memo",
    "events",
)

Rows = list[tuple[str, str]]


def rows_of(value: Any, prefix: str = "") -> Rows:
    """Nested mappings and lists as rows of (path, text)."""
    if isinstance(value, Mapping):
        return [
            row for key, part in value.items() for row in rows_of(part, f"{prefix} › {key}" if prefix else str(key))
        ]
    if isinstance(value, list) and any(isinstance(part, (Mapping, list)) for part in value):
        named = (
            (str(part.get("name", place + 1)) if isinstance(part, Mapping) else str(place + 1), part)
            for place, part in enumerate(value)
        )
        return [row for name, part in named for row in rows_of(part, f"{prefix} › {name}" if prefix else name)]
    return [(prefix, shown(value))]


def chosen(manifest: Mapping[str, Any], keys: tuple[str, ...]) -> Rows:
    """Rows of those keys that the manifest has."""
    return [row for key in keys if manifest.get(key) is not None for row in rows_of(manifest[key], key)]


def versions(manifest: Mapping[str, Any]) -> Rows:
    """Versions of the packages that can change a result."""
    packages = manifest.get("packages") or {}
    return [(name, str(packages[name])) for name in PACKAGES if name in packages]


def fingerprints(manifest: Mapping[str, Any]) -> Rows:
    """Scenario hash and fingerprints, in full."""
    prints = manifest.get("fingerprints") or {}
    scenario = manifest.get("scenario_sha256")
    return [
        *([("scenario, SHA-256", str(scenario))] if scenario else []),
        *((f"fingerprint, {name}", str(value)) for name, value in prints.items()),
    ]


def build(run: Run) -> list[dict[str, Any]]:
    """Blocks of rows; a block that the run says nothing about carries a note in their place."""
    manifest = run.manifest
    blocks = (
        ("Fingerprints", fingerprints(manifest), "No fingerprints were recorded."),
        (
            "Conservation laws checked, with what was counted",
            rows_of(manifest.get("invariants") or {}),
            "No checks were recorded.",
        ),
        ("Data", rows_of(manifest.get("data_report") or {}), "The run says nothing about its data."),
        ("Software", versions(manifest), "No package versions were recorded."),
        ("Machine", chosen(manifest, MACHINE), "The machine was not recorded."),
        ("Run", chosen(manifest, RUN), "Nothing more was recorded."),
    )
    return [{"title": title, "rows": rows, "note": note} for title, rows, note in blocks]
