"""Whose pipe is it: what each village bears of the pipes that several share."""

from __future__ import annotations

import numpy as np
import pandas as pd

from geoplan.growth import Growth
from geoplan.network import Bools, Ints


def upstream(head: Ints, built: Bools, growth: Growth) -> dict[int, tuple[int, int]]:
    """For each node of a graph that a built edge leads into: the edge and the node it comes from."""
    graph = growth.graph
    return {
        int(graph.u[e] + graph.v[e]) - int(head[e]): (int(e), int(head[e])) for e in np.flatnonzero(built)
    }


def path_up(node: int, up: dict[int, tuple[int, int]]) -> list[int]:
    """Built edges from a node up to the main or source that feeds it."""
    edges: list[int] = []
    while node in up and len(edges) <= len(up):
        edge, node = up[node]
        edges.append(edge)
    return edges


def up_end(node: int, up: dict[int, tuple[int, int]]) -> int:
    """Where the way up from a node ends."""
    for _ in range(len(up) + 1):
        if node not in up:
            break
        node = up[node][1]
    return node


def shares(growth: Growth, loads: pd.Series, source: pd.Series) -> pd.DataFrame:
    """What every village bears of the pipes that have been built, and what they would save without it.

    Parameters
    ----------
    growth : Growth
    loads : Series, index ``village_id``
        What each connected village takes. [MW or m³/d]
    source : Series of int, index ``village_id``
        Position of its source.

    Returns
    -------
    DataFrame, index ``village_id``
        ``share_m`` and ``share_cny``: every piece is shared out by the load that
        it carries to each village; they sum to what was built. ``marginal_cny``:
        what the network would cost less without the village alone; their sum is
        at most that where prices per load fall with size.
    """
    systems = growth.network_of[source.to_numpy(dtype=int)]
    parts = [_of_system(growth, loads[systems == s], growth.owner == s) for s in np.unique(systems)]
    if not parts:
        return pd.DataFrame({c: pd.Series(dtype=float) for c in ("share_m", "share_cny", "marginal_cny")})
    return pd.concat(parts).reindex(loads.index)


def _of_system(growth: Growth, loads: pd.Series, new: Bools) -> pd.DataFrame:
    """The shares in the pipes of one system of mains."""
    graph, pipes = growth.graph, growth.pipes
    crossing = np.where(new, graph.crossing_cny, 0.0)
    price = graph.length_m * pipes.price(growth.flow) + crossing
    up = upstream(growth.head, new, growth)
    paths = {v: path_up(int(graph.village_node[v]), up) for v in loads.index}
    carried = np.zeros(len(graph.u))
    for village, edges in paths.items():
        carried[edges] += loads[village]
    rows = {}
    for village, edges in paths.items():
        load = float(loads[village])
        rest = carried[edges] - load
        rest = np.where(rest <= 1e-9 * carried[edges], 0.0, rest)
        before = graph.length_m[edges] * pipes.price(carried[edges]) + crossing[edges]
        after = graph.length_m[edges] * pipes.price(rest) + np.where(rest > 0, crossing[edges], 0.0)
        part = load / carried[edges]
        rows[village] = (
            float((graph.length_m[edges] * part).sum()),
            float((price[edges] * part).sum()),
            float((before - after).sum()),
        )
    frame = pd.DataFrame.from_dict(rows, orient="index", columns=["share_m", "share_cny", "marginal_cny"])
    # A pipe round a full main serves all; it is on nobody's way alone.
    round_ = new & (carried <= 0)
    part = loads / loads.sum()
    frame["share_m"] += graph.length_m[round_].sum() * part
    frame["share_cny"] += price[round_].sum() * part
    return frame
