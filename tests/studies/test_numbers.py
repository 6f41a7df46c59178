"""A run's numbers in one long table: against the records that they come from."""

from __future__ import annotations

import pandas as pd
import pytest
from small_studies import plans, scenario

from pwffsim.architecture.groups import group_of
from pwffsim.runs.load import Run
from pwffsim.scenario.loader import load
from pwffsim.simulation.plan import plan
from pwffsim.simulation.preparation import prepare_plan
from pwffsim.studies.numbers import COLUMNS, NO_ROUND, WHOLE, numbers
from pwffsim.studies.table import chosen, table

STAGES = {stage: {"rounds": rounds} for stage, rounds in (("instruction", 3), ("reward", 2), ("alignment", 2))}


@pytest.fixture(scope="module")
def run(tmp_path_factory) -> Run:
    """The plan of three stages."""
    point = plans(scenario(tmp_path_factory.mktemp("plan"), stages=STAGES))[0]
    return plan(prepare_plan(load(point.scenario, point.arguments))).run


@pytest.fixture(scope="module")
def found(run) -> pd.DataFrame:
    return numbers(run)


def value(found: pd.DataFrame, stage: str, quantity: str, round_: int = NO_ROUND) -> float:
    rows = found[(found["stage"] == stage) & (found["quantity"] == quantity) & (found["round"] == round_)]
    (only,) = rows["value"]
    return float(only)


def test_totals_are_those_of_the_summary(run, found):
    for stage, summary in run.summary["stages"].items():
        assert value(found, stage, "uplink_bytes") == summary["uplink_bytes"]
        assert value(found, stage, "energy_tx_j") == summary["energy_tx_j"]
    assert value(found, WHOLE, "uplink_bytes") == run.summary["uplink_bytes"]


def test_air_time_adds_up_over_rounds_stages_and_the_run(run, found):
    up = run.messages[run.messages["direction"] == "up"]
    total = up["on_air_ns"].sum() / 1e9
    assert value(found, WHOLE, "uplink_airtime_s") == pytest.approx(total, rel=1e-12)
    for stage in STAGES:
        rounds = found[(found["stage"] == stage) & (found["quantity"] == "round_airtime_s")]["value"]
        assert len(rounds) == STAGES[stage]["rounds"]
        assert rounds.sum() == pytest.approx(value(found, stage, "uplink_airtime_s"), rel=1e-12)


def test_delays_of_rounds_have_the_summarys_mean(run, found):
    rounds = found[(found["stage"] == "instruction") & (found["quantity"] == "round_delay_s")]["value"]
    assert rounds.mean() == pytest.approx(run.summary["stages"]["instruction"]["round_delay_mean_s"], rel=1e-12)


def test_an_upload_is_told_by_parameter_group(found):
    assert value(found, "instruction", "upload_adapters_bytes") == value(found, "instruction", "upload_bytes")
    assert value(found, "reward", "upload_reward_bytes") == value(found, "reward", "upload_bytes")
    assert "upload_lora_bytes" not in set(found["quantity"])


def test_a_mean_over_clients_leaves_the_server_out(run):
    metrics = pd.DataFrame(
        [("client-00", 1, "accuracy", 0.2), ("client-01", 1, "accuracy", 0.4), ("server", 1, "global_accuracy", 0.9)],
        columns=["actor", "round", "name", "value"],
    ).assign(stage="instruction", time_ns=0)
    run.__dict__["metrics"] = metrics
    try:
        found = numbers(run)
    finally:
        del run.__dict__["metrics"]
    assert value(found, "instruction", "accuracy", 1) == pytest.approx(0.3)
    assert value(found, "instruction", "global_accuracy", 1) == 0.9


def test_a_table_keeps_the_end_of_each_stage_and_every_total():
    rows = [
        ("s", 0, "accuracy", 0.1),
        ("s", 2, "accuracy", 0.3),
        ("s", 1, "accuracy", 0.2),
        ("s", NO_ROUND, "bytes", 5.0),
    ]
    found = table(pd.DataFrame(rows, columns=list(COLUMNS)).assign(seed=1, method="m"))
    assert found.set_index("quantity")["value"].to_dict() == {"accuracy": 0.3, "bytes": 5.0}
    assert chosen(found, "s", "accuracy", method="m").to_dict() == {1: 0.3}
    assert chosen(found, "s", "accuracy", method="other").empty


def test_a_value_that_several_points_have_is_not_guessed():
    rows = pd.DataFrame([("s", "q", 1.0, 1, "a"), ("s", "q", 2.0, 1, "b")],
                        columns=["stage", "quantity", "value", "seed", "method"])  # fmt: skip
    with pytest.raises(ValueError, match="several points a seed"):
        chosen(rows, "s", "q")


def test_tensors_belong_to_groups():
    names = {
        "transformer.h.0.adapters.block.down.weight": "adapters",
        "base_model.model.transformer.h.0.attn.c_attn.lora_A.weight": "lora",
        "helpfulness.head.0.weight": "reward",
        "harmlessness.encoder.base_model.model.transformer.layer.0.attention.q_lin.lora_B.weight": "reward",
    }
    assert {name: group_of(name) for name in names} == names
    with pytest.raises(ValueError, match="no group"):
        group_of("wte.weight")
