"""Models named in a scenario: every model of every axis, its parameters as keys, and what is said of wrong ones."""

from __future__ import annotations

from dataclasses import MISSING
from math import inf
from typing import Any

import pytest
from scenario_files import marked

from channel_models.fading import FADING
from channel_models.fading.rician import BlockRician
from channel_models.loss import LOSS_MAPS
from channel_models.mobility import MOBILITY
from channel_models.model import parameter_fields
from channel_models.path_loss import PATH_LOSS
from channel_models.placement import PLACEMENTS
from channel_models.rates import RATE_MAPS
from channel_models.retransmission import RETRANSMISSION
from channel_models.sharing import SHARING
from pwffsim.scenario.models import ModelOf
from pwffsim.scenario.schema.network import MobilitySection
from pwffsim.scenario.units import of_key

GOOD = "name: x\nmodel: {base: base}\nstages: {instruction: {}}\n"
AXES = [FADING, RATE_MAPS, LOSS_MAPS, RETRANSMISSION, SHARING, PATH_LOSS, PLACEMENTS, MOBILITY]
MODELS = [(axis, name) for axis in AXES for name in axis]
CONTEXT = {"mobility": {"placement": PLACEMENTS["disc"]()}}
NEEDED: dict[str, Any] = {"files": ("log.csv",), "x_m": (1.0, 2.0), "y_m": (3.0, 4.0)}
"""Values for parameters without a usable default."""


@pytest.mark.parametrize(("axis", "name"), MODELS, ids=lambda value: getattr(value, "axis", value))
def test_every_model_is_built_from_its_name_and_parameters(axis, name):
    needed = {f.name: NEEDED[f.name] for f in parameter_fields(axis[name]) if f.name in NEEDED}
    choice = ModelOf(axis, base=MobilitySection) if axis is MOBILITY else ModelOf(axis)
    section = choice.read({"model": name, **{key: list(value) for key, value in needed.items()}})
    context = {"seed": 3, "purpose": "downlink", **CONTEXT.get(axis.axis, {})}
    model = section.build(**context)
    assert type(model) is axis[name] and str(section) == name
    assert getattr(model, "seed", 3) == 3 and getattr(model, "purpose", "downlink") == "downlink"
    for field in parameter_fields(axis[name]):
        if field.name not in needed and field.default is not MISSING:
            assert getattr(model, field.name) == field.default
    assert choice.read(section.model_dump(mode="json")) == section


def test_a_bare_word_is_short_for_a_model_of_that_name(files):
    short = files.load(GOOD + "radio: {fading: rician, rate: shannon}\n")
    long = files.load(GOOD + "radio: {fading: {model: rician}, rate: {model: shannon}}\n")
    assert short.resolved == long.resolved and short.sha256 == long.sha256


def test_parameters_are_written_out_and_take_units(files):
    loaded = files.load(GOOD + "radio: {fading: {model: rician, k_factor: 9 dB, coherence: 20 ms}}\n")
    assert loaded.resolved["radio"]["fading"] == {"model": "rician", "coherence_s": 0.02, "k_factor_db": 9.0}
    fading = loaded.scenario.radio.fading
    assert fading is not None
    assert fading.build(seed=4, purpose="uplink") == BlockRician(seed=4, k_factor_db=9.0, coherence_s=0.02)


def test_words_of_a_model_have_their_variables_filled_in(files, monkeypatch):
    monkeypatch.setenv("LOGS", str(files.folder))
    (files.folder / "log.csv").write_text("")
    text = "radio: {fading: {model: recorded, files: ['${LOGS}/log.csv']}}\n"
    scenario = files.load(GOOD + text)
    assert scenario.resolved["radio"]["fading"]["files"] == ["${LOGS}/log.csv"]
    assert scenario.scenario.radio.fading.build().files == (f"{files.folder}/log.csv",)


@pytest.mark.parametrize(
    ("arguments", "model", "coherence_s"),
    [
        (["radio.fading.model=rician"], "rician", 0.02),
        (["radio.fading=rician"], "rician", 0.05),
        (["radio.fading.coherence=7 ms"], "rayleigh", 0.007),
        (["radio.fading=rician", "radio.fading.coherence=7 ms"], "rician", 0.007),
        (["radio.fading={model: nakagami, m: 3}"], "nakagami", 0.05),
        (["radio.fading=null"], "rayleigh", 0.05),
    ],
)
def test_overrides_of_a_model_and_of_its_parameters(files, arguments, model, coherence_s):
    fading = files.load(
        GOOD + "radio: {fading: {model: rayleigh, coherence: 20 ms}}\n", arguments
    ).scenario.radio.fading
    assert fading is not None and (fading.model, fading.build().coherence_s) == (model, coherence_s)


