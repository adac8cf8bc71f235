"""Made roads: streets above given lines, rural roads between places, mains along them."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import shapely
from shapely import LineString, Point
from shapely.geometry.base import BaseGeometry
from shapely.ops import substring

from layers.made import share

Edge = tuple[str, str]

SAME_M = 0.01
"""Two points nearer than this are one. [m]"""

TIP_M = 60.0
"""Two roads of one junction may come closer than `CLEARANCE_M` this near to it. [m]"""

CLEARANCE_M = 20.0
"""Distance that roads without a common junction keep. [m]"""


@dataclass(frozen=True)
class Roads:
    """A planar road network: named junctions and the lines between them.

    Attributes
    ----------
    nodes : mapping of str to Point
        Junctions and the places that lie on a road.
    edges : mapping of (str, str) to LineString
        One line per pair of nodes, from the first to the second.
    """

    nodes: Mapping[str, Point]
    edges: Mapping[Edge, LineString]

    def path(self, sources: Iterable[str], target: str) -> list[str]:
        """Nodes of the shortest way from the nearest source to the target.

        Parameters
        ----------
        sources : iterable of str
            Nodes to start from.
        target : str
            Node to reach.

        Returns
        -------
        list of str
            From the source to the target; one node if the target is a source.
        """
        before: dict[str, str | None] = {}
        queue: list[tuple[float, str, str | None]] = [(0.0, node, None) for node in sorted(sources)]
        beside = self._beside()
        while queue and target not in before:
            gone, node, last = heapq.heappop(queue)
            if node in before:
                continue
            before[node] = last
            for other, length in beside[node]:
                if other not in before:
                    heapq.heappush(queue, (gone + length, other, node))
        way, step = [target], before[target]
        while step is not None:
            way.append(step)
            step = before[step]
        return way[::-1]

    def line(self, path: Sequence[str]) -> LineString:
        """Line along a path, with exactly the vertices of the roads under it.

        Parameters
        ----------
        path : sequence of str
            Neighbouring nodes.

        Returns
        -------
        LineString
            From the first node to the last.
        """
        return _joined([self._run(a, b) for a, b in pairwise(path)])

    def _run(self, start: str, end: str) -> LineString:
        line = self.edges.get((start, end))
        return line if line is not None else self.edges[(end, start)].reverse()

    def _beside(self) -> dict[str, list[tuple[str, float]]]:
        beside: dict[str, list[tuple[str, float]]] = {node: [] for node in self.nodes}
        for (a, b), line in self.edges.items():
            beside[a].append((b, line.length))
            beside[b].append((a, line.length))
        return beside

    def grow(self, start: str, *, targets: Sequence[str]) -> list[LineString]:
        """Lines of a main that reaches places in turn, each from the nearest point it has so far.

        Parameters
        ----------
        start : str
            Node of the station.
        targets : sequence of str
            Nodes to reach, in this order.

        Returns
        -------
        list of LineString
            One line per target.
        """
        reached = {start}
        lines = []
        for target in targets:
            path = self.path(reached, target)
            lines.append(self.line(path))
            reached |= set(path)
        return lines


def _joined(lines: Sequence[LineString]) -> LineString:
    """One line from lines that follow each other."""
    coords = [lines[0].coords[0]]
    for line in lines:
        coords.extend(line.coords[1:])
    return LineString(coords)


@dataclass(frozen=True)
class Streets:
    """Roads that are given: the streets above some lines and the accesses to the places beside them.

    Attributes
    ----------
    nodes : mapping of str to Point
        Ends, named places, feet of the accesses and crossroads.
    edges : mapping of (str, str) to LineString
        Pieces of the lines and the accesses.
    order : mapping of str to tuple of str
        Nodes along each line, by its id.
    """

    nodes: Mapping[str, Point]
    edges: Mapping[Edge, LineString]
    order: Mapping[str, tuple[str, ...]]


def streets_along(
    lines: Mapping[str, LineString],
    *,
    named: Mapping[str, Point],
    beside: Mapping[str, Point],
    snap_m: float,
    block_m: float,
) -> Streets:
    """Turn lines into streets with junctions, and give each place beside them an access road.

    Parameters
    ----------
    lines : mapping of str to LineString
        Lines that meet at their ends only.
    named : mapping of str to Point
        Places that may lie on the lines; those that do become nodes.
    beside : mapping of str to Point
        Places to join to the nearest line, at a right angle where they can.
    snap_m : float
        An access ends at a node this near to its foot. [m]
    block_m : float
        Longest stretch of street without a crossroads. [m]

    Returns
    -------
    Streets
        Their nodes, edges and the nodes along each line.

    Examples
    --------
    >>> street = streets_along({"L": LineString([(0, 0), (900, 0)])}, named={"seat": Point(0, 0)},
    ...                        beside={"V1": Point(300, 200)}, snap_m=50, block_m=1000)
    >>> street.order["L"], street.edges["V1", "foot-V1"].length
    (('seat', 'foot-V1', 'end-L'), 200.0)
    """
    nodes = _with_ends(lines, named=named)
    at = {
        key: {name: line.project(node) for name, node in nodes.items() if node.distance(line) <= SAME_M}
        for key, line in lines.items()
    }
    accesses: dict[str, str] = {}
    for name, place in beside.items():
        key = min(lines, key=lambda k: lines[k].distance(place))
        foot, chainage = _foot(name, chainage=lines[key].project(place), stops=at[key], snap_m=snap_m)
        accesses[name] = foot
        at[key] = at[key] | {foot: chainage}
    at = {key: stops | _crossroads(stops, key=key, block_m=block_m) for key, stops in at.items()}
    for key, line in lines.items():
        nodes |= {name: line.interpolate(s) for name, s in at[key].items() if name not in nodes}
    edges = {(name, foot): LineString([beside[name], nodes[foot]]) for name, foot in accesses.items()}
    for key, line in lines.items():
        edges |= split_line(line, at=at[key], nodes=nodes)
    order = {key: tuple(sorted(stops, key=lambda name: stops[name])) for key, stops in at.items()}
    return Streets(nodes, edges, order)


def _with_ends(lines: Mapping[str, LineString], *, named: Mapping[str, Point]) -> dict[str, Point]:
    """Named places and, where none of them stands at it, every end of a line."""
    nodes = dict(named)
    for key, line in lines.items():
        for name, end in (("start", Point(line.coords[0])), ("end", Point(line.coords[-1]))):
            if all(node.distance(end) > SAME_M for node in nodes.values()):
                nodes[f"{name}-{key}"] = end
    return nodes


def _foot(name: str, *, chainage: float, stops: Mapping[str, float], snap_m: float) -> tuple[str, float]:
    """Where the access of a place meets a line: at a stop it has already, or at a new one."""
    nearest = min(stops, key=lambda stop: abs(stops[stop] - chainage))
    if abs(stops[nearest] - chainage) <= snap_m:
        return nearest, stops[nearest]
    return f"foot-{name}", chainage


def _crossroads(stops: Mapping[str, float], *, key: str, block_m: float) -> dict[str, float]:
    """Evenly spaced stops wherever two neighbours are too far apart."""
    added = {}
    for start, end in pairwise(sorted(stops.values())):
        parts = int(np.ceil((end - start) / block_m))
        for chainage in np.linspace(start, end, parts + 1)[1:-1]:
            added[f"cross-{key}-{chainage:.0f}"] = float(chainage)
    return added


def split_line(
    line: LineString, *, at: Mapping[str, float], nodes: Mapping[str, Point]
) -> dict[Edge, LineString]:
    """Cut a line at named chainages, so that neighbours share their end exactly.

    Parameters
    ----------
    line : LineString
        Line to cut.
    at : mapping of str to float
        Name and distance from the start of every cut, both ends included. [m]
    nodes : mapping of str to Point
        Positions of the cuts, by name.

    Returns
    -------
    dict of (str, str) to LineString
        The pieces, from name to name.

    Examples
    --------
    >>> cuts = {"a": Point(0, 0), "b": Point(4, 0), "c": Point(9, 0)}
    >>> pieces = split_line(LineString([(0, 0), (9, 0)]), at={"a": 0, "b": 4, "c": 9}, nodes=cuts)
    >>> [(ends, piece.length) for ends, piece in pieces.items()]
    [(('a', 'b'), 4.0), (('b', 'c'), 5.0)]
    """
    pieces = {}
    for a, b in pairwise(sorted(at, key=lambda name: at[name])):
        inner = substring(line, at[a], at[b]).coords[1:-1]
        pieces[a, b] = LineString([nodes[a].coords[0], *inner, nodes[b].coords[0]])
    return pieces


def roads_layer(roads: Roads, *, provenance: str, crs: int) -> gpd.GeoDataFrame:
    """Make the layer of a road network, numbered from south-west to north-east.

    Parameters
    ----------
    roads : Roads
        The network.
    provenance : str
        Where the roads come from.
    crs : int
        EPSG code of the metric CRS.

    Returns
    -------
    GeoDataFrame
        One row per road between two junctions.
    """
    lines = sorted(roads.edges.values(), key=lambda line: (line.centroid.x + line.centroid.y, line.wkt))
    names = [f"示意道路 {number:03d}" for number in range(1, len(lines) + 1)]
    return gpd.GeoDataFrame({"name": names, "provenance": provenance}, geometry=lines, crs=crs)


def neighbour_pairs(xy: npt.NDArray[np.float64], *, relative: bool) -> list[tuple[int, int]]:
    """Pairs of points that no third point stands between.

    Parameters
    ----------
    xy : ndarray, shape (n_points, 2)
        Coordinates. [m]
    relative : bool
        Relative-neighbourhood graph (sparse, the skeleton of rural roads)
        instead of the Gabriel graph that contains it; both are planar.

    Returns
    -------
    list of (int, int)
        Positions in `xy`, by increasing distance.

    References
    ----------
    .. [1] Toussaint (1980), The relative neighbourhood graph of a finite
       planar set, Pattern Recognition 12(4), doi:10.1016/0031-3203(80)90066-7.

    Examples
    --------
    >>> neighbour_pairs(np.array([[0.0, 0.0], [1.0, 0.2], [2.0, 0.0]]), relative=True)
    [(0, 1), (1, 2)]
    """
    squared = ((xy[:, None, :] - xy[None, :, :]) ** 2).sum(axis=2)
    pairs = []
    for i, row in enumerate(squared):
        through = np.maximum(row[None, :], squared) if relative else row[None, :] + squared
        free = ~(through < row[:, None]).any(axis=1)
        pairs += [(i, int(j)) for j in np.flatnonzero(free) if j > i]
    return sorted(pairs, key=lambda pair: (squared[pair], pair))


def road_network(
    nodes: Mapping[str, Point],
    *,
    fixed: Mapping[Edge, LineString],
    within: BaseGeometry,
    stretch: float,
    bend: float,
) -> Roads:
    """Believable rural roads through points: no crossing, no dead corner, few long detours.

    The relative-neighbourhood graph gives the skeleton; a Gabriel edge is
    added where the way along the roads is more than `stretch` times as long;
    each road bends a little. Fixed lines (streets above a pipe, access roads)
    are taken as they are and never crossed.

    Parameters
    ----------
    nodes : mapping of str to Point
        Places and junctions, the ends of the fixed lines among them.
    fixed : mapping of (str, str) to LineString
        Roads that are given.
    within : Polygon
        Area that no other road leaves.
    stretch : float
        Longest detour between neighbours that is accepted. [times the straight line]
    bend : float
        Greatest offset of a bend. [share of the road's length]

    Returns
    -------
    Roads
        The connected network.

    Raises
    ------
    ValueError
        If a point cannot be reached without crossing a fixed line or leaving the area.

    Examples
    --------
    >>> spots = {"a": Point(0, 0), "b": Point(900, 0), "c": Point(900, 900), "d": Point(0, 900)}
    >>> area = shapely.box(-99, -99, 999, 999)
    >>> sorted(road_network(spots, fixed={}, within=area, stretch=1.8, bend=0.05).edges)
    [('a', 'b'), ('a', 'd'), ('b', 'c'), ('c', 'd')]
    """
    names = sorted(nodes)
    xy = np.array([nodes[name].coords[0] for name in names])
    given = shapely.union_all(list(fixed.values())) if fixed else LineString()
    known = {frozenset(edge) for edge in fixed}

    def straight(*, relative: bool) -> dict[Edge, LineString]:
        pairs = [(names[i], names[j]) for i, j in neighbour_pairs(xy, relative=relative)]
        lines = {e: LineString([nodes[e[0]], nodes[e[1]]]) for e in pairs if frozenset(e) not in known}
        return {e: line for e, line in lines.items() if within.covers(line) and _clear(line, of=given)}

    spare = straight(relative=False)
    edges = dict(fixed) | straight(relative=True)
    edges |= _links_between_parts(names, edges=edges, spare=spare)
    for edge, line in spare.items():
        if edge not in edges:
            roads = Roads(nodes, edges)
            if roads.line(roads.path([edge[0]], edge[1])).length > stretch * line.length:
                edges[edge] = line
    return Roads(nodes, _bent(edges, keep=fixed, bend=bend))


def _clear(line: LineString, *, of: BaseGeometry) -> bool:
    """Whether a road keeps its distance from others, save near its own ends."""
    tip = min(TIP_M, 0.4 * line.length)
    return of.is_empty or bool(
        substring(line, tip, line.length - tip).distance(of) >= min(CLEARANCE_M, tip / 3)
    )


def _links_between_parts(
    names: Sequence[str], *, edges: Mapping[Edge, LineString], spare: Mapping[Edge, LineString]
) -> dict[Edge, LineString]:
    """Fewest, shortest spare edges that make the network one piece."""
    head = {name: name for name in names}

    def find(name: str) -> str:
        while head[name] != name:
            name = head[name]
        return name

    added = {}
    for (a, b), line in [*edges.items(), *spare.items()]:
        if find(a) != find(b):
            head[find(a)] = find(b)
            if (a, b) not in edges:
                added[a, b] = line
    if len({find(name) for name in names}) > 1:
        msg = "the points cannot all be joined inside the area without crossing a fixed line"
        raise ValueError(msg)
    return added


def _bent(
    edges: Mapping[Edge, LineString], *, keep: Mapping[Edge, LineString], bend: float
) -> dict[Edge, LineString]:
    """Give each road two slight bends, where there is room for them."""
    bent = dict(edges)
    for edge, line in edges.items():
        if edge not in keep:
            curve = _curve(line, key="-".join(edge), bend=bend)
            others = shapely.multilinestrings([other for name, other in bent.items() if name != edge])
            bent[edge] = curve if _clear(curve, of=others) else line
    return bent


def _curve(line: LineString, *, key: str, bend: float) -> LineString:
    """Move the third points of a straight line sideways."""
    start, end = np.array(line.coords)
    side = np.array([start[1] - end[1], end[0] - start[0]])
    middle = [
        start + part * (end - start) + side * bend * (2 * share(key, part) - 1) for part in (1 / 3, 2 / 3)
    ]
    return LineString([start, *middle, end])
