"""What is drawn or stated for a client reaches its recipes and its links, and is nobody else's business."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats
from spy import THREE_STAGES, watch
from worlds import CALM, blueprint_of

from channel_models.randomness import stream

ONE = {"instruction": {"rounds": 1}}


def preferences(**clients):
    return [p.preference for p in blueprint_of({"clients": clients, "stages": ONE, "seed": 9}).profiles]


def snrs(overrides=(), count=6, seed=9, spread=6.0):
    settings = {"clients": {"count": count, "overrides": list(overrides)}, "stages": ONE, "seed": seed}
    cast = blueprint_of({**settings, "radio": {"mean_snr_db": 5.0, "snr_spread_db": spread}}).profiles
    return [p.mean_snr_db for p in cast]


def test_the_weight_of_helpfulness_reaches_every_alignment_recipe():
    seen = watch({"seed": 9, "clients": 4, "stages": THREE_STAGES, "radio": CALM})
    for client in seen.clients:
        weight = stream(9, "client.preference", client).uniform()
        recipes = seen.of("alignment.train", client) + seen.of("alignment.evaluate", client)
        assert len(recipes) == 3 + 4
        assert {found.recipe.params["weight"] for found in recipes} == {weight}
        assert abs(weight - 0.5) > 1e-3, "or w could not be told from 1 - w"


def test_a_stated_preference_goes_before_a_drawn_one_and_before_that_of_all():
    drawn = preferences(count=4)
    stated = preferences(count=4, overrides=[{"client": 2, "preference": 0.0}])
    assert stated == [drawn[0], drawn[1], 0.0, drawn[3]]
    assert preferences(count=3, preference=0.3, overrides=[{"client": 1, "preference": 0.9}]) == [0.3, 0.9, 0.3]


def test_a_stated_preference_reaches_the_recipes():
    clients = {"count": 3, "preference": 0.3, "overrides": [{"client": 1, "preference": 0.9}]}
    seen = watch({"clients": clients, "stages": THREE_STAGES, "radio": CALM})
    for stage in ("alignment.train", "alignment.evaluate"):
        weights = {found.recipe.params["client"]: found.recipe.params["weight"] for found in seen.of(stage)}
        assert weights == {0: 0.3, 1: 0.9, 2: 0.3}


def test_draws_are_pure_in_seed_and_client():
    assert preferences(count=4) == preferences(count=11)[:4]
    assert snrs(count=4) == snrs(count=11)[:4]
    assert len(set(snrs(count=50))) == 50
    assert not set(snrs(seed=9)) & set(snrs(seed=10))


def test_a_stated_snr_changes_no_other_clients():
    stated = snrs([{"client": 2, "mean_snr_db": -1.5}])
    drawn = snrs()
    assert stated == [*drawn[:2], -1.5, *drawn[3:]]


def test_draws_are_uniform_and_independent():
    weights, levels = np.array(preferences(count=2000)), np.array(snrs(count=2000))
    assert stats.kstest(weights, "uniform").pvalue > 1e-3
    assert stats.kstest(levels, "uniform", args=(5.0 - 6.0, 12.0)).pvalue > 1e-3
    assert abs(np.corrcoef(weights, levels)[0, 1]) < 4 / 2000**0.5


def test_without_a_spread_everybody_has_the_cells_snr():
    assert set(snrs(spread=0.0)) == {5.0}


def test_a_stated_snr_is_that_of_the_clients_messages():
    """Without fading every transfer is at the mean SNR; ten times the power and one noise make the downlink 10 dB
    better, for each client by as much."""
    clients = {"count": 3, "overrides": [{"client": 1, "mean_snr_db": -3.0}, {"client": 2, "mean_snr_db": 12.0}]}
    radio = {**CALM, "tx_power_w": 1.0, "downlink": {"tx_power_w": 10.0}}
    messages = watch({"clients": clients, "stages": ONE, "radio": radio}).run.messages
    up, down = (messages[messages.direction == way] for way in ("up", "down"))
    assert list(up.set_index("source").mean_snr_db.sort_index()) == pytest.approx([5.0, -3.0, 12.0], abs=1e-9)
    assert list(down.set_index("target").mean_snr_db.sort_index()) == pytest.approx([15.0, 7.0, 22.0], abs=1e-9)


@pytest.mark.parametrize("direction", ["up", "down"])
def test_under_fading_a_clients_messages_have_its_mean_snr_in_the_mean(direction):
    """Time averages over some hundred independent blocks a message: a standard error below 2 %."""
    clients = {"count": 2, "overrides": [{"client": 1, "mean_snr_db": -2.0}]}
    radio = {
        "mean_snr_db": 6.0,
        "fading": {"coherence_s": 1e-3},
        "packets": "fluid",
        "downlink": {"mean_snr_db": 6.0},
    }
    run = watch({"clients": clients, "stages": {"instruction": {"rounds": 20}}, "radio": radio}).run
    own = run.messages[run.messages.direction == direction]
    name = own.source if direction == "up" else own.target
    blocks = (own.received_ns - own.sent_ns).groupby(name).sum() / 1e6
    assert blocks.min() > 2500
    weighted = (10 ** (own.mean_snr_db / 10) * (own.received_ns - own.sent_ns)).groupby(name).sum() / 1e6 / blocks
    assert weighted["client-00"] == pytest.approx(10**0.6, rel=0.08)
    assert weighted["client-01"] == pytest.approx(10**-0.2, rel=0.08)
