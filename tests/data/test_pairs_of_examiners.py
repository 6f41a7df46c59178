"""Pairs for examiners: nobody trains on them, and having them changes nobody's rows."""

from __future__ import annotations

import gzip
import json

import pytest

from pwffsim.data.federated import build
from pwffsim.data.judge import JUDGES
from pwffsim.data.rows import OBJECTIVES
from pwffsim.data.spec import DataSpec, Files

FEW = {"rows_per_client": 8, "test_rows_per_client": 3, "pairs_per_client": 12, "test_pairs_per_client": 5,
       "prompts_per_client": 6, "test_prompts_per_client": 3, "global_test_rows": 4}  # fmt: skip


def dealt(spec, clients=3, seed=5):
    return build(spec, clients, seed, [5.0] * clients, [0.5] * clients)


def test_embedded_pairs_are_labelled_by_the_judge_without_noise():
    data = dealt(DataSpec(**FEW, examiner_pairs=40, label_noise=0.5))
    for objective in OBJECTIVES:
        pairs = data.examiner.preferences_train[objective]
        assert len(pairs) == 40
        assert all(JUDGES[objective](p.prompt, p.chosen) > JUDGES[objective](p.prompt, p.rejected) for p in pairs)


def test_no_client_trains_on_them():
    data = dealt(DataSpec(**FEW, examiner_pairs=60))
    trained = {pair.prompt for client in data.clients for own in client.preferences_train.values() for pair in own}
    trained |= {prompt for client in data.clients for prompt in client.prompts_train}
    trained |= {row.prompt for client in data.clients for row in client.instructions_train}
    asked = {pair.prompt for own in data.examiner.preferences_train.values() for pair in own}
    assert asked and not asked & trained


@pytest.mark.parametrize(("clients", "count"), [(3, 1), (3, 7), (4, 2)])
def test_there_are_as_many_as_were_asked_for(clients, count):
    pairs = dealt(DataSpec(**FEW, examiner_pairs=count), clients).examiner.preferences_train
    assert {objective: len(own) for objective, own in pairs.items()} == dict.fromkeys(OBJECTIVES, count)


def test_having_more_changes_nobodys_rows_and_a_seed_has_its_own():
    few, many, other = (dealt(DataSpec(**FEW, examiner_pairs=n), seed=s) for n, s in ((3, 5), (30, 5), (30, 6)))
    assert [client.digest for client in few.clients] == [client.digest for client in many.clients]
    assert many.examiner.digests == dealt(DataSpec(**FEW, examiner_pairs=30)).examiner.digests
    assert many.examiner.digests != other.examiner.digests


def files(folder, pairs):
    rows = "".join(
        json.dumps({"instruction": f"Name {i}.", "input": "", "output": f"It is {i}."}) + "\n" for i in range(60)
    )
    (folder / "rows.jsonl").write_text(rows)
    for objective in OBJECTIVES:
        with gzip.open(folder / f"{objective}.jsonl.gz", "wt") as out:
            for i in range(pairs):
                asked = f"\n\nHuman: {objective} {i}?\n\nAssistant:"
                out.write(json.dumps({"chosen": f"{asked} yes {i}", "rejected": f"{asked} no {i}"}) + "\n")
    return Files((str(folder / "rows.jsonl"),), *((str(folder / f"{o}.jsonl.gz"),) for o in OBJECTIVES))


@pytest.mark.parametrize(("held", "expected"), [(200, 40), (60, 24), (30, 9)])
def test_files_give_what_no_client_trains_on_held_out_or_left_over(tmp_path, held, expected):
    """3 clients ask for 51 pairs an objective, 36 of them to train on; of fewer they hold out the same share."""
    data = dealt(DataSpec(corpus="jsonl", files=files(tmp_path, held), **FEW, examiner_pairs=40))
    for objective in OBJECTIVES:
        trained = {pair for client in data.clients for pair in client.preferences_train[objective]}
        own = data.examiner.preferences_train[objective]
        assert len(own) == expected == len(set(own))
        assert not trained & set(own)


def test_files_are_dealt_as_before(tmp_path):
    given = files(tmp_path, 80)
    few, many = (dealt(DataSpec(corpus="jsonl", files=given, **FEW, examiner_pairs=n)) for n in (1, 40))
    assert [client.digest for client in few.clients] == [client.digest for client in many.clients]
