"""The points of the paper's study.

What is learnt is learnt on the shipped small base, whose presets keep the ratio of LoRA to adapters (``tiny_*.yaml``);
bytes, seconds and joules come from plans at the true architecture (``paper_*.yaml``).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from pwffsim.paper.configurations import METHODS, stage_one_alone
from pwffsim.studies.point import PLAN, RUN, Axis, Point, grid

SCENARIOS = Path(__file__).resolve().parents[2] / "scenarios" / "paper"
"""The presets come with the repository."""

LEARNT, PLANNED = "tiny_*.yaml", "paper_*.yaml"
MAIN_LEARNT, MAIN_PLANNED = "tiny_consistent", "paper_consistent"
"""The presets in which the paper's two claims about energy hold at once; variations start from them."""

_FIRST_STAGE = ("stages.reward=null", "stages.alignment=null")

METHODS_STUDY, SIZES, AIRTIME, TRADE, CHOICES, COMPUTE, DOWNLINK = (
    "methods",
    "sizes",
    "airtime",
    "heterogeneity",
    "choices",
    "compute",
    "downlink",
)

REWARD_UPLOADS = {"full": "paper_reward_full", "head": MAIN_PLANNED, "lora": "paper_reward_lora"}
"""What is sent of a reward model (paper inconsistency I5) -> the preset that does so."""

ROUNDS = {"instruction": 50, "reward": 10, "alignment": 50}
"""Of the air time by stage; the paper names none."""

CONDITIONS: Axis = {
    f"alpha {alpha:g}, {rows} rows": (
        f"data.partition.dirichlet_alpha={alpha:g}",
        f"data.rows_per_client={rows}",
        *_FIRST_STAGE,
    )
    for alpha in (0.1, 1.0, 100.0)
    for rows in (40, 160)
} | {
    "3 clients": ("clients=3", *_FIRST_STAGE),
    "one style": ("data.partition.styles=1", *_FIRST_STAGE),
    "one style, 40 rows": ("data.partition.styles=1", "data.rows_per_client=40", *_FIRST_STAGE),
}
"""How unlike the clients' topics are (small alpha: very), how much each has, how many take part, and whether each words
its answers in a way of its own: where federation and personal parts should matter."""

VARIANTS: Axis = {
    "as preset": (),
    "rewards summed": ("stages.alignment.combine=reward",),
    "literal sum": ("stages.alignment.combine=literal_sum",),
    "local reward models": ("stages.reward.scope=local",),
    "lossy": (
        "radio.loss={model: outage, threshold: 0 dB}",
        "radio.retransmission={model: selective_repeat, retransmissions: 1}",
        "radio.packets={payload_bytes: 1460}",
        "radio.residual_loss=discard",
    ),
}
"""What the paper leaves open, decided otherwise; and uploads that may be lost, of which it says nothing."""

WORK = ("devices.compute_time=declared",)
"""The presets' devices take time; the paper counts none."""

DOWNLINKS: Axis = {
    "ideal": ("radio.downlink={ideal: true}",),
    "broadcast": ("radio.downlink={ideal: false, delivery: broadcast, mean_snr_db: 5}",),
}


@dataclass(frozen=True)
class Effort:
    """How much is run.

    Attributes:
        seeds: of every point.
        learnt: which presets are learnt on, as names; None for all there are.
        methods: names of configurations.
        conditions: names of ``CONDITIONS``.
        variants: names of ``VARIANTS``.
        learning: overrides of everything that is learnt.
    """

    seeds: tuple[int, ...]
    learnt: tuple[str, ...] | None
    conditions: tuple[str, ...]
    variants: tuple[str, ...]
    learning: tuple[str, ...] = ()
    methods: tuple[str, ...] = METHODS


EXAMINED = ("evaluation.examiner=true",)
"""All methods are scored by one yardstick, which none of them trains against."""

