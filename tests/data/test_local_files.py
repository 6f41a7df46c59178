"""Local JSONL files in the two formats: what is dropped and told, what is an error, and the real files."""

from __future__ import annotations

import gzip
import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from pwffsim.data.corpora.hub import read_hub
from pwffsim.data.corpora.jsonl import read_files
from pwffsim.data.corpora.records import UnusableError, hh_rlhf
from pwffsim.data.errors import DataError
from pwffsim.data.federated import build, check, count_rows
from pwffsim.data.prompting import format_prompt, format_response
from pwffsim.data.rows import OBJECTIVES
from pwffsim.data.spec import DataSpec, Files, Hub, Partition

REPOSITORY = Path(__file__).parents[2]
DATA = Path(os.environ.get("PWFFSIM_DATA", REPOSITORY.parent / "shared" / "data"))
real = pytest.mark.skipif(not DATA.is_dir(), reason=f"no real data at {DATA}; set PWFFSIM_DATA")

VERBS = ("List", "Name", "Describe", "Write")


def alpaca_line(at: int) -> str:
    row = {"instruction": f"{VERBS[at % 4]} thing {at}", "input": "", "output": f"thing {at}"}
    return json.dumps(row)


def pair_line(at: int) -> str:
    history = f"\n\nHuman: question {at}\n\nAssistant:"
    return json.dumps({"chosen": f"{history} good {at}", "rejected": f"{history} bad {at}"})


@pytest.fixture
def files(tmp_path: Path) -> Callable[..., Files]:
    """Writes a whole set of files of so many rows each; other lines can be put first."""

    def write(rows: int = 200, pairs: int = 120, instructions_first: tuple[str, ...] = (), pairs_first=()) -> Files:
        text = "\n".join([*instructions_first, *map(alpaca_line, range(rows))])
        (tmp_path / "rows.jsonl").write_text(text, encoding="utf-8")
        for name in OBJECTIVES:
            lines = "\n".join([*pairs_first, *map(pair_line, range(pairs))])
            (tmp_path / f"{name}.jsonl.gz").write_bytes(gzip.compress(lines.encode()))
        paths = {name: (str(tmp_path / f"{name}.jsonl.gz"),) for name in OBJECTIVES}
        return Files((str(tmp_path / "rows.jsonl"),), **paths)

    return write


def small(files: Files, **values) -> DataSpec:
    counts = {"rows_per_client": 20, "test_rows_per_client": 10, "pairs_per_client": 15, "test_pairs_per_client": 5}
    return DataSpec(corpus="jsonl", files=files, **{**counts, "global_test_rows": 20, **values})


def test_whatever_cannot_be_used_is_counted_and_named(files: Callable[..., Files]) -> None:
    bad = ("{broken", "", "[1, 2]", '{"instruction": "List", "output": " "}', '{"instruction": 3, "output": "x"}')
    rows, _, report = read_files(files(instructions_first=(*bad, '{"output": "x"}', alpaca_line(0))))
    (summary,) = [part for path, part in report["files"].items() if path.endswith("rows.jsonl")]
    assert len(rows) == 200 == summary["kept"]
    assert summary["read"] == 207
    assert summary["dropped"] == {
        "broken JSON": 1,
        "empty line": 1,
        "not a JSON object": 1,
        "empty 'output'": 1,
        "no text under 'instruction'": 2,
        "prompt occurs already": 1,
    }
    assert summary["examples"] == [
        "rows.jsonl:1: broken JSON",
        "rows.jsonl:2: empty line",
        "rows.jsonl:3: not a JSON object",
        "rows.jsonl:4: empty 'output'",
        "rows.jsonl:5: no text under 'instruction'",
    ]


def test_equal_pairs_are_skipped_and_counted(files: Callable[..., Files]) -> None:
    same = "\n\nHuman: q\n\nAssistant: a"
    padded = json.dumps({"chosen": same, "rejected": same + " "})
    equal = json.dumps({"chosen": same, "rejected": same})
    _, pairs, report = read_files(files(pairs_first=(equal, padded)))
    for name in OBJECTIVES:
        (summary,) = [part for path, part in report["files"].items() if name in path]
        assert summary["dropped"] == {"chosen equals rejected": 2}
        assert len(pairs[name]) == 120


def test_a_dialogue_is_split_before_its_last_reply() -> None:
    history = "\n\nHuman: one\n\nAssistant: two\n\nHuman: three\n\nAssistant:"
    pair = hh_rlhf({"chosen": history + " yes", "rejected": history + " no "})
    assert (pair.prompt, pair.chosen, pair.rejected) == ("one\n\nAssistant: two\n\nHuman: three", "yes", "no")
    with pytest.raises(UnusableError, match="no prompt or an empty reply"):
        hh_rlhf({"chosen": "no turns", "rejected": "none here"})


