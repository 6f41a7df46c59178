"""Records in the Alpaca and hh-rlhf formats, read into rows; whatever cannot be used is counted and named."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, TypeVar

from pwffsim.data.errors import DataError
from pwffsim.data.rows import Instruction, Preference

Row = TypeVar("Row", Instruction, Preference)
SHOWN = 5
_TURN = "\n\nAssistant:"


class UnusableError(Exception):
    """Why one record is dropped."""


@dataclass
class Reading:
    """What became of one source's records. ``examples`` names the first few dropped ones: place and reason."""

    source: str
    read: int = 0
    kept: int = 0
    dropped: Counter[str] = field(default_factory=Counter)
    examples: list[str] = field(default_factory=list)

    def drop(self, place: str, reason: str) -> None:
        self.dropped[reason] += 1
        if len(self.examples) < SHOWN:
            self.examples.append(f"{place}: {reason}")

    def summary(self) -> dict[str, Any]:
        """Plain values for a report."""
        return {"read": self.read, "kept": self.kept, "dropped": dict(self.dropped), "examples": list(self.examples)}

    def require_some(self, remedy: str) -> None:
        """DataError where nothing usable was found."""
        if not self.kept:
            shown = "".join(f"\n  {example}" for example in self.examples)
            raise DataError(f"{self.source}: none of {self.read} rows is usable; {remedy}{shown}")


def alpaca(record: Any) -> Instruction:
    """A row of an Alpaca record (``instruction``, optional ``input``, ``output``); its topic is the leading verb."""
    instruction, output = _text(record, "instruction"), _text(record, "output")
    extra = _text(record, "input", optional=True)
    return Instruction(f"{instruction}\n{extra}" if extra else instruction, output, leading_word(instruction))


def hh_rlhf(record: Any) -> Preference:
    """A pair of an hh-rlhf record: two whole dialogues, split before the last assistant turn.

    The prompt is the chosen dialogue's history (a few pairs differ before the last reply).
    """
    chosen, rejected = _text(record, "chosen"), _text(record, "rejected")
    if chosen == rejected:
        raise UnusableError("chosen equals rejected")
    history, _, good = chosen.rpartition(_TURN)
    _, _, bad = rejected.rpartition(_TURN)
    prompt = history.strip().removeprefix("Human:").strip()
    if not prompt or not good.strip() or not bad.strip():
        raise UnusableError("no prompt or an empty reply")
    if good.strip() == bad.strip():
        raise UnusableError("chosen equals rejected")
    return Preference(prompt, good.strip(), bad.strip())


def leading_word(instruction: str) -> str:
    """The first word in lower case, which in Alpaca rows is mostly the verb of what is asked."""
    words = instruction.split()
    return words[0].strip(".,:;!?\"'()").lower() if words else ""


def parse(
    records: Iterable[tuple[str, Any]], reader: Callable[[Any], Row], reading: Reading, seen: set[str]
) -> list[Row]:
    """Rows of (place, record) pairs; a prompt that was seen before is dropped, so that held-out prompts are new.

    A record that is an UnusableError is dropped for its reason.
    """
    rows: list[Row] = []
    for place, record in records:
        reading.read += 1
        try:
            row = reader(record)
            if row.prompt in seen:
                raise UnusableError("prompt occurs already")
        except UnusableError as reason:
            reading.drop(place, str(reason))
            continue
        seen.add(row.prompt)
        rows.append(row)
    reading.kept += len(rows)
    return rows


def name_topics(rows: list[Instruction], most: int = 16) -> list[Instruction]:
    """Keep the most frequent topics (ties in alphabetical order); all others become 'other'."""
    counts = Counter(row.topic for row in rows)
    frequent = set(sorted(counts, key=lambda topic: (-counts[topic], topic))[:most])
    return [row if row.topic in frequent else Instruction(row.prompt, row.response, "other") for row in rows]


def _text(record: Any, key: str, optional: bool = False) -> str:
    if isinstance(record, UnusableError):
        raise record
    if not isinstance(record, dict):
        raise UnusableError("not a JSON object")
    value = record.get(key, "" if optional else None)
    if not isinstance(value, str):
        raise UnusableError(f"no text under {key!r}")
    if not value.strip() and not optional:
        raise UnusableError(f"empty {key!r}")
    return value.strip() if key not in ("chosen", "rejected") else value
