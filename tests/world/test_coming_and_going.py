"""Who comes or goes changes nothing that was before, and with private bands nothing of anybody else's."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from radios import SIZE_BYTES, STILL, RadioAlone
from worlds import losing, play

FADED = {
    **STILL,
    **losing(0.1, 3),
    "fading": {"model": "rayleigh", "coherence_s": 5e-3},
    "snr_spread_db": 6.0,
    "jammers": [{"name": "jammer", "power_w": 1.0, "loss_db": 140.0, "period_s": 0.4, "duty": 0.3}],
}
SHARINGS = ["private", "tdma", "processor_sharing", "fdma", "slotted_aloha", "ofdma_pf"]


def without_new(radio, update):
    return [message for message in radio.log.messages if message.update != update]


def test_with_private_bands_a_client_more_changes_nobody():
    def three(more):
        radio = RadioAlone(4, **FADED, sharing="private").upload(0).upload(1, 0.3).upload(2, 0.5)
        return (radio.upload(3, 0.1) if more else radio).play()

    few, many = three(False), three(True)
    assert few.log.messages == without_new(many, 3)
    assert [few.trace(update) for update in range(3)] == [many.trace(update) for update in range(3)]
    assert many[3].sent_ns < few[2].sent_ns, "it came before others began"


@pytest.mark.parametrize("sharing", SHARINGS)
def test_what_was_over_before_somebody_came_stays(sharing):
    """Every message and span that ended before the newcomer asked is the same to the last bit."""

    def played(*joins_s):
        radio = RadioAlone(4, **FADED, sharing=sharing).upload(0).upload(1, 0.3).upload(2, 0.5, 4 * SIZE_BYTES)
        for start_s in joins_s:
            radio.upload(3, start_s)
        return radio.play()

    def past(radio, records):
        ended = [(record, getattr(record, "received_ns", None) or record.end_ns) for record in records]
        return [record for record, end_ns in ended if end_ns <= joins_ns and getattr(record, "kind", "") != "idle"]

    few = played()
    joins_ns = sorted(message.received_ns for message in few.log.messages)[1] + 1
    many = played(joins_ns / 1e9)
    assert len(past(few, few.log.messages)) == 2
    assert past(few, few.log.messages) == past(many, many.log.messages)
    assert past(few, few.log.spans) == past(many, many.log.spans)
    assert many[3].sent_ns >= joins_ns
    changed = few[2] != many[2]
    assert changed == (sharing in ("processor_sharing", "slotted_aloha", "ofdma_pf"))


@pytest.mark.parametrize("sharing", ["processor_sharing", "slotted_aloha", "ofdma_pf"])
def test_who_shares_the_air_is_slowed_from_the_moment_on_that_another_joins(sharing):
    """The joint work before is not redone: the later the other joins, the sooner the first is done."""
    ends = []
    for joins_s in (0.1, 0.4, 0.7, 50.0):
        radio = RadioAlone(2, **FADED, sharing=sharing).upload(0).upload(1, joins_s, 4 * SIZE_BYTES)
        ends.append(radio.play()[0].received_ns)
    assert ends == sorted(ends, reverse=True) and len(set(ends)) == 4


def test_one_users_proportional_fairness_is_the_channel_itself():
    """Alone it has every block, with its own fading."""
    alone = RadioAlone(1, **FADED, sharing="ofdma_pf").upload(0).play()
    private = RadioAlone(1, **FADED, sharing="private").upload(0).play()
    assert alone[0].received_ns == pytest.approx(private[0].received_ns, abs=2)
    assert alone[0].mean_snr_db == pytest.approx(private[0].mean_snr_db, abs=1e-9)


def test_losses_of_an_upload_do_not_depend_on_who_shares_the_air():
    """Processor sharing slows, but sends the same packets again: losses are drawn by slot."""
    radio = {**FADED, "sharing": "processor_sharing", "jammers": []}
    alone = RadioAlone(2, **radio).upload(0).play()
    shared = RadioAlone(2, **radio).upload(0).upload(1).play()
    assert alone[0].received_ns < shared[0].received_ns
    assert alone[0].transmissions == shared[0].transmissions > alone[0].packets


NETWORK = {
    "path_loss": {"model": "log_distance", "exponent": 3.0, "reference_loss_db": 40.0},
    "shadowing": {"sigma_db": 4.0, "decorrelation_m": 30.0},
    "least_distance_m": 10.0,
    "cells": [{"name": "west", "x_m": -100.0}, {"name": "east", "x_m": 100.0}],
    "placement": {"model": "disc", "r_max_m": 150.0},
    "mobility": {"model": "random_waypoint", "speed_min_mps": 20.0, "speed_max_mps": 30.0,
                 "x_min_m": -150.0, "x_max_m": 150.0, "y_min_m": -50.0, "y_max_m": 50.0},
    "backhaul": [{"from": "west", "to": "server", "rate_bps": 2e7, "delay_s": 0.01,
                  "mean_up_s": 2.0, "mean_down_s": 0.2},
                 {"from": "east", "to": "west", "rate_bps": 1e7, "delay_s": 0.02}],
}  # fmt: skip
WHOLE = {
    "clients": 3,
    "stages": {"instruction": {"rounds": 4}},
    "aggregation": {"mode": "buffered", "buffer": 2},
    "network": NETWORK,
    "radio": {
        **losing(0.0, 3),
        "loss": {"model": "outage", "threshold_db": 0.0},
        "fading": {"model": "rayleigh", "coherence_s": 0.01},
        "bandwidth_hz": 1e5,
        "tx_power_w": 0.01,
        "downlink": {"tx_power_w": 0.01},
        "sharing": "processor_sharing",
        "jammers": FADED["jammers"],
    },
}


def test_a_network_with_everything_in_it_is_the_same_in_any_process():
    here = Path(__file__).parent
    program = (
        "from test_coming_and_going import WHOLE; from worlds import play_world;"
        "run, recorder = play_world(WHOLE); print(recorder.fingerprints, int(run.messages.handovers.sum()))"
    )

    def printed(seed):
        environment = {**os.environ, "PYTHONPATH": f"{here}:{here.parents[1]}", "PYTHONHASHSEED": seed}
        words = [sys.executable, "-c", program]
        return subprocess.run(words, capture_output=True, text=True, check=True, env=environment).stdout

    one, other = printed("0"), printed("4711")
    assert one == other
    assert int(one.split()[-1]) > 0, "somebody was handed over"


def test_an_idle_client_in_a_network_changes_no_other():
    clients = {"count": 4, "overrides": [{"client": 3, "idle": True}]}
    few, many = play(WHOLE), play({**WHOLE, "clients": clients})
    assert few.messages.equals(many.messages)
    assert few.rounds.equals(many.rounds)
    others = many.spans[many.spans.actor != "client-03"].reset_index(drop=True)
    assert few.spans.equals(others)
