"""Everything that changes a delay or a joule is stated: every axis's model, each parameter with its unit."""

from __future__ import annotations

from pathlib import Path

import pytest

from channel_models.model import parameters
from pwffsim.scenario.loader import load
from pwffsim.scenario.models import ModelSection
from pwffsim.simulation.assumptions import assumptions, in_words
from pwffsim.simulation.preparation import prepare

SCENARIOS = Path(__file__).parents[2] / "scenarios"
SMALL = [f"data.{key}=8" for key in ("rows_per_client", "test_rows_per_client", "global_test_rows")]


def rows_of(name: str, *changes: str) -> dict[tuple[str, str], tuple[object, str]]:
    found = assumptions(prepare(load(SCENARIOS / f"{name}.yaml", [*SMALL, *changes])))
    rows = {(row["group"], row["name"]): (row["value"], row["unit"]) for row in found}
    assert len(rows) == len(found), "no row hides another"
    return rows


@pytest.mark.parametrize(
    ("key", "words"),
    [("k_factor_db", ("k factor", "dB")), ("speed_min_mps", ("speed min", "m/s")), ("x_max_m", ("x max", "m")),
     ("efficiency_b_per_s_hz", ("efficiency", "b/s/Hz")), ("error_rate", ("error rate", "")), ("pin", ("pin", ""))],
)  # fmt: skip
def test_names_lose_their_unit(key, words):
    assert in_words(key) == words


@pytest.mark.parametrize("name", ["quickstart", "handover", "jammed", "over_the_air"])
def test_every_parameter_of_every_model_is_stated(name):
    radio = load(SCENARIOS / f"{name}.yaml").scenario.radio
    rows = rows_of(name)
    axes = {"rate map": radio.rate, "fading": radio.fading, "loss": radio.loss, "retransmission": radio.retransmission}
    for axis, section in axes.items():
        assert isinstance(section, ModelSection)
        assert rows["radio", axis] == (section.model, "")
        for key in parameters(section.source):
            words, unit = in_words(key)
            assert rows["radio", f"{axis}: {words}"] == (getattr(section, key), unit)
    assert rows["uplink", "sharing"] == (radio.sharing.model, "")
    assert rows["radio energy", "idle"] == ("inf", "s")


def test_the_budget_or_what_is_in_its_place(tmp_path):
    assert rows_of("quickstart")["uplink", "path loss"][1] == "dB"
    ground = rows_of("handover")
    assert ground["uplink", "path loss and mean SNR"] == ("by position", "")
    assert ground["network", "hub - server: rate"] == (100e6, "bit/s")
    assert ground["network", "shadowing: sigma"] == (4.0, "dB")
    assert ("not modelled", "interference between cells") in ground
    assert rows_of("jammed")["jammers", "jammer: duty"] == (0.3, "")


def test_what_is_free_is_called_so():
    rows = rows_of("quickstart", "radio.downlink.ideal=true")
    assert rows["downlink", "downlink"] == ("ideal", "")
    assert not any(group == "network" for group, _ in rows)


def test_what_sums_on_the_air_take_for_granted():
    rows = rows_of("over_the_air")
    stated = {name: value for (group, name), (value, _) in rows.items() if group == "sums on the air"}
    assert stated["own channel"] == "known perfectly" and stated["timing and phase"] == "perfect"
    assert stated["scale, weights and silent blocks"] == "exchanged for free"
    assert (stated["energy"], stated["mean_rate_bps"]) == ("as planned", "fp32 bits")
    assert rows["uplink", "sharing: gain threshold"] == (0.1, "")
    assert not any(group == "sums on the air" for group, _ in rows_of("quickstart"))


def test_what_a_handover_does_not_cost():
    rows = rows_of("handover")
    assert rows["network", "packets in flight at a handover"] == ("go on", "")
    assert rows["network", "download at a handover"] == ("goes on in the next cell", "")
    one = rows_of("handover", "network.cells=[{name: west}]", "network.nodes=[]", "network.backhaul=[]",
                  "network.handover={}")  # fmt: skip
    assert ("network", "download at a handover") not in one


def test_whom_a_jammer_reaches():
    rows = rows_of("jammed")
    assert (rows["jammers", "band"], rows["jammers", "receivers"]) == (("wideband", ""), ("of uplinks only", ""))
    assert not any(group == "jammers" for group, _ in rows_of("quickstart"))


def test_where_lora_lies_and_what_attention_sees_is_stated():
    rows = rows_of("quickstart")
    assert rows["model", "places of LoRA in a block"][0] == "attn.c_attn, attn.c_proj, mlp.c_proj"
    assert rows["model", "attention"][0] == "full"
    chosen = rows_of("quickstart", "model.lora.places=[attn.q, attn.v, mlp.c_fc]", "model.attention.pattern=local",
                     "model.attention.window=8")  # fmt: skip
    assert chosen["model", "places of LoRA in a block"][0] == "attn.q, attn.v, mlp.c_fc"
    assert chosen["model", "attention"][0] == "local"
