"""A loaded scenario is explicit, hashed, and the same when its resolved form is loaded again."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from scenario_files import write_base

from pwffsim.federation.declarations import METHODS, STALENESS_RULES, WEIGHTS
from pwffsim.scenario import canonical_json, load
from pwffsim.scenario.presets import BUDGET

FOLDER = Path(tempfile.mkdtemp())
BASE = str(write_base(FOLDER / "base"))


def optional(**fields: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    """Any subset of the keys."""
    return st.fixed_dictionaries({}, optional=fields)


rates = st.floats(1e-6, 1.0)
counts = st.integers(1, 50)
stage = {
    "rounds": counts,
    "local_steps": counts,
    "batch_size": st.integers(1, 8),
    "learning_rate": rates,
    "weight_decay": rates,
}
budgets = st.lists(st.sampled_from(BUDGET[:2] + BUDGET[3:]), unique=True).map(
    lambda names: {name: {"tx_power_w": 0.5, "noise_figure_db": 3, "mean_snr_db": 7.5}[name] for name in names}
)


def a_model(*choices: dict[str, Any] | str) -> st.SearchStrategy[Any]:
    return st.sampled_from(choices)


channels = st.one_of(
    optional(
        packets=optional(payload=st.sampled_from(["1 kB", "1460 B"])),
        rate=a_model("shannon", {"model": "truncated_shannon"}),
        loss=a_model("none", {"model": "constant", "error_rate": 0.1}, {"model": "outage", "threshold": "-3 dB"}),
        retransmission=a_model("none", "selective_repeat", {"retransmissions": 2}, "stop_and_wait"),
        sharing=a_model("private", "tdma", {"model": "fdma", "pin": "psd"}, "processor_sharing"),
        fading=st.one_of(
            st.just("none"),
            optional(coherence_s=rates),
            st.builds(lambda k: {"model": "rician", "k_factor_db": k}, st.floats(-50, 50) | st.just("-inf")),
            st.just({"model": "clarke", "doppler": "20 Hz"}),
        ),
        jammers=st.just([{"name": "j", "power": "1 W", "loss": "120 dB", "stop": "1 h"}]),
    ),
    optional(packets=st.just("fluid"), fading=a_model("none", "rayleigh", {"model": "nakagami", "m": 1.5})),
)
radios = st.builds(
    lambda budget, channel, rest: {**budget, **channel, **rest},
    budgets,
    channels,
    optional(
        preset=st.sampled_from(["physical", "paper"]),
        bandwidth=st.integers(1, 999).map(lambda khz: f"{khz} kHz"),
        residual_loss=st.sampled_from(["discard", "partial"]),
        energy=optional(amplifier_efficiency=st.floats(0.1, 1), idle_power=st.just("0.2 W"), idle=st.just("inf")),
        downlink=optional(ideal=st.booleans(), bandwidth_hz=st.floats(1e3, 1e9)),
    ),
)
networks = optional(
    carrier=st.sampled_from(["2 GHz", "3.5 GHz"]),
    shadowing=st.one_of(st.none(), st.just({"sigma": "4 dB"})),
    placement=a_model("disc", {"r_max_m": 300}),
    mobility=a_model("static", "random_waypoint", {"model": "linear", "speed_mps": 5}),
    handover=optional(hysteresis=st.just("2 dB")),
    backhaul=st.just([{"from": "a", "to": "b"}, {"from": "server", "to": "b", "delay": "3 ms"}]),
).map(
    lambda rest: {
        "path_loss": {"model": "log_distance", "exponent": 3},
        "least_distance_m": 1,
        "cells": [{"name": "a"}, {"name": "b", "x_m": 200}],
        **rest,
    }
)
scenarios = st.fixed_dictionaries(
    {
        "name": st.from_regex(r"[A-Za-z0-9][A-Za-z0-9 ._-]{0,79}", fullmatch=True),
        "model": st.fixed_dictionaries({"base": st.just(BASE)}, optional={"max_length": st.integers(30, 128)}),
        "stages": st.fixed_dictionaries(
            {"reward": optional(upload=st.sampled_from(["full", "head", "lora"]), **stage)},
            optional={"instruction": optional(**stage), "alignment": optional(gamma=rates, **stage)},
        ),
    },
    optional={
        "seed": st.integers(0, 2**63 - 1),
        "clients": st.one_of(
            st.integers(5, 50), st.fixed_dictionaries({"count": st.integers(5, 50), "preference": rates})
        ),
        "method": st.sampled_from(sorted({*METHODS} - {"centralised"})),
        "radio": radios,
        "aggregation": optional(
            mode=st.sampled_from(["synchronous", "buffered"]),
            buffer=st.integers(1, 5),
            max_wait=st.sampled_from(["200 ms", "1.5 h"]),
            weights=st.sampled_from(WEIGHTS),
            staleness=optional(rule=st.sampled_from(STALENESS_RULES), exponent=rates),
        ),
    },
)


@settings(max_examples=150, deadline=None)
@given(scenarios)
def test_the_resolved_form_loads_to_itself(document):
    given_path, resolved_path = FOLDER / "given.yaml", FOLDER / "resolved.json"
    given_path.write_text(json.dumps(document))
    loaded = load(given_path)
    resolved_path.write_text(json.dumps(loaded.resolved))
    again = load(resolved_path)
    assert again.resolved == loaded.resolved
    assert again.sha256 == loaded.sha256
    assert again.scenario == loaded.scenario


@settings(max_examples=50, deadline=None)
@given(networks, channels)
def test_the_resolved_form_of_a_network_loads_to_itself(network, channel):
    test_the_resolved_form_loads_to_itself.hypothesis.inner_test(
        {"name": "n", "model": {"base": BASE}, "stages": {"instruction": {}}, "network": network, "radio": channel}
    )


def test_infinity_is_a_word_in_the_resolved_form(files):
    head = "name: x\nmodel: {base: base}\nstages: {instruction: {}}\n"
    resolved = files.load(head + "radio: {fading: {model: rician, k_factor_db: -.inf, coherence: inf}}\n").resolved
    assert resolved["radio"]["fading"] == {"model": "rician", "coherence_s": "inf", "k_factor_db": "-inf"}
    assert files.load(json.dumps(resolved)).resolved == resolved


def test_the_hash_is_that_of_the_canonical_text(files):
    loaded = files.load("name: x\nmodel: {base: base}\nstages: {instruction: {}}\n")
    text = canonical_json(loaded.resolved)
    assert loaded.sha256 == hashlib.sha256(text.encode()).hexdigest()
    assert json.loads(text) == loaded.resolved
    assert loaded.resolved["radio"]["downlink"]["tx_power_w"] == 10.0
    assert text.isascii() and " " not in text.replace(loaded.resolved["name"], "")


def test_the_hash_depends_on_what_is_said_and_not_on_how(files):
    texts = [
        "name: x\nmodel: {base: base}\nstages: {instruction: {learning_rate: 1e-3}}\n"
        "radio: {bandwidth: 20 MHz}\nclients: 4",
        "radio:\n  bandwidth_hz: 20000000\nclients: {count: 4}\nmodel:\n  base: base\nname: x\nstages:\n"
        "  instruction: {learning_rate: 0.001, rounds: 10}",
    ]
    first, second = (files.load(text) for text in texts)
    assert first.sha256 == second.sha256
    assert files.load(texts[0] + "1").sha256 != first.sha256


def test_the_hash_is_the_same_in_every_process(files):
    files.load(text := "name: x\nmodel: {base: base}\nstages: {instruction: {}}\n")
    program = "from pwffsim.scenario import load; print(load('s.yaml').sha256)"
    hashes = {
        subprocess.run(
            [sys.executable, "-c", program],
            env={"PYTHONHASHSEED": seed, "PYTHONPATH": str(Path(__file__).parents[2])},
            capture_output=True,
            text=True,
            check=True,
        ).stdout.strip()
        for seed in ("0", "1", "2")
    }
    assert hashes == {files.load(text).sha256}
