"""Downloads to several clients: one broadcast at the worst listener's rate, coded packets to all, or one by one."""

from __future__ import annotations

from math import log2

import numpy as np
import pytest
from radios import BAND_HZ, SIZE_BYTES, RadioAlone
from worlds import losing, play

from channel_models.fading.rayleigh import BlockRayleigh
from channel_models.transfer.work import LinkStalled
from pwffsim.kernel.clock import ns

SNRS_DB = (12.0, 2.0, 7.0)
CLIENTS = {"count": 3, "overrides": [{"client": i, "mean_snr_db": snr} for i, snr in enumerate(SNRS_DB)]}
BITS = 8 * SIZE_BYTES


def downlink(delivery, fading=None, **radio):
    """An uplink and a downlink of one budget, so that a client's stated SNR is also that of its downlink."""
    link = {"bandwidth_hz": BAND_HZ, "tx_power_w": 1.0, "noise_figure_db": 9.0, "mean_snr_db": 5.0}
    sharing = {"sharing": radio.pop("share")} if "share" in radio else {}
    still = {"fading": fading or "none", "packets": "fluid"}
    return RadioAlone(CLIENTS, **{**link, **still, **radio}, downlink={**link, "delivery": delivery, **sharing})


def rate(snr_db):
    return BAND_HZ * log2(1 + 10 ** (snr_db / 10))


def test_all_listeners_of_a_broadcast_end_together_at_the_worst_ones_rate():
    radio = downlink("broadcast").download(0).download(1).download(2).play()
    assert [radio[i].received_ns for i in range(3)] == [ns(BITS / rate(min(SNRS_DB)))] * 3
    assert all(radio.trace(i) == [("download", 0, radio[i].received_ns)] for i in range(3))


def test_a_broadcast_under_fading_goes_at_the_least_rate_of_every_block():
    """Bits of all whole blocks, each at min over listeners of B log2(1 + SNR gain), then the rest of the last."""
    coherence_s = 2e-3
    fading = {"model": "rayleigh", "coherence_s": coherence_s}
    radio = downlink("broadcast", fading).download(0).download(1).download(2).play()
    law = BlockRayleigh(seed=4, coherence_s=coherence_s, purpose="downlink")
    gains = np.array([law.gain(i, 0, 4000) for i in range(3)])
    snr = 10 ** (np.array(SNRS_DB)[:, None] / 10) * gains
    bits = np.cumsum(BAND_HZ * np.log2(1 + snr.min(axis=0)) * coherence_s)
    block = int(np.searchsorted(bits, BITS))
    done = bits[block - 1]
    expected_s = coherence_s * (block + (BITS - done) / (bits[block] - done))
    assert [radio[i].received_ns for i in range(3)] == pytest.approx([ns(expected_s)] * 3, abs=2)
    worst = min(SNRS_DB)
    assert expected_s > BITS / rate(worst), "worse than the worst listener alone without fading"


@pytest.mark.parametrize("fidelity", ["packet", "per_packet_event", "fluid"])
def test_a_lossy_broadcast_repeats_until_everybody_has_each_packet(fidelity):
    """p = 0.3, 3 listeners: sum over m of 1 - (1 - 0.3^m)^3 = 2.01676 transmissions of each of 1000 packets."""
    settings = {**losing(0.3, 0), "fidelity": fidelity}
    radio = downlink("broadcast", **settings)
    for client in range(3):
        radio.download(client, 0.0, 1_460_000)
    radio.play()
    exact = sum(1 - (1 - 0.3**m) ** 3 for m in range(100))
    assert exact == pytest.approx(2.01676, abs=1e-5)
    assert all(radio[i].complete and radio[i].packets == 1000 for i in range(3))
    assert len({(radio[i].received_ns, radio[i].transmissions) for i in range(3)}) == 1
    assert radio[0].transmissions == pytest.approx(1000 * exact, abs=4.4 * 1000**0.5)
    air_s = 12_000 * radio[0].transmissions / rate(min(SNRS_DB))
    assert radio[0].received_ns == pytest.approx(ns(air_s), rel=1e-3)


