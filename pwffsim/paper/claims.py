"""The paper's six claims, one function each, and three questions that it does not ask."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from pwffsim.paper.findings import Entry, Evidence, Finding, told
from pwffsim.paper.grid import METHODS_STUDY, SIZES
from pwffsim.paper.measured import ALIGNMENT, INSTRUCTION, Measured, learnt, planned
from pwffsim.paper.verdicts import Verdict, above, below, near
from pwffsim.studies.intervals import Interval, ratio, student

REWARD_SUM, REWARD_WEIGHTED = "examined_sum", "examined_weighted"
"""Scores by examiners that no client trains against: the paper's unweighted figure, and the clients' own weighting."""
DELAY, ENERGY = "upload_airtime_s", "upload_energy_j"
"""The paper's metrics: cost over rate, and power times that, of a mean upload."""

CLAIMED_SAVING, SAVING_TOLERANCE = 0.43, 0.01

_Side = Callable[[Interval | None], Verdict]


def c1(found: Measured) -> Finding:
    """Accuracy."""
    rivals = ("vanilla_fl", "fedada", "fedlora")
    evidence = _against(found, METHODS_STUDY, INSTRUCTION, "accuracy", rivals, above, 100.0, "points")
    says = "PWFF achieves the highest accuracy (Fig. 4), credited to the LoRA-based personalised structure."
    return Finding("C1", says, tuple(evidence), "Held-out response tokens of each client's own data, teacher forced.")


def c2(found: Measured) -> Finding:
    """Delay."""
    evidence = _against(found, SIZES, INSTRUCTION, DELAY, ("vanilla_fl",), below, 1.0, "s")
    return Finding("C2", "PWFF has a relatively lower communication delay than vanilla FL.", tuple(evidence))


def c3(found: Measured) -> Finding:
    """Reward."""
    evidence = _against(found, METHODS_STUDY, ALIGNMENT, REWARD_SUM, ("sfl", "shepherd"), above, 1.0, "sd")
    says = "PWFF gets higher rewards (helpful plus harmless) than SFL and Shepherd (Fig. 5)."
    return Finding("C3", says, tuple(evidence), _YARDSTICK)


def c4(found: Measured) -> Finding:
    """Energy saved."""
    says = "Compared to PFL, energy consumption is reduced by 43 %."
    return Finding(
        "C4",
        says,
        tuple(_saved(found, preset) for preset in planned(found)),
        "Tolerance one point. The text gives rank 96, under which no placement of 12 or more modules saves as little "
        "as 43 %; a rank of 8 does exactly that. The sentence names PFIT, a method of the paper's first version.",
    )


def c5_energy(found: Measured) -> Finding:
    """Shepherd's energy."""
    evidence = _of("shepherd", found, planned(found), SIZES, ENERGY, ("pwff", "sfl", "pfl"), "J")
    remark = "Another rank or other places of LoRA in Shepherd's own code (rank 16 on q: 0.51 of the adapters)."
    return Finding("C5, energy", "Shepherd has the lowest energy consumption.", tuple(evidence), remark)


def c5_reward(found: Measured) -> Finding:
    """Shepherd's reward."""
    evidence = _of("shepherd", found, learnt(found), METHODS_STUDY, REWARD_SUM, ("pwff", "sfl", "pfl"), "sd")
    return Finding("C5, reward", "Shepherd has the lowest reward.", tuple(evidence), _YARDSTICK)


def c6(found: Measured) -> Finding:
    """Partial aggregation."""
    delay = _against(found, SIZES, INSTRUCTION, DELAY, ("vanilla_fl",), below, 1.0, "s")
    energy = _against(found, SIZES, ALIGNMENT, ENERGY, ("pfl",), below, 1.0, "J")
    says = "Global partial aggregation reduces communication delay and transmission energy."
    return Finding("C6", says, (*delay, *energy), "Against the same model with everything uploaded.")


def r1(found: Measured) -> Finding:
    """Local only."""
    evidence = _against(found, METHODS_STUDY, INSTRUCTION, "accuracy", ("local_only",), above, 100.0, "points")
    return Finding("R1", "Does federation gain anything on learning alone? PWFF above local only.", tuple(evidence))


def r2(found: Measured) -> Finding:
    """PFL's reward."""
    evidence = _against(found, METHODS_STUDY, ALIGNMENT, REWARD_WEIGHTED, ("pfl", "local_only"), above, 1.0, "sd")
    says = "By the clients' own weights, is PWFF's reward above PFL's and above local alignment's?"
    return Finding("R2", says, tuple(evidence), _YARDSTICK)


def r3(found: Measured) -> Finding:
    """The dual."""
    evidence = _against(found, METHODS_STUDY, INSTRUCTION, "accuracy", ("dual",), above, 100.0, "points")
    says = "Are adapters the right part to share? PWFF above its dual (LoRA shared, adapters personal)."
    return Finding("R3", says, tuple(evidence))


CLAIMS: tuple[Entry, ...] = (c1, c2, c3, c4, c5_energy, c5_reward, c6)
QUESTIONS: tuple[Entry, ...] = (r1, r2, r3)

_YARDSTICK = "Rewards are scored by examiners that no client trains against, in standard deviations of their scores."


def _against(
    found: Measured,
    study: str,
    stage: str,
    quantity: str,
    rivals: Sequence[str],
    side: _Side,
    factor: float,
    unit: str,
) -> Iterator[Evidence]:
    """PWFF less each rival, preset by preset."""
    for preset in found.presets(study):
        for rival in rivals:
            difference = found.difference(study, preset, stage, quantity, "pwff", rival)
            words = f"{quantity} less {rival}'s: {told(difference, 2, unit, factor)}"
            yield Evidence(preset, words, side(difference))


def _of(
    method: str, found: Measured, presets: Sequence[str], study: str, quantity: str, rivals: Sequence[str], unit: str
) -> Iterator[Evidence]:
    """A method below each rival in stage 3."""
    for preset in presets:
        for rival in rivals:
            difference = found.difference(study, preset, ALIGNMENT, quantity, method, rival)
            yield Evidence(preset, f"{quantity} less {rival}'s: {told(difference, 2, unit)}", below(difference))


def _saved(found: Measured, preset: str) -> Evidence:
    """1 - energy of PWFF over that of PFL, and the same of bytes."""
    saved = saving(found, preset, ENERGY)
    in_bytes = saving(found, preset, "upload_bytes")
    words = f"energy saved: {told(saved, 1, '%', 100.0)}; bytes saved: {told(in_bytes, 1, '%', 100.0)}"
    return Evidence(preset, words, near(saved, CLAIMED_SAVING, SAVING_TOLERANCE))


def saving(found: Measured, preset: str, quantity: str) -> Interval | None:
    """What PWFF saves on PFL in stage 3, by seed."""
    own, other = (found.values(SIZES, preset, ALIGNMENT, quantity, method) for method in ("pwff", "pfl"))
    share = ratio(own, other)
    return None if share is None else student([1.0 - each for each in (own / other).dropna()])
