"""The recipe of an aggregation: which states, with which coefficients, and which bytes never came."""

from __future__ import annotations

import pytest
from spy import THREE_STAGES, watch
from worlds import CALM, losing

TIERS = {
    "tiers": [
        {"name": "small", "gflops": 0.3, "lora_modules_per_block": 1},
        {"name": "large", "gflops": 3.0, "lora_modules_per_block": 3},
    ]
}
ROWS = (100, 250, 40, 700)
PAIRS = (64, 20, 500, 30)


def played(**changes):
    radio = {**CALM, **losing(0.02), "residual_loss": "partial", **changes.pop("radio", {})}
    return watch({"clients": 4, "stages": THREE_STAGES, "devices": TIERS, "radio": radio, **changes}, ROWS, PAIRS)


WORLDS = {
    "partial": {},
    "discard": {"radio": {"residual_loss": "discard", **losing(0.004)}},
    "buffered": {"aggregation": {"mode": "buffered", "buffer": 2}},
    "buffered, discard": {
        "aggregation": {"mode": "buffered", "buffer": 2},
        "radio": {"residual_loss": "discard", **losing(0.004)},
    },
    "by module": {"method": "vanilla_fl", "aggregation": {"lora_average": "per_module"}},
    "several groups": {"method": "vanilla_fl"},
}


@pytest.fixture(scope="module", params=WORLDS)
def seen(request):
    return played(**WORLDS[request.param])


def sums(seen):
    """Rows of the rounds table beside their recipes."""
    return list(zip(seen.run.rounds.itertuples(), seen.of("aggregate"), strict=True))


def shared(seen, stage):
    return ["reward"] if stage == "reward" else list(seen.blueprint.method.shared)


def test_groups_are_what_the_stage_shares(seen):
    for row, found in sums(seen):
        assert found.recipe.params["groups"] == shared(seen, row.stage)


def test_inputs_are_the_global_state_the_updates_and_what_they_started_from(seen):
    trained = {update: found for client in seen.clients for update, found in seen.trained(client).items()}
    for row, found in sums(seen):
        expected = {}
        for group in shared(seen, row.stage):
            expected[f"global/{group}"] = seen.newest(group, row.version - 1)
            for i, update in enumerate(row.updates):
                expected[f"update{i}/{group}"] = trained[update].part(group)
                expected[f"base{i}/{group}"] = trained[update].recipe.inputs[group]
        assert dict(found.recipe.inputs) == expected


def test_updates_are_summed_in_the_order_of_clients(seen):
    for row, _ in sums(seen):
        assert list(zip(row.clients, row.updates, strict=True)) == sorted(zip(row.clients, row.updates, strict=True))


def test_coefficients_are_shares_of_what_a_client_learnt_from_faded_by_staleness(seen):
    for row, found in sums(seen):
        clients = [int(name.removeprefix("client-")) for name in row.clients]
        samples = PAIRS if row.stage == "reward" else ROWS
        products = [samples[client] * (1 + age) ** -0.5 for client, age in zip(clients, row.staleness, strict=True)]
        expected = [product / sum(products) for product in products]
        assert found.recipe.params["coefficients"] == pytest.approx(expected, rel=1e-12)
        assert found.recipe.params["coefficients"] == list(row.weights)


def test_lost_ranges_are_those_of_the_deliveries(seen):
    deliveries, met = seen.deliveries(), 0
    for row, found in sums(seen):
        expected = [[list(cut) for cut in deliveries[update].lost_ranges] for update in row.updates]
        assert found.recipe.params["lost"] == expected
        met += sum(len(ranges) for ranges in expected)
    discards = seen.blueprint.scenario.radio.residual_loss == "discard"
    assert (met == 0) == discards
    assert "lost" not in set(seen.run.updates.fate) or discards


def test_lost_ranges_lie_in_the_payload_and_are_as_long_as_the_message_says(seen):
    up = seen.run.messages[seen.run.messages.direction == "up"].set_index("update")
    for row, found in sums(seen):
        for update, ranges in zip(row.updates, found.recipe.params["lost"], strict=True):
            edges = [edge for cut in ranges for edge in cut]
            assert edges == sorted(set(edges)) and all(0 <= edge <= up.payload_bytes[update] for edge in edges)
            assert sum(stop - start for start, stop in ranges) == up.lost_bytes[update]


def test_an_update_that_was_discarded_is_in_no_sum():
    seen = played(**WORLDS["discard"])
    lost = set(seen.run.updates[seen.run.updates.fate == "lost"]["update"])
    assert lost and not lost & {update for row in seen.run.rounds.updates for update in row}


@pytest.mark.parametrize(("world", "flag"), [("by module", True), ("several groups", False), ("partial", False)])
def test_modules_are_averaged_over_their_holders_where_that_is_asked_for(world, flag):
    assert {found.recipe.params["per_module"] for found in played(**WORLDS[world]).of("aggregate")} == {flag}


def test_partial_or_not_is_told_by_bytes_alone():
    """The same losses: what is discarded in one world is summed with gaps in the other."""
    packets = losing(0.01)
    stages = {"instruction": {"rounds": 1}}
    partial = played(stages=stages, radio=packets)
    discard = played(stages=stages, radio={**packets, "residual_loss": "discard"})
    whole = set(discard.run.rounds.updates[0])
    assert partial.run.messages.equals(discard.run.messages)
    gaps = dict(zip(partial.run.rounds.updates[0], partial.of("aggregate")[0].recipe.params["lost"], strict=True))
    assert whole == {update for update, ranges in gaps.items() if not ranges}
    assert 0 < len(whole) < len(gaps) == 4