def test_an_input_joins_the_prompt(files: Callable[..., Files]) -> None:
    line = '{"instruction": "Sort these.", "input": "b, a", "output": "a, b"}'
    rows, _, _ = read_files(files(instructions_first=(line,)))
    assert rows[0].prompt == "Sort these.\nb, a"
    assert format_prompt(rows[0].prompt) + format_response(rows[0].response) == "Q: Sort these.\nb, a\nA: a, b"


def test_topics_are_leading_verbs(files: Callable[..., Files]) -> None:
    rows, _, _ = read_files(files())
    assert {row.topic for row in rows} == {"list", "name", "describe", "write"}


@pytest.mark.parametrize("partition", [Partition("iid"), Partition("topic", 0.5), Partition("size", size_skew=0.5)])
def test_nobody_shares_a_row(files: Callable[..., Files], partition: Partition) -> None:
    data = build(small(files(), partition=partition), 4, 7, [5.0] * 4, [0.5] * 4)
    rows = [row.prompt for row in data.test]
    for client in data.clients:
        rows += [row.prompt for row in (*client.instructions_train, *client.instructions_test)]
    assert len(rows) == len(set(rows))
    for name in OBJECTIVES:
        pairs = [p for c in data.clients for p in (*c.preferences_train[name], *c.preferences_test[name])]
        assert len(pairs) == len(set(pairs))
    for client in data.clients:
        assert not set(client.prompts_train) & set(client.prompts_test)


def test_too_small_a_pool_is_shared_in_proportion_and_told(files: Callable[..., Files]) -> None:
    data = build(small(files(rows=80), partition=Partition("iid")), 4, 7, [5.0] * 4, [0.5] * 4)
    told = data.report["clients"]
    for client, line in zip(data.clients, told, strict=True):
        assert line["instructions"] == len(client.instructions_train) in (9, 10, 11)
        assert line["instructions"] + line["instructions_short"] == 20
        assert len(client.instructions_test) == 5
    assert sum(line["instructions"] for line in told) == 80 - 20 - 4 * 5


def test_an_empty_shard_names_the_client_and_the_remedy(files: Callable[..., Files]) -> None:
    spec = small(files(rows=40), global_test_rows=20, partition=Partition("topic", 0.01))
    with pytest.raises(DataError, match=r"client \d gets no .*instruction rows: give more files"):
        build(spec, 10, 7, [5.0] * 10, [0.5] * 10)


def test_too_few_rows_are_told_before_anything_is_built(files: Callable[..., Files]) -> None:
    spec = small(files(rows=30, pairs=12), global_test_rows=20)
    assert count_rows(spec) == {"instructions": 30, "helpfulness": 12, "harmlessness": 12}
    check(spec, 5)
    with pytest.raises(DataError, match=r"12 usable helpfulness rows are too few for 7 clients .*data.files"):
        check(spec, 7)
    with pytest.raises(DataError, match="30 usable instruction rows cannot fill the global test set"):
        build(spec, 6, 7, [5.0] * 6, [0.5] * 6)
    assert count_rows(DataSpec()) is None
    check(DataSpec(), 10_000)


def test_nothing_usable_is_an_error_with_examples(tmp_path: Path) -> None:
    (tmp_path / "rows.jsonl").write_text("{broken\n\n", encoding="utf-8")
    with pytest.raises(DataError, match=r"none of 2 rows is usable[^\n]*\n  rows.jsonl:1: broken JSON"):
        read_files(Files(instructions=(str(tmp_path / "rows.jsonl"),)))
    (tmp_path / "empty.jsonl").write_text("", encoding="utf-8")
    with pytest.raises(DataError, match="none of 0 rows is usable"):
        read_files(Files(instructions=(str(tmp_path / "empty.jsonl"),)))


