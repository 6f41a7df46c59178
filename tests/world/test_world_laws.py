"""Whatever the scenario, the conservation laws hold, and what one client does is not another's business."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st
from worlds import losing, play, play_world

from pwffsim.federation.methods import METHODS

STAGES = st.sampled_from(
    [
        {"instruction": {"rounds": 2}},
        {"instruction": {"rounds": 2}, "reward": {"rounds": 2}},
        {"instruction": {"rounds": 1}, "reward": {"rounds": 1, "upload": "lora"}, "alignment": {"rounds": 2}},
        {"reward": {"rounds": 2, "upload": "full"}, "alignment": {"rounds": 1}},
        {"instruction": {"rounds": 1}, "reward": {"rounds": 2, "scope": "local"}, "alignment": {"rounds": 1}},
        {"instruction": {"rounds": 1}, "reward": {"rounds": 2, "scope": "clustered"}, "alignment": {"rounds": 1}},
    ]
)
AGGREGATION = st.one_of(
    st.just({"mode": "synchronous"}),
    st.builds(
        lambda buffer, retask, wait: {"mode": "buffered", "buffer": buffer, "retask": retask, "max_wait_s": wait},
        st.integers(1, 4),
        st.sampled_from(["immediately", "next_version"]),
        st.sampled_from([None, 0.01, 3.0]),
    ),
)
PACKETS = st.one_of(
    st.just({"packets": "fluid"}),
    st.builds(losing, st.sampled_from([0.0, 0.01, 0.3]), st.integers(0, 3)),
    st.just({**losing(0.0, 2), "loss": {"model": "outage", "threshold_db": -3.0}}),
)
STATES = {
    "amplifier_efficiency": 0.35,
    "circuit_power_w": 0.1,
    "receive_power_w": 0.3,
    "tail_power_w": 0.5,
    "tail_s": 0.2,
    "idle_power_w": 0.02,
    "idle_s": 1.0,
    "sleep_power_w": 0.001,
}
SCENARIOS = st.fixed_dictionaries(
    {
        "seed": st.integers(0, 5),
        "clients": st.integers(4, 6),
        "method": st.sampled_from(sorted(METHODS)),
        "stages": STAGES,
        "aggregation": AGGREGATION,
        "radio": st.builds(
            lambda packets, others: {**others, **packets},
            PACKETS,
            st.fixed_dictionaries(
                {
                    "sharing": st.sampled_from(["private", "tdma", "processor_sharing", "fdma", "makespan_bandwidth"]),
                    "residual_loss": st.sampled_from(["discard", "partial"]),
                    "snr_spread_db": st.sampled_from([0.0, 6.0]),
                    "preset": st.sampled_from(["physical", "paper"]),
                    "energy": st.sampled_from([{}, STATES]),
                }
            ),
        ),
        "evaluation": st.fixed_dictionaries({"costs_time": st.booleans(), "examiner": st.booleans()}),
        "devices": st.fixed_dictionaries(
            {
                "tiers": st.just(
                    [{"name": "a", "gflops": 10}, {"name": "b", "gflops": 0.5, "lora_modules_per_block": 1}]
                ),
                "compute_time": st.sampled_from(["declared", "declared", "none"]),
            }
        ),
    }
)


@settings(max_examples=100, deadline=None)
@given(SCENARIOS)
def test_every_scenario_obeys_the_laws(scenario):
    run, method = play(scenario), METHODS[scenario["method"]]
    fates = set(run.updates.fate)
    keeps_rewards = scenario["stages"].get("reward", {}).get("scope") == "local"
    if method.pooled:
        assert len(run.messages) == len(run.rounds) == len(run.updates) == 0
    elif not method.shared:
        assert "kept" in fates <= {"kept", "late", "skipped"}
        assert len(run.messages) == len(run.rounds) == 0
    else:
        assert fates <= {"applied", "late", "lost", "skipped", *(["kept"] if keeps_rewards else [])}
        assert ("applied" in fates) == (len(run.rounds) > 0)


def test_an_eleventh_idle_client_changes_no_other():
    base = {"seed": 3, "stages": {"instruction": {"rounds": 3}}, "radio": {"snr_spread_db": 6}}
    ten = play({**base, "clients": 10})
    eleven = play({**base, "clients": {"count": 11, "overrides": [{"client": 10, "idle": True}]}})
    assert ten.messages.equals(eleven.messages)
    assert ten.rounds.equals(eleven.rounds)
    others = eleven.spans[eleven.spans.actor != "client-10"].reset_index(drop=True)
    assert ten.spans.equals(others)
    assert set(eleven.spans[eleven.spans.actor == "client-10"].kind) == {"idle"}


def test_the_fingerprint_tells_seeds_apart():
    base = {"clients": 4, "stages": {"instruction": {"rounds": 2}}}
    prints = [play_world({**base, "seed": seed})[1].fingerprints["network"] for seed in (1, 1, 2)]
    assert prints[0] == prints[1] != prints[2]


def test_the_fingerprint_is_the_same_in_another_process_under_any_hash_seed():
    here = Path(__file__).parent
    program = (
        "from worlds import play_world;"
        "print(play_world({'clients': 4, 'stages': {'instruction': {'rounds': 2}}})[1].fingerprints['network']);"
        "import sys; assert 'torch' not in sys.modules"
    )
    prints = {
        subprocess.run(
            [sys.executable, "-c", program],
            capture_output=True,
            text=True,
            check=True,
            env={"PYTHONPATH": f"{here}:{here.parents[1]}", "PYTHONHASHSEED": seed, "PATH": ""},
        ).stdout
        for seed in ("0", "1", "2")
    }
    assert len(prints) == 1


def test_pwff_sends_neither_lora_nor_critics():
    stages = {"instruction": {"rounds": 2}, "reward": {"rounds": 2}, "alignment": {"rounds": 2}}
    run = play({"clients": 4, "stages": stages})
    up = run.messages[run.messages.direction == "up"]
    for stage, own in up.groupby("stage"):
        names = {name for payload in own.payload for name, _ in run.payloads[payload]}
        if stage == "reward":
            assert all(name.startswith(("helpfulness.head.", "harmlessness.head.")) for name in names)
        else:
            assert all(".adapters." in name for name in names)


def test_clients_keep_their_place_in_the_tiers_whoever_joins():
    from worlds import blueprint_of

    tiers = [{"name": "a", "share": 1}, {"name": "b", "share": 1}]
    cast = [blueprint_of({"clients": n, "devices": {"tiers": tiers}, "stages": {"instruction": {}}}) for n in (10, 37)]
    assert [p.tier.name for p in cast[0].profiles] == [p.tier.name for p in cast[1].profiles[:10]]
    assert sorted(p.tier.name for p in cast[0].profiles) == ["a"] * 5 + ["b"] * 5
