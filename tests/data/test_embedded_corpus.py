"""The generated corpus: pure in (seed, client), disjoint held-out rows, no word that the base has not read."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections import Counter
from functools import cache

import pytest

from pwffsim.data.corpora.embedded import base_corpus
from pwffsim.data.errors import DataError
from pwffsim.data.federated import FederatedData, build
from pwffsim.data.handbook.topics import BENIGN, SAFETY, recognise
from pwffsim.data.judge import is_harmful
from pwffsim.data.rows import OBJECTIVES
from pwffsim.data.spec import DataSpec, Partition

WEIGHTS = [(at + 0.5) / 11 for at in range(11)]


@cache
def federation(clients: int = 10, seed: int = 7) -> FederatedData:
    return build(DataSpec(), clients, seed, [5.0] * clients, WEIGHTS[:clients])


@cache
def base_rows() -> list:
    return base_corpus(20_000)


def words(text: str) -> list[str]:
    return re.findall(r"[\w-]+|[^\w\s]+", text)


def test_an_eleventh_client_changes_nothing_for_the_other_ten() -> None:
    assert federation(11).clients[:10] == federation(10).clients


def test_clients_and_seeds_differ() -> None:
    digests = [client.digest for client in federation(10).clients] + [c.digest for c in federation(10, 8).clients]
    assert len(set(digests)) == 20
    assert len({client.style for client in federation(10).clients}) == 10


def test_counts_are_those_of_the_spec() -> None:
    spec = DataSpec()
    for client in federation().clients:
        assert len(client.instructions_train) == spec.rows_per_client == sum(client.topics.values())
        assert len(client.instructions_test) == spec.test_rows_per_client
        assert all(len(client.preferences_train[name]) == spec.pairs_per_client for name in OBJECTIVES)
        assert all(len(client.preferences_test[name]) == spec.test_pairs_per_client for name in OBJECTIVES)
        assert len(client.prompts_train) == spec.prompts_per_client
        assert len(client.prompts_test) == spec.test_prompts_per_client
    assert len(federation().test) == spec.global_test_rows


def test_no_item_is_both_trained_on_and_tested_on_by_anybody() -> None:
    data = federation()
    trained = {row.prompt for row in base_rows()}
    tested = {row.prompt for row in data.test}
    for client in data.clients:
        trained |= {row.prompt for row in client.instructions_train} | set(client.prompts_train)
        trained |= {pair.prompt for name in OBJECTIVES for pair in client.preferences_train[name]}
        tested |= {row.prompt for row in client.instructions_test} | set(client.prompts_test)
        tested |= {pair.prompt for name in OBJECTIVES for pair in client.preferences_test[name]}
    seen, held_out = ({recognise(prompt) for prompt in prompts} for prompts in (trained, tested))
    assert None not in seen | held_out
    assert not seen & held_out


def test_a_held_out_answer_cannot_be_copied_from_any_training_answer() -> None:
    """Answers that say something repeat their question's slots, so a held-out one is nobody's training answer."""
    for client in federation().clients:
        trained = {row.response for row in client.instructions_train}
        saying = [row for row in client.instructions_test if "do not know" not in row.response]
        assert len(saying) > len(client.instructions_test) / 2
        assert not trained & {row.response for row in saying}
    everything = {row.response for row in base_rows() if "do not know" not in row.response}
    assert not everything & {row.response for row in federation().test}


def test_prompts_of_a_client_are_distinct() -> None:
    for client in federation().clients:
        for rows in (client.instructions_train, client.instructions_test):
            assert len({row.prompt for row in rows}) == len(rows)
        assert len(set(client.prompts_train)) == len(client.prompts_train)


def test_the_base_has_read_every_word_and_sign_that_clients_use() -> None:
    read = Counter(word for row in base_rows() for word in words(row.prompt) + words(row.response))
    for client in federation().clients:
        rows = client.instructions_train + client.instructions_test
        pairs = [pair for name in OBJECTIVES for pair in client.preferences_train[name]]
        texts = [row.prompt for row in rows] + [row.response for row in rows]
        texts += [pair.chosen for pair in pairs] + [pair.rejected for pair in pairs] + client.prompts_test
        assert min(read[word] for text in texts for word in words(text)) >= 5


def test_there_are_ten_topics_and_harmful_requests() -> None:
    assert len(BENIGN) >= 8
    assert {row.topic for row in federation().test} == {*BENIGN, SAFETY}
    for client in federation().clients:
        share = sum(map(is_harmful, client.prompts_train)) / len(client.prompts_train)
        assert 0.25 < share < 0.55


def test_topics_can_be_told_from_their_prompts() -> None:
    """A naive Bayes over prompt words, fitted on base rows, names the topic of nearly every held-out question."""
    counts = {topic: Counter() for topic in (*BENIGN, SAFETY)}
    for row in base_rows()[:5000]:
        counts[row.topic].update(words(row.prompt))

    def guess(prompt: str) -> str:
        score = dict.fromkeys(counts, 1.0)
        for topic, seen in counts.items():
            for word in words(prompt):
                score[topic] *= (seen[word] + 0.1) / (seen.total() + 100)
        return max(score, key=score.__getitem__)

    right = sum(guess(row.prompt) == row.topic for row in federation().test)
    assert right / len(federation().test) > 0.97


@pytest.mark.parametrize("hash_seed", ["0", "1", "random"])
def test_another_process_gives_the_same_rows(hash_seed: str) -> None:
    program = (
        "from pwffsim.data.federated import build; from pwffsim.data.spec import DataSpec;"
        "data = build(DataSpec(rows_per_client=20), 2, 7, [5.0, 5.0], [0.2, 0.6]);"
        "print(*(client.digest for client in data.clients))"
    )
    environment = {**os.environ, "PYTHONHASHSEED": hash_seed}
    done = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True)
    here = build(DataSpec(rows_per_client=20), 2, 7, [5.0, 5.0], [0.2, 0.6])
    assert done.stdout.split() == [client.digest for client in here.clients]


def test_more_questions_than_there_are_is_refused_with_the_remedy() -> None:
    spec = DataSpec(rows_per_client=4000, partition=Partition("topic", dirichlet_alpha=0.01))
    with pytest.raises(DataError, match=r"client 0 is to get \d+ different training questions.*dirichlet_alpha"):
        build(spec, 1, 7, [5.0], [0.5])


def test_no_torch_is_imported() -> None:
    program = (
        "import sys; import pwffsim.data.federated as f; from pwffsim.data.spec import DataSpec;"
        "f.build(DataSpec(rows_per_client=5), 1, 7, [5.0], [0.5]); print('torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_styles_are_had_by_turns_and_change_the_wording_alone() -> None:
    spec = DataSpec(partition=Partition(styles=2))
    shared = build(spec, 5, 7, [5.0] * 5, WEIGHTS[:5]).clients
    first, second, *others = (client.style for client in shared)
    assert first != second
    assert others == [first, second, first]
    for own, client in zip(federation(5).clients, shared, strict=True):
        assert [row.prompt for row in client.instructions_train] == [row.prompt for row in own.instructions_train]
    assert shared[:2] == federation(5).clients[:2]
    assert shared[2].instructions_train != federation(5).clients[2].instructions_train
