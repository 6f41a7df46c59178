"""Verdicts follow from intervals alone: on made-up numbers, every word is reached, and by its rule."""

from __future__ import annotations

from math import nan

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from made_up import SEEDS, frame, study

from pwffsim.paper import claims, inconsistencies
from pwffsim.paper.findings import Evidence, Finding, told
from pwffsim.paper.measured import measured
from pwffsim.paper.verdicts import RULES, Verdict, above, across, below, every, near
from pwffsim.studies.intervals import Interval

YES, NO, OPEN, NONE = Verdict.REPRODUCED, Verdict.REFUTED, Verdict.NOT_SHOWN, Verdict.NOT_MEASURED
EQUAL = {"pwff": 0.5}


def between(low: float, high: float) -> Interval:
    return Interval((low + high) / 2, low, high, 5)


@pytest.mark.parametrize(("low", "high", "verdict"), [
    (0.1, 0.3, YES), (-0.3, -0.1, NO), (-0.1, 0.3, OPEN), (0.0, 0.0, NO), (0.0, 0.2, OPEN), (nan, nan, OPEN),
])  # fmt: skip
def test_a_side_is_taken_only_by_a_whole_interval(low, high, verdict):
    assert above(between(low, high)) is verdict


@given(st.floats(-10, 10), st.floats(0, 10))
def test_below_is_above_turned_round(mean, half):
    interval = Interval(mean, mean - half, mean + half, 4)
    assert below(interval) is above(interval.scaled(-1.0))
    if half and above(interval) is YES:
        assert below(interval) is NO


@pytest.mark.parametrize(("low", "high", "verdict"), [
    (0.425, 0.435, YES), (0.41, 0.435, OPEN), (0.5, 0.6, NO), (0.2, 0.41, NO), (0.3, 0.9, OPEN), (nan, nan, OPEN),
])  # fmt: skip
def test_a_number_is_met_only_by_a_whole_interval_within_the_tolerance(low, high, verdict):
    assert near(between(low, high), 0.43, 0.01) is verdict


def test_what_was_not_measured_is_said_to_be_so():
    assert above(None) is below(None) is near(None, 1.0, 0.1) is every([]) is NONE


@pytest.mark.parametrize(("parts", "verdict"), [
    ([YES, YES], YES), ([YES, NO, NONE], NO), ([YES, NONE], NONE), ([YES, OPEN], OPEN), ([OPEN, NONE], NONE),
])  # fmt: skip
def test_all_parts_must_hold(parts, verdict):
    assert every(parts) is verdict


@pytest.mark.parametrize(("presets", "verdict"), [
    ([YES, YES], YES), ([NO, NO], NO), ([YES, NO], Verdict.DEPENDS), ([YES, NO, OPEN], Verdict.DEPENDS),
    ([YES, OPEN], OPEN), ([NO, OPEN], OPEN), ([YES, NONE], OPEN), ([NONE, NONE], NONE),
])  # fmt: skip
def test_presets_are_combined_and_a_disagreement_is_shown(presets, verdict):
    assert across(presets) is verdict


def test_an_entry_without_evidence_cannot_be_decided():
    assert Finding("I2", "a name", ()).verdict is Verdict.UNDECIDABLE
    assert inconsistencies.i2(study(EQUAL, EQUAL)).verdict is Verdict.UNDECIDABLE


def test_parts_are_joined_within_a_preset_first():
    evidence = (Evidence("a", "", YES), Evidence("a", "", NO), Evidence("b", "", YES))
    finding = Finding("C", "", evidence)
    assert finding.by_preset == {"a": NO, "b": YES} and finding.verdict is Verdict.DEPENDS


@pytest.mark.parametrize(("pwff", "verdict"), [(0.6, YES), (0.4, NO)])
def test_the_highest_accuracy(pwff, verdict):
    found = study({"vanilla_fl": 0.5, "pwff": pwff}, EQUAL)
    assert claims.c1(found).verdict is verdict


def test_the_highest_but_one_is_not_the_highest():
    found = study({"vanilla_fl": 0.5, "pwff": 0.6, "fedada": 0.7}, EQUAL)
    assert claims.c1(found).verdict is NO


