"""Directions of the edges of a tree."""

from __future__ import annotations

import numpy as np

from geoplan.netdesign.graph import Ints


def orient(n_nodes: int, ends: tuple[Ints, Ints], edges: Ints, top: int) -> Ints:
    """Arc that enters each node of a tree, seen from `top`; -1 at the top and outside.

    Examples
    --------
    >>> orient(3, (np.array([0, 1]), np.array([1, 2])), np.array([0, 1]), 2).tolist()
    [1, 3, -1]
    """
    into = np.full(n_nodes, -1, dtype=np.int64)
    at: dict[int, list[tuple[int, int]]] = {}
    for e in edges:
        i, j = int(ends[0][e]), int(ends[1][e])
        at.setdefault(i, []).append((j, 2 * int(e)))
        at.setdefault(j, []).append((i, 2 * int(e) + 1))
    stack = [top]
    seen = {top}
    while stack:
        i = stack.pop()
        for j, arc in at.get(i, []):
            if j not in seen:
                seen.add(j)
                into[j] = arc
                stack.append(j)
    return into
