"""Models of all axes together: whatever ``combinations`` lets stand plays a small world and keeps every law."""

from __future__ import annotations

from itertools import combinations, product

import pytest
from worlds import play

from channel_models.combinations import refusals
from channel_models.fading import FADING
from channel_models.loss import LOSS_MAPS
from channel_models.rates import RATE_MAPS
from channel_models.retransmission import RETRANSMISSION
from channel_models.sharing import SHARING

AXES = {"fading": FADING, "rate": RATE_MAPS, "loss": LOSS_MAPS, "retransmission": RETRANSMISSION, "sharing": SHARING}
FILES = ("recorded",)
SUPERPOSED = ("over_the_air",)
"""Analogue sums have no packets, and worlds of their own."""

PARAMETERS = {
    "rayleigh": {"coherence_s": 0.02},
    "rician": {"coherence_s": 0.02},
    "nakagami": {"coherence_s": 0.02},
    "none": {"coherence_s": 0.02},
    "recorded": {},
}
MEAN_SNR_DB = 14.0


def standing():
    """Names on every axis, of what stands with default parameters."""
    names = [[name for name in axis if name not in SUPERPOSED] for axis in AXES.values()]
    for choice in product(*names):
        models = {axis: AXES[axis][name] for axis, name in zip(AXES, choice, strict=True)}
        if not refusals(**models, mean_snr=10 ** (MEAN_SNR_DB / 10)):
            yield choice


def pairs_of(choice):
    return set(combinations(enumerate(choice), 2))


def covering(choices):
    """A small part of the choices in which every pair of models that ever stand together does: greedily."""
    left = set().union(*map(pairs_of, choices))
    while left:
        best = max(choices, key=lambda choice: (len(pairs_of(choice) & left), choice))
        left -= pairs_of(best)
        yield best


ALL = list(standing())
CHOSEN = list(covering(ALL))


def test_every_model_stands_somewhere():
    for position, (axis, registry) in enumerate(AXES.items()):
        assert {choice[position] for choice in CHOSEN} == {name for name in registry if name not in SUPERPOSED}, axis


@pytest.fixture(scope="module")
def snr_file(tmp_path_factory):
    path = tmp_path_factory.mktemp("snr") / "snr.txt"
    path.write_text("".join(f"{0.1 * k:.1f}\t{10 + 5 * (k % 3)}\n" for k in range(50)))
    return str(path)


@pytest.mark.parametrize("choice", CHOSEN, ids="+".join)
def test_what_stands_together_keeps_the_laws(choice, snr_file):
    fading, rate, loss, scheme, sharing = choice
    recorded = {"files": [snr_file], "format": "cooked"} if fading in FILES else {}
    run = play(
        {
            "clients": 2,
            "seed": 2,
            "stages": {"instruction": {"rounds": 1}},
            "radio": {
                "mean_snr_db": MEAN_SNR_DB,
                "fading": {"model": fading, **(PARAMETERS.get(fading, {}) | recorded)},
                "rate": rate,
                "loss": loss,
                "retransmission": scheme,
                "sharing": sharing,
                "downlink": {"ideal": True},
                "residual_loss": "partial",
            },
        }
    )
    assert len(run.messages) == 2 and set(run.updates.fate) == {"applied"}


@pytest.mark.parametrize("fidelity", ["packet", "per_packet_event", "fluid", "analytic"])
@pytest.mark.parametrize("sharing", ["private", "tdma", "fdma"])
def test_every_fidelity_plays_a_world(fidelity, sharing):
    """Of one scenario all four tell much the same: durations within a few per cent of the exact ones."""
    radio = {
        "mean_snr_db": 8.0,
        "fading": {"model": "rayleigh", "coherence_s": 1e-3},
        "loss": {"model": "constant", "error_rate": 0.05},
        "sharing": sharing,
        "downlink": {"mean_snr_db": 12.0},
    }
    settings = {"clients": 2, "stages": {"instruction": {"rounds": 2}}}
    exact, run = (play({**settings, "radio": {**radio, "fidelity": which}}) for which in ("packet", fidelity))
    air_ns = [(found.messages.received_ns - found.messages.sent_ns).sum() for found in (exact, run)]
    assert air_ns[1] == pytest.approx(air_ns[0], rel=0.05)
    same = exact.messages.equals(run.messages)
    assert same or fidelity in ("fluid", "analytic", "per_packet_event")
    if fidelity == "per_packet_event":
        counts = ["update", "transmissions", "lost_bytes"]
        assert run.messages[counts].equals(exact.messages[counts])
        assert list(run.messages.received_ns) == pytest.approx(list(exact.messages.received_ns), abs=5)
