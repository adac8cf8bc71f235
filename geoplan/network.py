"""The graph a pipe may follow, and the sizes it may have.

A graph joins villages, sources and existing mains over the roads (or, where there
is no road layer, over straight lines times a detour factor). Mains can be tapped
at any point, not only at their vertices.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd
import shapely

from geoplan.schema import Access, HeatNetwork
from geoplan.units import SECONDS_PER_HOUR

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.intp]
Bools = npt.NDArray[np.bool_]

#: Coordinates are noded on this grid, so that a tap and its main meet exactly. [m]
GRID_M = 0.01
#: Length of the tick that cuts a line at a point lying on it. [m]
TICK_M = 0.05
#: Specific heat of water. [kJ/(kg·K)]
WATER_KJ_PER_KG_K = 4.187


def pipe_capacity_mw(network: HeatNetwork) -> Floats:
    """Heat each pipe of the table carries at the policy's friction and temperature difference.

    Parameters
    ----------
    network : HeatNetwork
        Friction [Pa/m], velocity limit [m/s], temperature difference [K],
        roughness [mm], density [kg/m³] and inner diameters [m].

    Returns
    -------
    ndarray, shape (n_pipes,)
        Capacity. [MW]

    References
    ----------
    .. [1] CJJ 34: R = 6.88e-3·K^0.25·G²/(ρ·d^5.25), G in t/h, R in Pa/m.

    Examples
    --------
    >>> from geoplan.policy import default_policy
    >>> heat = default_policy().network.heat
    >>> dict(zip(heat.pipes.dn_mm, pipe_capacity_mw(heat).round(1).tolist()))[500]
    81.7
    """
    d = np.asarray(network.pipes.inner_diameter_m)
    roughness = (network.roughness_mm / 1000.0) ** 0.25
    by_friction = np.sqrt(
        network.friction_pa_per_m * network.density_kg_per_m3 * d**5.25 / (6.88e-3 * roughness)
    )
    area = np.pi * d**2 / 4.0
    by_velocity = network.velocity_max_m_per_s * area * network.density_kg_per_m3 * SECONDS_PER_HOUR / 1000.0
    tonnes_per_hour = np.minimum(by_friction, by_velocity)
    return tonnes_per_hour * WATER_KJ_PER_KG_K * network.delta_t_k / SECONDS_PER_HOUR


@dataclass(frozen=True)
class PipeTable:
    """Pipe sizes in ascending order of capacity.

    A flow beyond the largest size is laid as several pipes of that size.
    """

    capacity: Floats
    cny_per_m: Floats
    dn_mm: Ints

    @classmethod
    def of_heat(cls, network: HeatNetwork) -> PipeTable:
        """The heat network's table at its policy's hydraulics. [MW, CNY/m, mm]"""
        return cls(
            pipe_capacity_mw(network), np.asarray(network.pipes.cny_per_m), np.asarray(network.pipes.dn_mm)
        )

    @classmethod
    def of_one_price(cls, cny_per_m: float) -> PipeTable:
        """A table with one price whatever the flow. [CNY/m]"""
        return cls(np.array([np.inf]), np.array([cny_per_m]), np.array([0]))

    def size(self, flow: Floats) -> Ints:
        """Index of the smallest pipe that carries a flow, or of the largest."""
        return np.minimum(np.searchsorted(self.capacity, flow - 1e-12), len(self.capacity) - 1)

    def price(self, flow: Floats) -> Floats:
        """Cost of a metre of trench for a flow; 0 for no flow. [CNY/m]

        Examples
        --------
        >>> table = PipeTable(np.array([1.0, 5.0]), np.array([1000.0, 2400.0]), np.array([50, 100]))
        >>> table.price(np.array([0.0, 1.0, 3.0, 12.0])).tolist()
        [0.0, 1000.0, 2400.0, 7200.0]
        """
        return np.where(flow > 0, self.cny_per_m[self.size(flow)] * self.pipes(flow), 0.0)

    def pipes(self, flow: Floats) -> Floats:
        """How many pipes of the largest size lie side by side; 1 where one is enough."""
        return np.maximum(1.0, np.ceil(flow / self.capacity[-1] - 1e-12))


@dataclass(frozen=True)
class Graph:
    """What a pipe may follow.

    Attributes
    ----------
    u, v : ndarray of int, shape (n_edges,)
        End nodes.
    length_m : ndarray
        Trench length. [m]
    crossing_cny : ndarray
        Extra cost of rivers and railways crossed. [CNY]
    main : ndarray of int
        Row of the main that an edge is part of; -1 where a pipe would be new.
    geometry : ndarray of LineString
    n_nodes : int
    village_node, source_node : Series of int
        Node of each village and source by id; -1 where there is none.
    """

    u: Ints
    v: Ints
    length_m: Floats
    crossing_cny: Floats
    main: Ints
    geometry: npt.NDArray[np.object_]
    n_nodes: int
    village_node: pd.Series
    source_node: pd.Series


def build_graph(
    villages: gpd.GeoSeries,
    sources: gpd.GeoSeries,
    *,
    mains: gpd.GeoSeries,
    roads: gpd.GeoSeries | None,
    barriers: Iterable[tuple[gpd.GeoSeries, float]] = (),
    access: Access,
) -> Graph:
    """Node roads, mains, villages and sources into one graph.

    Parameters
    ----------
    villages, sources : GeoSeries of Point, index of ids
        In a metric CRS; empty points get no node.
    mains : GeoSeries of LineString
        Existing and planned pipes of this network, on a range index.
    roads : GeoSeries of LineString or None
        Where new pipes may run. None: straight lines between neighbours.
    barriers : iterable of (GeoSeries, float)
        Lines whose crossing costs extra, with the cost of one. [CNY]
    access : Access
        Tolerances and the detour factor.

    Returns
    -------
    Graph
    """
    places, origins = _on_grid(villages), _on_grid(sources)
    pipes = shapely.set_precision(np.asarray(mains.array, dtype=object), GRID_M, mode="pointwise")
    roads_ = np.empty(0, dtype=object) if roads is None else np.asarray(roads.array, dtype=object)
    ways = shapely.set_precision(roads_, GRID_M, mode="pointwise")
    outlets = np.asarray(origins.array, dtype=object)
    fed, feeders = _connectors(outlets, pipes, reach=access.source_snap_m)
    unfed = outlets[np.setdiff1d(np.arange(len(outlets)), fed)]
    points = np.concatenate([np.asarray(places.array, dtype=object), unfed])
    to_pipes = _connectors(points, pipes, reach=access.last_mile_m if len(ways) else np.inf)[1]
    between = _connectors(points, ways, reach=np.inf)[1] if len(ways) else _neighbours(points)
    straight = np.concatenate([to_pipes, between])
    joints = _joints(np.concatenate([ways, pipes]), tolerance=access.snap_tolerance_m)
    existing = np.concatenate([pipes, feeders])
    owner = np.concatenate([np.arange(len(pipes)), np.full(len(feeders), len(pipes))])
    parts = _noded([*ways, *existing, *straight, *joints])
    main = _class_of(parts, existing, owner)
    slack = np.where(_class_of(parts, straight, None) >= 0, access.detour_factor, 1.0)
    length = shapely.length(parts) * np.where(main >= 0, 1.0, slack)
    crossing = np.zeros(len(parts))
    for lines, cost in barriers:
        obstacles = np.asarray(lines.array, dtype=object)
        rows, near = shapely.STRtree(obstacles).query(parts, predicate="intersects")
        rows, near = rows[main[rows] < 0], near[main[rows] < 0]
        times = np.maximum(shapely.get_num_geometries(shapely.intersection(parts[rows], obstacles[near])), 1)
        np.add.at(crossing, rows, cost * times)
    return _indexed(
        parts, length, crossing, main, places=places, origins=origins, all_ids=(villages, sources)
    )


def _on_grid(points: gpd.GeoSeries) -> gpd.GeoSeries:
    """The points that have a place, rounded to the grid that lines are noded on."""
    there = points[~(points.is_empty | points.isna())]
    return gpd.GeoSeries(shapely.set_precision(there.array, GRID_M), index=there.index, crs=points.crs)


def _connectors(
    points: npt.NDArray[np.object_], lines: npt.NDArray[np.object_], *, reach: float
) -> tuple[Ints, npt.NDArray[np.object_]]:
    """Straight stubs from points to the nearest line within reach (to each of several as near), and whose."""
    if not len(points) or not len(lines):
        return np.empty(0, dtype=int), np.empty(0, dtype=object)
    limit = None if np.isinf(reach) else reach + GRID_M
    rows, near = shapely.STRtree(lines).query_nearest(points, max_distance=limit)
    return rows, _stubs(points[rows], lines[near])


def _stubs(points: npt.NDArray[np.object_], lines: npt.NDArray[np.object_]) -> npt.NDArray[np.object_]:
    """Shortest lines from points to lines; where a point lies on its line, a tick that cuts it there.

    The tick starts at the point, at right angles to the line and on the side
    of the line, so that rounding to the grid cannot merge the two.
    """
    stub = shapely.shortest_line(points, lines)
    xy, foot = shapely.get_coordinates(points), shapely.get_coordinates(shapely.get_point(stub, 1))
    at = shapely.line_locate_point(lines, points)
    before = shapely.line_interpolate_point(lines, np.maximum(at - 1.0, 0.0))
    after = shapely.line_interpolate_point(lines, np.minimum(at + 1.0, shapely.length(lines)))
    along = shapely.get_coordinates(after) - shapely.get_coordinates(before)
    normal = np.stack([-along[:, 1], along[:, 0]], axis=1) / np.hypot(*along.T)[:, None]
    side = np.where(np.sum((foot - xy) * normal, axis=1) < 0, -1.0, 1.0)
    tick = shapely.linestrings(np.stack([xy, xy + normal * side[:, None] * TICK_M], axis=1))
    return np.where(shapely.length(stub) > GRID_M, stub, tick)


def _neighbours(points: npt.NDArray[np.object_]) -> npt.NDArray[np.object_]:
    """Lines between neighbouring points: Delaunay edges, and a chain where all lie on one line."""
    if len(points) < 2:
        return np.empty(0, dtype=object)
    edges = shapely.get_parts(shapely.delaunay_triangles(shapely.multipoints(points), only_edges=True))
    xy = shapely.get_coordinates(points)
    chain = xy[np.lexsort((xy[:, 1], xy[:, 0]))]
    return np.concatenate([edges, shapely.linestrings(np.stack([chain[:-1], chain[1:]], axis=1))])


def _joints(lines: npt.NDArray[np.object_], *, tolerance: float) -> list[shapely.LineString]:
    """Short lines that close gaps between a loose end and the line beside it."""
    if not len(lines) or tolerance == 0:
        return []
    ends: npt.NDArray[np.object_] | list[shapely.Point] = np.concatenate(
        [shapely.get_point(lines, 0), shapely.get_point(lines, -1)]
    )
    own = np.tile(np.arange(len(lines)), 2)
    rows, near = shapely.STRtree(lines).query(ends, predicate="dwithin", distance=tolerance)
    other = near != own[rows]
    gaps = shapely.shortest_line(ends[rows[other]], lines[near[other]])
    return list(gaps[shapely.length(gaps) > GRID_M])


def _noded(lines: list[shapely.LineString]) -> npt.NDArray[np.object_]:
    """All lines cut at every point where they meet, each piece once."""
    solid = [line for line in lines if line.length > GRID_M / 2]
    if not solid:
        return np.empty(0, dtype=object)
    parts = shapely.get_parts(shapely.union_all(solid, grid_size=GRID_M))
    return parts[
        np.lexsort(shapely.get_coordinates(shapely.line_interpolate_point(parts, 0.5, normalized=True)).T)
    ]


def _class_of(parts: npt.NDArray[np.object_], lines: npt.NDArray[np.object_], owner: Ints | None) -> Ints:
    """Which line (or owner of a line) each noded piece lies on; -1 for none."""
    result = np.full(len(parts), -1)
    if not len(parts) or not len(lines):
        return result
    middle = shapely.line_interpolate_point(parts, 0.5, normalized=True)
    rows, near = shapely.STRtree(lines).query(middle, predicate="dwithin", distance=3 * GRID_M)
    label = near if owner is None else owner[near]
    # Of several lines the first by number, so that the answer does not depend on the tree.
    order = np.lexsort((-label, rows))
    result[rows[order]] = label[order]
    return result


def _indexed(
    parts: npt.NDArray[np.object_],
    length: Floats,
    crossing: Floats,
    main: Ints,
    *,
    places: gpd.GeoSeries,
    origins: gpd.GeoSeries,
    all_ids: tuple[gpd.GeoSeries, gpd.GeoSeries],
) -> Graph:
    """Number the nodes, drop the longer of parallel edges and find villages and sources."""
    ends: npt.NDArray[np.object_] | list[shapely.Point] = (
        np.concatenate([shapely.get_point(parts, 0), shapely.get_point(parts, -1)]) if len(parts) else []
    )
    corner = np.round(shapely.get_coordinates(ends) / GRID_M).astype(np.int64).reshape(-1, 2)
    seen = np.concatenate([corner, _corners(places), _corners(origins)])
    nodes, number = np.unique(seen, axis=0, return_inverse=True)
    number = number.reshape(-1)
    n = len(parts)
    u, v = number[:n], number[n : 2 * n]
    low, high = np.minimum(u, v), np.maximum(u, v)
    order = np.lexsort((length, main < 0, high, low))
    first = np.ones(n, dtype=bool)
    first[1:] = (np.diff(low[order]) != 0) | (np.diff(high[order]) != 0)
    keep = np.sort(order[first & (low[order] != high[order])]) if n else np.empty(0, dtype=int)
    at_village = pd.Series(number[2 * n : 2 * n + len(places)], index=places.index)
    at_source = pd.Series(number[2 * n + len(places) :], index=origins.index)
    return Graph(
        u=u[keep],
        v=v[keep],
        length_m=length[keep],
        crossing_cny=crossing[keep],
        main=main[keep],
        geometry=parts[keep],
        n_nodes=len(nodes),
        village_node=at_village.reindex(all_ids[0].index, fill_value=-1).astype(int),
        source_node=at_source.reindex(all_ids[1].index, fill_value=-1).astype(int),
    )


def _corners(points: gpd.GeoSeries) -> npt.NDArray[np.int64]:
    xy = shapely.get_coordinates(np.asarray(points.array, dtype=object))
    return np.round(xy / GRID_M).astype(np.int64).reshape(-1, 2)
