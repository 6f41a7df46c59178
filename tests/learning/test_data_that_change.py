"""Data files that change: between runs of one process they are read anew, within a run the change is refused."""

from __future__ import annotations

import json

import pytest

from pwffsim.data.rows import OBJECTIVES
from pwffsim.data.spec import DataSpec, Files
from pwffsim.learning import shards, token_rows


@pytest.fixture
def data(tmp_path):
    """The federation of local files, and a function that words them otherwise."""

    def write(word):
        rows = [{"instruction": f"Name thing {i}", "output": f"{word} {i}"} for i in range(60)]
        (tmp_path / "rows.jsonl").write_text("\n".join(map(json.dumps, rows)))
        for objective in OBJECTIVES:
            pairs = [
                {"chosen": f"\n\nHuman: Q{i}\n\nAssistant: {word} {i}", "rejected": f"\n\nHuman: Q{i}\n\nAssistant: no"}
                for i in range(60)
            ]
            (tmp_path / f"{objective}.jsonl").write_text("\n".join(map(json.dumps, pairs)))

    paths = {objective: (str(tmp_path / f"{objective}.jsonl"),) for objective in OBJECTIVES}
    counts = {"rows_per_client": 8, "test_rows_per_client": 4, "pairs_per_client": 4, "test_pairs_per_client": 4}
    spec = DataSpec(corpus="jsonl", files=Files((str(tmp_path / "rows.jsonl"),), **paths), global_test_rows=4, **counts)
    signal = {"mean_snr_db": [5.0, 5.0], "preference_weights": [0.5, 0.5]}
    return {"spec": spec.to_mapping(), "clients": 2, "seed": 1, **signal, "name": str(tmp_path)}, write


def test_another_run_reads_what_the_files_say_now(data):
    source, write = data
    write("one")
    before = shards.reread(source)
    assert shards.federation(source) is before
    write("two")
    assert shards.federation(source) is before
    after = shards.reread(source)
    assert shards.federation(source) is after
    assert {row.response.split()[0] for row in after.test} == {"two"}
    assert before.instructions_digest != after.instructions_digest


@pytest.mark.parametrize("client", [None, 1])
def test_a_recipe_refuses_other_rows_than_its_own(data, client):
    source, write = data
    write("one")
    made = shards.reread(source)
    named = {"everybody": made.instructions_digest} if client is None else made.clients[1].digests
    params = {"data": source, "client": client, "shard": named, "model": {"tokenizer": "tiny"}, "max_length": 32}
    assert token_rows.of(params).test
    write("two")
    shards.reread(source)
    with pytest.raises(ValueError, match="a data file changed during the run"):
        token_rows.of(params)
