"""Dealing recipes into batches: a pure function of what is wanted. Random graphs of recipes against the rule."""

from __future__ import annotations

from collections import Counter
from math import ceil

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pwffsim.compute.fusion import alone, groups
from pwffsim.compute.recipe import Recipe, split_reference

MOST = {"train": 4, "evaluate": 3, "sum": 1}


def together(recipe):
    return MOST[recipe.stage]


def recipe(stage, client, serial, rests_on=(), rate=0.1, modules=1):
    model = {"base": "b", "lora_modules_per_block": modules}
    own = {"client": client, "seed": serial, "shard": {"rows": str(client)}, "weight": 0.5}
    return Recipe(stage, {**own, "rate": rate, "model": model}, {f"a{i}": f"{k}/out" for i, k in enumerate(rests_on)})


@st.composite
def graphs(draw):
    """Recipes by key, each after all that it rests on."""
    made: dict[str, Recipe] = {}
    for serial in range(draw(st.integers(1, 30))):
        rests_on = draw(st.lists(st.sampled_from(sorted(made)), max_size=3, unique=True)) if made else []
        one = recipe(
            draw(st.sampled_from(sorted(MOST))),
            draw(st.sampled_from([None, 0, 1, 2, 3])),
            serial,
            rests_on,
            draw(st.sampled_from([0.1, 0.2])),
            draw(st.integers(1, 3)),
        )
        made[one.key()] = one
    return made


def rests_on(one):
    return [split_reference(reference)[0] for reference in one.inputs.values()]


def depths(recipes):
    """The longest way to a recipe, in steps that can be shared."""
    found: dict[str, int] = {}
    for key, one in recipes.items():
        found[key] = max((found[k] for k in rests_on(one)), default=0) + (MOST[one.stage] > 1)
    return found


def kind(one, depth):
    return one.stage, one.params["rate"], len(one.inputs), one.params["client"] is None, depth


@settings(max_examples=200, deadline=None)
@given(graphs())
def test_the_rule(recipes):
    dealt, depth = groups(recipes, together), depths(recipes)
    assert sorted(key for group in dealt for key in group) == sorted(recipes), "each recipe is in one batch"
    done: set[str] = set()
    for group in dealt:
        assert {k for key in group for k in rests_on(recipes[key])} <= done, "a batch comes after all it rests on"
        done.update(group)
    for group in dealt:
        assert len({kind(recipes[key], depth[key]) for key in group}) == 1, "members are alike"
        modules = [recipes[key].params["model"]["lora_modules_per_block"] for key in group]
        assert modules == sorted(modules, reverse=True)
    members = Counter(kind(one, depth[key]) for key, one in recipes.items())
    for alike, number in members.items():
        sizes = [len(group) for group in dealt if kind(recipes[group[0]], depth[group[0]]) == alike]
        most = MOST[alike[0]]
        assert len(sizes) == ceil(number / most) and max(sizes) - min(sizes) <= 1 and max(sizes) <= most


@st.composite
def announced_twice(draw):
    """A graph, and another order in which the same recipes could have been announced."""
    recipes, waiting, again = draw(graphs()), [], {}
    waiting = list(recipes)
    while waiting:
        ready = [key for key in waiting if all(k in again for k in rests_on(recipes[key]))]
        chosen = draw(st.sampled_from(ready))
        waiting.remove(chosen)
        again[chosen] = recipes[chosen]
    return recipes, again


@settings(max_examples=200, deadline=None)
@given(announced_twice())
def test_the_order_of_announcements_does_not_matter(orders):
    """It hangs on whose download ends first; the batches of a synchronous run must not."""
    one, other = ({tuple(group) for group in groups(recipes, together)} for recipes in orders)
    assert one == other


@given(graphs())
def test_without_fusion_everybody_is_alone(recipes):
    assert groups(recipes, alone) == [[key] for key in recipes]


def test_clients_stand_in_their_order_and_alike_tiers_side_by_side():
    made = [recipe("train", client, 0, modules=1 + client % 2) for client in (3, 0, 2, 1)]
    (group,) = groups({one.key(): one for one in made}, together)
    clients = {one.key(): one.params["client"] for one in made}
    assert [clients[key] for key in group] == [1, 3, 0, 2]


def test_the_servers_own_evaluation_stands_alone():
    made = [recipe("evaluate", client, 0) for client in (0, None, 1)]
    assert sorted(map(len, groups({one.key(): one for one in made}, together))) == [1, 2]


@pytest.mark.parametrize("updates", [1, 5])
def test_asynchronous_updates_share_batches_depth_by_depth(updates):
    """FedAsync, 20 clients in turn: every update begins from another version, none from the same; and yet the first,
    second ... updates of all are a batch each."""
    recipes: dict[str, Recipe] = {}

    def announce(one):
        recipes[one.key()] = one
        return one.key()

    start = announce(recipe("sum", None, -1))
    version, begun = start, dict.fromkeys(range(20), start)
    for serial in range(updates):
        for client in range(20):
            trained = announce(recipe("train", client, serial, [begun[client]]))
            version = begun[client] = announce(recipe("sum", None, 20 * serial + client, [version, trained]))
    sizes = [len(group) for group in groups(recipes, lambda one: 64 if one.stage == "train" else 1)]
    assert [size for size in sizes if size > 1] == [20] * updates


def test_what_was_computed_before_counts_nothing():
    """A client whose last update is settled already shares a batch with one that has only begun."""
    first, second = recipe("train", 0, 7, ["settled"]), recipe("train", 1, 0, ["also settled"])
    assert groups({one.key(): one for one in (first, second)}, together) == [[first.key(), second.key()]]
