"""Examiners: what their scores are, whom they agree with, and what is pooled."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.stats import spearmanr
from small_models import ALIGNING, TUNING, data_params, initial_states, reward_params, stage_params

from pwffsim.data import judge
from pwffsim.learning import examining, shards, stages
from pwffsim.learning.jobs import Job
from pwffsim.learning.stages import alignment

CLIENTS = 3
OBJECTIVES = ("helpfulness", "harmlessness")


@pytest.fixture(scope="module")
def many():
    return data_params(CLIENTS)


def pairs_of(data):
    return {
        "client": None,
        "pool": "examiner",
        "shard": {"preferences": shards.federation(data).examiner.digests["preferences"]},
    }


@pytest.fixture(scope="module")
def examiner(model, many):
    params = {**stage_params(model, many, None, reward=reward_params()), **pairs_of(many), **TUNING, "steps": 60}
    return stages.run("reward.train", params, initial_states(model, [], reward_params())).parts["reward"]


def evaluations(model, data, examiner, upload="head", **rewards):
    own = {**reward_params(upload), **rewards}
    parts = initial_states(model, ["adapters", "lora"], own)
    references = {"reference_adapters": parts["adapters"], "reference_lora": parts["lora"]}
    inputs = {**parts, **references, "examiner": examiner}
    asked = {"reward": reward_params(), **pairs_of(data)}
    each = [stage_params(model, data, i, **{**ALIGNING, "reward": own, "examiner": asked}) for i in range(CLIENTS)]
    return [Job({**p, "seed": 50 + i, "weight": 0.2 + 0.3 * i}, inputs) for i, p in enumerate(each)]


@pytest.fixture
def noted(monkeypatch):
    """What examiners were shown: the dialogues, and the clients' own scores."""
    seen, facts = [], examining.facts
    monkeypatch.setattr(examining, "facts", lambda *given: seen.append(given) or facts(*given))
    return seen


def scores(group, objective, encoder, dialogues):
    """A reward model in plain torch."""
    own = {
        name.removeprefix(f"{objective}.head."): tensor for name, tensor in group.items() if name.startswith(objective)
    }
    with torch.no_grad():
        hidden = torch.tanh(encoder.whole(dialogues) @ own["0.weight"].T + own["0.bias"])
        return (hidden @ own["2.weight"].T + own["2.bias"]).flatten().double().numpy()


def test_scores_are_in_deviations_over_the_pairs_and_weighted_by_the_client(model, many, examiner, noted):
    from pwffsim.learning import pair_texts, reward
    from pwffsim.learning.pair_texts import Member

    jobs = evaluations(model, many, examiner)
    results = stages.run_together("alignment.evaluate", jobs)
    dialogues = noted[0][1]
    encoder = reward.resident("reward", jobs).scorers["helpfulness"].encoder
    found = {}
    for objective in OBJECTIVES:
        pairs = pair_texts.of(Member(objective, {**jobs[0].params, **pairs_of(many)}), "train")
        assert len(pairs) == 256
        known = scores(examiner, objective, encoder, [dialogue for pair in pairs for dialogue in pair])
        raw = scores(examiner, objective, encoder, dialogues)
        found[objective] = ((raw - known.mean()) / known.std()).reshape(CLIENTS, -1)
    for i, (job, result) in enumerate(zip(jobs, results, strict=True)):
        means = [found[objective][i].mean() for objective in OBJECTIVES]
        weight = job.params["weight"]
        assert result.facts["examined_helpfulness"] == pytest.approx(means[0], abs=1e-3)
        assert result.facts["examined_harmlessness"] == pytest.approx(means[1], abs=1e-3)
        assert result.facts["examined_sum"] == pytest.approx(sum(means), abs=2e-3)
        assert result.facts["examined_weighted"] == pytest.approx(weight * means[0] + (1 - weight) * means[1], abs=1e-3)


def test_agreement_is_the_rank_correlation_with_the_judge(model, many, examiner, noted, monkeypatch):
    """Judges that count letters, since an untrained policy says nothing that the true ones tell apart."""
    monkeypatch.setitem(judge.JUDGES, "helpfulness", lambda prompt, response: len(response))
    monkeypatch.setitem(judge.JUDGES, "harmlessness", lambda prompt, response: response.count("e"))
    results = stages.run_together("alignment.evaluate", evaluations(model, many, examiner))
    (_, dialogues, _, own) = noted[0]
    for objective, measure in judge.JUDGES.items():
        gold = np.array([measure(d.prompt, d.response) for d in dialogues]).reshape(CLIENTS, -1)
        mine = own[objective].double().numpy().reshape(CLIENTS, -1)
        for i, result in enumerate(results):
            assert result.facts[f"agreement_{objective}"] == pytest.approx(spearmanr(mine[i], gold[i]).statistic)


