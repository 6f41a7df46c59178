"""What a model is: a frozen dataclass whose parameters carry their bounds, their unit (in the name) and a description.

A parameter is declared once::

    @RATE_MAPS.register("capped")
    @dataclass(frozen=True, kw_only=True)
    class Capped(RateMap):
        cap_b_per_s_hz: float = parameter("Largest spectral efficiency.", default=6.0, above=0)

and that is all there is to say: construction checks it, a scenario can set it (``rate: {model: capped,
cap_b_per_s_hz: 4}``), the JSON Schema describes it. Fields that are not parameters (seed, purpose) are context that
the simulator fills in.
"""

from __future__ import annotations

from abc import ABC
from dataclasses import MISSING, dataclass, field, fields
from dataclasses import Field as DataclassField
from math import isfinite, isnan
from typing import Any, ClassVar

_KEY = "parameter"


@dataclass(frozen=True)
class Bounds:
    """What a parameter may be.

    Attributes:
        description: one sentence.
        above, least, below, most: bounds of a number (exclusive, inclusive, exclusive, inclusive).
        choices: the only values, for a word.
        infinite: whether infinity is allowed.
        examples: values for documentation.
    """

    description: str
    above: float | None = None
    least: float | None = None
    below: float | None = None
    most: float | None = None
    choices: tuple[str, ...] = ()
    infinite: bool = False
    examples: tuple[Any, ...] = ()

    def refusal(self, value: Any) -> str | None:
        """Why a value cannot be, or None. A tuple is checked entry by entry; None stands for "not given"."""
        if isinstance(value, tuple):
            return next((why for entry in value if (why := self.refusal(entry))), None)
        if self.choices:
            return None if value in self.choices else f"must be one of {', '.join(self.choices)}"
        if value is None or isinstance(value, (str, bool)):
            return None
        return self._off_limits(value)

    def _off_limits(self, value: float) -> str | None:
        if isnan(value) or not (self.infinite or isfinite(value)):
            return "must be a finite number"
        rules = (
            (self.above, "above", lambda bound: value > bound),
            (self.least, "at least", lambda bound: value >= bound),
            (self.below, "below", lambda bound: value < bound),
            (self.most, "at most", lambda bound: value <= bound),
        )
        return next(
            (f"must be {word} {bound:g}" for bound, word, holds in rules if bound is not None and not holds(bound)),
            None,
        )


def parameter(description: str, *, default: Any = MISSING, **bounds: Any) -> Any:
    """A dataclass field that users set; ``bounds`` as in :class:`Bounds`."""
    return field(default=default, metadata={_KEY: Bounds(description, **bounds)})


@dataclass(frozen=True, kw_only=True)
class Model(ABC):  # noqa: B024  (the methods of an axis are its own)
    """Base of all models: checks its parameters when it is made, ValueError naming model, parameter and bound."""

    name: ClassVar[str] = ""

    def __post_init__(self) -> None:
        for key, bounds in parameters(type(self)).items():
            why = bounds.refusal(value := getattr(self, key))
            if why:
                raise ValueError(f"{type(self).__name__}: {key} {why}, got {value!r}")


def parameters(model: type[Model]) -> dict[str, Bounds]:
    """Name -> bounds of a model's parameters, in order of declaration."""
    return {entry.name: entry.metadata[_KEY] for entry in parameter_fields(model)}


def parameter_fields(model: type[Model]) -> list[DataclassField[Any]]:
    """The dataclass fields that are parameters."""
    return [entry for entry in fields(model) if _KEY in entry.metadata]
