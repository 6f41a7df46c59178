"""The report's sections, each from what was measured."""

from __future__ import annotations

from collections.abc import Sequence

from pwffsim.paper import closed_forms, figures
from pwffsim.paper.claims import DELAY, ENERGY, REWARD_SUM, REWARD_WEIGHTED, saving
from pwffsim.paper.configurations import CONFIGURATIONS
from pwffsim.paper.document import Section, Table
from pwffsim.paper.findings import Finding, told
from pwffsim.paper.grid import (
    CHOICES,
    COMPUTE,
    MAIN_LEARNT,
    MAIN_PLANNED,
    METHODS_STUDY,
    REWARD_UPLOADS,
    ROUNDS,
    SIZES,
    TRADE,
)
from pwffsim.paper.inconsistencies import airtime_share
from pwffsim.paper.measured import ALIGNMENT, INSTRUCTION, Measured, learnt, planned
from pwffsim.paper.readings import BANDWIDTH_HZ, POWER_W, READINGS, SNR_DB
from pwffsim.paper.verdicts import RULES, Verdict, above
from pwffsim.studies.intervals import Interval
from pwffsim.studies.outcome import Outcome

_GROUPS = ("adapters", "lora")
_NONE = "–"


def verdicts(claims: Sequence[Finding], questions: Sequence[Finding], seeds: int) -> Section:
    """The paper's claims, and the rules by which they are judged."""
    return Section(
        "Claims",
        (
            f"Seeds: {seeds}. Intervals are Student's at 95 % over seeds; differences are paired by seed, for equal "
            "seeds mean equal data and equal fading. Energy and delay are those of uploads at the true architecture "
            "(paper_*), accuracy and reward are learnt on the shipped small base (tiny_*).",
        ),
        (
            _overview("Verdicts on the paper's claims", claims),
            _overview("What the paper does not ask", questions),
            _evidence("The evidence", [*claims, *questions]),
            Table("Rules", ("verdict", "when"), tuple((str(word), rule) for word, rule in RULES.items())),
        ),
    )


def saved(found: Measured) -> Section:
    """The two savings that belong side by side."""
    rows = tuple(
        (
            preset,
            told(saving(found, preset, "upload_bytes"), 1, "%", 100.0),
            told(saving(found, preset, ENERGY), 1, "%", 100.0),
            _predicted_saving(preset),
        )
        for preset in planned(found)
    )
    words = (
        "The paper claims 43 %. With its own rank 96 on 24 attention modules the saving is 90.1 %; with rank 8 on the "
        "same modules it is 43.2 %. Both are printed, whatever came out.",
    )
    head = ("preset", "bytes saved", "energy saved", "closed form L/(A+L)")
    return Section("What PWFF saves on PFL", words, (Table("Savings in stage 3", head, rows),))


def figure4(found: Measured) -> Section:
    """Accuracy and delay."""
    plots = tuple(figures.fig4(found))
    tables = (_ends(found, METHODS_STUDY, learnt(found), INSTRUCTION, ("accuracy",), "Accuracy at the end of stage 1"),)
    words = ("Accuracy on each client's held-out rows, mean over clients; bands and whiskers are 95 % intervals.",)
    return Section("Fig. 4: accuracy, and delay per round", words, tables, plots, "fig4.svg")


def figure5(found: Measured) -> Section:
    """Reward and energy."""
    quantities = (REWARD_SUM, REWARD_WEIGHTED)
    tables = (_ends(found, METHODS_STUDY, learnt(found), ALIGNMENT, quantities, "Reward at the end of stage 3"),)
    words = (
        "Rewards are scored by examiners that no client trains against, in standard deviations of their scores: the "
        "paper's unweighted sum, and the same by each client's own weights.",
    )
    return Section("Fig. 5: reward, and transmission energy", words, tables, tuple(figures.fig5(found)), "fig5.svg")


def sizes(found: Measured) -> Section:
    """Parameters, bytes, delay, joules beside their closed forms."""
    tables = tuple(
        Table(f"{preset}: an upload of stage 1", _SIZES_HEAD, tuple(_size_rows(found, preset)))
        for preset in planned(found)
    )
    words = (
        "Parameters and bytes from the tensors of recorded messages; seconds and joules from records, over fading "
        "blocks. Closed forms: adapters n(2db+b+d), LoRA r times the sum of inputs and outputs; delay 32 bits a "
        "parameter over the ergodic Rayleigh rate at 5 dB and 1 MHz; energy 1 W times that. A round waits for the "
        "slowest of the clients.",
    )
    return Section("Parameters, bytes, seconds, joules", words, tables)


