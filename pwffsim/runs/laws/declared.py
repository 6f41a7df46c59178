"""What the manifest declares and the records are held against. Raises RunDamaged where it declares nothing of use."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeGuard

from pwffsim.runs.errors import RunDamaged

DISCARD, PARTIAL = "discard", "partial"
Manifest = Mapping[str, Any]

RADIO = (
    "amplifier_efficiency",
    "circuit_power_w",
    "receive_power_w",
    "tail_power_w",
    "tail_s",
    "idle_power_w",
    "idle_s",
    "sleep_power_w",
)
"""What the manifest says of a client's radio."""


@dataclass(frozen=True)
class Power:
    """What clients draw: ``uplink_w`` is what they radiate at full power, ``compute_w`` what each draws while it
    computes, ``radio`` what a radio draws in each state (watts by name, with ``amplifier_efficiency``, ``tail_s`` and
    ``idle_s``, infinite where it never sleeps)."""

    uplink_w: float
    compute_w: dict[str, float]
    radio: dict[str, float]

    @property
    def at_rest_w(self) -> tuple[float, float, float]:
        """What a radio at rest draws: in its tail, idle, asleep."""
        return self.radio["tail_power_w"], self.radio["idle_power_w"], self.radio["sleep_power_w"]


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
    """What clients draw; ``power_w``: ``{"uplink": w, "compute": {client: w}, "radio": {name: value}}``, where
    ``idle_s`` may be the word ``inf`` for a radio that never sleeps."""
    given = manifest.get("power_w")
    try:
        uplink_w, compute_w = given["uplink"], dict(given["compute"])  # type: ignore[index]
        radio = {name: given["radio"][name] for name in RADIO}  # type: ignore[index]
    except (TypeError, KeyError, ValueError) as error:
        raise RunDamaged(f"the manifest gives no powers (power_w: {given!r})") from error
    awake = {"idle_s": math.inf} if radio["idle_s"] in ("inf", math.inf) else {}
    numbers = {"uplink": uplink_w, **compute_w, **radio}
    odd = {name: value for name, value in numbers.items() if not _is_amount(value) and name not in awake}
    if odd or not 0 < radio["amplifier_efficiency"] <= 1:
        raise RunDamaged(f"the manifest gives powers that are none (power_w: {odd or radio})")
    return Power(uplink_w, compute_w, radio | awake)


def _is_count(value: Any) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _is_amount(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value) and value >= 0
