"""The world plays first and learns later: the same records in the same order as one that learns at every step."""

from __future__ import annotations

from collections import Counter

import pytest
from learning import learn
from worlds import CALM, losing, play_world

from channel_models.traces.errors import TraceEnded
from pwffsim.runs.records import Aggregation, Metric
from pwffsim.world import ledger, world
from pwffsim.world.faults import Diverged
from pwffsim.world.ledger import Ledger

INSTRUCTION = {"instruction": {"rounds": 4}}
THREE = {"instruction": {"rounds": 2}, "reward": {"rounds": 2}, "alignment": {"rounds": 2}}
LOSSY = {**CALM, **losing(0.02), "residual_loss": "discard"}
ASYNC = {"mode": "buffered", "buffer": 2, "retask": "immediately"}
PATIENT = {"instruction": {"rounds": 9, "convergence": {"rule": "patience", "patience": 2, "min_delta": 0.0}}}

WORLDS = {
    "synchronous": {"clients": 5, "stages": THREE, "radio": CALM},
    "losses": {"clients": 5, "stages": INSTRUCTION, "radio": LOSSY},
    "losses without personal state": {"clients": 5, "stages": INSTRUCTION, "radio": LOSSY, "method": "vanilla_fl"},
    "buffered": {"clients": 5, "stages": THREE, "aggregation": ASYNC},
    "local only": {"clients": 3, "stages": INSTRUCTION, "radio": CALM, "method": "local_only"},
    "clusters": {"clients": 5, "stages": {**THREE, "reward": {"rounds": 2, "scope": "clustered"}}, "radio": CALM},
    "examined": {"clients": 5, "stages": THREE, "radio": CALM, "evaluation": {"examiner": True}},
    "the server learns": {"clients": 9, "stages": THREE, "radio": CALM, "method": "centralised"},
    "patience": {"clients": 4, "stages": PATIENT, "radio": CALM, "evaluation": {"every": 1}},
    "tokens counted": {"clients": 3, "stages": THREE, "radio": CALM, "devices": {"count_generated": "actual"}},
}


class Impatient(Ledger):
    """Has everything computed at every entry."""

    def _enter(self, *arguments):
        super()._enter(*arguments)
        self.settle()


def eager(monkeypatch, *arguments, **options):
    with monkeypatch.context() as patch:
        patch.setattr(world, "Ledger", Impatient)
        return learn(*arguments, **options)


def together(recipe):
    return 3 if recipe.stage.startswith(("instruction", "reward", "alignment")) else 1


@pytest.mark.parametrize("name", WORLDS)
def test_a_lazy_world_writes_what_an_eager_one_writes(monkeypatch, name):
    lazy, at_once = learn(WORLDS[name], together), eager(monkeypatch, WORLDS[name])
    assert lazy.ended is None and at_once.ended is None
    assert lazy.records == at_once.records and len(lazy.records) > 50
    assert lazy.recorder.fingerprints == at_once.recorder.fingerprints
    assert lazy.compute.counts.batches < at_once.compute.counts.batches, "only the lazy one has batches to share"
    assert Counter(map(str, lazy.pretender.ran)).total() == lazy.compute.counts.wanted


@pytest.mark.parametrize("most", [1, 7])
def test_a_world_that_must_settle_now_and_then_writes_the_same(monkeypatch, most):
    """Few handles may wait, so that memory stays bounded."""
    whole = learn(WORLDS["synchronous"], together)
    monkeypatch.setattr(ledger, "_MOST_WAITING", most)
    often = learn(WORLDS["synchronous"], together)
    assert often.records == whole.records
    assert often.recorder.fingerprints == whole.recorder.fingerprints


@pytest.mark.parametrize("name", ["synchronous", "losses", "buffered", "local only"])
def test_a_plan_has_the_same_network(name):
    _, planned = play_world(WORLDS[name])
    assert planned.fingerprints["network"] == learn(WORLDS[name]).recorder.fingerprints["network"]


def fates(learnt, fate):
    updates = learnt.recorder.run().updates
    return updates[updates.fate == fate]


def test_updates_that_are_lost_are_never_trained():
    learnt = learn(WORLDS["losses without personal state"])
    applied, lost = fates(learnt, "applied"), fates(learnt, "lost")
    assert len(applied) > 0 and len(lost) > 0 and len(applied) + len(lost) == 20
    assert Counter(recipe.params["client"] for recipe in learnt.ran("instruction.train")) == Counter(
        int(name.removeprefix("client-")) for name in applied.client
    )