def airtime(found: Measured) -> Section:
    """Air time by stage, under each way to send reward models."""
    rows = tuple(
        (upload, *(told(airtime_share(found, upload, stage), 1, "%", 100.0) for stage in ROUNDS))
        for upload in REWARD_UPLOADS
    )
    rounds = ", ".join(f"{number} of {stage}" for stage, number in ROUNDS.items())
    words = (f"Rounds: {rounds}. PWFF at {MAIN_PLANNED}. The paper's figures leave the reward stage out.",)
    table = Table("Share of the air time", ("reward models sent", *ROUNDS), rows)
    work = tuple(
        (method, told(found.interval(COMPUTE, MAIN_PLANNED, INSTRUCTION, "round_delay_mean_s", method), 2, "s"))
        for method in found.methods(COMPUTE, MAIN_PLANNED)
    )
    counted = Table("A round of stage 1 with work counted", ("method", "delay"), work)
    return Section("Air time by stage", words, (table, counted))


def inconsistencies(entries: Sequence[Finding]) -> Section:
    """I1 to I18."""
    words = ("A verdict here is of the inconsistency: reproduced says that it is real.",)
    tables = (_overview("Inconsistencies", entries), _evidence("What was measured of them", entries))
    return Section("Inconsistencies", words, tables)


def fitting(found: Measured) -> Section:
    """Local and global accuracy."""
    rows = tuple(
        (
            preset,
            method,
            told(found.interval(METHODS_STUDY, preset, INSTRUCTION, "accuracy", method), 1, "%", 100.0),
            told(found.interval(METHODS_STUDY, preset, INSTRUCTION, "global_accuracy", method), 1, "%", 100.0),
        )
        for preset in learnt(found)
        for method in found.methods(METHODS_STUDY, preset)
    )
    words = ("A client's model on its own held-out rows; the server's shared part on rows of everybody.",)
    table = Table("Accuracy at the end of stage 1", ("preset", "method", "local test", "global test"), rows)
    return Section("Local and global test accuracy", words, (table,))


def alignment_health(found: Measured) -> Section:
    """KL, conflict of objectives, drift of rewards."""
    plots = tuple(plot for quantity, title in _HEALTH.items() for plot in figures.health(found, quantity, title))
    words = (
        "KL to the policy at the end of stage 1; correlation of the two objectives' advantages; rank correlation of a "
        "client's reward models with the judge, which falls where the policy drifts from what they were trained on.",
    )
    table = _ends(found, METHODS_STUDY, learnt(found), ALIGNMENT, (*_HEALTH, *_UNDRAWN), "At the end of stage 3")
    return Section("Alignment over rounds", words, (table,), plots)


def trade(found: Measured) -> Section:
    """Where PWFF wins and where not."""
    rivals = ("vanilla_fl", "fedada", "local_only")
    rows = tuple(_trade_row(found, condition, rival) for condition in found.variants(TRADE) for rival in rivals)
    words = (
        "Topics of clients by Dirichlet's concentration (0.1: very unlike, 100: alike), rows of each, and number of "
        "clients; ahead and behind where the interval holds no 0.",
    )
    table = Table("Accuracy of PWFF less that of", ("data", "method", "difference", "PWFF is"), rows)
    return Section("Under which data PWFF wins", words, (table,))


def _trade_row(found: Measured, condition: str, rival: str) -> tuple[str, ...]:
    difference = found.difference(TRADE, MAIN_LEARNT, INSTRUCTION, "accuracy", "pwff", rival, condition)
    place = _PLACES.get(above(difference), str(above(difference)))
    return condition, rival, told(difference, 2, "points", 100.0), place


def choices(found: Measured) -> Section:
    """What the paper leaves open."""
    rows = tuple(
        (
            variant,
            told(found.interval(CHOICES, MAIN_LEARNT, INSTRUCTION, "accuracy", variant=variant), 1, "%", 100.0),
            told(found.interval(CHOICES, MAIN_LEARNT, ALIGNMENT, REWARD_WEIGHTED, variant=variant), 2, "sd"),
            told(found.interval(CHOICES, MAIN_LEARNT, ALIGNMENT, REWARD_SUM, variant=variant), 2, "sd"),
        )
        for variant in found.variants(CHOICES)
    )
    head = ("choice", "accuracy", "reward, own weights", "helpful + harmless")
    return Section("What the paper leaves open", (), (Table(f"PWFF at {MAIN_LEARNT}", head, rows),))


def what_ran(outcomes: Sequence[Outcome]) -> Section:
    """Points, and those that failed."""
    bad = [each for each in outcomes if not each.done]
    words = (f"{len(outcomes)} points; {len(outcomes) - len(bad)} done, {len(bad)} not.",)
    rows = tuple((str(each.point), each.ending.status, _short(each.ending.message)) for each in bad)
    tables = (Table("Points without results", ("point", "status", "message"), rows),) if rows else ()
    return Section("What was run", words, tables)


