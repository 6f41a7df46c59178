"""A survey on the terminal."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import floor, isfinite, log10

from rich.box import SIMPLE
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from pwffsim.survey.budget import Budget
from pwffsim.survey.document import mean_delays_s
from pwffsim.survey.doubts import Doubt
from pwffsim.survey.figures import LEVELS, Compared, Quantiles
from pwffsim.survey.survey import LinkSurvey, Load, Survey
from pwffsim.world.radio.links import UP

_WIDTH = 124
_MEGA = 1e6
_MILLI = 1e3


def show(survey: Survey, found: Sequence[Doubt]) -> None:
    """Print a survey as tables, warnings last."""
    console = Console(width=max(Console().width, _WIDTH))
    print_all(survey, console)
    for doubt in found:
        console.print(f"[bold yellow]warning[/] {doubt.kind}{escape(_whom(doubt, survey))}: {escape(doubt.message)}")
    console.print(
        "nothing implausible was found" if not found else f"{len(found)} warning{'s' if len(found) > 1 else ''}"
    )


def print_all(survey: Survey, console: Console) -> None:
    """Print the tables."""
    console.print(*_heading(survey), sep="\n", highlight=False)
    console.print(budget_table(survey))
    for direction in survey.scene.directions:
        console.print(client_table(survey, direction))
        console.print(rate_table(survey, direction))
        for table in stage_tables(survey, direction):
            console.print(table)


def budget_table(survey: Survey) -> Table:
    """The budget of each direction, one quantity a row; what follows from the others is marked."""
    table = Table("link budget", *survey.budgets, box=SIMPLE)
    for name, unit, scale in _BUDGET_ROWS:
        table.add_row(
            f"{name} ({unit})", *(_budget_cell(budget, name, unit, scale) for budget in survey.budgets.values())
        )
    return table


def client_table(survey: Survey, direction: str) -> Table:
    """Each client's SNR and share of the medium."""
    table = _table(
        f"{direction} under full load",
        "cell",
        "SNR dB",
        "over time dB",
        "path loss dB",
        "rx dBm",
        "band kHz",
        "SNR x",
        "airtime",
        "collision",
    )
    for each in survey.clients:
        budget = each.links[direction].budget
        share, low, high = budget.share, budget.lowest_snr_db, budget.highest_snr_db
        moved = "" if low is None or high is None or low == high else f"{low:.1f} .. {high:.1f}"
        turns = " in turns" if share.in_turns else ""
        table.add_row(
            each.client.name,
            budget.cell,
            _number(budget.mean_snr_db, 2),
            moved,
            _number(budget.path_loss_db, 1),
            _number(budget.received_dbm, 1),
            _number(None if share.bandwidth_hz is None else share.bandwidth_hz / _MILLI, 1),
            f"{share.snr:.3g}",
            f"{share.airtime:.3g}{turns}",
            f"{share.collision_probability:.3g}",
        )
    return table


def rate_table(survey: Survey, direction: str) -> Table:
    """Rates: the closed form, the drawn mean with its standard error, quantiles, and how often there is nothing."""
    levels = [f"{100 * level:g} %" for level in LEVELS]
    table = _table(f"{direction} rate", "mean Mb/s", "drawn", *levels, "silent", "drawn", "lost blocks", "drawn")
    for each in survey.clients:
        rate = each.links[direction].rate
        table.add_row(
            each.client.name,
            *_pair(rate.mean_rate_bps, 3, _MEGA),
            *_levels(rate.rate_bps, _MEGA),
            *_pair(rate.silence_probability, 4),
            *_pair(rate.block_loss_probability, 4),
        )
    return table


def stage_tables(survey: Survey, direction: str) -> Iterator[Table]:
    """Delay, loss and energy, a table for each payload (stages of equal payloads share one)."""
    stages = [
        stage
        for stage in survey.scene.payloads
        if any(stage in each.links[direction].stages for each in survey.clients)
    ]
    groups: dict[tuple[int, ...], list[str]] = {}
    for stage in stages:
        groups.setdefault(tuple(load.delay.payload_bytes for load in _loads(survey, direction, stage)), []).append(
            stage
        )
    for together in groups.values():
        yield _delay_table(survey, direction, together)
        yield _loss_table(survey, direction, together)


def _delay_table(survey: Survey, direction: str, stages: list[str]) -> Table:
    levels = [f"{100 * level:g} %" for level in LEVELS]
    title = f"{'upload' if direction == UP else 'download'}: {', '.join(stages)}"
    table = _table(title, "bytes", "law", "mean s", "drawn", "std s", "drawn", *levels)
    for name, load in zip(_clients(survey, direction, stages[0]), _loads(survey, direction, stages[0]), strict=True):
        delay = load.delay
        table.add_row(name, f"{delay.payload_bytes:,}", delay.law or "", *_means(load), *_levels(delay.delay_s))
    means_s = mean_delays_s(survey, stages[0], direction)
    if means_s:
        table.caption = f"means of {len(means_s)} clients: slowest {max(means_s):.3f} s, sum {sum(means_s):.3f} s"
    return table


