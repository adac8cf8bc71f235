"""The supply line of a plan's heat network as one graph: sources, mains, new links, villages.

A finished plan lists its new links by their ends; the mains are lines of a layer. Here
the mains are cut where links and sources join them, so that water can be followed from
the sources to every village.
"""

from __future__ import annotations

from dataclasses import dataclass

import geopandas as gpd
import networkx as nx
import numpy as np
import pandas as pd
import shapely
from scipy.sparse import csr_matrix
from scipy.sparse.csgraph import connected_components
from shapely.ops import substring

from geoplan.errors import CertificateError, shown
from geoplan.model import Plan
from geoplan.network import GRID_M, Floats, Ints, PipeTable
from geoplan.supplies import SOURCE_ROUTE, years_of

ROUTE = SOURCE_ROUTE["heat"]
#: Points closer than this are one junction, as in the graph that the plan was made on. [m]
TOGETHER_M = 6 * GRID_M
#: Share of a flow that the digits of a written plan may hide.
TOLERANCE = 1e-6


@dataclass(frozen=True)
class Pipework:
    """Pipes between numbered junctions, and who gives and takes heat where.

    Attributes
    ----------
    pipes : DataFrame
        ``u``, ``v`` (junctions), ``length_m``, ``dn_mm`` (NaN where nobody says),
        ``parallel`` (pipes side by side), ``new`` and ``name`` (of a main).
    villages : DataFrame, index ``village_id``
        ``name``, ``source_id``, ``load_mw``, ``elevation_m`` and ``node``.
    sources : DataFrame, index ``source_id``
        Those that give heat: ``name``, ``load_mw``, ``elevation_m``, ``node`` and ``part``.
    labels : mapping of int to str
        Each junction as its source, its village, or a junction of the links
        (``T``, ``J``) or of the mains (``M``).
    part : mapping of int to int
        Number of the connected network that each junction is part of.
    """

    pipes: pd.DataFrame
    villages: pd.DataFrame
    sources: pd.DataFrame
    labels: dict[int, str]
    part: dict[int, int]


def pipework(plan: Plan) -> Pipework:
    """The heat network of a plan, from its tables alone.

    Parameters
    ----------
    plan : Plan

    Returns
    -------
    Pipework
        Without the mains that nobody draws on; empty where no village is on the network.

    Raises
    ------
    CertificateError
        A link or a village hangs on no main, or the sources of a connected network
        give something else than its villages take.

    Examples
    --------
    >>> import geopandas as gpd, shapely
    >>> from geoplan.model import County
    >>> from geoplan.planner import assign
    >>> from geoplan.policy import default_policy
    >>> frame = gpd.GeoDataFrame(
    ...     {"village_id": ["V1"], "name": ["甲村"], "town": ["乙镇"], "households": [100]},
    ...     geometry=[shapely.Point(500000, 4200000)], crs="EPSG:4544")
    >>> len(pipework(assign(County("demo", frame, default_policy()))).villages)
    0
    """
    villages = _heated(plan)
    sources = _giving(plan, villages)
    links = plan.links[(plan.links["route"] == ROUTE) & (plan.links["flow_mw"] > 0)]
    flow = links["flow_mw"].to_numpy(dtype=float)
    spots = _spots(sources, villages, links, plan.villages)
    given = np.concatenate([sources["load_mw"], -villages["load_mw"], -flow, flow])
    hanging = _hanging(spots["point"].to_numpy(), given)
    reach = np.where(hanging < len(sources), plan.policy.access.source_snap_m, TOGETHER_M)
    old = _pieces(_mains(plan), spots.iloc[hanging], reach=reach)
    ends = [shapely.get_point(old["geometry"].to_numpy(), end) for end in (0, -1)]
    node = _junctions(np.concatenate([spots["point"], *ends]))
    parts = np.split(node, np.cumsum([len(sources), len(villages), len(links), len(links), len(old)]))
    new = pd.DataFrame(
        {
            "length_m": links["length_m"].astype(float),
            "dn_mm": links["dn_mm"].astype("Float64").astype(float),
            "parallel": PipeTable.of_heat(plan.policy.network.heat).pipes(flow).astype(int),
            "name": "",
        }
    )
    pipes = pd.concat(
        [new.assign(u=parts[2], v=parts[3], new=True), old.assign(u=parts[4], v=parts[5], new=False)],
        ignore_index=True,
    ).drop(columns="geometry")
    sources, villages = sources.assign(node=parts[0]), villages.assign(node=parts[1])
    graph = _drawn_on(pipes, {*sources["node"], *villages["node"]})
    pipes = pipes.iloc[sorted(row for *_, row in graph.edges(data="row"))].reset_index(drop=True)
    part = _networks(graph, sources, villages)
    labels = _labels(pipes, sources, villages, dict(zip(node.tolist(), spots["name"], strict=False)))
    return Pipework(pipes, villages, sources.assign(part=sources["node"].map(part)), labels, part)


