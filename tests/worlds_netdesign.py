"""Small network problems and their optimum by enumeration, from the tables alone."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from geoplan.errors import InfeasibleError
from geoplan.netdesign import NetworkDesign, design_network

PIPES = pd.DataFrame({"capacity": [1.0, 3.0, 7.0], "cost_per_m": [1.0, 1.6, 2.5]}, index=["S", "M", "L"])


@dataclass(frozen=True)
class World:
    """The tables of one network problem."""

    edges: pd.DataFrame
    demands: pd.DataFrame
    sources: pd.DataFrame | None
    pipes: pd.DataFrame | None = None

    def solve(self, **how: Any) -> NetworkDesign | None:
        """The design, or None where there is none."""
        try:
            return design_network(
                self.edges,
                self.demands,
                self.sources,
                pipes=self.pipes,
                **{"gap": 0.0, "time_limit_s": 900.0} | how,
            )
        except InfeasibleError:
            return None

    def with_(self, **change: Any) -> World:
        return replace(self, **change)


def random_world(seed: int, kind: str, size: int = 5) -> World:
    """A world of 3 to `size` nodes whose loads are whole numbers.

    Kinds: ``priced`` (edges with a price, a slope and a capacity, some of them parallel or existing),
    ``pipes`` (a pipe table, one existing pipe), ``budgeted`` (only the one source has a limit),
    ``classical`` (no load matters), ``unrooted``.
    """
    rng = np.random.default_rng([seed, sum(map(ord, kind))])
    n = int(rng.integers(3, size + 1))
    pairs = [p for p in itertools.combinations(range(n), 2) if rng.random() < min(0.6, 3.5 / n)] or [(0, 1)]
    nodes = rng.permutation(n)[: int(rng.integers(1, min(n, 4) + 1))]
    demands = pd.DataFrame({"node": [f"n{i}" for i in nodes]})
    demands["load"] = rng.integers(0 if rng.random() < 0.3 else 1, 4, len(nodes)).astype(float)
    demands["prize"] = rng.integers(0, 14, len(nodes)).astype(float)
    if rng.random() < 0.2:
        demands["required"] = np.arange(len(nodes)) == 0
    if kind == "classical":
        demands["load"] = 0.0
    edges = _edges(rng, pairs, kind)
    pipes = PIPES if kind == "pipes" else None
    return World(edges, demands, None if kind == "unrooted" else _sources(rng, n, kind), pipes)


def grid_world(side: int, kind: str, seed: int = 0) -> World:
    """Villages on a square grid with two sources that cannot serve them all; kinds as `random_world`."""
    rng = np.random.default_rng(seed)
    number = np.arange(side * side).reshape(side, side)
    pairs = np.vstack(
        [np.c_[a.ravel(), b.ravel()] for a, b in ((number[1:], number[:-1]), (number[:, 1:], number[:, :-1]))]
    )
    edges = pd.DataFrame(pairs, columns=["u", "v"])
    edges["length_m" if kind == "pipes" else "fixed_cost"] = rng.integers(1, 9, len(edges)).astype(float)
    load = rng.integers(1, 4, side * side) * 0.1
    demands = pd.DataFrame(
        {"node": number.ravel(), "load": load, "prize": load * rng.integers(5, 50, side * side)}
    )
    if kind == "unrooted":
        return World(edges, demands, None)
    capacity = [min(7.0, 0.4 * load.sum()), min(5.0, 0.2 * load.sum())]
    return World(edges, demands, pd.DataFrame({"node": [0, side * side - 1], "capacity": capacity}), PIPES)


def _edges(rng: np.random.Generator, pairs: list[tuple[int, int]], kind: str) -> pd.DataFrame:
    rows = pairs if kind == "pipes" else [p for p in pairs for _ in range(int(rng.integers(1, 3)))]
    rows = [p[:: int(rng.choice([-1, 1]))] for p in rows]
    edges = pd.DataFrame([(f"n{a}", f"n{b}") for a, b in rows], columns=["u", "v"])
    edges.index = [f"e{i}" for i in rng.permutation(len(edges))]
    if kind == "pipes":
        edges["length_m"] = rng.integers(1, 9, len(edges)).astype(float)
        edges["fixed_cost"] = edges["capacity"] = np.nan
        edges.loc[edges.index[0], ["length_m", "fixed_cost", "capacity"]] = [np.nan, 0.0, 2.0]
        return edges
    edges["fixed_cost"] = rng.integers(0, 9, len(edges)).astype(float)
    if kind == "priced":
        edges["cost_per_load"] = rng.integers(0, 3, len(edges)) * 0.5
        edges["capacity"] = np.where(rng.random(len(edges)) < 0.5, np.nan, rng.integers(1, 7, len(edges)))
    return edges


def _sources(rng: np.random.Generator, n: int, kind: str) -> pd.DataFrame:
    at = rng.permutation(n)[: 1 if kind == "budgeted" else int(rng.integers(1, 3))]
    sources = pd.DataFrame({"node": [f"n{i}" for i in at]})
    sources["capacity"] = rng.integers(2, 6 if kind == "budgeted" else 9, len(at)).astype(float)
    sources["fixed_cost"] = rng.integers(0, 5, len(at)).astype(float)
    sources["cost_per_load"] = 0.0 if kind == "classical" else rng.integers(0, 3, len(at)) * 0.5
    if rng.random() < 0.4 and kind != "budgeted":
        sources.loc[0, "capacity"] = np.nan
    return sources


def least_cost(world: World) -> float:
    """Least cost over every forest of the network and every set of demands served; infinite if none is."""
    if world.sources is not None:
        return _least_rooted(world)
    still = world.with_(demands=world.demands.assign(load=0.0))
    nodes = {*world.edges["u"], *world.edges["v"], *world.demands["node"]}
    at = [pd.DataFrame({"node": [node], "capacity": [np.nan]}) for node in sorted(nodes)]
    return min(_least_rooted(still.with_(sources=sources)) for sources in at)


def _least_rooted(world: World) -> float:
    demands = world.demands
    nodes = sorted({*world.edges["u"], *world.edges["v"], *world.sources["node"], *demands["node"]})
    number = {node: i for i, node in enumerate(nodes)}
    load, at = demands["load"].to_numpy().astype(int), [number[node] for node in demands["node"]]
    must = demands["required"].to_numpy() if "required" in demands else np.zeros(len(at), bool)
    served = np.array([s for s in itertools.product([0, 1], repeat=len(at)) if all(must <= np.array(s))])
    lost = (1 - served) @ demands["prize"].to_numpy()
    ways = [[(-1, None), *ways] for ways in _ways_in(world, number, int(load.sum()))]
    best = np.inf
    for parents in itertools.product(*ways):
        above = [_above(node, parents) for node in range(len(nodes))]
        if any(a is None for a in above):
            continue
        out = [d for d, node in enumerate(at) if not above[node]]
        total = np.where(served[:, out].any(axis=1), np.inf, lost)
        for node, (_, price) in enumerate(parents):
            if price is not None:
                below = [d for d, i in enumerate(at) if node in above[i]]
                total = total + price[served[:, below] @ load[below]]
        best = min(best, total.min())
    return float(best)


def _above(node: int, parents: tuple[tuple[int, Any], ...]) -> list[int] | None:
    """A node and those on its way to a source; empty if it is left out, None if it hangs in the air."""
    if parents[node][1] is None:
        return []
    way = [node]
    while parents[way[-1]][0] != len(parents):
        way.append(parents[way[-1]][0])
        if parents[way[-1]][1] is None or len(way) > len(parents):
            return None
    return way


def _ways_in(world: World, number: dict[str, int], total: int) -> list[list[tuple[int, Any]]]:
    """Parent (the number of nodes: a source) and price at each load, of every way into each node."""
    loads = np.arange(total + 1)

    def price(fixed: float, slope: float, capacity: float) -> Any:
        return np.where((loads <= capacity) | np.isnan(capacity), fixed + slope * loads, np.inf)

    links: dict[tuple[int, int], list[Any]] = {}
    for row in world.edges.to_dict("records"):
        ends = tuple(sorted((number[row["u"]], number[row["v"]])))
        if world.pipes is not None and not np.isnan(row["length_m"]):
            sizes = [price(p.cost_per_m * row["length_m"], 0.0, p.capacity) for p in world.pipes.itertuples()]
        else:
            sizes = [price(row["fixed_cost"], row.get("cost_per_load", 0.0), row.get("capacity", np.nan))]
        links.setdefault(ends, []).extend(sizes)
    ways: list[list[tuple[int, Any]]] = [[] for _ in number]
    for (a, b), sizes in links.items():
        cheapest = np.min(sizes, axis=0)
        ways[a].append((b, cheapest))
        ways[b].append((a, cheapest))
    for row in world.sources.to_dict("records"):
        slope = row.get("cost_per_load", 0.0)
        own = price(row.get("fixed_cost", 0.0), slope, row["capacity"])
        ways[number[row["node"]]].append((len(number), own))
    return [[w for w in found if np.isfinite(w[1]).any()] for found in ways]
