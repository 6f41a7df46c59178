"""The paper's two figures of results, and what it does not show over rounds."""

from __future__ import annotations

from collections.abc import Sequence

from pwffsim.drawing.charts import Bar, Series, Value, bars, curves
from pwffsim.paper.claims import DELAY, REWARD_SUM, REWARD_WEIGHTED
from pwffsim.paper.configurations import LEARNING, METHODS, REWARDS, shown
from pwffsim.paper.grid import METHODS_STUDY, SIZES
from pwffsim.paper.measured import ALIGNMENT, INSTRUCTION, Measured, learnt, planned
from pwffsim.studies.intervals import Interval, student


def fig4(found: Measured) -> list[str]:
    """Accuracy over rounds, preset by preset, and delay per round at the true architecture."""
    methods = [each.method for each in shown(LEARNING)]
    return _drawn(
        *(_course(found, p, INSTRUCTION, "accuracy", methods, f"accuracy, {p}") for p in learnt(found)),
        *(
            _bars(found, p, INSTRUCTION, DELAY, methods, f"delay of an upload, {p}", "delay [s]")
            for p in planned(found)
        ),
    )


def fig5(found: Measured) -> list[str]:
    """Reward over rounds, unweighted and by the clients' own weights, and transmission energy of stage 3."""
    methods = [each.method for each in shown(REWARDS)]
    return _drawn(
        *(_course(found, p, ALIGNMENT, REWARD_SUM, methods, f"helpful + harmless, {p}") for p in learnt(found)),
        *(_course(found, p, ALIGNMENT, REWARD_WEIGHTED, methods, f"own weights, {p}") for p in learnt(found)),
        *(
            _bars(found, p, ALIGNMENT, "energy_tx_j", methods, f"transmission energy, {p}", "energy [kJ]", 1e-3)
            for p in planned(found)
        ),
    )


def health(found: Measured, quantity: str, title: str) -> list[str]:
    """One quantity of stage 3 over rounds, preset by preset."""
    methods = [each.method for each in shown(REWARDS)]
    return _drawn(*(_course(found, p, ALIGNMENT, quantity, methods, f"{title}, {p}") for p in learnt(found)))


def colour(method: str) -> int:
    """A method's colour, the same in every chart."""
    return METHODS.index(method)


def _course(found: Measured, preset: str, stage: str, quantity: str, methods: Sequence[str], title: str) -> str:
    return curves(title, "round", quantity, [_series(found, preset, stage, quantity, each) for each in methods])


def _series(found: Measured, preset: str, stage: str, quantity: str, method: str) -> Series:
    """By round, over seeds."""
    course = found.course(METHODS_STUDY, preset, stage, quantity, method)
    values = [_value(student(row.to_list())) for _, row in course.iterrows()]
    return Series(method, colour(method), [float(round_) for round_ in course.index], values)


def _bars(
    found: Measured,
    preset: str,
    stage: str,
    quantity: str,
    methods: Sequence[str],
    title: str,
    label: str,
    factor: float = 1.0,
) -> str:
    """Of plans; whom the quantity does not exist for has no bar."""
    intervals = {method: found.interval(SIZES, preset, stage, quantity, method) for method in methods}
    known = {method: each.scaled(factor) for method, each in intervals.items() if each is not None}
    return bars(title, label, [Bar(method, colour(method), _value(each)) for method, each in known.items()])


def _value(interval: Interval) -> Value:
    return Value(interval.mean, interval.low, interval.high)


def _drawn(*plots: str) -> list[str]:
    return [plot for plot in plots if plot]
