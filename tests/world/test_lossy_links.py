"""What loss does to an update, by the scenario's choice."""

from __future__ import annotations

from worlds import ADAPTER_BYTES, CALM, losing, play


def scenario(**radio):
    return {
        "clients": 10,
        "stages": {"instruction": {"rounds": 3}},
        "radio": {**CALM, **losing(0.05), **radio},
    }


def test_an_incomplete_update_is_discarded():
    run = play(scenario(residual_loss="discard"))
    incomplete = set(run.messages[~run.messages.complete]["update"])
    lost = set(run.updates[run.updates.fate == "lost"]["update"])
    assert incomplete and incomplete == lost


def test_an_incomplete_update_can_be_taken_in_part():
    run = play(scenario(residual_loss="partial"))
    assert (~run.messages.complete).any()
    assert set(run.updates.fate) == {"applied"}


def test_retransmissions_cost_time_and_energy_and_save_updates():
    run = play(scenario(**losing(0.05, 4)))
    up = run.messages
    assert (up.transmissions > up.packets).any()
    again = run.spans[run.spans.kind == "retransmit"]
    assert again.duration_ns.sum() > 0
    assert list(again.energy_nj) == list(again.duration_ns), "at 1 W a nanosecond is a nanojoule"
    assert (run.updates.fate == "lost").sum() < 30


def test_payload_is_the_adapters_bytes_whatever_is_repeated():
    assert set(play(scenario()).messages.payload_bytes) == {ADAPTER_BYTES}


def test_tdma_clients_queue_for_the_band():
    run = play(
        {
            **scenario(sharing="tdma", packets="fluid", loss="none", retransmission="none"),
            "stages": {"instruction": {"rounds": 1}},
        }
    )
    queue = run.spans[run.spans.kind == "queue"].groupby("actor").duration_ns.sum()
    air = run.spans[(run.spans.kind == "upload") & (run.spans.actor == "client-00")].duration_ns.iloc[0]
    assert len(queue) == 9
    assert abs(queue["client-09"] - 9 * air) <= 9
    assert run.spans[run.spans.actor == "cell"].query("kind == 'upload'").duration_ns.sum() == sum(
        run.messages.received_ns - run.messages.sent_ns
    )


def test_downloads_carry_only_what_the_client_has_not():
    radio = {"downlink": {"tx_power_w": 10.0}}
    sync = play(scenario(**radio, loss="none"))
    down = sync.messages[sync.messages.direction == "down"]
    assert set(down.payload_bytes) == {ADAPTER_BYTES} and len(down) == 30
    busy = {**scenario(**radio, loss="none"), "aggregation": {"mode": "buffered", "buffer": 10}}
    messages, updates = (run := play(busy)).messages, run.updates
    down = messages[messages.direction == "down"]
    begun = updates[updates.fate != "skipped"]
    assert begun.duplicated(["client", "version"]).any(), "some tasks start from what the client already holds"
    assert not down.duplicated(["target", "version"]).any()
    assert set(zip(down.target, down.version, strict=True)) == set(zip(begun.client, begun.version, strict=True))
