"""The paper's inconsistencies I1 to I18: what the text says, and what measuring or computing adds to it.

A verdict here is of the statement that is made, not of the paper: "reproduced" says that the inconsistency is real.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from pwffsim.paper import closed_forms
from pwffsim.paper.claims import DELAY, ENERGY, REWARD_SUM, REWARD_WEIGHTED, c4, saving
from pwffsim.paper.findings import Entry, Evidence, Finding, told
from pwffsim.paper.grid import (
    AIRTIME,
    CHOICES,
    COMPUTE,
    DOWNLINK,
    MAIN_LEARNT,
    MAIN_PLANNED,
    METHODS_STUDY,
    ROUNDS,
    SIZES,
)
from pwffsim.paper.measured import ALIGNMENT, INSTRUCTION, REWARD, Measured, learnt, planned
from pwffsim.paper.readings import PAPER_RANK, READINGS, SNR_DB
from pwffsim.paper.verdicts import Verdict, above, below, every, holds, near
from pwffsim.studies.intervals import Interval, paired, ratio
from pwffsim.studies.numbers import WHOLE

_EXACT = 1e-6
_SHARE_TOLERANCE = 0.01


def i1(found: Measured) -> Finding:
    """Claims against sizes."""
    says = "b = 10 and r = 96 contradict both the 43 % and Shepherd's lowest energy."
    evidence = []
    for preset in _literal(found):
        saved, cost = saving(found, preset, "upload_bytes"), _ratio(found, preset, "upload_bytes", "shepherd")
        far = near(saved, 0.43, 0.01)
        words = f"bytes saved {told(saved, 1, '%', 100.0)}; Shepherd's upload is {told(cost, 2)} of PWFF's"
        evidence.append(Evidence(preset, words, _opposite(far)))
    return Finding("I1", says, tuple(evidence), f"At rank 96. {c4(found).remark}")


def i2(found: Measured) -> Finding:
    """Names."""
    says = "PWFF is also PFWW, and PFIT (a method of the first version) where the 43 % are claimed."
    return Finding("I2", says, (), "Where the number comes from cannot be told.")


def i3(found: Measured) -> Finding:
    """Joules are seconds."""
    evidence = [_joules_a_second(found, preset) for preset in planned(found)]
    return Finding("I3", "At 1 W, energy [J] and air time [s] are one number.", tuple(evidence))


def i4(found: Measured) -> Finding:
    """LoRA saves nothing."""
    evidence = [_equal_means(found, preset) for preset in planned(found)]
    says = "The abstract credits adapters and LoRA with less energy; LoRA that stays at home adds nothing to either."
    return Finding("I4", says, tuple(evidence))


def i5(found: Measured) -> Finding:
    """Reward models."""
    full = found.interval(AIRTIME, MAIN_PLANNED, REWARD, "upload_bytes", variant="full")
    head = found.interval(AIRTIME, MAIN_PLANNED, REWARD, "upload_bytes", variant="head")
    adapters = found.interval(AIRTIME, MAIN_PLANNED, INSTRUCTION, "upload_bytes", variant="full")
    says = "The reward model is a small fully-connected network, and DistilBERT with 66 million parameters."
    if full is None or head is None or adapters is None:
        return Finding("I5", says, (Evidence(MAIN_PLANNED, "not measured", Verdict.NOT_MEASURED),))
    words = f"an upload of both: {full.mean / 1e6:.1f} MB or {head.mean / 1e6:.2f} MB, {full.mean / adapters.mean:.0f} "
    words += f"or {head.mean / adapters.mean:.2f} times the adapters"
    return Finding("I5", says, (Evidence(MAIN_PLANNED, words, holds(full.mean > adapters.mean > 0)),), _HEAD)


def i6(found: Measured) -> Finding:
    """The reward stage's share."""
    share = airtime_share(found, "full", REWARD)
    words = f"reward stage's share of the air time: {told(share, 1, '%', 100.0)}"
    says = "The reward stage's communication is in neither figure; under full upload it is 95.8 % of all air time."
    rounds = "/".join(str(number) for number in ROUNDS.values())
    evidence = Evidence(MAIN_PLANNED, words, near(share, 0.958, _SHARE_TOLERANCE))
    return Finding("I6", says, (evidence,), f"At {rounds} rounds; tolerance one point.")


def i7(found: Measured) -> Finding:
    """Indices."""
    says = "Reward models 1 and 2 change places between steps, and helpfulness is once called effectiveness."
    return Finding("I7", says, (), "Here objectives have names and no numbers.")


def i8(found: Measured) -> Finding:
    """Reward plus value."""
    evidence = list(_variant(found, "literal sum", REWARD_WEIGHTED, above, "as preset less literal sum"))
    says = "Rewards and critics are added into one personalised reward; a reward plus a value is none."
    return Finding("I8", says, tuple(evidence), "Preset: an advantage for each objective, weighted and summed.")


