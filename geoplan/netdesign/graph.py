"""Graphs as flat arrays, in the form the compiled kernels read.

An undirected edge ``e`` is the pair of arcs ``2e`` (from `u` to `v`) and
``2e + 1`` (from `v` to `u`); the reverse of arc ``a`` is ``a ^ 1``. One list of
leaving arcs per node is therefore enough to walk in both directions.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple, TypeVar, cast

import numpy as np
from numba import njit
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

F = TypeVar("F", bound=Callable[..., object])


def kernel(function: F) -> F:
    """Compile a function of arrays and numbers to machine code, kept on disk where there is a place to."""
    try:
        return cast("F", njit(cache=True)(function))
    except RuntimeError:  # neither the package's folder nor the user's cache can be written
        return cast("F", njit(function))


def is_compiled(function: Callable[..., object]) -> bool:
    """Whether a kernel is compiled in this process or kept on disk by an earlier one.

    Examples
    --------
    >>> net = build_network(2, np.array([0]), np.array([1]))
    >>> _ = distances(net, np.ones(2), np.array([0.0, NEVER]), FROM)
    >>> is_compiled(distances)
    True
    """
    dispatcher = cast("Any", function)
    if dispatcher.signatures:
        return True
    source = Path(dispatcher.py_func.__code__.co_filename)
    folder = dispatcher.stats.cache_path
    if not folder or not source.exists():
        return False
    name = f"{source.stem}.{function.__name__}-*.py{sys.version_info.major}{sys.version_info.minor}.nbi"
    changed = source.stat().st_mtime
    return any(index.stat().st_mtime >= changed for index in Path(folder).glob(name))


#: Cost of an arc that may not be used, and distance of a node not reached.
NEVER = np.inf


def constant(number: int) -> int:
    """A whole number to call kernels with from kernels: each literal would compile the callee once more."""
    return cast("int", np.int64(number))


#: Directions of `distances`.
FROM, TO = constant(0), constant(1)


class Network(NamedTuple):
    """Arcs of a graph, grouped by the node they leave.

    Attributes
    ----------
    head : array of int, shape (2 * n_edges,)
        Node an arc enters; ``head[a ^ 1]`` is the node it leaves.
    start : array of int, shape (n_nodes + 1,)
        Where a node's leaving arcs begin in `leaving`.
    leaving : array of int, shape (2 * n_edges,)
        Arc numbers, grouped by the node they leave.
    """

    head: Ints
    start: Ints
    leaving: Ints


def build_network(n_nodes: int, u: Ints, v: Ints) -> Network:
    """Network of the undirected edges ``(u[e], v[e])``.

    Examples
    --------
    >>> net = build_network(3, np.array([0, 1]), np.array([1, 2]))
    >>> [int(net.head[a]) for a in net.leaving[net.start[1] : net.start[2]]]
    [0, 2]
    """
    head = np.empty(2 * len(u), dtype=np.int64)
    head[0::2] = v
    head[1::2] = u
    tail = head[np.arange(len(head)) ^ 1] if len(head) else head
    leaving = np.argsort(tail, kind="stable").astype(np.int64)
    start = np.zeros(n_nodes + 1, dtype=np.int64)
    np.cumsum(np.bincount(tail, minlength=n_nodes), out=start[1:])
    return Network(head, start, leaving)


@kernel
def heap_push(keys: Floats, items: Ints, size: int, key: float, item: int) -> int:
    """Add `item` to a binary heap of `size` items; returns the new size."""
    i = size
    while i > 0:
        parent = (i - 1) >> 1
        if keys[parent] <= key:
            break
        keys[i] = keys[parent]
        items[i] = items[parent]
        i = parent
    keys[i] = key
    items[i] = item
    return size + 1


@kernel
def heap_pop(keys: Floats, items: Ints, size: int) -> int:
    """Remove the first item of a heap; the caller has read it. Returns the new size."""
    size -= 1
    key = keys[size]
    item = items[size]
    i = 0
    while True:
        child = 2 * i + 1
        if child >= size:
            break
        if child + 1 < size and keys[child + 1] < keys[child]:
            child += 1
        if keys[child] >= key:
            break
        keys[i] = keys[child]
        items[i] = items[child]
        i = child
    keys[i] = key
    items[i] = item
    return size


@kernel
def distances(net: Network, cost: Floats, first: Floats, against: int) -> tuple[Floats, Ints]:
    """Least distance of every node from nodes that start at ``first``.

    Parameters
    ----------
    net : Network
    cost : array, shape (n_arcs,)
        Cost of each arc, not negative; `NEVER` forbids it.
    first : array, shape (n_nodes,)
        Starting distance of each node; `NEVER` where it does not start.
    against : int
        `FROM` the starting nodes, or `TO` them: then the arcs are walked backwards.

    Returns
    -------
    tuple of arrays, shape (n_nodes,)
        Distance, and the arc walked last (as seen leaving the node before; -1 at a start).
    """
    n = len(first)
    dist = first.copy()
    came = np.full(n, -1, np.int64)
    keys = np.empty(n + len(net.head) + 1, np.float64)
    items = np.empty(n + len(net.head) + 1, np.int64)
    size = 0
    for i in range(n):
        if dist[i] < NEVER:
            size = heap_push(keys, items, size, dist[i], i)
    while size > 0:
        key = keys[0]
        i = items[0]
        size = heap_pop(keys, items, size)
        if key > dist[i]:
            continue
        for k in range(net.start[i], net.start[i + 1]):
            a = net.leaving[k]
            j = net.head[a]
            reach = key + cost[a ^ against]
            if reach < dist[j]:
                dist[j] = reach
                came[j] = a
                size = heap_push(keys, items, size, reach, j)
    return dist, came
