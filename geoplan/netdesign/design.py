"""The result of the network solver, and how the arrays become its tables."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

from geoplan.errors import CertificateError
from geoplan.netdesign.graph import Bools, Floats, Ints
from geoplan.netdesign.instance import Instance
from geoplan.netdesign.tables import Tables

Status = Literal["optimal", "gap reached", "time limit"]

#: Relative distance between cost and bound that counts as none.
PROVED = 1e-6


@dataclass(frozen=True)
class NetworkDesign:
    """A network and how far it is from the best.

    Attributes
    ----------
    cost : float
        Cost of what is built and carried plus the prizes of what is left out.
    bound : float
        Lower bound on the cost of every design: a forest in which each node is fed by one edge.
    gap : float
        ``(cost - bound) / cost``.
    edges : DataFrame
        One row per edge built, indexed as the edge table: ``from_node`` and ``to_node`` (the
        direction of the flow), ``load`` (NaN if unrooted), ``size`` (row label of the pipe table,
        or of the edge itself) and ``cost``.
    connected : Series of bool
        On the nodes of the demand table.
    source_load : Series
        Load of each source, on the nodes of the source table.
    status : {"optimal", "gap reached", "time limit"}
    seconds : float
        Wall time, compilation included. [s]
    """

    cost: float
    bound: float
    gap: float
    edges: pd.DataFrame
    connected: pd.Series
    source_load: pd.Series
    status: Status
    seconds: float


def forest_loads(instance: Instance, into: Ints, order: Ints, served: Bools) -> Floats:
    """Load that enters each node of a forest.

    Parameters
    ----------
    instance : Instance
    into : array of int, shape (n_nodes,)
        Arc that enters each node; -1 at the top and outside.
    order : array of int
        Nodes of the forest, parents before children.
    served : array of bool, shape (n_nodes,)
        Demands that are carried.
    """
    load = np.where(served, instance.load, 0.0)
    for i in order[::-1]:
        if into[i] >= 0:
            arc = into[i]
            parent = instance.v[arc >> 1] if arc & 1 else instance.u[arc >> 1]
            load[parent] += load[i]
    return load


def parents_first(instance: Instance, into: Ints, top: int) -> Ints:
    """Nodes of a forest below `top`, parents before children."""
    children: dict[int, list[int]] = {}
    for i in np.flatnonzero(into >= 0):
        arc = int(into[i])
        parent = instance.v[arc >> 1] if arc & 1 else instance.u[arc >> 1]
        children.setdefault(int(parent), []).append(int(i))
    order = [top]
    for node in order:
        order.extend(children.get(node, []))
    return np.array(order, dtype=np.int64)


def tabulate(
    instance: Instance, into: Ints, served: Bools, top: int, tables: Tables
) -> tuple[pd.DataFrame, pd.Series, pd.Series]:
    """Tables of the edges built, the demands connected and the loads of the sources."""
    order = parents_first(instance, into, top)
    load = forest_loads(instance, into, order, served)
    built: list[tuple[object, ...]] = []
    rows: list[int] = []
    n_edges = instance.n_links - instance.n_sources
    for i in order[1:]:
        link = int(into[i]) >> 1
        if link >= n_edges:
            continue
        parent = int(instance.v[link] if into[i] & 1 else instance.u[link])
        carried = float(load[i]) if instance.root >= 0 else 0.0
        size = instance.size_for(link, carried)
        if size < 0:
            raise CertificateError(
                f"load {carried} on edge {tables.edges.index[instance.row[link]]} fits no size"
            )
        row, pipe = int(instance.row[size]), int(instance.pipe[size])
        label = tables.edges.index[row]
        name = label if pipe < 0 or tables.pipes is None else tables.pipes.index[pipe]
        cost = float(instance.fixed[size] + instance.slope[size] * carried)
        shown = carried if instance.root >= 0 else float("nan")
        rows.append(row)
        built.append((instance.labels[parent], instance.labels[int(i)], shown, name, cost))
    columns = ["from_node", "to_node", "load", "size", "cost"]
    frame = pd.DataFrame(built, columns=columns, index=tables.edges.index[rows])
    frame = frame.iloc[np.argsort(rows, kind="stable")].astype({"load": np.float64, "cost": np.float64})
    number = {label: i for i, label in enumerate(instance.labels)}
    nodes = tables.demands["node"]
    connected = pd.Series(
        [bool(served[number[node]]) for node in nodes],
        index=pd.Index(nodes, name="node", tupleize_cols=False),
        name="connected",
        dtype=bool,
    )
    source_load = pd.Series(dtype=float, name="source_load")
    if tables.sources is not None:
        carried_by = {
            int(instance.v[into[i] >> 1]): float(load[i]) for i in order[1:] if int(into[i]) >> 1 >= n_edges
        }
        ends = [carried_by.get(number[node], 0.0) for node in tables.sources["node"]]
        source_load = pd.Series(
            ends, index=pd.Index(tables.sources["node"], name="node", tupleize_cols=False), name="source_load"
        )
    return frame, connected, source_load