def test_noise_that_seeds_do_not_share_leaves_it_open():
    found = study({"vanilla_fl": 0.500, "pwff": 0.501}, EQUAL, own_noise=0.5)
    assert claims.c1(found).verdict is OPEN


def test_noise_that_seeds_share_does_not_matter():
    """Each seed moves all methods by 0.2 alike; 0.01 is told apart from it only in pairs."""
    assert claims.c1(study({"vanilla_fl": 0.50, "pwff": 0.51}, EQUAL)).verdict is YES


def test_rewards_and_shepherd():
    low = {"pwff": 1.0, "shepherd": 0.2, "sfl": 0.5}
    found = study(EQUAL, low)
    assert claims.c3(found).verdict is YES
    assert claims.c5_reward(found).verdict is YES
    assert claims.c5_energy(found).by_preset == {"paper_consistent": YES, "paper_literal": NO}
    assert claims.c5_energy(found).verdict is Verdict.DEPENDS


def test_the_saving_depends_on_the_rank_and_both_numbers_are_told():
    finding = claims.c4(study(EQUAL, EQUAL))
    assert finding.by_preset == {"paper_consistent": YES, "paper_literal": NO}
    assert finding.verdict is Verdict.DEPENDS
    told_ = " ".join(each.what for each in finding.evidence)
    assert "43.2 [43.2, 43.2] %" in told_ and "90.1 [90.1, 90.1] %" in told_


def test_delay_and_partial_aggregation():
    found = study(EQUAL, EQUAL)
    assert claims.c2(found).verdict is claims.c6(found).verdict is YES


def test_the_first_inconsistency_is_of_the_papers_own_rank():
    assert inconsistencies.i1(study(EQUAL, EQUAL)).by_preset == {"paper_literal": YES}


def test_joules_are_seconds_and_equal_payloads_equal_to_the_bit():
    found = study(EQUAL, EQUAL)
    assert (
        inconsistencies.i3(found).verdict
        is inconsistencies.i4(found).verdict
        is inconsistencies.i14(found).verdict
        is YES
    )


def test_one_round_that_differs_in_its_last_bit_is_noticed():
    found = study(EQUAL, EQUAL)
    rows = found.courses.copy()
    chosen = rows[(rows["method"] == "fedada") & (rows["quantity"] == "round_airtime_s")].index[0]
    rows.loc[chosen, "value"] *= 1 + 2e-16
    assert inconsistencies.i14(measured(rows)).by_preset == {"paper_consistent": NO, "paper_literal": YES}


def test_the_weighted_reward_can_rise_while_the_sum_falls():
    rows = [
        ("methods", "tiny", "pwff", "", seed, "alignment", round_, quantity, sign * round_ + 0.01 * seed * round_)
        for seed in SEEDS
        for round_ in (0, 1)
        for quantity, sign in (("examined_weighted", 1.0), ("examined_sum", -1.0))
    ]
    assert inconsistencies.i9(measured(frame(rows))).verdict is YES


def test_nothing_measured_is_no_verdict():
    """Arithmetic and the text need no run."""
    found = measured(pd.DataFrame(columns=frame([]).columns))
    entries = inconsistencies.audit(found, (*claims.CLAIMS, *claims.QUESTIONS, *inconsistencies.INCONSISTENCIES))
    known = {each.code: each.verdict for each in entries if each.verdict not in (NONE, Verdict.UNDECIDABLE)}
    assert known == {"I11": YES, "I13": YES}


def test_every_entry_stands_once_and_every_verdict_has_its_rule():
    found = study(EQUAL, EQUAL)
    entries = inconsistencies.audit(found, (*claims.CLAIMS, *inconsistencies.INCONSISTENCIES))
    assert [each.code for each in entries] == [
        "C1", "C2", "C3", "C4", "C5, energy", "C5, reward", "C6", *(f"I{k}" for k in range(1, 19))
    ]  # fmt: skip
    assert set(RULES) == set(Verdict)


def test_intervals_are_told_with_their_unit():
    assert told(Interval(0.5, 0.4, 0.6, 5), 1, "points", 100.0) == "50.0 [40.0, 60.0] points"
    assert told(Interval(0.5, nan, nan, 1), 1) == "0.5 (one seed)"
    assert told(None) == "not measured"
