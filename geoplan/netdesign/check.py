"""The check of a design, from the tables alone: nothing of the solver is used."""

from __future__ import annotations

from collections.abc import Hashable, Iterator

import numpy as np
import pandas as pd

from geoplan.errors import CertificateError
from geoplan.netdesign.design import NetworkDesign
from geoplan.netdesign.graph import Bools, Floats
from geoplan.netdesign.tables import Tables, flags, numbers, priced

#: Relative error of sums of floating-point numbers that is no finding.
ROUNDING = 1e-6


def _edge_costs(design: NetworkDesign, tables: Tables) -> tuple[Floats, Floats]:
    """Price and capacity of each edge built, from the tables."""
    at = tables.edges.index.get_indexer(design.edges.index)
    edges, own = tables.edges.iloc[at], priced(tables)[at]
    load = design.edges["load"].fillna(0.0).to_numpy(np.float64)
    cost = numbers(edges, "fixed_cost", 0.0) + numbers(edges, "cost_per_load", 0.0) * load
    capacity = numbers(edges, "capacity", np.inf)
    if tables.pipes is not None and not own.all():
        pipes = tables.pipes.reindex(design.edges["size"][~own])
        cost[~own] = numbers(pipes, "cost_per_m") * numbers(edges, "length_m")[~own]
        capacity[~own] = numbers(pipes, "capacity")
    return cost, capacity


def _components(design: NetworkDesign) -> dict[Hashable, Hashable]:
    """Representative of the component of each node that has an edge."""
    parent: dict[Hashable, Hashable] = {}

    def find(node: Hashable) -> Hashable:
        parent.setdefault(node, node)
        while parent[node] != node:
            parent[node] = parent[parent[node]]
            node = parent[node]
        return node

    for a, b in zip(design.edges["from_node"], design.edges["to_node"], strict=True):
        parent[find(a)] = find(b)
    return {node: find(node) for node in list(parent)}


def _first(wrong: Bools) -> int:
    """Position of the first finding, or -1."""
    return int(wrong.argmax()) if wrong.any() else -1


def _edge_findings(design: NetworkDesign, tables: Tables) -> Iterator[str]:
    built, labels = design.edges, design.edges.index
    if labels.has_duplicates:
        yield "an edge is built twice"
    if not labels.isin(tables.edges.index).all():
        yield "an edge is not in the table"
        return
    rows = tables.edges.loc[labels]
    u, v, from_, to = (t.to_numpy() for t in (rows["u"], rows["v"], built["from_node"], built["to_node"]))
    k = _first(~(((u == from_) & (v == to)) | ((u == to) & (v == from_))))
    if k >= 0:
        yield f"edge {labels[k]} joins other nodes than in the table"
    cost, capacity = _edge_costs(design, tables)
    said = built["cost"].to_numpy(np.float64)
    k = _first(~(np.abs(cost - said) <= ROUNDING * (1.0 + cost)))
    if k >= 0:
        yield f"edge {labels[k]} costs {cost[k]} by the tables, not {said[k]}"
    load = built["load"].to_numpy(np.float64)
    k = _first(~(load <= capacity * (1.0 + ROUNDING)))
    if k >= 0 and tables.sources is not None:
        yield f"edge {labels[k]} carries {load[k]}, more than its {capacity[k]}"
    if built["to_node"].duplicated().any():
        yield "a node is fed by two edges"


def _flow_findings(design: NetworkDesign, tables: Tables) -> Iterator[str]:
    """Flow balance at every node and loads of the sources."""
    if tables.sources is None:
        return
    built, served = design.edges, design.connected.to_numpy()
    load, asked = built["load"].to_numpy(np.float64), numbers(tables.demands, "load")
    delivered = design.source_load.to_numpy(np.float64)
    at = [built["to_node"], built["from_node"], design.source_load.index, tables.demands["node"][served]]
    code, nodes = pd.factorize(np.concatenate([np.asarray(nodes, dtype=object) for nodes in at]))
    rest = np.bincount(code, np.concatenate([load, -load, delivered, -asked[served]]), len(nodes))
    k = _first(~(np.abs(rest) <= ROUNDING * (1.0 + asked.sum())))
    if k >= 0:
        yield f"flow at node {nodes[k]} is out of balance by {rest[k]}"
    room = numbers(tables.sources, "capacity", np.inf)
    k = _first(~(delivered <= room * (1.0 + ROUNDING)))
    if k >= 0:
        yield f"source {design.source_load.index[k]} delivers {delivered[k]}, more than it has"


def _connection_findings(design: NetworkDesign, tables: Tables) -> Iterator[str]:
    component = _components(design)
    parts = set(component.values())
    if tables.sources is None:
        if len(parts) > 1:
            yield "the network is not one component"
        served = parts
        if not parts and design.connected.sum() > 1:
            yield "nodes count as connected that no edge joins"
    else:
        served = {component.get(node, node) for node in tables.sources["node"]}
        if not parts <= served:
            yield "a part of the network has no source"
    if len(design.edges) != len(component) - len(parts):
        yield "the network has a cycle"
    alone = tables.sources is None and not parts
    for node in design.connected.index[design.connected]:
        if not alone and component.get(node, node) not in served:
            yield f"node {node} counts as connected but is not"
    needed = flags(tables.demands, "required")
    for node in tables.demands["node"][needed & ~design.connected.to_numpy()]:
        yield f"required node {node} is not connected"


def price(design: NetworkDesign, tables: Tables) -> float:
    """Cost of a design from the tables: edges, sources and the prizes of what is left out."""
    total = float(_edge_costs(design, tables)[0].sum())
    if tables.sources is not None:
        node = tables.sources["node"]
        load = design.source_load.to_numpy()
        served = node.isin(design.connected.index[design.connected]).to_numpy()
        used = (load > 0.0) | node.isin(design.edges["from_node"]).to_numpy() | served
        used &= ~node.isin(design.edges["to_node"]).to_numpy()
        cost = numbers(tables.sources, "fixed_cost", 0.0)
        cost += numbers(tables.sources, "cost_per_load", 0.0) * load
        total += float(cost[used].sum())
    prize = np.where(flags(tables.demands, "required"), 0.0, numbers(tables.demands, "prize", 0.0))
    return total + float(prize[~design.connected.to_numpy()].sum())


def check_design(design: NetworkDesign, tables: Tables) -> None:
    """Raise if a design is not what it says.

    Raises
    ------
    CertificateError
        Naming what was found: balance, capacity, connection, price or bound.
    """
    findings = [*_edge_findings(design, tables)]
    if design.edges.index.isin(tables.edges.index).all():
        findings += [*_flow_findings(design, tables), *_connection_findings(design, tables)]
        total = price(design, tables)
        if not abs(total - design.cost) <= ROUNDING * (1.0 + abs(total)):
            findings.append(f"the design costs {total} by the tables, not {design.cost}")
    if not design.bound <= design.cost * (1.0 + ROUNDING) + ROUNDING:
        findings.append(f"the bound {design.bound} is above the cost {design.cost}")
    if findings:
        raise CertificateError("; ".join(findings))
