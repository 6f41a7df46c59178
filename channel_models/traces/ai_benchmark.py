"""Speeds of phones by the AI Benchmark ranking (Ignatov et al., ICCVW 2019), as FLASH scraped it.

JSON, a list of {``Model``, ``AI_Score``, ...}, all text. An ``AI_Score`` such as ``" 76206 1,6"`` is the score 76206
and the footnotes 1 and 6: neither 76206.16 nor 7620616. A score is relative: it becomes operations a second by a
calibration that the caller gives, and by nothing else.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Literal

from channel_models.traces.files import TraceFile, shown
from channel_models.validation import positive

Repeated = Literal["last", "refuse"]

_SCORE = re.compile(r"\s*([0-9]{1,12})(?:\s+([0-9]{1,3}(?:,[0-9]{1,3})*))?\s*", re.ASCII)


@dataclass(frozen=True)
class DeviceScore:
    """A row of the ranking: model, its score (points, above 0) and the numbers of its footnotes."""

    model: str
    score: int
    footnotes: tuple[int, ...]


def parse_score(text: str) -> tuple[int, tuple[int, ...]]:
    """Score and footnotes of an ``AI_Score`` as scraped. Raises ValueError for any other text and for a score of 0."""
    found = _SCORE.fullmatch(text)
    if not found or int(found[1]) == 0:
        raise ValueError(f"AI_Score must read like ' 76206 1,6' (points, footnotes), got {shown(text)}")
    return int(found[1]), tuple(int(mark) for mark in (found[2] or "").split(",") if mark)


def scores(path: str | Path) -> tuple[DeviceScore, ...]:
    """All rows of a ranking in its order, repeated models too. Raises TraceError naming the entry, counted from 1."""
    file = TraceFile(Path(path))
    document = file.document()
    if not isinstance(document, list) or not document:
        raise file.refusal(None, "not a list of devices", "give the ranking as a JSON list of {Model, AI_Score, ...}")
    return tuple(_device(file, place, entry) for place, entry in enumerate(document, start=1))


def relative_speeds(
    devices: Sequence[DeviceScore], reference: str | None = None, repeated: Repeated = "last"
) -> dict[str, float]:
    """Model -> score by the score of the reference model (None: by the median of all models).

    repeated: which row of a model that is listed more than once (other software) counts; ``"last"`` is FLASH's choice.
    Raises ValueError for a reference that is not listed, and for repeated models that are refused.
    """
    points = _by_model(devices, repeated)
    if reference is not None and reference not in points:
        raise ValueError(f"reference must be a listed model, got {reference!r}")
    unit = median(points.values()) if reference is None else points[reference]
    return {model: score / unit for model, score in points.items()}


def flop_per_s(
    devices: Sequence[DeviceScore], flop_per_s_per_point: float, repeated: Repeated = "last"
) -> dict[str, float]:
    """Model -> floating-point operations a second: score times a calibration that one measured device gives."""
    positive("flop_per_s_per_point", flop_per_s_per_point)
    return {model: score * flop_per_s_per_point for model, score in _by_model(devices, repeated).items()}


def _by_model(devices: Sequence[DeviceScore], repeated: Repeated) -> dict[str, int]:
    if repeated not in ("last", "refuse"):
        raise ValueError(f"repeated must be one of last, refuse, got {repeated!r}")
    points = {device.model: device.score for device in devices}
    if not points:
        raise ValueError("devices must hold at least one device")
    if repeated == "refuse" and len(points) < len(devices):
        raise ValueError(f"{len(devices) - len(points)} models are listed again: set repeated to 'last'")
    return points


def _device(file: TraceFile, place: int, entry: object) -> DeviceScore:
    model, text = (entry.get("Model"), entry.get("AI_Score")) if isinstance(entry, dict) else (None, None)
    if not (isinstance(model, str) and isinstance(text, str)):
        raise file.refusal(None, f"entry {place} has no Model and AI_Score", "give both as text")
    try:
        return DeviceScore(model.strip(), *parse_score(text))
    except ValueError as bad:
        problem = f"entry {place} ({shown(model)}): {bad}"
        raise file.refusal(None, problem, "correct or remove the entry") from bad