# --- tables of the plan -----------------------------------------------------------------------------


def _heated(plan: Plan) -> gpd.GeoDataFrame:
    """Villages on the network and the heat that each takes from its source. [MW]"""
    options = plan.options[plan.options["route"] == ROUTE].set_index("village_id")
    frame = plan.villages[plan.villages["route"] == ROUTE].set_index("village_id").sort_index()
    load = options["capacity_use"].reindex(frame.index).astype(float)
    frame = frame.assign(load_mw=load, elevation_m=_heights(frame))
    return frame.loc[load > 0, ["name", "source_id", "load_mw", "elevation_m", "geometry"]]


def _giving(plan: Plan, villages: pd.DataFrame) -> gpd.GeoDataFrame:
    """Sources that give heat to a village, and how much. [MW]"""
    frame = plan.sources[plan.sources["route"] == ROUTE].set_index("source_id").sort_index()
    load = villages.groupby("source_id")["load_mw"].sum().reindex(frame.index).fillna(0.0)
    layer = plan.layers.get("heat_sources")
    heights = pd.Series(dtype=float) if layer is None else _heights(layer.set_index("source_id"))
    frame = frame.assign(load_mw=load, elevation_m=heights.reindex(frame.index))
    return frame.loc[load > 0, ["name", "load_mw", "elevation_m", "geometry"]]


def _heights(frame: pd.DataFrame) -> pd.Series:
    """Elevations; NaN where there are none. [m]"""
    if "elevation_m" not in frame:
        return pd.Series(np.nan, index=frame.index)
    return frame["elevation_m"].astype("Float64").astype(float)


def _mains(plan: Plan) -> gpd.GeoDataFrame:
    """The mains that are there in the plan's year, one row per line, with their diameters."""
    layer = plan.layers.get("heat_mains")
    if layer is None:
        return gpd.GeoDataFrame({"dn_mm": [], "name": []}, geometry=[])
    if plan.policy.year is not None:
        layer = layer[~years_of(layer).gt(plan.policy.year).to_numpy()]
    layer = layer.explode(ignore_index=True)
    dn = layer["dn_mm"].astype("Float64").astype(float) if "dn_mm" in layer else np.nan
    name = layer["name"].astype(object).fillna("").astype(str) if "name" in layer else ""
    return gpd.GeoDataFrame({"geometry": layer.geometry}).assign(dn_mm=dn, name=name)


def _spots(
    sources: gpd.GeoDataFrame,
    villages: gpd.GeoDataFrame,
    links: gpd.GeoDataFrame,
    all_villages: gpd.GeoDataFrame,
) -> pd.DataFrame:
    """Places of the sources, the villages, the upstream ends of the links and their downstream ends."""
    start, stop = _ends(links, all_villages.set_index("village_id").geometry)
    points = np.concatenate([*(_points(f.geometry) for f in (sources, villages)), start, stop])
    names = [*sources.index, *villages.index, *links["from_id"], *links["to_id"]]
    return pd.DataFrame({"name": names, "point": points})


def _points(places: gpd.GeoSeries) -> np.ndarray:
    return np.asarray(places.array, dtype=object)


def _ends(links: gpd.GeoDataFrame, villages: gpd.GeoSeries) -> tuple[np.ndarray, np.ndarray]:
    """Upstream and downstream end of every link, whose line may be drawn either way."""
    lines = _points(links.geometry)
    ends = np.stack([shapely.get_point(lines, 0), shapely.get_point(lines, -1)], axis=1)
    where: dict[str, list[int]] = {}
    for row, pair in enumerate(zip(links["from_id"], links["to_id"], strict=True)):
        for name in pair:
            where.setdefault(name, []).append(row)

    def ahead(row: int, name: str) -> float:
        """How much farther a line's first point is from a junction than its last. [m]"""
        others = [other for other in where[name] if other != row]
        marks = [villages[name]] if name in villages.index else list(ends[others].ravel())
        if not marks:
            return 0.0
        first, last = (shapely.distance(point, marks).min() for point in ends[row])
        return float(first - last)

    turned = [
        (ahead(row, to) or -ahead(row, start)) < 0
        for row, (start, to) in enumerate(zip(links["from_id"], links["to_id"], strict=True))
    ]
    flip = np.array(turned, dtype=bool)
    return np.where(flip, ends[:, 1], ends[:, 0]), np.where(flip, ends[:, 0], ends[:, 1])


# --- junctions and mains ----------------------------------------------------------------------------


def _junctions(points: np.ndarray) -> Ints:
    """Number of the junction that each point is part of."""
    rows, near = shapely.STRtree(points).query(points, predicate="dwithin", distance=TOGETHER_M)
    joined = csr_matrix((np.ones(len(rows)), (rows, near)), shape=(len(points),) * 2)
    return np.asarray(connected_components(joined, directed=False)[1])


