"""A client's uplink and downlink: the same distance, different fading, different losses; and when they give up."""

from __future__ import annotations

import numpy as np
import pytest
from spy import watch
from worlds import CALM, blueprint_of

from channel_models.fading import BlockRayleigh
from channel_models.transfer import LinkStalled
from pwffsim.world.links import Links

COHERENCE_S = 0.05
ONE = {"instruction": {"rounds": 1}}


def links(radio, seed=4, clients=2):
    blueprint = blueprint_of({"seed": seed, "clients": clients, "stages": ONE, "radio": radio})
    return Links(blueprint.scenario.radio, seed, blueprint.profiles)


def block_snrs(send, client, blocks):
    """Linear SNRs met by payloads so small that each lies within one block."""
    return np.array([10 ** (send(client, k * COHERENCE_S, 1).mean_snr_db / 10) for k in range(blocks)])


def test_each_direction_of_each_client_has_its_own_fading():
    radio = {
        "mean_snr_db": 3.0,
        "fading": {"coherence_s": COHERENCE_S},
        "packets": "fluid",
        "downlink": {"mean_snr_db": 3.0},
    }
    found = links(radio)
    gains = {}
    for purpose, send in (("uplink", found.upload), ("downlink", found.download)):
        law = BlockRayleigh(seed=4, coherence_s=COHERENCE_S, purpose=purpose)
        for client in (0, 1):
            gains[purpose, client] = block_snrs(send, client, 400) / 10**0.3
            assert gains[purpose, client] == pytest.approx(law.gain(client, 0, 400), rel=1e-9)
    correlations = np.corrcoef(list(gains.values())) - np.eye(4)
    assert np.abs(correlations).max() < 4 / 400**0.5


def test_each_direction_has_its_own_losses():
    packets = {"loss": "constant", "error_rate": 0.3, "retransmissions": 60}
    found = links({**CALM, "packets": packets, "downlink": {"mean_snr_db": 5.0}})
    up, down = ([send(0, 0.0, 146_000).transmissions for _ in range(8)] for send in (found.upload, found.download))
    assert up != down
    assert len(set(up)) > 1, "nor does a link meet the same losses in every transfer"
    assert np.mean(up + down) == pytest.approx(100 / 0.7, rel=0.05)


def test_a_download_is_repeated_until_it_is_whole():
    packets = {"loss": "constant", "error_rate": 0.9, "retransmissions": 0}
    found = links({**CALM, "packets": packets, "downlink": {"mean_snr_db": 5.0}})
    assert found.download(0, 0.0, 14_600).complete
    assert not found.upload(0, 0.0, 14_600).complete


def test_an_ideal_downlink_and_an_empty_payload_take_no_time():
    assert links(CALM).download(0, 0.0, 1000) is None
    assert links({**CALM, "downlink": {"mean_snr_db": 5.0}}).download(0, 0.0, 0) is None


@pytest.mark.parametrize(
    "packets",
    [
        {"loss": "constant", "error_rate": 1.0, "retransmissions": 0, "payload_bytes": 60_000},
        {"loss": "outage", "outage_snr_db": 30.0, "retransmissions": 0, "payload_bytes": 60_000},
    ],
    ids=["every packet lost", "always in outage"],
)
def test_a_download_that_never_comes_stalls_the_run(packets):
    radio = {**CALM, "packets": packets, "downlink": {"mean_snr_db": 5.0}}
    with pytest.raises(LinkStalled, match="a download of client 0 is not whole after 10000 repetitions"):
        watch({"clients": 1, "stages": ONE, "radio": radio})


def test_a_download_over_a_dead_link_stalls_the_run():
    radio = {**CALM, "downlink": {"mean_snr_db": -150.0}}
    with pytest.raises(LinkStalled, match=r"does not carry .* within max_transfer_s"):
        watch({"clients": 1, "stages": ONE, "radio": radio})
