"""Made network problems: towns with linear pipe costs, counties with a pipe table, and random graphs."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy.spatial import Delaunay

Tables = tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]

#: Heat carried [MW] and cost [CNY/m] of the pipes of a county, by nominal diameter [mm].
PIPES = pd.DataFrame(
    {
        "capacity": [0.18, 0.67, 1.13, 3.3, 7.6, 13.7, 21.8, 32.4, 45.3, 81.7, 131, 267, 474],
        "cost_per_m": [1000.0, 1400, 1700, 2400, 3100, 3800, 4600, 5500, 6300, 8300, 10500, 15000, 20500],
    },
    index=[50, 80, 100, 150, 200, 250, 300, 350, 400, 500, 600, 800, 1000],
)


def town(consumers: int, seed: int, *, share: float | None = None) -> Tables:
    """Houses on short branches of a street grid; pipes cost a metre price plus a price per kW and metre.

    Parameters
    ----------
    consumers : int
    seed : int
    share : float, optional
        Capacity of the one source as a share of the load of all consumers; unlimited by default.
    """
    rng = np.random.default_rng(seed)
    side = int(np.sqrt(consumers / 3.0)) + 2
    number = np.arange(side * side).reshape(side, side)
    at = np.stack(np.meshgrid(range(side), range(side), indexing="ij"), axis=-1) * 80.0
    at = (at + rng.normal(0, 12, at.shape)).reshape(-1, 2)
    pairs = [(number[1:], number[:-1]), (number[:, 1:], number[:, :-1])]
    streets = np.vstack([np.c_[a.ravel(), b.ravel()] for a, b in pairs])
    streets = streets[rng.random(len(streets)) < 0.75]
    houses = np.bincount(rng.integers(0, len(streets), consumers), minlength=len(streets))
    rows: list[tuple[int, int, float]] = []
    node = side * side
    for (a, b), count in zip(streets, houses, strict=True):
        length = float(np.hypot(*(at[a] - at[b])))
        before, last = int(a), 0.0
        for where in np.sort(rng.random(count)):
            rows.append((before, node, max(1.0, (where - last) * length)))
            rows.append((node, node + 1, rng.uniform(3, 20)))
            before, last, node = node, where, node + 2
        rows.append((before, int(b), max(1.0, (1.0 - last) * length)))
    edges = pd.DataFrame(rows, columns=["u", "v", "length_m"])
    edges["fixed_cost"] = 36.0 * edges["length_m"]
    edges["cost_per_load"] = 0.018 * edges["length_m"]
    demands = pd.DataFrame({"node": np.arange(side * side + 1, node, 2)})
    demands["load"] = rng.lognormal(2.7, 0.6, len(demands))
    demands["prize"] = 150.0 * demands["load"] * rng.uniform(0.6, 1.4, len(demands))
    capacity = np.nan if share is None else share * demands["load"].sum()
    sources = pd.DataFrame({"node": [number[side // 2, 0]], "capacity": [capacity]})
    return edges.drop(columns="length_m"), demands, sources


def county(villages: int, seed: int, *, share: float = 0.6) -> Tables:
    """Villages joined by roads, to be built with `PIPES`; three sources that have `share` of the load."""
    rng = np.random.default_rng(seed)
    n = villages + villages // 3
    size = 1000.0 * np.sqrt(villages * 2.2)
    at = rng.random((n, 2)) * size
    corners = Delaunay(at).simplices
    pairs = np.vstack([corners[:, [0, 1]], corners[:, [1, 2]], corners[:, [0, 2]]])
    pairs = np.unique(np.sort(pairs, axis=1), axis=0)
    edges = pd.DataFrame(pairs, columns=["u", "v"])
    edges["length_m"] = np.hypot(*(at[pairs[:, 0]] - at[pairs[:, 1]]).T) * rng.uniform(1.05, 1.4, len(pairs))
    edges = edges[rng.random(len(edges)) < 0.7].reset_index(drop=True)
    demands = pd.DataFrame({"node": np.arange(villages), "load": rng.lognormal(0.2, 0.6, villages)})
    demands["prize"] = 9e6 * demands["load"] * rng.uniform(0.5, 1.5, villages)
    places = np.array([(0.2, 0.25), (0.8, 0.35), (0.45, 0.85)]) * size
    sources = pd.DataFrame({"node": [int(((at - place) ** 2).sum(axis=1).argmin()) for place in places]})
    sources["capacity"] = np.array([0.45, 0.35, 0.2]) * share * demands["load"].sum()
    sources["cost_per_load"] = [1.0e5, 1.2e5, 0.8e5]
    return edges, demands, sources


def graph(nodes: int, edges: int, terminals: int, seed: int, *, plane: bool = False) -> Tables:
    """A connected random graph with whole costs, or one of near points in a plane.

    The source is unlimited, at the node of the largest prize.
    """
    rng = np.random.default_rng(seed)
    at = rng.random((nodes, 2))
    if plane:
        near = np.argsort(((at[:, None] - at[None]) ** 2).sum(axis=-1), axis=1)[:, 1 : 1 + 2 * edges // nodes]
        pairs = np.c_[np.repeat(np.arange(nodes), near.shape[1]), near.ravel()]
        chain = np.lexsort((at[:, 1], np.round(at[:, 0] * np.sqrt(nodes) / 2)))
    else:
        pairs = rng.integers(0, nodes, (3 * edges, 2))
        chain = rng.permutation(nodes)
    pairs = np.vstack([np.c_[chain[1:], chain[:-1]], pairs[pairs[:, 0] != pairs[:, 1]]])
    _, first = np.unique(np.sort(pairs, axis=1), axis=0, return_index=True)
    pairs = pairs[np.sort(first)][:edges]
    table = pd.DataFrame(pairs, columns=["u", "v"])
    length = np.hypot(*(at[pairs[:, 0]] - at[pairs[:, 1]]).T)
    table["fixed_cost"] = np.ceil(1e4 * length) if plane else rng.integers(1, 11, len(table)).astype(float)
    scale = 1.5e4 / np.sqrt(nodes) if plane else 10.0
    demands = pd.DataFrame({"node": rng.permutation(nodes)[:terminals], "load": 0.0})
    demands["prize"] = np.ceil(scale * rng.random(terminals))
    return rooted(table, demands)


def rooted(edges: pd.DataFrame, demands: pd.DataFrame) -> Tables:
    """A problem whose unlimited source is the node of the largest prize."""
    top = demands["prize"].idxmax()
    sources = pd.DataFrame({"node": [demands.at[top, "node"]], "capacity": [np.nan]})
    return edges, demands.drop(index=top).reset_index(drop=True), sources


def capacitated(tables: Tables, seed: int, *, share: float = 0.5) -> Tables:
    """The problem with loads of 1 to 9, and sources that have `share` of their sum in all."""
    edges, demands, sources = tables
    load = np.random.default_rng(seed).integers(1, 10, len(demands)).astype(float)
    room = max(load.max(), np.floor(share * load.sum()))
    return edges, demands.assign(load=load), sources.assign(capacity=room / len(sources))