def _hanging(points: np.ndarray, given: Floats) -> Ints:
    """The first point of every junction that gives more or less than it takes: it is on a main."""
    junction = _junctions(points)
    off = np.bincount(junction, weights=given)
    on_main = np.abs(off) > TOLERANCE * np.bincount(junction, weights=np.abs(given))
    first = np.unique(junction, return_index=True)[1]
    return np.asarray(first[on_main])


def _pieces(mains: gpd.GeoDataFrame, spots: pd.DataFrame, *, reach: Floats) -> pd.DataFrame:
    """The mains cut where they meet each other and the spots, and what joins a spot beside its main."""
    lines = shapely.set_precision(_points(mains.geometry), GRID_M, mode="pointwise")
    parts = shapely.get_parts(shapely.union_all(lines, grid_size=GRID_M))
    points = spots["point"].to_numpy()
    rows, near = shapely.STRtree(parts).query_nearest(points)
    # Of mains as near as each other any will do: they meet there.
    rows, first = np.unique(rows, return_index=True)
    on = np.full(len(points), -1)
    on[rows] = near[first]
    far = np.full(len(points), np.inf)
    far[rows] = shapely.distance(points[rows], parts[on[rows]])
    if (lost := spots["name"][far > reach]).size:
        raise CertificateError(f"no heat main and no link brings the heat to {shown(list(lost))}")
    at = shapely.line_locate_point(parts[on], points) if len(points) else np.empty(0)
    cut = [
        substring(part, a, b)
        for number, part in enumerate(parts)
        for a, b in _between(np.unique([0.0, *at[on == number], part.length]))
    ]
    feeders = shapely.shortest_line(points, parts[on])[far > TOGETHER_M] if len(points) else []
    owner = _owners(cut, lines, mains["dn_mm"].to_numpy(dtype=float))
    table = mains[["dn_mm", "name"]].iloc[owner].reset_index(drop=True).assign(geometry=cut)
    beside = pd.DataFrame({"dn_mm": np.nan, "name": "", "geometry": list(feeders)})
    table = pd.concat([table, beside], ignore_index=True) if len(beside) else table
    return table.assign(length_m=shapely.length(table["geometry"].to_numpy(dtype=object)), parallel=1)


def _between(stops: Floats) -> zip[tuple[float, float]]:
    return zip(stops[:-1].tolist(), stops[1:].tolist(), strict=True)


def _owners(pieces: list[shapely.LineString], lines: np.ndarray, dn_mm: Floats) -> Ints:
    """The main that each piece is part of; of several on one line that with the largest diameter."""
    middle = shapely.line_interpolate_point(pieces, 0.5, normalized=True)
    rows, near = shapely.STRtree(lines).query(middle, predicate="dwithin", distance=3 * GRID_M)
    order = np.lexsort((near, -np.nan_to_num(dn_mm[near]), rows))
    return np.asarray(near[order][np.unique(rows[order], return_index=True)[1]])


# --- what is drawn on -------------------------------------------------------------------------------


def _drawn_on(pipes: pd.DataFrame, ends: set[int]) -> nx.MultiGraph:
    """The pipes between sources and villages: dead ends and other networks carry nothing."""
    graph = nx.MultiGraph()
    graph.add_nodes_from(sorted(ends))
    for row, (u, v) in enumerate(zip(pipes["u"].tolist(), pipes["v"].tolist(), strict=True)):
        if u != v:
            graph.add_edge(u, v, row=row)
    for part in list(nx.connected_components(graph)):
        if not part & ends:
            graph.remove_nodes_from(part)
    while dead := [n for n, degree in graph.degree if degree <= 1 and n not in ends]:
        graph.remove_nodes_from(dead)
    return graph


def _networks(graph: nx.MultiGraph, sources: pd.DataFrame, villages: pd.DataFrame) -> dict[int, int]:
    """Number of the connected network that each junction is part of, each of them in balance."""
    part = {node: k for k, nodes in enumerate(nx.connected_components(graph)) for node in nodes}
    given, taken = (f.groupby(f["node"].map(part))["load_mw"].sum() for f in (sources, villages))
    off = given.sub(taken, fill_value=0.0).abs() > TOLERANCE * taken.reindex(
        given.index.union(taken.index)
    ).fillna(0.0)
    if off.any():
        names = villages.index[villages["node"].map(part).isin(off.index[off])]
        raise CertificateError(f"what the sources give does not arrive by the pipes at {shown(list(names))}")
    return part


def _labels(
    pipes: pd.DataFrame, sources: pd.DataFrame, villages: pd.DataFrame, named: dict[int, str]
) -> dict[int, str]:
    """A name for every junction: its source, its village, its name in the links, or a number."""
    of = named | {n: v for v, n in villages["node"].items()} | {n: s for s, n in sources["node"].items()}
    used = dict.fromkeys([*sources["node"], *villages["node"], *pipes["u"], *pipes["v"]])
    numbers = {node: f"M{k}" for k, node in enumerate((n for n in used if n not in of), start=1)}
    return {node: of.get(node) or numbers[node] for node in used}