def test_a_broadcast_to_one_is_unicast():
    settings = {**losing(0.3, 0), "fading": {"model": "rayleigh", "coherence_s": 2e-3}}
    one, other = (downlink(how, **settings).download(1).play() for how in ("broadcast", "unicast"))
    assert one.log == other.log and one[0].transmissions > one[0].packets


def test_a_broadcast_that_nobody_could_hear_the_end_of_is_refused():
    with pytest.raises(LinkStalled, match="is not whole after 10000 repetitions"):
        downlink("broadcast", **losing(1.0, 0)).download(0, 0.0, 1460).download(1, 0.0, 1460).play()


def test_one_broadcast_a_content_and_one_at_a_time():
    """Who wants another version, or asks later, is served by a broadcast of his own after the one on air."""
    radio = downlink("broadcast").download(0).download(2, version=1).download(1, 0.05).play()
    first_ns = ns(BITS / rate(SNRS_DB[0]))
    second_ns = first_ns + ns(BITS / rate(SNRS_DB[2]))
    assert radio.trace(0) == [("download", 0, first_ns)]
    assert [end for _, _, end in radio.trace(1)] == pytest.approx([first_ns, second_ns], abs=2)
    assert [kind for kind, _, _ in radio.trace(1)] == [kind for kind, _, _ in radio.trace(2)] == ["queue", "download"]
    assert radio.trace(2)[0][1] == ns(0.05)
    assert radio[2].received_ns == pytest.approx(second_ns + ns(BITS / rate(SNRS_DB[1])), abs=3)


def test_coded_packets_reach_each_listener_in_its_own_time():
    """A rateless code: each has enough after (1 + overhead) of its own packets, at its own rate, from one time on."""
    radio = downlink("rateless", packets={}, loss="none").download(0).download(1).download(2).play()
    ends_ns = [radio[i].received_ns for i in range(3)]
    assert all(radio[i].sent_ns == 0 for i in range(3))
    products = [end_ns * rate(snr_db) for end_ns, snr_db in zip(ends_ns, SNRS_DB, strict=True)]
    assert products == pytest.approx([products[0]] * 3, rel=1e-6)
    packets = -(-SIZE_BYTES // 1460)
    assert radio[0].transmissions > packets
    assert ends_ns[0] == pytest.approx(radio[0].transmissions * 12_000 / rate(SNRS_DB[0]) * 1e9, rel=1e-3)


@pytest.mark.parametrize(
    ("share", "ends_s"),
    [
        ("private", [BITS / rate(snr) for snr in SNRS_DB]),
        ("tdma", np.cumsum([BITS / rate(snr) for snr in SNRS_DB])),
    ],
)
def test_unicast_shares_the_downlink_by_its_own_rule(share, ends_s):
    radio = downlink("unicast", share=share, sharing="processor_sharing").download(0).download(1).download(2).play()
    assert [radio[i].received_ns for i in range(3)] == pytest.approx([ns(end_s) for end_s in ends_s], abs=4)


def test_downloads_and_uploads_do_not_share_a_band():
    radio = downlink("unicast", share="tdma", sharing="tdma").download(0).upload(1).play()
    assert radio[0].sent_ns == radio[1].sent_ns == 0


@pytest.mark.parametrize("delivery", ["unicast", "broadcast", "rateless"])
def test_a_whole_world_with_every_delivery(delivery):
    settings = {
        "clients": 3,
        "stages": {"instruction": {"rounds": 3}},
        "radio": {**losing(0.1, 3), "snr_spread_db": 6.0, "downlink": {"tx_power_w": 1.0, "delivery": delivery}},
    }
    run = play(settings)
    down = run.messages[run.messages.direction == "down"]
    assert len(down) == 9 and down.complete.all()
    together = down.groupby("version").received_ns.nunique()
    assert set(together) == ({1} if delivery == "broadcast" else {3})
