"""A client's uplink and downlink: the same distance, different fading, different losses; and when they give up."""

from __future__ import annotations

import numpy as np
import pytest
from spy import watch
from worlds import CALM, blueprint_of, losing

from channel_models.fading.rayleigh import BlockRayleigh
from channel_models.transfer.work import LinkStalled
from pwffsim.world.radio.ground import terrain_of
from pwffsim.world.radio.links import Links

COHERENCE_S = 0.05
ONE = {"instruction": {"rounds": 1}}


def links(radio, seed=4, clients=2):
    """Client -> uplink, and client -> downlink, of the only cell."""
    blueprint = blueprint_of({"seed": seed, "clients": clients, "stages": ONE, "radio": radio})
    found = Links(blueprint.scenario, blueprint.profiles, terrain_of(blueprint.scenario))
    return {"uplink": lambda client: found.uplink(client, 0), "downlink": lambda client: found.downlink(client, 0)}


def block_snrs(link, blocks):
    """Linear SNRs met by payloads so small that each lies within one block."""
    return np.array([10 ** (link.transfer(k * COHERENCE_S, 1, k).mean_snr_db / 10) for k in range(blocks)])


def test_each_direction_of_each_client_has_its_own_fading():
    radio = {
        "mean_snr_db": 3.0,
        "fading": {"coherence_s": COHERENCE_S},
        "packets": "fluid",
        "downlink": {"mean_snr_db": 3.0},
    }
    gains = {}
    for purpose, link in links(radio).items():
        law = BlockRayleigh(seed=4, coherence_s=COHERENCE_S, purpose=purpose)
        for client in (0, 1):
            gains[purpose, client] = block_snrs(link(client), 400) / 10**0.3
            assert gains[purpose, client] == pytest.approx(law.gain(client, 0, 400), rel=1e-9)
    correlations = np.corrcoef(list(gains.values())) - np.eye(4)
    assert np.abs(correlations).max() < 4 / 400**0.5


def test_each_direction_has_its_own_losses():
    found = links({**CALM, **losing(0.3, 60), "downlink": {"mean_snr_db": 5.0}})
    up, down = ([found[way](0).transfer(0.0, 146_000, k).transmissions for k in range(8)] for way in found)
    assert up != down
    assert len(set(up)) > 1, "nor does a link meet the same losses in every transfer"
    assert np.mean(up + down) == pytest.approx(100 / 0.7, rel=0.05)


def test_a_download_is_repeated_until_it_is_whole():
    found = links({**CALM, **losing(0.9), "downlink": {"mean_snr_db": 5.0}})
    assert found["downlink"](0).transfer(0.0, 14_600, 0).complete
    assert not found["uplink"](0).transfer(0.0, 14_600, 0).complete


def test_an_ideal_downlink_takes_no_time():
    run = watch({"clients": 2, "stages": ONE, "radio": CALM}).run
    assert set(run.messages.direction) == {"up"}
    assert run.spans[run.spans.actor == "client-00"].kind.iloc[0] == "compute"


@pytest.mark.parametrize(
    "loss",
    [
        {"model": "constant", "error_rate": 1.0},
        {"model": "outage", "threshold_db": 30.0},
    ],
    ids=["every packet lost", "always in outage"],
)
def test_a_download_that_never_comes_stalls_the_run(loss):
    radio = {**CALM, **losing(0.0, payload_bytes=60_000), "loss": loss, "downlink": {"mean_snr_db": 5.0}}
    with pytest.raises(LinkStalled, match="download of client 0 is not whole after 10000 repetitions"):
        watch({"clients": 1, "stages": ONE, "radio": radio})


def test_a_download_over_a_dead_link_stalls_the_run():
    radio = {**CALM, "downlink": {"mean_snr_db": -150.0}}
    with pytest.raises(LinkStalled, match=r"does not carry .* within max_transfer_s"):
        watch({"clients": 1, "stages": ONE, "radio": radio})
