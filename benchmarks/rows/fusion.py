"""Rounds of the three stages, clients together and one by one, beside the loop and the trainer that a user has.

Aims are the reciprocals of the speed-ups that are to be reached.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass

from benchmarks.family import Family, Setting
from benchmarks.row import Row, measured
from benchmarks.script import Failed, Figures, figures

_NAMES = {
    "stock": "stock peft loop",
    "trl": "TRL trainer a client",
    "alone": "client by client",
    "fused": "fused",
    "alone_bf16": "client by client, bf16",
    "fused_bf16": "fused, bf16",
    "plain": "plain loop, the same switches, features at every step",
    "cached": "plain loop over kept features",
}


@dataclass(frozen=True)
class _Round:
    """A size of the round, the ways that are measured, and what is held against what: way, floor, aimed speed-up.

    Attributes:
        title: of the rows.
        words: options of the script.
        beside: way, floor, aimed speed-up.
        most_repeats: as many as are affordable.
        script: that measures it.
        parts: of what it does, as the script names them.
    """

    title: str
    words: tuple[str, ...]
    beside: tuple[tuple[str, str, float | None], ...]
    most_repeats: int = 9
    script: str = "fusion_instruction"
    parts: tuple[str, ...] = ("round",)

    @property
    def ways(self) -> list[str]:
        """All that is measured, floors first."""
        return list(dict.fromkeys([*(floor for _, floor, _ in self.beside), *(way for way, _, _ in self.beside)]))


_AGAINST_ALONE = (("fused", "stock", None), ("fused", "alone", None))
_FULL = (
    _Round(
        "tiny, 10 clients, 4 steps of 4 x 40",
        ("--clients", "10"),
        (
            ("alone", "stock", None),
            ("fused", "stock", 2.0),
            ("fused", "trl", 8.0),
            ("fused", "alone", 1.6),
            ("fused_bf16", "stock", 2.7),
            ("fused_bf16", "trl", 12.0),
            ("fused_bf16", "alone_bf16", None),
        ),
        5,
    ),
    _Round(
        "tiny, 40 clients, 4 steps of 2 x 32",
        ("--clients", "40", "--rows", "2", "--tokens", "32"),
        (("fused", "stock", 3.3), ("fused", "alone", None)),
        3,
    ),
    _Round("tiny, 5 clients, 4 steps of 4 x 40", ("--clients", "5"), _AGAINST_ALONE, 5),
    _Round("tiny, 50 clients, 4 steps of 4 x 40", ("--clients", "50"), _AGAINST_ALONE, 3),
    _Round(
        "GPT-2 small, 2 clients, 2 steps of 4 x 40",
        ("--base", "gpt2", "--clients", "2", "--steps", "2"),
        (("alone", "stock", 1.6), ("fused", "stock", 1.6), ("fused_bf16", "stock", None)),
        2,
    ),
    *(
        _Round(
            f"reward models, {clients} clients, 8 steps of 8 pairs",
            ("--clients", str(clients)),
            (("fused", "plain", None), ("fused", "cached", 3.3), ("fused", "alone", None)),
            5 if clients < 50 else 3,
            "fusion_reward",
            ("train",),
        )
        for clients in (5, 10, 50)
    ),
    *(
        _Round(
            f"alignment, {clients} clients, 16 prompts of 28 new tokens",
            ("--clients", str(clients)),
            (("fused", "stock", None), ("fused", "alone", None)),
            3,
            "fusion_alignment",
            ("generation", "update", "whole"),
        )
        for clients in (5, 10)
    ),
)
_BRIEF = (_Round("tiny, 2 clients, 1 step of 4 x 40", ("--clients", "2", "--steps", "1"), _AGAINST_ALONE, 1),)


def measure(setting: Setting) -> Iterator[Row]:
    """All sizes."""
    for size in _BRIEF if setting.quick else _FULL:
        try:
            yield from _rows(size, _measured(size, setting))
        except Failed as failure:
            yield Row.absent(size.title, str(failure))


def _measured(size: _Round, setting: Setting) -> Figures:
    repeats = 2 if setting.quick else min(2 * setting.repeats - 1, size.most_repeats)
    command = [sys.executable, "-m", f"benchmarks.{size.script}", *size.words, "--repeats", str(max(2, repeats))]
    return dict(figures([*command, "--ways", *size.ways], setting.limit_s)["measured"])


def _rows(size: _Round, told: Figures) -> Iterator[Row]:
    for part in size.parts:
        ms = {way: [1e3 * seconds for seconds in one[part]] for way, one in told.items()}
        title = size.title if len(size.parts) == 1 else f"{part}: {size.title}"
        for way, floor, speed_up in size.beside:
            row = measured(f"{_NAMES[way]}: {title}", "ms CPU a round", ms[way], _NAMES[floor], ms[floor])
            row = row.noting(f"peak {_peak_mb(told[way])} MB, floor {_peak_mb(told[floor])} MB")
            yield row if speed_up is None else row.aiming(1 / speed_up)


def _peak_mb(way: Figures) -> int:
    return round(max(way["peak_bytes"]) / 1e6)


FAMILY = Family("fusion", "rounds of the three stages, clients together and one by one", measure)