def test_a_parameter_of_a_model_that_was_written_short(files):
    loaded = files.load(
        GOOD + "radio: {fading: rician, sharing: fdma}\n", ["radio.fading.k_factor=0 dB", "radio.sharing.pin=psd"]
    )
    assert loaded.resolved["radio"]["fading"]["k_factor_db"] == 0.0
    assert loaded.resolved["radio"]["sharing"] == {"model": "fdma", "pin": "psd"}


def test_infinity_is_a_number_where_a_model_takes_it(files):
    for word in ("inf", ".inf", "'inf'"):
        fading = files.load(
            GOOD + f"radio: {{fading: {{model: rayleigh, coherence_s: {word}}}}}\n"
        ).scenario.radio.fading
        assert fading is not None and fading.build().coherence_s == inf


@pytest.mark.parametrize(
    ("line", "error"),
    [
        ("radio: {rate: shanon}",
         f"4:15: radio.rate: 'shanon' is not one of {', '.join(RATE_MAPS)}; did you mean 'shannon'?"),
        ("radio: {rate: {model: shanon}}",
         f"4:23: radio.rate.model: 'shanon' is not one of {', '.join(RATE_MAPS)}; did you mean 'shannon'?"),
        ("radio: {rate: {model: 3}}", f"4:23: radio.rate.model: 3 is not one of {', '.join(RATE_MAPS)}"),
        ("radio: {rate: {model: {a: 1}}}", f"4:16: radio.rate.model: {{'a': 1}} is not one of {', '.join(RATE_MAPS)}"),
        ("radio: {rate: 3}", "4:15: radio.rate: expected the name of a model or a mapping of keys, got 3"),
        ("radio: {rate: []}", "4:9: radio.rate: expected the name of a model or a mapping of keys, got a list"),
        ("radio: {sharing: null}",
         "4:18: radio.sharing: expected the name of a model or a mapping of keys, got nothing"),
        ("radio: {loss: {error_rate: 0.1}}", "4:9: radio.loss: names no model: add 'model', one of constant"),
        ("radio: {loss: {threshold: 0 dB}}", "4:9: radio.loss: names no model: add 'model', one of chen, outage"),
        ("radio: {fading: {model: rician, k_facto_db: 3}}",
         "4:33: radio.fading.k_facto_db: unknown key 'k_facto_db'; did you mean 'k_factor_db'?"),
        ("radio: {fading: {model: rayleigh, k_factor: 3 dB}}",
         "4:35: radio.fading.k_factor: unknown key 'k_factor'; known here are model, coherence_s"),
        ("radio: {fading: {model: rician, k_factor: 3}}",
         "4:43: radio.fading.k_factor: 3 has no unit: write 'k_factor_db: 3' or 'k_factor: 3 dB'"),
        ("radio: {fading: {model: rician, coherence: 1 W}}",
         "4:44: radio.fading.coherence: 'W' in '1 W' is a unit of power; units of time here are s, ns, us, ms, min, h"),
        ("radio: {fading: {model: nakagami, m: 0.4}}", "4:38: radio.fading.m: must be at least 0.5, got 0.4"),
        ("radio: {fading: {model: nakagami, m: .inf}}", "4:38: radio.fading.m: must be finite, got inf"),
        ("radio: {fading: {model: rician, k_factor_db: .nan}}",
         "4:46: radio.fading.k_factor_db: must be finite, got nan"),
        ("radio: {fading: {model: rician, k_factor_db: '6'}}",
         "4:46: radio.fading.k_factor_db: '6' has no unit: write one, such as '5 dB'"),
        ("radio: {fading: {model: clarke, oscillators: 16.0}}",
         "4:46: radio.fading.oscillators: expected a whole number, got 16.0; write 16"),
        ("radio: {fading: {model: clarke, slot: 1 s}}",
         "4:39: radio.fading.slot: must be at least 1e-06 and at most 0.1/doppler_hz = 0.01 s, got 1: "
         "shorten the slot or lower doppler_hz"),
        ("radio: {sharing: {model: fdma, pin: pdf}}",
         "4:37: radio.sharing.pin: 'pdf' is not one of power, psd, snr; did you mean 'psd'?"),
        ("radio: {energy: {amplifier_efficiency: 0}}",
         "4:40: radio.energy.amplifier_efficiency: must be greater than 0, got 0"),
        ("radio: {energy: {idle_pwr: 1 W}}", "4:18: radio.energy.idle_pwr: unknown key 'idle_pwr'; "
         "write 'idle_s', or 'idle' with its unit, as in 'idle: 200 ms'"),
        ("radio: {downlink: {sharing: tmda}}",
         f"4:29: radio.downlink.sharing: 'tmda' is not one of {', '.join(SHARING)}; did you mean 'tdma'?"),
    ],
)  # fmt: skip
def test_one_wrong_model_or_parameter(files, line, error):
    assert files.heads(GOOD + line) == [f"s.yaml:{error}"]