def i9(found: Measured) -> Finding:
    """Weighted and not."""
    evidence = [_two_gains(found, preset) for preset in learnt(found)]
    says = "Clients train on weighted rewards, the figure shows the unweighted sum, which may fall while each gains."
    return Finding("I9", says, tuple(evidence), "Reproduced where the weighted one rises and the sum falls.")


def i10(found: Measured) -> Finding:
    """Scope of reward models."""
    evidence = list(_variant(found, "local reward models", REWARD_WEIGHTED, below, "as preset (global) less local"))
    says = (
        "Reward models are averaged over all clients though preferences differ: personalisation would need local ones."
    )
    return Finding("I10", says, tuple(evidence))


def i11(found: Measured) -> Finding:
    """Memory."""
    models = 4 * closed_forms.DISTILBERT_PARAMETERS
    times = models / closed_forms.GPT2_SMALL_PARAMETERS
    words = f"two rewards and two critics: {models / 1e6:.0f} million parameters, {times:.2f} times the actor's"
    says = "Lightweight devices are to hold four models of 66 million parameters beside the actor."
    return Finding(
        "I11", says, (Evidence("closed form", words, holds(times > 1)),), "A stage that does not fit is refused."
    )


def i12(found: Measured) -> Finding:
    """Losses."""
    evidence = list(_variant(found, "lossy", "accuracy", above, "as preset less lossy", INSTRUCTION, 100.0, "points"))
    says = "The evaluation is synchronous and loses nothing; the outlook calls loss and divergence the real problems."
    return Finding("I12", says, tuple(evidence))


def i13(found: Measured) -> Finding:
    """No mean delay."""
    deep, deeper = (closed_forms.mean_inverse_rate(SNR_DB, 10.0**-power) for power in (6, 9))
    step = closed_forms.decade_of_inverse_rate(SNR_DB)
    words = f"mean of 1/rate without the worst 1e-6 of draws {deep:.2f}, 1e-9 {deeper:.2f} s Hz/b: "
    words += f"{(deeper - deep) / 3:.3f} a decade, for ever (theory {step:.3f})"
    says = "Rayleigh fading, 5 dB and Shannon's rate give an upload under one draw of fading no mean delay."
    verdict = holds(abs((deeper - deep) / 3 / step - 1) < _SHARE_TOLERANCE)
    return Finding("I13", says, (Evidence("closed form", words, verdict),), "Hence coherence blocks of 50 ms.")


def i14(found: Measured) -> Finding:
    """Equal by construction."""
    evidence = [_equal_to_the_bit(found, preset, other) for preset in planned(found) for other in ("fedada", "sfl")]
    says = "PWFF, Fedada and SFL send the same adapters: equal delay and energy by construction."
    work = found.difference(COMPUTE, MAIN_PLANNED, INSTRUCTION, "round_delay_mean_s", "pwff", "fedada")
    return Finding(
        "I14", says, tuple(evidence), f"With work counted, a round of PWFF less Fedada's: {told(work, 2, 's')}."
    )


def i15(found: Measured) -> Finding:
    """Citations."""
    says = "Alpaca, DistilBERT, PPO and vanilla FL are cited by papers on other things."
    return Finding("I15", says, (), "The originals are cited here.")


def i16(found: Measured) -> Finding:
    """Capacity."""
    gaps = {
        preset: found.difference(METHODS_STUDY, preset, INSTRUCTION, "accuracy", "pwff_equal", "pwff")
        for preset in learnt(found)
    }
    evidence = [_capacity(preset, gap) for preset, gap in gaps.items() if gap is None or gap.low != 0 or gap.high != 0]
    says = "PWFF's clients have 12 to 36 LoRA modules, the baselines 36: a smaller capacity is compared with a larger."
    unlike = evidence or [Evidence("", "no preset with clients of unequal capacity", Verdict.NOT_MEASURED)]
    return Finding("I16", says, tuple(unlike), "Reproduced where equal capacity makes PWFF better; presets of like "
                   "clients say nothing.")  # fmt: skip


def _capacity(preset: str, gap: Interval | None) -> Evidence:
    return Evidence(preset, f"accuracy at equal capacity less PWFF's: {told(gap, 2, 'points', 100.0)}", above(gap))


def i17(found: Measured) -> Finding:
    """Personal part."""
    evidence = []
    for preset in _literal(found):
        share = saving(found, preset, "upload_bytes")
        words = f"share of trained parameters that never leave the client: {told(share, 1, '%', 100.0)}"
        evidence.append(Evidence(preset, words, _most_stays(share)))
    says = "At r = 96, 75 to 96 % of what is trained is never shared, and no baseline learns alone."
    return Finding("I17", says, tuple(evidence), "Reproduced above 75 %. Question R1 compares with learning alone.")