def test_updates_that_are_lost_are_trained_where_their_client_keeps_its_own_part():
    learnt = learn(WORLDS["losses"])
    assert len(fates(learnt, "lost")) > 0
    assert len(learnt.ran("instruction.train")) == 20


def test_nobody_measures_what_no_record_tells():
    """Every recipe that ran is an evaluation, a sum, or beneath one."""
    learnt = learn(WORLDS["buffered"], together)
    counts = learnt.compute.counts
    assert counts.computed == counts.wanted == len(learnt.pretender.ran) <= counts.announced
    assert counts.to_go == 0


def test_patience_waits_for_what_it_looks_at_and_no_more():
    learnt = learn(WORLDS["patience"], together)
    losses = {m.round: m for m in learnt.records if isinstance(m, Metric) and m.name == "loss"}
    assert 2 <= max(losses) <= 9
    assert len(learnt.ran("instruction.train")) == 4 * max(losses)
    assert learnt.compute.counts.computed == learnt.compute.counts.wanted


def nan_of(client, stage="instruction.train", after=0):
    """The client's training that follows so many of its others diverges."""
    seen: set[int] = set()

    def diverges(recipe):
        if recipe.stage != stage or recipe.params["client"] != client:
            return False
        seen.add(recipe.params["seed"])
        return len(seen) > after

    return diverges


DIVERGING = {
    "a sum": ({"clients": 5, "stages": INSTRUCTION, "radio": CALM}, 2),
    "a sum of a buffer": ({"clients": 5, "stages": INSTRUCTION, "aggregation": ASYNC}, 1),
    "an evaluation": ({"clients": 5, "stages": INSTRUCTION, "radio": CALM, "method": "local_only"}, 2),
    "rewards": ({"clients": 5, "stages": THREE, "radio": CALM}, 0),
}


@pytest.mark.parametrize("name", DIVERGING)
def test_divergence_ends_the_records_where_somebody_uses_it(monkeypatch, name):
    settings, after = DIVERGING[name]
    stage = "reward.train" if name == "rewards" else "instruction.train"
    lazy = learn(settings, together, nan_of(3, stage, after))
    at_once = eager(monkeypatch, settings, diverges=nan_of(3, stage, after))
    clean = learn(settings, together)
    assert isinstance(lazy.ended, Diverged) and str(lazy.ended) == str(at_once.ended)
    assert "client-03: update" in str(lazy.ended) and "holds NaN or infinite values" in str(lazy.ended)
    assert lazy.records == at_once.records == clean.records[: len(lazy.records)]
    after_it = clean.records[len(lazy.records)]
    assert isinstance(after_it, (Aggregation, Metric)), "what would have said a number that came of it"
    assert lazy.world.written_ns == after_it.time_ns == at_once.world.kernel.now_ns


@pytest.fixture
def ending(tmp_path):
    """A radio whose recording ends in the third round."""
    path = tmp_path / "rates.txt"
    path.write_text("".join(f"{second}\t0.1\n" for second in range(60)))
    trace = {"format": "cooked", "files": [str(path)], "at_end": "refuse", "direction": "up"}
    return {"packets": "fluid", "downlink": {"ideal": True}, "trace": trace}


def test_a_world_that_breaks_off_tells_all_that_came_before(monkeypatch, ending):
    settings = {"clients": 3, "stages": INSTRUCTION, "radio": ending}
    lazy, at_once = learn(settings, together), eager(monkeypatch, settings)
    assert isinstance(lazy.ended, TraceEnded) and str(lazy.ended) == str(at_once.ended)
    assert str(lazy.records) == str(at_once.records), "as text, as recorded links have no SNR"
    assert any(isinstance(record, Aggregation) for record in lazy.records)
    assert lazy.world.written_ns == lazy.world.kernel.now_ns


def test_a_divergence_before_the_break_is_what_is_told(ending):
    settings = {"clients": 3, "stages": INSTRUCTION, "radio": ending}
    learnt = learn(settings, together, nan_of(1))
    assert isinstance(learnt.ended, Diverged)
    assert learnt.world.written_ns < learnt.world.kernel.now_ns


def test_everything_written_is_said_to_be():
    learnt = learn(WORLDS["synchronous"], together)
    written = learnt.world.ledger.written
    assert (written.stage, written.round, written.rounds) == ("alignment", 2, 2)
    assert learnt.world.written_ns == learnt.world.kernel.now_ns
