"""The network behind the radio: named cells, relays, edge servers and servers, joined by backhaul links."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from channel_models.geometry.backhaul import Backhaul
from channel_models.validation import positive

if TYPE_CHECKING:
    from networkx import Graph

FloatArray = NDArray[np.float64]

KINDS = ("cell", "relay", "edge", "server")
RADIO_KINDS = ("cell", "relay")
_TIE = 1e-12


@dataclass(frozen=True, kw_only=True)
class Node:
    """A place in the network.

    Attributes:
        name: unique in its topology.
        kind: ``cell`` and ``relay`` have a radio and so a position; an ``edge`` server aggregates on the way to
            the ``server``.
        position_m: (x, y) in metres.

    Raises ValueError for another kind, an empty name and a radio node without a position.
    """

    name: str
    kind: str
    position_m: tuple[float, float] | None = None

    def __post_init__(self) -> None:
        if not self.name:
            raise ValueError("a node must have a name, got an empty one")
        if self.kind not in KINDS:
            raise ValueError(f"node {self.name!r}: kind must be one of {', '.join(KINDS)}, got {self.kind!r}")
        if self.kind in RADIO_KINDS and self.position_m is None:
            raise ValueError(f"node {self.name!r}: a {self.kind} has a radio and needs position_m")


@dataclass(frozen=True)
class Route:
    """A way through the network: the nodes in order, and the link of each hop."""

    nodes: tuple[str, ...]
    hops: tuple[Backhaul, ...]

    def arrivals_s(self, start_s: float, bits: float) -> tuple[float, ...]:
        """When the whole transfer has reached each node after the first: stored there, then forwarded."""
        times = [start_s]
        for hop in self.hops:
            times.append(hop.transfer(times[-1], bits))
        return tuple(times[1:])

    def transfer(self, start_s: float, bits: float) -> float:
        """When the transfer has reached the last node (at once where the route has no hop)."""
        return (start_s, *self.arrivals_s(start_s, bits))[-1]


@dataclass(frozen=True)
class Topology:
    """Nodes and links as one connected graph, kept by networkx.

    Raises ValueError naming the nodes: for a name used twice, a link to a node that is not there, two links between
    the same nodes, and a graph in several parts.
    """

    nodes: tuple[Node, ...]
    links: tuple[Backhaul, ...]

    def __post_init__(self) -> None:
        names = [node.name for node in self.nodes]
        _refuse_repeats("nodes", names)
        _refuse_repeats("links", [repr(tuple(sorted(link.ends))) for link in self.links])
        unknown = sorted({end for link in self.links for end in link.ends} - set(names))
        if unknown:
            raise ValueError(f"links lead to nodes that are not there: {', '.join(unknown)}")
        self._refuse_parts()

    @cached_property
    def graph(self) -> Graph:
        """The networkx graph: nodes by name with their ``node``, edges with their ``link``."""
        from networkx import Graph

        graph = Graph()
        graph.add_nodes_from((node.name, {"node": node}) for node in sorted(self.nodes, key=lambda node: node.name))
        graph.add_edges_from((*link.ends, {"link": link}) for link in sorted(self.links, key=lambda link: link.ends))
        return graph

    def of_kind(self, kind: str) -> tuple[Node, ...]:
        """The nodes of a kind in the order given. Raises ValueError for an unknown kind."""
        if kind not in KINDS:
            raise ValueError(f"kind must be one of {', '.join(KINDS)}, got {kind!r}")
        return tuple(node for node in self.nodes if node.kind == kind)

    def positions_m(self, kind: str) -> FloatArray:
        """f64[S, 2], positions of the nodes of a radio kind. Raises ValueError for one without a position."""
        nodes = self.of_kind(kind)
        missing = [node.name for node in nodes if node.position_m is None]
        if missing:
            raise ValueError(f"nodes without a position: {', '.join(missing)}")
        return np.array([node.position_m for node in nodes], dtype=np.float64).reshape(len(nodes), 2)

    def link(self, one: str, other: str) -> Backhaul:
        """The link between two neighbours. Raises ValueError where there is none."""
        if not self.graph.has_edge(one, other):
            raise ValueError(f"no link between {one!r} and {other!r}")
        found: Backhaul = self.graph.edges[one, other]["link"]
        return found

    def route(self, source: str, target: str, bits: float) -> Route:
        """The way on which a transfer of ``bits`` takes the least sum of delay + bits/rate, outages left aside.

        Between equal ways the name of the next node decides. Raises ValueError for unknown nodes and bits not above 0.
        """
        for name in (source, target):
            if name not in self.graph:
                raise ValueError(f"no node {name!r}; there are {', '.join(self.graph)}")
        nodes = tuple(self._walk(source, target, positive("bits", bits)))
        return Route(nodes, tuple(self.link(*pair) for pair in pairwise(nodes)))

    def _walk(self, source: str, target: str, bits: float) -> Iterator[str]:
        """Node after node, each the first by name among the neighbours on a shortest way."""
        from networkx import single_source_dijkstra_path_length

        left_s = single_source_dijkstra_path_length(self.graph, target, weight=lambda *edge: _hop_s(edge[2], bits))
        here = source
        while here != target:
            yield here
            onward = {name: left_s[name] + _hop_s(edge, bits) for name, edge in self.graph[here].items()}
            limit_s = left_s[here] * (1.0 + _TIE)
            here = min(name for name, total_s in onward.items() if total_s <= limit_s and left_s[name] < left_s[here])
        yield target

    def _refuse_parts(self) -> None:
        from networkx import connected_components

        parts = sorted(sorted(part) for part in connected_components(self.graph))
        if len(parts) > 1:
            listed = "; ".join(", ".join(part) for part in parts)
            raise ValueError(f"the network falls into {len(parts)} parts with no link between them: {listed}")


def _hop_s(edge: dict[str, Backhaul], bits: float) -> float:
    return edge["link"].nominal_s(bits)


def _refuse_repeats(what: str, names: list[str]) -> None:
    repeated = sorted({name for name in names if names.count(name) > 1})
    if repeated:
        raise ValueError(f"{what} must be unique, given more than once: {', '.join(repeated)}")