def test_a_missing_file_and_an_unset_variable_are_errors(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(DataError, match=r"nowhere.jsonl: no such file; set PWFFSIM_DATA to the folder"):
        read_files(Files(instructions=(str(tmp_path / "nowhere.jsonl"),)))
    monkeypatch.delenv("PWFFSIM_DATA", raising=False)
    with pytest.raises(DataError, match="the environment variable PWFFSIM_DATA is not set; set PWFFSIM_DATA"):
        read_files(Files(instructions=("${PWFFSIM_DATA}/alpaca.jsonl",)))
    with pytest.raises(DataError, match=r"needs at least one file under data.files.instructions"):
        read_files(Files())


def test_a_variable_is_filled_in(files: Callable[..., Files], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written = files()
    monkeypatch.setenv("PWFFSIM_DATA", str(tmp_path))
    rows, _, _ = read_files(Files(("${PWFFSIM_DATA}/rows.jsonl",), written.helpfulness, written.harmlessness))
    assert len(rows) == 200


def test_a_broken_archive_is_an_error(files: Callable[..., Files], tmp_path: Path) -> None:
    written = files()
    whole = (tmp_path / "helpfulness.jsonl.gz").read_bytes()
    for damaged in (whole[: len(whole) // 2], b"not gzip at all"):
        (tmp_path / "helpfulness.jsonl.gz").write_bytes(damaged)
        with pytest.raises(DataError, match=r"helpfulness.jsonl.gz: cannot be read .*is the file whole"):
            read_files(written)


def test_the_same_files_and_seed_give_the_same_shards(files: Callable[..., Files]) -> None:
    spec = small(files())
    one, other = (build(spec, 4, 7, [5.0] * 4, [0.5] * 4) for _ in range(2))
    assert [client.digest for client in one.clients] == [client.digest for client in other.clients]
    assert one.clients != build(spec, 4, 8, [5.0] * 4, [0.5] * 4).clients


def test_hub_loading_reads_a_local_data_set(files: Callable[..., Files], tmp_path: Path, monkeypatch) -> None:
    datasets = pytest.importorskip("datasets")
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", str(tmp_path / "cache"))
    written = files()
    folders = {}
    for name in ("instructions", *OBJECTIVES):
        folder = tmp_path / name / "part"
        folder.mkdir(parents=True)
        source = Path(getattr(written, name)[0])
        text = gzip.decompress(source.read_bytes()) if source.suffix == ".gz" else source.read_bytes()
        (folder / "train.jsonl").write_bytes(text)
        folders[name] = str(tmp_path / name)
    hub = Hub(**{**folders, "instructions": folders["instructions"] + "/part"},
              **{f"{name}_folder": "part" for name in OBJECTIVES})  # fmt: skip
    rows, pairs, _ = read_hub(hub)
    assert (rows, pairs) == read_files(written)[:2]
    spec = DataSpec(corpus="hub", hub=hub, rows_per_client=20, global_test_rows=20)
    assert len(build(spec, 2, 7, [5.0] * 2, [0.5] * 2).clients) == 2


def test_a_data_set_that_cannot_be_had_is_a_clear_error(tmp_path: Path) -> None:
    pytest.importorskip("datasets")
    with pytest.raises(DataError, match=r"data set '.*nothing-here' cannot be loaded .*use corpus jsonl"):
        read_hub(Hub(instructions=str(tmp_path / "nothing-here")))
    with pytest.raises(DataError, match=r"corpus hub needs a data set under data.hub.helpfulness"):
        count_rows(DataSpec(corpus="hub", hub=Hub(instructions="some/rows")))


@real
def test_the_real_files_hold_what_their_sources_say() -> None:
    files = Files(
        instructions=(str(DATA / "alpaca/alpaca-dev.jsonl"),),
        helpfulness=tuple(str(DATA / f"hh-rlhf/helpful-{name}-dev.jsonl.gz") for name in ("base", "rejection-sampled")),
        harmlessness=(str(DATA / "hh-rlhf/harmless-base-dev.jsonl.gz"),),
    )
    rows, pairs, report = read_files(files)
    told = {Path(path).name: part for path, part in report["files"].items()}
    assert told["alpaca-dev.jsonl"]["read"] == 2700
    assert told["alpaca-dev.jsonl"]["dropped"]["empty 'output'"] == 1
    assert told["harmless-base-dev.jsonl.gz"]["read"] == 1250
    assert told["helpful-base-dev.jsonl.gz"]["read"] == 1292
    assert told["helpful-base-dev.jsonl.gz"]["dropped"]["chosen equals rejected"] == 2
    assert told["helpful-rejection-sampled-dev.jsonl.gz"]["read"] == 1566
    assert told["helpful-rejection-sampled-dev.jsonl.gz"]["dropped"]["chosen equals rejected"] == 16
    assert len(rows) == sum(1 for _ in rows) > 2600
    assert len({row.topic for row in rows}) == 17
    assert len(pairs["helpfulness"]) > 2600
    spec = DataSpec(corpus="jsonl", files=files, rows_per_client=80, partition=Partition("topic", 0.3))
    data = build(spec, 10, 7, [5.0] * 10, [0.5] * 10)
    assert all(len(client.topics) > 1 for client in data.clients)