def _loss_table(survey: Survey, direction: str, stages: list[str]) -> Table:
    columns = ["lost/try", "drawn", "left", "drawn", "tries", "drawn", "whole"]
    if direction == UP:
        columns += ["radiated J", "drawn J", "+ tail J"]
    table = _table(f"{direction} losses{' and energy' if direction == UP else ''}: {', '.join(stages)}", *columns)
    for name, load in zip(_clients(survey, direction, stages[0]), _loads(survey, direction, stages[0]), strict=True):
        loss = load.loss
        table.add_row(
            name,
            *_pair(loss.transmission_loss_probability, 4),
            *_pair(loss.residual_loss_probability, 5),
            *_pair(loss.transmissions_per_packet, 3),
            _number(loss.complete_probability.drawn, 3),
            *_energies(load, direction),
        )
    return table


def _energies(load: Load, direction: str) -> list[str]:
    if direction != UP:
        return []
    energy = load.energy
    if energy is None:
        return ["", "", ""]
    return [_number(energy.radiated_j.drawn, 3), _number(energy.drawn_j - energy.tail_j, 3), _number(energy.drawn_j, 3)]


def _means(load: Load) -> tuple[str, str, str, str]:
    """Mean and standard deviation, or the word that there is none."""
    delay = load.delay
    if delay.infinite_mean is not None:
        return "infinite" if delay.law == "one draw" else "", "none", "", ""
    if delay.transfers == 0:
        return "", "hopeless", "", ""
    return *_pair(delay.mean_s, 3), *_pair(delay.std_s, 3)


def _heading(survey: Survey) -> Iterator[str]:
    scene = survey.scene
    radio = scene.scenario.radio
    models = ", ".join(
        f"{axis} {getattr(radio, axis)}" for axis in ("rate", "fading", "loss", "retransmission", "sharing")
    )
    yield f"{scene.scenario.name}: {models}"
    yield (
        f"{len(survey.clients)} of {len(scene.participants)} clients, with all of them on the air; "
        f"{survey.effort.transfers} transfers a client; window {survey.window_s:.3g} s"
    )


_BUDGET_ROWS = (
    ("bandwidth_hz", "MHz", 1 / _MEGA),
    ("tx_power_w", "W", 1.0),
    ("tx_power_dbm", "dBm", 1.0),
    ("noise_figure_db", "dB", 1.0),
    ("noise_dbm", "dBm", 1.0),
    ("path_loss_db", "dB", 1.0),
    ("mean_snr_db", "dB", 1.0),
    ("derived", "which", 1.0),
)


def _budget_cell(budget: Budget | None, name: str, unit: str, scale: float) -> str:
    if budget is None:
        return "recorded"
    value = getattr(budget, name)
    if isinstance(value, str) or value is None:
        return value or "by place"
    return f"{value * scale:.6g}{' (derived)' if budget.derived == name else ''}"


def _table(title: str, *columns: str) -> Table:
    table = Table(box=SIMPLE, title=title, title_justify="left", title_style="bold", caption_justify="left")
    table.add_column("client", no_wrap=True)
    for name in columns:
        table.add_column(name, justify="right", no_wrap=True)
    return table


def _loads(survey: Survey, direction: str, stage: str) -> list[Load]:
    return [link.stages[stage] for _, link in _having(survey, direction, stage)]


def _clients(survey: Survey, direction: str, stage: str) -> list[str]:
    return [name for name, _ in _having(survey, direction, stage)]


def _having(survey: Survey, direction: str, stage: str) -> list[tuple[str, LinkSurvey]]:
    links = [(each.client.name, each.links[direction]) for each in survey.clients]
    return [(name, link) for name, link in links if stage in link.stages]


def _pair(figure: Compared, digits: int, unit: float = 1.0) -> tuple[str, str]:
    """Closed form; drawn with its standard error."""
    closed = _number(None if figure.closed_form is None else figure.closed_form / unit, digits)
    if figure.drawn is None or not figure.standard_error:
        return closed, _number(None if figure.drawn is None else figure.drawn / unit, digits)
    error = figure.standard_error / unit
    shown = max(-floor(log10(error)), 0)
    return closed, f"{figure.drawn / unit:.{shown}f}±{error:.{shown}f}"


def _levels(quantiles: Quantiles, unit: float = 1.0) -> list[str]:
    """Quantiles, drawn where there are draws."""
    values = quantiles.drawn or quantiles.closed_form or (None,) * len(LEVELS)
    return [_number(None if value is None else value / unit, 3) for value in values]


def _number(value: float | None, digits: int) -> str:
    if value is None:
        return ""
    return f"{value:.{digits}f}" if isfinite(value) else "inf"


def _whom(doubt: Doubt, survey: Survey) -> str:
    if not doubt.clients:
        return ""
    return " (all)" if len(doubt.clients) == len(survey.clients) else f" ({', '.join(doubt.clients)})"