QUICK = Effort(
    seeds=(1, 2),
    learnt=(MAIN_LEARNT, "tiny_literal"),
    conditions=("alpha 0.1, 40 rows", "alpha 100, 160 rows", "one style, 40 rows"),
    variants=("as preset", "literal sum", "local reward models"),
    learning=(*EXAMINED, "stages.instruction.rounds=4", "stages.reward.rounds=2", "stages.alignment.rounds=2"),
)
FULL = Effort(
    seeds=(1, 2, 3, 4, 5),
    learnt=None,
    conditions=tuple(CONDITIONS),
    variants=tuple(VARIANTS),
    learning=EXAMINED,
)


class NoPresets(ValueError):
    """The folder holds no preset of the paper."""


def points(scenarios: Path, effort: Effort) -> tuple[Point, ...]:
    """Every point of the study; plans first, for they are quick.

    Raises:
        NoPresets: for a folder without presets.
    """
    learnt = [path for path in _presets(scenarios, LEARNT) if effort.learnt is None or path.stem in effort.learnt]
    return (*_planned(_presets(scenarios, PLANNED), effort), *_learnt(learnt, effort))


def _presets(scenarios: Path, pattern: str) -> list[Path]:
    found = sorted(scenarios.glob(pattern))
    if not found:
        raise NoPresets(f"{scenarios} holds no {pattern}: presets come with the repository; give their folder")
    return found


def _planned(presets: Sequence[Path], effort: Effort) -> Iterator[Point]:
    for path in presets:
        if path.stem not in REWARD_UPLOADS.values() or path.stem == MAIN_PLANNED:
            yield from _of_methods(path, effort, PLAN)
        if path.stem in REWARD_UPLOADS.values():
            yield from _airtime(path, effort)
        if path.stem == MAIN_PLANNED:
            yield from _beside(path, effort)


def _airtime(path: Path, effort: Effort) -> Iterator[Point]:
    """All stages, with one way to send reward models."""
    rounds = tuple(f"stages.{stage}.rounds={number}" for stage, number in ROUNDS.items())
    sent: Axis = {upload: () for upload, preset in REWARD_UPLOADS.items() if preset == path.stem}
    at = {"study": AIRTIME, "preset": MAIN_PLANNED}
    yield from grid(path, {"variant": sent}, effort.seeds, PLAN, rounds, **at)


def _beside(path: Path, effort: Effort) -> Iterator[Point]:
    """What the paper leaves out of its delays besides: the downlink, and work."""
    equal, seeds = _named(("pwff", "fedada")), effort.seeds
    yield from grid(path, {"variant": DOWNLINKS}, seeds, PLAN, (), **_at(path, DOWNLINK))
    yield from grid(path, {"method": equal}, seeds, PLAN, WORK, **_at(path, COMPUTE))


def _learnt(presets: Sequence[Path], effort: Effort) -> Iterator[Point]:
    for path in presets:
        yield from _of_methods(path, effort, RUN)
        if path.stem == MAIN_LEARNT:
            yield from _varied(path, effort)


def _varied(path: Path, effort: Effort) -> Iterator[Point]:
    """Other data, and other choices where the paper leaves them open."""
    rivals = _named(("pwff", "vanilla_fl", "fedada", "local_only"))
    conditions = {name: CONDITIONS[name] for name in effort.conditions}
    variants = {name: VARIANTS[name] for name in effort.variants}
    common = effort.learning
    yield from grid(path, {"method": rivals, "variant": conditions}, effort.seeds, RUN, common, **_at(path, TRADE))
    yield from grid(path, {"variant": variants}, effort.seeds, RUN, common, **_at(path, CHOICES))


def _of_methods(path: Path, effort: Effort, kind: str) -> tuple[Point, ...]:
    """All methods on one preset; where they learn, those that are shown for stage 1 alone run no other."""
    study, common = (METHODS_STUDY, effort.learning) if kind == RUN else (SIZES, ())
    return grid(path, {"method": _named(effort.methods, kind == RUN)}, effort.seeds, kind, common, **_at(path, study))


def _named(methods: Sequence[str], cut: bool = False) -> Axis:
    return {name: (f"method={name}", *(_FIRST_STAGE if cut and stage_one_alone(name) else ())) for name in methods}


def _at(path: Path, study: str) -> dict[str, str]:
    return {"study": study, "preset": path.stem}
