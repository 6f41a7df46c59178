"""What each partitioner does to a client's shares and sizes, against its stated law."""

from __future__ import annotations

from math import exp, sqrt

import numpy as np
import pytest

from pwffsim.data.declarations import CORPORA, PARTITIONERS
from pwffsim.data.errors import DataError
from pwffsim.data.federated import build
from pwffsim.data.handbook.topics import BENIGN
from pwffsim.data.judge import is_harmful
from pwffsim.data.partitioners import PARTITIONERS as RULES
from pwffsim.data.population import Client, make_plan, population
from pwffsim.data.spec import DataSpec, Partition

TOPICS = dict.fromkeys(BENIGN, 1.0)
MANY = 3000


def plan(partition: Partition, index: int = 0, snr_db: float = 5.0, weight: float = 0.5):
    return make_plan(DataSpec(partition=partition), Client(index, 11, snr_db, weight), TOPICS)


def test_the_declared_names_are_the_registered_ones() -> None:
    from pwffsim.data.corpora import CORPORA as SOURCES

    assert tuple(RULES) == PARTITIONERS
    assert tuple(SOURCES) == CORPORA


@pytest.mark.parametrize("alpha", [0.1, 1.0, 10.0])
def test_topic_shares_follow_the_dirichlet_law(alpha: float) -> None:
    """E = 1/K and Var = p (1 - p) / (alpha K + 1), over many clients."""
    shares = np.array([list(plan(Partition("topic", alpha), index).shares.values()) for index in range(MANY)])
    count, p = len(BENIGN), 1 / len(BENIGN)
    variance = p * (1 - p) / (alpha * count + 1)
    assert np.allclose(shares.sum(axis=1), 1)
    assert np.all(np.abs(shares.mean(axis=0) - p) <= 4.5 * sqrt(variance / MANY))
    fourth = np.mean((shares - p) ** 4)
    error = sqrt((fourth - variance**2) / shares.size)
    assert abs(np.var(shares) - variance) <= 4.5 * error


def test_topic_shares_follow_an_uneven_prior() -> None:
    spec = DataSpec(partition=Partition("topic", 0.5))
    prior = {"a": 6.0, "b": 3.0, "c": 1.0}
    shares = np.array([list(make_plan(spec, Client(k, 1, 5.0, 0.5), prior).shares.values()) for k in range(MANY)])
    assert np.allclose(shares.mean(axis=0), [0.6, 0.3, 0.1], atol=4.5 * 0.5 / sqrt(MANY))


def test_sizes_are_log_normal_with_the_mean_that_was_asked_for() -> None:
    skew = 0.8
    factors = np.array([RULES["size"].size_factor(Client(k, 5, 5.0, 0.5), Partition("size", size_skew=skew))
                        for k in range(MANY)])  # fmt: skip
    assert abs(factors.mean() - 1) <= 4.5 * sqrt((exp(skew**2) - 1) / MANY)
    assert abs(np.log(factors).std() - skew) <= 4.5 * skew / sqrt(2 * MANY)


def test_size_skew_goes_with_any_partitioner() -> None:
    even, skewed = Partition("topic"), Partition("topic", size_skew=1.0)
    assert {plan(even, index).rows for index in range(20)} == {DataSpec().rows_per_client}
    assert len({plan(skewed, index).rows for index in range(20)}) > 15


def test_preference_skew_moves_pairs_and_harmful_requests() -> None:
    spec = DataSpec(partition=Partition("preference"))
    helpful, harmless = (make_plan(spec, Client(0, 1, 5.0, weight), TOPICS) for weight in (0.8, 0.0))
    assert helpful.pairs == {"helpfulness": 154, "harmlessness": 38}
    assert harmless.pairs == {"helpfulness": 19, "harmlessness": 173}
    data = build(spec, 2, 7, [5.0, 5.0], [0.95, 0.05])
    shares = [np.mean([is_harmful(row.prompt) for row in client.instructions_train]) for client in data.clients]
    assert shares[0] < 0.15 < 0.25 < shares[1]


def test_topics_go_with_the_mean_snr() -> None:
    places = np.arange(len(BENIGN))
    means = [sum(places * list(plan(Partition("snr"), snr_db=snr).shares.values())) for snr in (-10, 0, 5, 10, 20)]
    assert means == sorted(means)
    assert means[-1] - means[0] > 5
    assert means[2] == pytest.approx((len(BENIGN) - 1) / 2)


def test_iid_shares_are_the_corpus() -> None:
    assert plan(Partition("iid")).shares == pytest.approx(dict.fromkeys(BENIGN, 0.1))


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"partition": {"by": "topics"}}, "partition.by 'topics' is not one of iid, topic"),
        ({"partition": {"by": "size"}}, "partition by size needs partition.size_skew above 0"),
        ({"partition": {"dirichlet_alpha": 0.0}}, "dirichlet_alpha must be positive"),
        ({"partition": {"alpha": 1.0}}, "partition: unknown key alpha; known are by, dirichlet_alpha, size_skew, "),
        ({"partition": {"styles": 0}}, "partition.styles must be a whole number above 0, or null"),
        ({"corpus": "alpaca"}, "corpus 'alpaca' is not one of embedded, jsonl, hub"),
        ({"rows_per_client": 0}, "rows_per_client must be a whole number above 0"),
        ({"label_noise": 1.5}, "label_noise must lie in 0 .. 1"),
    ],
)
def test_a_wrong_spec_is_refused(values: dict, message: str) -> None:
    with pytest.raises(DataError, match=message):
        DataSpec.from_mapping(values)


def test_a_spec_survives_json() -> None:
    import json

    spec = DataSpec.from_mapping({"corpus": "jsonl", "files": {"instructions": ["a", "b"]}, "partition": {"by": "iid"}})
    assert DataSpec.from_mapping(json.loads(json.dumps(spec.to_mapping()))) == spec


def test_an_empty_shard_names_the_client_and_the_remedy() -> None:
    spec = DataSpec(rows_per_client=1, partition=Partition("size", size_skew=3.0))
    with pytest.raises(DataError, match=r"client \d gets no instruction rows: raise rows_per_client .*size_skew"):
        build(spec, 5, 7, [5.0] * 5, [0.5] * 5)


def test_wrong_populations_are_refused() -> None:
    with pytest.raises(DataError, match="at least one client"):
        population(DataSpec(), 0, 1, [], [])
    with pytest.raises(DataError, match="mean_snr_db holds 1 values for 2 clients"):
        population(DataSpec(), 2, 1, [5.0], [0.5, 0.5])
    with pytest.raises(DataError, match=r"client 1: preference weight 1.5 lies outside"):
        population(DataSpec(), 2, 1, [5.0, 5.0], [0.5, 1.5])
    with pytest.raises(DataError, match="client 0: partition by snr needs a finite mean SNR"):
        population(DataSpec(partition=Partition("snr")), 1, 1, [float("inf")], [0.5])
