from __future__ import annotations

from itertools import pairwise
from math import sqrt

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from channel_models.geometry.backhaul import Backhaul
from channel_models.geometry.outage import Outages
from channel_models.geometry.topology import Node, Topology


def within_4_4_errors(samples: np.ndarray, mean: float) -> bool:
    return abs(samples.mean() - mean) <= 4.4 * samples.std(ddof=1) / sqrt(len(samples))


def hierarchy(**changes: float) -> Topology:
    """Two cells and a relay under an edge server, a third cell under another, and one server."""
    nodes = (
        Node(name="west", kind="cell", position_m=(0.0, 0.0)),
        Node(name="mid", kind="cell", position_m=(500.0, 0.0)),
        Node(name="east", kind="cell", position_m=(1000.0, 0.0)),
        Node(name="hill", kind="relay", position_m=(250.0, 300.0)),
        Node(name="edge 1", kind="edge"),
        Node(name="edge 2", kind="edge"),
        Node(name="server", kind="server"),
    )
    ends = [("hill", "west"), ("west", "edge 1"), ("mid", "edge 1"), ("east", "edge 2")]
    ends += [("edge 1", "server"), ("edge 2", "server")]
    return Topology(nodes, tuple(Backhaul(ends=pair, **{"rate_bps": 1e9, "delay_s": 0.01, **changes}) for pair in ends))


def square(fast_bps: float, slow_bps: float, fast_delay_s: float) -> Topology:
    """Two ways from a to d: by b (fast, long) and by c (slow, short)."""
    nodes = tuple(Node(name=name, kind="edge") for name in "abcd")
    fast = [Backhaul(ends=pair, rate_bps=fast_bps, delay_s=fast_delay_s) for pair in (("a", "b"), ("d", "b"))]
    slow = [Backhaul(ends=pair, rate_bps=slow_bps, delay_s=0.001) for pair in (("c", "a"), ("c", "d"))]
    return Topology(nodes, (*fast, *slow))


def test_relays_and_edge_servers_are_on_the_way() -> None:
    route = hierarchy().route("hill", "server", 1e6)
    assert route.nodes == ("hill", "west", "edge 1", "server")
    assert [sorted(hop.ends) for hop in route.hops] == [sorted(pair) for pair in pairwise(route.nodes)]


def test_each_hop_stores_and_then_forwards() -> None:
    # n (delay + bits/rate)
    route = hierarchy(rate_bps=1e8, delay_s=0.01).route("hill", "server", 2e7)
    assert route.arrivals_s(5.0, 2e7) == pytest.approx((5.21, 5.42, 5.63), rel=1e-12)
    assert route.transfer(5.0, 2e7) == pytest.approx(5.63, rel=1e-12)


def test_a_route_to_itself_takes_no_time() -> None:
    route = hierarchy().route("mid", "mid", 1e6)
    assert (route.nodes, route.hops, route.transfer(3.0, 1e6)) == (("mid",), (), 3.0)


def test_bits_decide_between_a_short_and_a_fast_way() -> None:
    # 2 (0.05 + S/1e9) < 2 (0.001 + S/1e7) from S = 0.049/(1e-7 - 1e-9) = 494 949 bits on
    network = square(1e9, 1e7, 0.05)
    assert network.route("a", "d", 494_000).nodes == ("a", "c", "d")
    assert network.route("a", "d", 496_000).nodes == ("a", "b", "d")


def test_names_break_ties_whatever_the_order_of_links() -> None:
    network = square(1e8, 1e8, 0.001)
    assert network.route("a", "d", 1e6).nodes == ("a", "b", "d")
    turned = Topology(network.nodes[::-1], network.links[::-1])
    assert turned.route("a", "d", 1e6).nodes == ("a", "b", "d")
    assert turned.route("d", "a", 1e6).nodes == ("d", "b", "a")


@given(seed=st.integers(0, 10_000), bits=st.floats(1.0, 1e9))
def test_routes_are_shortest(seed: int, bits: float) -> None:
    random = np.random.Generator(np.random.PCG64(seed))
    names = "abcdef"
    pairs = [pair for pair in [(a, b) for a in names for b in names if a < b] if random.random() < 0.5]
    pairs += [pair for pair in pairwise(names) if pair not in pairs]
    values = {pair: (float(random.choice((1e6, 1e7, 1e8))), float(random.choice((0.0, 0.01)))) for pair in pairs}
    links = tuple(Backhaul(ends=pair, rate_bps=rate, delay_s=delay) for pair, (rate, delay) in values.items())
    network = Topology(tuple(Node(name=name, kind="edge") for name in names), links)
    found = network.route("a", "f", bits)

    best = {"a": 0.0}
    for _ in names:  # Bellman and Ford's relaxation, an independent witness
        for (a, b), link in zip(values, links, strict=True):
            for here, there in ((a, b), (b, a)):
                if here in best:
                    best[there] = min(best.get(there, np.inf), best[here] + link.nominal_s(bits))
    assert sum(hop.nominal_s(bits) for hop in found.hops) == pytest.approx(best["f"], rel=1e-9)


def test_nodes_by_kind() -> None:
    network = hierarchy()
    assert [node.name for node in network.of_kind("cell")] == ["west", "mid", "east"]
    assert network.positions_m("cell").tolist() == [[0.0, 0.0], [500.0, 0.0], [1000.0, 0.0]]
    assert network.link("server", "edge 2").ends == ("edge 2", "server")
    with pytest.raises(ValueError, match="nodes without a position: edge 1, edge 2"):
        network.positions_m("edge")
    with pytest.raises(ValueError, match="kind must be one of cell, relay, edge, server"):
        network.of_kind("tower")