_PLACES = {Verdict.REPRODUCED: "ahead", Verdict.REFUTED: "behind or equal", Verdict.NOT_SHOWN: "not told apart"}

_SIZES_HEAD = (
    "method",
    "adapters",
    "LoRA",
    "closed form",
    "bytes",
    "delay [s]",
    "closed form [s]",
    "round [s]",
    "energy [J]",
    "closed form [J]",
)

_HEALTH = {
    "kl": "KL",
    "objective_conflict": "correlation of objectives",
    "agreement_helpfulness": "agreement with the judge, helpfulness",
    "agreement_harmlessness": "agreement with the judge, harmlessness",
}


_UNDRAWN = ("response_length", "clip_fraction", "explained_variance_helpfulness", "explained_variance_harmlessness")


def _size_rows(found: Measured, preset: str) -> list[tuple[str, ...]]:
    return [_size_row(found, preset, method) for method in found.methods(SIZES, preset)]


def _size_row(found: Measured, preset: str, method: str) -> tuple[str, ...]:
    def of(quantity: str) -> float | None:
        interval = found.interval(SIZES, preset, INSTRUCTION, quantity, method)
        return None if interval is None else interval.mean

    counts = {group: of(f"upload_{group}_bytes") for group in _GROUPS}
    predicted = _predicted(preset, [group for group, size in counts.items() if size])
    delay = None if predicted is None else closed_forms.airtime_s(predicted, _rate_bps())
    return (
        method,
        *(_count(None if size is None else size / 4) for size in counts.values()),
        _count(predicted),
        _count(of("upload_bytes")),
        _told(found.interval(SIZES, preset, INSTRUCTION, DELAY, method)),
        _NONE if delay is None else f"{delay:.2f}",
        _told(found.interval(SIZES, preset, INSTRUCTION, "round_delay_mean_s", method)),
        _told(found.interval(SIZES, preset, INSTRUCTION, ENERGY, method)),
        _NONE if delay is None else f"{closed_forms.energy_j(POWER_W, delay):.2f}",
    )


def _told(interval: Interval | None) -> str:
    """Of an upload: there may be none."""
    return _NONE if interval is None else told(interval, 2)


def _rate_bps() -> float:
    return closed_forms.ergodic_rate_bps(SNR_DB, BANDWIDTH_HZ)


def _predicted(preset: str, groups: Sequence[str]) -> int | None:
    """Parameters of an upload of some groups, by the preset's closed forms."""
    reading = READINGS.get(preset)
    return sum(reading.parameters[group] for group in groups) if reading and groups else None


def _predicted_saving(preset: str) -> str:
    reading = READINGS.get(preset)
    return _NONE if reading is None else f"{100 * closed_forms.saving(**reading.parameters):.1f} %"


def _ends(
    found: Measured, study: str, presets: Sequence[str], stage: str, quantities: Sequence[str], title: str
) -> Table:
    """Quantities at the end of a stage, method by method, preset by preset."""
    rows = tuple(
        (preset, method, *(told(found.interval(study, preset, stage, quantity, method)) for quantity in quantities))
        for preset in presets
        for method in found.methods(study, preset)
        if any(len(found.values(study, preset, stage, quantity, method)) for quantity in quantities)
    )
    return Table(title, ("preset", "method", *quantities), rows)


def _overview(title: str, findings: Sequence[Finding]) -> Table:
    rows = tuple((each.code, each.says, str(each.verdict), _by_preset(each), each.remark) for each in findings)
    return Table(title, ("", "statement", "verdict", "by preset", "remark"), rows)


def _by_preset(finding: Finding) -> str:
    return "; ".join(f"{preset}: {verdict}" for preset, verdict in finding.by_preset.items() if preset)


def _evidence(title: str, findings: Sequence[Finding]) -> Table:
    rows = tuple((each.code, one.preset, one.what, str(one.verdict)) for each in findings for one in each.evidence)
    return Table(title, ("", "preset", "measured", "verdict"), rows)


def configurations() -> Section:
    """Who is compared."""
    rows = tuple((each.method, ", ".join(each.figures), each.paper or "a reference that the paper lacks")
                 for each in CONFIGURATIONS)  # fmt: skip
    return Section("Configurations", (), (Table("Methods", ("method", "shown in", "in the paper"), rows),))


def _count(number: float | None) -> str:
    return _NONE if number is None else f"{number:,.0f}"


def _short(message: str) -> str:
    """Its first line, cut."""
    line = message.strip().splitlines()[0] if message.strip() else ""
    return line if len(line) <= 200 else f"{line[:197]}..."
