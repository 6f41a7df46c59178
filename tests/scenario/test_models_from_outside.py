"""A model that somebody registers outside the package is one class: named, checked, resolved and simulated at once."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pytest

from channel_models.fading import FADING, BlockFading
from channel_models.model import parameter
from channel_models.rates import RATE_MAPS, RateMap
from channel_models.registry import Registry
from pwffsim.scenario.json_schema import generate
from pwffsim.simulation.plan import plan
from pwffsim.simulation.preparation import prepare

SMALL = """\
name: x
clients: 2
model: {base: tiny, max_length: 32}
data: {rows_per_client: 8, test_rows_per_client: 4, pairs_per_client: 4, test_pairs_per_client: 4,
       prompts_per_client: 4, test_prompts_per_client: 2, global_test_rows: 4}
stages: {instruction: {rounds: 1, local_steps: 1, batch_size: 2}}
radio: {loss: none, downlink: {ideal: true}, fading: {model: coin_toss, deep: 0.5}, rate: {model: steps, most: 3}}
"""


@dataclass(frozen=True, kw_only=True)
class CoinToss(BlockFading):
    """A gain of `deep` or 2 - `deep`, each half of the time."""

    deep: float = parameter("Gain of the worse half of the blocks.", default=0.25, least=0, most=1)

    def draw(self, generator, count):
        return np.where(generator.random(count) < 0.5, self.deep, 2.0 - self.deep)

    def cdf(self, x):
        gains = np.asarray(x, dtype=np.float64)
        return 0.5 * (gains >= self.deep) + 0.5 * (gains >= 2.0 - self.deep)

    def quantile(self, p):
        return self.deep if p <= 0.5 else 2.0 - self.deep

    def expectation(self, function):
        return float(np.mean(function(np.array([self.deep, 2.0 - self.deep]))))


@dataclass(frozen=True, kw_only=True)
class Steps(RateMap):
    """Whole bits a second and hertz, below capacity."""

    most: int = parameter("Largest number of bits.", default=6, least=1)

    def spectral_efficiency(self, snr):
        return np.minimum(np.floor(np.log2(1.0 + np.asarray(snr, dtype=np.float64))), self.most)


@pytest.fixture
def registered() -> Iterator[None]:
    """Both models, for one test."""
    entered: list[tuple[Registry, str]] = [(FADING, "coin_toss"), (RATE_MAPS, "steps")]
    FADING.register("coin_toss")(CoinToss)
    RATE_MAPS.register("steps")(Steps)
    yield
    for registry, name in entered:
        del registry._models[name]


def test_they_are_named_checked_and_resolved(registered, files):
    loaded = files.load(SMALL)
    radio = loaded.scenario.radio
    assert radio.fading is not None and radio.rate is not None
    assert radio.fading.build(seed=9, purpose="uplink") == CoinToss(seed=9, deep=0.5)
    assert radio.rate.build() == Steps(most=3)
    assert loaded.resolved["radio"]["fading"] == {"model": "coin_toss", "coherence_s": 0.05, "deep": 0.5}
    assert files.load(json.dumps(loaded.resolved)).sha256 == loaded.sha256
    assert files.heads(SMALL, ["radio.fading.deep=1.5"]) == ["--set[1]: radio.fading.deep: must be at most 1, got 1.5"]
    assert files.heads(SMALL, ["radio.rate.model=stepps"])[0].endswith("did you mean 'steps'?")


def test_editors_hear_of_them(registered):
    properties = generate()["$defs"]["FadingCoinToss"]["properties"]
    assert properties["deep"]["maximum"] == 1 and properties["deep"]["description"].startswith("Gain of the worse")


def test_they_carry_uploads(registered, files):
    """An SNR of 5 dB x 0.5 or 1.5 gives 1 or 2 b/s/Hz over 1 MHz: the mean rate of an upload lies between the two."""
    planned = plan(prepare(files.load(SMALL)))
    uploads = planned.run.messages[planned.run.messages.direction == "up"]
    assert len(uploads) == 2
    assert uploads.mean_rate_bps.between(1e6, 2e6).all()


def test_they_are_gone_afterwards(files):
    heads = files.heads(SMALL)
    assert any("radio.fading.model: 'coin_toss' is not one of " in head for head in heads)
