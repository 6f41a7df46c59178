"""A world told abreast writes, to the bit, what the world of events writes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from channel_models.transfer.work import LinkStalled
from pwffsim.compute.dry import DryCompute
from pwffsim.runs.pages import PageRecorder
from pwffsim.runs.recorder import MemoryRecorder
from pwffsim.scenario.loader import load
from pwffsim.simulation.plan import plan
from pwffsim.simulation.preparation import Prepared, prepare_plan
from pwffsim.world.abreast.terms import NotAbreastError, refusal
from pwffsim.world.abreast.way import ns, seconds
from pwffsim.world.abreast.world import TASKS_A_BATCH, AbreastWorld
from pwffsim.world.world import World

QUICKSTART = Path(__file__).parents[2] / "scenarios" / "quickstart.yaml"
SMALL = (
    "clients=7",
    "stages.instruction.rounds=4",
    "stages.reward.rounds=2",
    "stages.alignment.rounds=2",
)
RESTLESS = (
    "radio.energy={circuit_power_w: 0.1, amplifier_efficiency: 0.4, receive_power_w: 0.5, tail_power_w: 0.3, "
    "tail_s: 1.0, idle_power_w: 0.01, idle_s: 5.0, sleep_power_w: 0.001}"
)
COVERED = {
    "as it is": (),
    "fluid": ("radio.fidelity=fluid",),
    "fluid with chance": ("radio.fidelity=fluid", "radio.loss={model: constant, error_rate: 0.7}"),
    "another seed": ("seed=8",),
    "everything lost": ("radio.loss={model: outage, threshold: 40 dB}", "radio.downlink.ideal=true"),
    "partial": ("radio.residual_loss=partial", "radio.retransmission={model: none}"),
    "energy at rest": (RESTLESS,),
    "evaluation costs time": ("evaluation={costs_time: true, every: 2}", RESTLESS),
    "ideal downlink": ("radio.downlink.ideal=true", RESTLESS),
    "an idle client": ("clients.overrides=[{client: 2, idle: true}]", RESTLESS),
    "vanilla": ("method=vanilla_fl",),
    "local": ("method=local_only",),
    **{method: (f"method={method}",) for method in ("dual", "fedada", "pwff_equal", "sfl", "shepherd")},
    "rewards at home": ("stages.reward.scope=local",),
    "uniform weights": ("aggregation.weights=uniform",),
    "no fading": ("radio.fading=none", "radio.loss=none"),
    "paper": ("radio.preset=paper",),
    "long rounds": ("stages.instruction.local_steps=400",),
}
REFUSED = {
    "buffered": (("aggregation={mode: buffered, buffer: 3}",), "aggregation buffered"),
    "no time": (("devices.compute_time=none",), "computations take no time"),
    "clusters": (("stages.reward.scope=clustered",), "reward models of clusters"),
    "the server": (("method=centralised",), "no client does anything"),
    "a shared band": (("radio.sharing=tdma",), "sharing tdma"),
    "broadcast": (("radio.downlink.delivery=broadcast",), "downlink broadcast"),
    "patience": (("stages.instruction.convergence={rule: patience}",), "depends on what is learnt"),
    "chance": (("radio.loss={model: constant, error_rate: 0.1}",), "ConstantLoss leaves to chance"),
}


def prepared(*changes: str) -> Prepared:
    return prepare_plan(load(QUICKSTART, [*SMALL, *changes]))


def by_events(scenario: Prepared):
    recorder = MemoryRecorder()
    World(scenario.blueprint, DryCompute(), recorder).run()
    return recorder.run(), recorder.fingerprints["network"]


def abreast(scenario: Prepared, batch: int = TASKS_A_BATCH):
    recorder = PageRecorder()
    AbreastWorld(scenario.blueprint, recorder, batch).run()
    book = recorder.close()
    return book.run({}, {}), book.network_fingerprint()


@pytest.mark.parametrize("changes", COVERED.values(), ids=COVERED)
def test_records_and_fingerprint_are_those_of_events(changes):
    scenario = prepared(*changes)
    (told, fingerprint), (played, expected) = abreast(scenario), by_events(scenario)
    for table in ("spans", "messages", "rounds", "updates", "metrics"):
        pd.testing.assert_frame_equal(getattr(told, table), getattr(played, table), check_exact=True)
    assert told.payloads == played.payloads
    assert fingerprint == expected


@pytest.mark.parametrize("batch", [1, 15, 21])
def test_nothing_depends_on_how_many_rounds_are_written_down_together(batch):
    """Of seven clients' tasks: a round at a time, two and three, across stages and over evaluations."""
    scenario = prepared("evaluation={costs_time: true, every: 2}", RESTLESS)
    (told, fingerprint), (whole, expected) = abreast(scenario, batch), abreast(scenario)
    for table in ("spans", "messages", "rounds", "updates"):
        pd.testing.assert_frame_equal(getattr(told, table), getattr(whole, table), check_exact=True)
    assert fingerprint == expected


@pytest.mark.parametrize(("changes", "why"), REFUSED.values(), ids=REFUSED)
def test_worlds_whose_clients_meet_are_refused_with_a_reason(changes, why):
    scenario = prepared(*changes)
    assert why in (refusal(scenario.blueprint) or "")
    with pytest.raises(NotAbreastError, match=why):
        AbreastWorld(scenario.blueprint, PageRecorder())


@pytest.mark.parametrize("changes", [(), ("radio.sharing=tdma",)], ids=["abreast", "by events"])
def test_a_plan_has_the_fingerprint_of_the_world_of_events_either_way(changes):
    scenario = prepared(*changes)
    assert plan(scenario).network_fingerprint == by_events(scenario)[1]


def test_a_stalled_transfer_is_left_to_events_to_tell_of():
    scenario = prepared("radio.mean_snr_db=-90", "radio.snr_spread_db=0", "radio.loss=none")
    with pytest.raises(NotAbreastError):
        abreast(scenario)


def test_a_download_that_never_becomes_whole_is_left_to_events_to_tell_of():
    """At a loss of 0.9999 a fluid's 10,000 repetitions leave a third of the packets; 0.7 leaves none."""
    loss = "radio.loss={model: constant, error_rate: 0.9999}"
    scenario = prepared("radio.fidelity=fluid", "radio.fading=none", loss)
    with pytest.raises(NotAbreastError, match="a download never becomes whole"):
        abreast(scenario)
    with pytest.raises(LinkStalled, match=r"a download of client \d is not whole"):
        plan(scenario)


def test_times_are_exact_or_refused():
    late_ns = np.array([2**53 - 1, 123_456_789_012_345])
    assert seconds(late_ns).tolist() == [time_ns / 10**9 for time_ns in late_ns.tolist()]
    assert ns(np.array([0.5e-9, 1.5e-9, 2.0])).tolist() == [0, 2, 2_000_000_000]
    with pytest.raises(NotAbreastError, match="2\\^53"):
        seconds(np.array([2**53]))