def test_without_a_judge_agreement_is_with_the_examiner(model, many, examiner, monkeypatch):
    unjudged = replace(shards.federation(many), judges={})
    monkeypatch.setattr(shards, "federation", lambda data: unjudged)
    same = [Job(j.params, {**j.inputs, "reward": examiner}) for j in evaluations(model, many, examiner)]
    for result in stages.run_together("alignment.evaluate", same):
        assert result.facts["agreement_helpfulness"] == pytest.approx(1.0)
        assert result.facts["agreement_harmlessness"] == pytest.approx(1.0)
        assert "judge_helpfulness" not in result.facts


def test_where_all_responses_are_judged_alike_no_agreement_is_told():
    one = {"helpfulness": np.array([1.0, 2.0, 3.0]), "harmlessness": np.array([1.0, 2.0, 3.0])}
    gold = {"helpfulness": np.array([5.0, 5.0, 5.0]), "harmlessness": np.array([3.0, 2.0, 1.0])}
    assert examining._agreement(one, gold) == {"agreement_harmlessness": pytest.approx(-1.0)}


@pytest.mark.parametrize("upload", ["head", "lora"])
def test_evaluations_together_are_examined_as_each_alone(model, many, examiner, upload):
    jobs = evaluations(model, many, examiner, upload)
    for job, together in zip(jobs, stages.run_together("alignment.evaluate", jobs), strict=True):
        assert together.facts == pytest.approx(stages.run("alignment.evaluate", job.params, job.inputs).facts, abs=1e-3)


def test_one_objective_is_examined_on_both(model, many, examiner):
    both, one = (
        stages.run_together("alignment.evaluate", evaluations(model, many, examiner, **rewards))
        for rewards in ({}, {"objectives": ["helpfulness"]})
    )
    for pair, single in zip(both, one, strict=True):
        for name in ("examined_helpfulness", "examined_harmlessness", "examined_sum", "examined_weighted"):
            assert single.facts[name] == pytest.approx(pair.facts[name], abs=1e-5)
        assert "agreement_harmlessness" not in single.facts


def test_unasked_nobody_examines(model, many, examiner):
    (job, *_) = evaluations(model, many, examiner)
    params = {name: value for name, value in job.params.items() if name != "examiner"}
    facts = stages.run("alignment.evaluate", params, job.inputs).facts
    assert not [name for name in facts if name.startswith(("examined", "agreement"))]


def test_pairs_that_changed_are_refused(model, many, examiner):
    (job, *_) = evaluations(model, many, examiner)
    asked = {**job.params["examiner"], "shard": {"preferences": "other"}}
    with pytest.raises(ValueError, match="the preferences of the examiners have digest"):
        stages.run("alignment.evaluate", {**job.params, "examiner": asked}, job.inputs)


def test_a_pool_is_learnt_from_as_one_client_with_all_rows(model, many):
    federation = shards.federation(many)
    pool = federation.pooled([0, 2])
    first, last = federation.clients[0], federation.clients[2]
    assert pool.instructions_train == [*first.instructions_train, *last.instructions_train]
    assert pool.prompts_train == [*first.prompts_train, *last.prompts_train]
    for objective in OBJECTIVES:
        expected = [*first.preferences_train[objective], *last.preferences_train[objective]]
        assert pool.preferences_train[objective] == expected
    assert federation.pooled((0, 2)) is pool
    parts = initial_states(model, ["adapters", "lora"], reward_params())
    given = {**parts, "reference_adapters": parts["adapters"], "reference_lora": parts["lora"]}
    asked = {"client": None, "pool": [0, 2], "shard": pool.digests, "reward": reward_params(), "engine": "native"}
    for stage, more in (("instruction.train", TUNING), ("reward.train", TUNING), ("alignment.train", ALIGNING)):
        wanted = {**stage_params(model, many, None), **more, **asked, "batch_size": 8}
        assert stages.run(stage, wanted, given).facts["finite"]
    drawn = alignment.prompts_of(Job({**stage_params(model, many, None), **ALIGNING, **asked, "batch_size": 24}, {}))
    assert sorted(drawn[0]) == sorted(pool.prompts_train)