def i18(found: Measured) -> Finding:
    """Downlink."""
    both = [
        found.values(DOWNLINK, MAIN_PLANNED, INSTRUCTION, "round_delay_mean_s", variant=variant)
        for variant in ("broadcast", "ideal")
    ]
    longer = ratio(*both)
    words = f"a round with the broadcast at the worst of the listeners' rates takes {told(longer, 2)} times as long"
    verdict = above(paired(*both))
    says = "Aggregates are sent back, but delay and energy count the uplink alone."
    return Finding("I18", says, (Evidence(MAIN_PLANNED, words, verdict),))


INCONSISTENCIES: tuple[Entry, ...] = (
    i1, i2, i3, i4, i5, i6, i7, i8, i9, i10, i11, i12, i13, i14, i15, i16, i17, i18,
)  # fmt: skip

_HEAD = "Runs train and send a head of two layers on a frozen encoder unless they say otherwise."


def airtime_share(found: Measured, upload: str, stage: str) -> Interval | None:
    """A stage's share of all uploads' air time, under one way to send reward models."""
    return ratio(
        found.values(AIRTIME, MAIN_PLANNED, stage, "uplink_airtime_s", variant=upload),
        found.values(AIRTIME, MAIN_PLANNED, WHOLE, "uplink_airtime_s", variant=upload),
    )


def _literal(found: Measured) -> list[str]:
    """Presets that take the paper's rank of 96 as it stands."""
    return [preset for preset in planned(found) if preset in READINGS and READINGS[preset].rank == PAPER_RANK]


def _ratio(found: Measured, preset: str, quantity: str, method: str) -> Interval | None:
    """A method's mean upload in stage 3 over PWFF's."""
    return ratio(*(found.values(SIZES, preset, ALIGNMENT, quantity, each) for each in (method, "pwff")))


def _joules_a_second(found: Measured, preset: str) -> Evidence:
    power = ratio(*(found.values(SIZES, preset, INSTRUCTION, each, "pwff") for each in (ENERGY, DELAY)))
    return Evidence(preset, f"joules a second on the air: {told(power, 6)}", near(power, 1.0, _EXACT))


def _equal_means(found: Measured, preset: str) -> Evidence:
    """PWFF's mean upload is Fedada's."""
    gap = found.difference(SIZES, preset, INSTRUCTION, ENERGY, "pwff", "fedada")
    return Evidence(preset, f"energy of an upload less that without any LoRA: {told(gap, 6, 'J')}", near(gap, 0.0, 0.0))


def _equal_to_the_bit(found: Measured, preset: str, other: str) -> Evidence:
    """Air time of every round of stage 1."""
    own, theirs = (found.course(SIZES, preset, INSTRUCTION, "round_airtime_s", each) for each in ("pwff", other))
    if own.empty or theirs.empty:
        return Evidence(preset, f"{other}: not measured", Verdict.NOT_MEASURED)
    same = own.equals(theirs)
    words = f"air time of each of {own.size} rounds {'equal to' if same else 'differs from'} {other}'s to the bit"
    return Evidence(preset, words, holds(same))


def _two_gains(found: Measured, preset: str) -> Evidence:
    weighted, plain = (
        found.gain(METHODS_STUDY, preset, ALIGNMENT, quantity, "pwff") for quantity in (REWARD_WEIGHTED, REWARD_SUM)
    )
    words = f"gain by own weights {told(weighted, 2, 'sd')}, of the sum {told(plain, 2, 'sd')}"
    return Evidence(preset, words, every([above(weighted), below(plain)]))


def _variant(
    found: Measured,
    variant: str,
    quantity: str,
    side: Callable[[Interval | None], Verdict],
    words: str,
    stage: str = ALIGNMENT,
    factor: float = 1.0,
    unit: str = "sd",
) -> Iterator[Evidence]:
    gap = paired(
        *(found.values(CHOICES, MAIN_LEARNT, stage, quantity, variant=each) for each in ("as preset", variant))
    )
    yield Evidence(MAIN_LEARNT, f"{quantity}, {words}: {told(gap, 2, unit, factor)}", side(gap))


def _opposite(verdict: Verdict) -> Verdict:
    """Of a statement, from that of its denial."""
    swapped = {Verdict.REPRODUCED: Verdict.REFUTED, Verdict.REFUTED: Verdict.REPRODUCED}
    return swapped.get(verdict, verdict)


def _most_stays(share: Interval | None) -> Verdict:
    return Verdict.NOT_MEASURED if share is None else holds(share.mean >= 0.75)


def audit(found: Measured, entries: Sequence[Entry]) -> tuple[Finding, ...]:
    """All entries, in their order."""
    return tuple(entry(found) for entry in entries)
