"""What the manifest declares and the records are held against. Raises RunDamaged where it declares nothing of use."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeGuard

from pwffsim.runs.errors import RunDamaged

DISCARD, PARTIAL = "discard", "partial"
Manifest = Mapping[str, Any]


@dataclass(frozen=True)
class Power:
    """What clients draw: ``uplink_w`` while they transmit, ``compute_w`` by client while they compute."""

    uplink_w: float
    compute_w: dict[str, float]


def channels(manifest: Manifest) -> int:
    """How many clients may be on air at once, up; ``channels``."""
    limit = manifest.get("channels")
    if not _is_count(limit) or limit < 1:
        raise RunDamaged(f"the manifest gives no number of uplink channels (channels: {limit!r})")
    return limit


def retransmissions(manifest: Manifest) -> int | None:
    """How often a packet of an upload may be repeated, None for as often as it likes; ``retransmissions``."""
    limit = manifest.get("retransmissions", "missing")
    if limit is not None and not _is_count(limit):
        raise RunDamaged(f"the manifest gives no bound of retransmissions (retransmissions: {limit!r})")
    return limit


def loss_is_partial(manifest: Manifest) -> bool:
    """Whether an update of which something was lost may still be applied; ``residual_loss``."""
    rule = manifest.get("residual_loss")
    if rule not in (DISCARD, PARTIAL):
        raise RunDamaged(f"the manifest does not say what becomes of residual loss (residual_loss: {rule!r})")
    return bool(rule == PARTIAL)


def power(manifest: Manifest) -> Power:
    """What clients draw, in watts; ``power_w``: ``{"uplink": w, "compute": {client: w}}``."""
    given = manifest.get("power_w")
    try:
        uplink_w, compute_w = given["uplink"], dict(given["compute"])  # type: ignore[index]
    except (TypeError, KeyError, ValueError) as error:
        raise RunDamaged(f"the manifest gives no powers (power_w: {given!r})") from error
    odd = {name: value for name, value in {"uplink": uplink_w, **compute_w}.items() if not _is_power(value)}
    if odd:
        raise RunDamaged(f"the manifest gives powers that are none (power_w: {odd})")
    return Power(uplink_w, compute_w)


def _is_count(value: Any) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _is_power(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value) and value >= 0