def test_a_network_in_parts_is_refused_by_name() -> None:
    nodes = tuple(Node(name=name, kind="edge") for name in "abcd")
    with pytest.raises(ValueError, match="2 parts with no link between them: a, b; c, d"):
        Topology(nodes, (Backhaul(ends=("a", "b")), Backhaul(ends=("c", "d"))))


@pytest.mark.parametrize(
    ("nodes", "links", "message"),
    [
        ("aa", [("a", "b")], "nodes must be unique, given more than once: a"),
        ("ab", [("a", "b"), ("b", "a")], r"links must be unique, given more than once: \('a', 'b'\)"),
        ("ab", [("a", "b"), ("a", "z")], "links lead to nodes that are not there: z"),
    ],
)
def test_bad_graphs_are_refused(nodes: str, links: list[tuple[str, str]], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Topology(tuple(Node(name=name, kind="edge") for name in nodes), tuple(Backhaul(ends=pair) for pair in links))


def test_bad_nodes_links_and_routes_are_refused() -> None:
    with pytest.raises(ValueError, match="node 'x': kind must be one of"):
        Node(name="x", kind="mast")
    with pytest.raises(ValueError, match="node 'x': a cell has a radio and needs position_m"):
        Node(name="x", kind="cell")
    with pytest.raises(ValueError, match="mean_up_s and mean_down_s go together"):
        Backhaul(ends=("a", "b"), mean_up_s=3.0)
    with pytest.raises(ValueError, match="ends must be two nodes"):
        Backhaul(ends=("a", "a"))
    with pytest.raises(ValueError, match="rate_bps must be at least 1"):
        Backhaul(ends=("a", "b"), rate_bps=0.0)
    with pytest.raises(ValueError, match="no node 'nowhere'"):
        hierarchy().route("west", "nowhere", 1.0)
    with pytest.raises(ValueError, match="bits must be a finite number above 0"):
        hierarchy().route("west", "server", 0.0)
    with pytest.raises(ValueError, match="no link between 'west' and 'server'"):
        hierarchy().link("west", "server")


def unreliable(seed: int = 0, **changes: float) -> Backhaul:
    return Backhaul(
        ends=("a", "b"), **{"rate_bps": 1e6, "delay_s": 0.0, "mean_up_s": 5.0, "mean_down_s": 2.0, **changes}, seed=seed
    )


def test_a_transfer_takes_its_airtime_of_time_up() -> None:
    # the finish f solves: time up in [start, f] = bits/rate; time up by counting a fine grid
    link = unreliable(seed=3)
    finish_s = link.transfer(12.0, 20e6)
    grid = np.arange(12.0, finish_s, 0.01) + 0.005
    up_s = 0.01 * sum(link.outages.is_up(time) for time in grid)
    assert finish_s > 32.0
    assert up_s == pytest.approx(20.0, abs=0.05)


@given(start_s=st.floats(0.0, 1e4), bits=st.floats(1.0, 1e8), share=st.floats(0.01, 0.99), seed=st.integers(0, 99))
def test_cutting_a_transfer_does_not_move_its_finish(start_s: float, bits: float, share: float, seed: int) -> None:
    link = unreliable(seed)
    cut_s = link.transfer(start_s, bits * share)
    assert link.transfer(cut_s, bits - bits * share) == pytest.approx(link.transfer(start_s, bits), rel=0, abs=1e-9)


@given(times=st.permutations([0.0, 3.3, 70.0, 800.0, 9000.0, 20_000.0]))
def test_outages_in_any_order(times: list[float]) -> None:
    link = unreliable(seed=8)
    assert {time: link.transfer(time, 3e6) for time in times} == {
        time: unreliable(8).transfer(time, 3e6) for time in sorted(times)
    }


def test_share_of_time_up() -> None:
    # mean_up/(mean_up + mean_down), from time 0 on: the process starts stationary
    for at_s in (0.0, 0.5, 300.0):
        up = np.array([unreliable(seed).outages.is_up(at_s) for seed in range(3000)], dtype=float)
        assert within_4_4_errors(up, 5.0 / 7.0)


def test_mean_of_a_stalled_transfer() -> None:
    # E[T] = A + A/mean_up mean_down + P(down at the start) mean_down
    airtime_s = 4.0
    times = np.array([unreliable(seed).transfer(30.0, airtime_s * 1e6) - 30.0 for seed in range(3000)])
    assert within_4_4_errors(times, airtime_s * (1 + 2.0 / 5.0) + 2.0 / 7.0 * 2.0)


def test_the_delay_comes_after_the_last_bit() -> None:
    assert unreliable(2, delay_s=0.25).transfer(7.0, 5e6) == pytest.approx(
        unreliable(2).transfer(7.0, 5e6) + 0.25, rel=1e-12
    )
    assert unreliable(2, delay_s=0.25).transfer(7.0, 0.0) == 7.25


def test_links_fail_independently_and_both_ways_together() -> None:
    ends = [("a", "b"), ("b", "a"), ("a", "c"), ("a", "b - c")]
    finishes = [
        Backhaul(ends=pair, rate_bps=1e6, mean_up_s=5.0, mean_down_s=2.0, seed=1).transfer(0.0, 30e6) for pair in ends
    ]
    assert finishes[0] == finishes[1]
    assert len(set(finishes)) == 3


def test_an_airtime_that_ends_with_a_period_ends_there() -> None:
    outages = Outages(mean_up_s=1.0, mean_down_s=1.0, seed=0, purpose="test")
    start_s = next(time for time in np.arange(0.0, 50.0, 0.1) if not outages.is_up(time))
    assert outages.finish_s(start_s, 1e-9) > start_s + 1e-9
    assert outages.finish_s(start_s, 0.0) == start_s