def test_all_that_is_wrong_in_models_is_told_at_once(files):
    text = "radio:\n  rate: shanon\n  fading: {model: rician, k_facto: 3 dB, coherence: 0 s}\n"
    text += "  loss: {model: outag, threshold: 0 dB}\nclients: {overrides: [{client: 99}]}\n"
    assert [head.split(": ")[1] for head in files.heads(GOOD + text)] == [
        "radio.rate",
        "radio.fading.k_facto",
        "radio.fading.coherence",
        "radio.loss.model",
        "clients.overrides[0].client",
    ]


def test_an_override_with_a_wrong_model_is_cited(files):
    assert files.errors(GOOD, ["radio.fading.model=rican"]) == [
        f"--set[1]: radio.fading.model: 'rican' is not one of {', '.join(FADING)}; did you mean 'rician'?\n"
        "    radio.fading.model=rican\n                       ^"
    ]
    (head,) = files.heads(GOOD + "radio: {loss: {model: outage, threshold: 3 dB}}\n", ["radio.loss.model=constant"])
    assert head == "s.yaml:4:31: radio.loss.threshold: unknown key 'threshold'; known here are model, error_rate"


COMBINATIONS = [
    ("packets: ^fluid, loss: {model: constant, error_rate: 0.1}", "packets: packets fluid with loss constant"),
    (
        "rate: ^finite_blocklength, loss: {model: constant, error_rate: 0.1}",
        "rate: rate finite_blocklength with loss constant",
    ),
    ("retransmission: ^chase_combining", "retransmission: retransmission chase_combining with loss constant"),
    ("fading: clarke, fidelity: ^analytic", "fidelity: fidelity analytic with fading clarke"),
    ("loss: none, ^rate: {model: fixed, efficiency_b_per_s_hz: 2}", "rate: rate fixed with loss none"),
]


@pytest.mark.parametrize(("line", "error"), COMBINATIONS, ids=[line for line, _ in COMBINATIONS])
def test_models_that_do_not_stand_together_are_refused_at_a_key_that_is_written(files, line, error):
    text, head = marked(f"radio: {{{line}}}", 4, f"radio.{error}")
    (found,) = files.heads(GOOD + text)
    assert found.startswith(head)


def test_a_rate_that_the_mean_snr_carries_stands_without_fading_or_loss(files):
    line = "radio: {{mean_snr: {snr} dB, fading: none, loss: none, rate: {{model: fixed, efficiency_b_per_s_hz: 2}}}}\n"
    assert files.heads(GOOD + line.format(snr=5)) == []
    (head,) = files.heads(GOOD + line.format(snr=4))
    assert "rate fixed with loss none" in head


def test_the_override_that_breaks_a_combination_is_cited(files):
    text = GOOD + "radio: {rate: shannon, loss: {model: constant, error_rate: 0.1}}\n"
    (head,) = files.heads(text, ["radio.rate=finite_blocklength"])
    assert head.startswith("--set[1]: radio.rate: rate finite_blocklength with loss constant")


def test_every_parameter_is_a_key_of_the_schema_that_editors_read():
    from pwffsim.scenario.json_schema import generate

    sections = generate()["$defs"]
    for axis, name in MODELS:
        title = "".join(word.title() for word in f"{axis.axis}_{name}".split("_"))
        keys = {spelled for f in parameter_fields(axis[name]) for spelled in (f.name, of_key(f.name))}
        assert set(sections[title]["properties"]) == {"model", *keys}
