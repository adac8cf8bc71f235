"""`design_network`: the tables in, a checked design with a proven bound out."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd

from geoplan.errors import InfeasibleError, InputError, Problem
from geoplan.netdesign.check import ROUNDING, check_design
from geoplan.netdesign.clock import Clock
from geoplan.netdesign.design import PROVED, NetworkDesign, Status, tabulate
from geoplan.netdesign.graph import NEVER, Bools, Ints
from geoplan.netdesign.instance import Instance, read_instance
from geoplan.netdesign.loads.budget import is_budgeted, solve_budgeted
from geoplan.netdesign.loads.solve import solve_loads
from geoplan.netdesign.orient import orient
from geoplan.netdesign.steiner.reduction import SteinerProblem
from geoplan.netdesign.steiner.solve import solve_steiner
from geoplan.netdesign.tables import Tables, check_tables

#: Share of the time limit kept for tables and checks.
RESERVE = 0.03


def _solve_classical(instance: Instance, gap: float, clock: Clock, seed: int) -> tuple[Ints, int, float]:
    """Arcs into the nodes, the top and the bound of a problem without flow."""
    cost = np.minimum.reduceat(instance.fixed, instance.start[:-1]) if instance.n_links else np.zeros(0)
    problem = SteinerProblem(instance.n_nodes, instance.u, instance.v, cost, instance.prize, instance.root)
    found = solve_steiner(problem, gap=gap, clock=clock, seed=seed)
    if found.value == NEVER:
        return np.full(instance.n_nodes, -1, dtype=np.int64), 0, NEVER
    inside = np.flatnonzero(found.nodes)
    top = instance.root if instance.root >= 0 else int(inside[instance.prize[inside].argmax()])
    return orient(instance.n_nodes, (instance.u, instance.v), found.edges, top), top, found.bound


def _check_limits(gap: float, time_limit_s: float) -> None:
    problems = []
    if not gap >= 0.0:
        problems.append(Problem(f"gap must be >= 0; got {gap}", remedy="0.01 stops at 1 %"))
    if not time_limit_s > 0.0:
        problems.append(
            Problem(f"time_limit_s must be > 0 [s]; got {time_limit_s}", remedy="give a second or more")
        )
    if problems:
        raise InputError(problems)


def _require_feasible(instance: Instance) -> None:
    """Raise where arithmetic shows that required nodes cannot all be connected."""
    needed: Bools = np.isinf(instance.prize)
    if not needed.any():
        return
    top = instance.root if instance.root >= 0 else int(np.flatnonzero(needed)[0])
    into = orient(instance.n_nodes, (instance.u, instance.v), np.arange(instance.n_links), top)
    lost = np.flatnonzero(needed & (into < 0) & (np.arange(instance.n_nodes) != top))
    if len(lost):
        shown = ", ".join(str(instance.labels[i]) for i in lost[:5])
        more = f" and {len(lost) - 5} more" if len(lost) > 5 else ""
        raise InfeasibleError(
            f"required nodes no edge path joins to a source: {shown}{more}; add edges or lift 'required'"
        )
    if instance.root >= 0:
        supply = float(instance.capacity[instance.row_of_sources()].sum())
        asked = float(instance.load[needed].sum())
        if asked > supply * (1.0 + 1e-9):
            raise InfeasibleError(
                f"required nodes ask for {asked:g}, the sources have {supply:g}; "
                "add capacity or lift 'required'"
            )


def design_network(
    edges: pd.DataFrame,
    demands: pd.DataFrame,
    sources: pd.DataFrame | None,
    *,
    pipes: pd.DataFrame | None = None,
    gap: float = 0.01,
    time_limit_s: float = 60.0,
    seed: int = 0,
) -> NetworkDesign:
    """The cheapest network, and a proven lower bound on what any network costs.

    Minimised is the cost of what is built and carried plus the prizes of what is left out. A design
    is a forest: every node is fed over one edge, in one size, from one source; demands are not split,
    and an existing pipe and a new one beside it are alternatives. Loads, costs and lengths may be in
    any units that go together; below they are named load, cost and m.

    Parameters
    ----------
    edges : DataFrame
        Undirected edges, ``u`` and ``v`` the nodes they join (any hashable labels). Either priced:
        ``fixed_cost`` [cost], optional ``cost_per_load`` [cost/load] and ``capacity`` [load] (empty:
        unlimited). Rows between the same nodes are sizes, of which one is built; an existing pipe has
        ``fixed_cost`` 0 and a capacity. Or ``length_m`` [m], to be built in a size of `pipes`; rows
        without a length may then have a price of their own.
    demands : DataFrame
        One row per ``node``: ``load`` [load], which may be 0, ``prize`` [cost] lost if the node is not
        connected, optional ``required`` (true: it must be, its prize is not read).
    sources : DataFrame or None
        One row per ``node``: ``capacity`` [load] (empty or absent: unlimited), optional ``fixed_cost``
        [cost] if it feeds anything and ``cost_per_load`` [cost/load]. None is the classical unrooted
        problem: one connected component, a single node counts; loads and capacities are not read.
    pipes : DataFrame, optional
        Sizes, ascending: ``capacity`` [load] and ``cost_per_m`` [cost/m]. Row labels name the sizes.
    gap : float
        Distance between cost and bound, as a share of the cost, at which to stop.
    time_limit_s : float
        Wall time, compilation included. [s] Where the kernels are not compiled yet and the time would
        not do for it, a design is made without them, with a weak bound.
    seed : int
        Of tie-breaks and restarts. The design is the same for the same seed unless time runs out.

    Returns
    -------
    NetworkDesign
        Re-checked from these tables by `geoplan.netdesign.check.check_design`. ``status`` is

        - ``optimal``: cost and bound are equal but for a millionth of the cost,
        - ``gap reached``: they are as near as `gap` asks,
        - ``time limit``: neither when time was up; the design is feasible and the bound holds.

    Raises
    ------
    InputError
        With every problem of the tables: missing columns, numbers that are none or negative, repeated
        nodes or row labels, a cost per load without a source.
    InfeasibleError
        If required nodes have no way to a source, ask for more than the sources have, or no network
        that connects them within the capacities was found.
    CertificateError
        If the design fails its check: a fault of the program, never of the tables.

    Examples
    --------
    A plant, a village on the way and one behind it that does not pay:

    >>> edges = pd.DataFrame({"u": ["plant", "a"], "v": ["a", "b"], "length_m": [40.0, 90.0]})
    >>> demands = pd.DataFrame({"node": ["a", "b"], "load": [1.0, 2.0], "prize": [60.0, 50.0]})
    >>> sources = pd.DataFrame({"node": ["plant"], "capacity": [3.0]})
    >>> pipes = pd.DataFrame({"capacity": [1.0, 5.0], "cost_per_m": [1.0, 1.5]}, index=["DN50", "DN80"])
    >>> design = design_network(edges, demands, sources, pipes=pipes, gap=0.0)
    >>> design.cost, design.status, design.connected.to_dict()
    (90.0, 'optimal', {'a': True, 'b': False})
    >>> design.edges[["from_node", "to_node", "load", "size", "cost"]]
      from_node to_node  load  size  cost
    0     plant       a   1.0  DN50  40.0
    >>> design.source_load.to_dict(), abs(design.cost - design.bound) < 1e-3
    ({'plant': 1.0}, True)
    """
    clock = Clock(time_limit_s * (1.0 - RESERVE) - 0.05)
    tables = Tables(edges, demands, sources, pipes)
    _check_limits(gap, time_limit_s)
    check_tables(tables)
    instance = read_instance(tables)
    _require_feasible(instance)
    if instance.is_classical():
        into, top, bound = _solve_classical(instance, gap, clock, seed)
        served = into >= 0
        served[top] = True
    else:
        solve = solve_budgeted if is_budgeted(instance, clock) else solve_loads
        into, served, bound = solve(instance, gap=gap, clock=clock, seed=seed)
        top = instance.root
    if bound == NEVER:
        raise InfeasibleError(
            "no network found that connects all required nodes within the capacities; "
            "add capacity, lift 'required' or give more time"
        )
    return _assemble(instance, (into, served, top, bound), tables, (gap, clock))


def _assemble(
    instance: Instance, found: tuple[Ints, Bools, int, float], tables: Tables, asked: tuple[float, Clock]
) -> NetworkDesign:
    """Tables, cost and status of a design, checked."""
    into, served, top, bound = found
    built, connected, source_load = tabulate(instance, into, served, top, tables)
    cost = float(built["cost"].sum()) + instance.sources_cost(into, source_load)
    left_out = ~served
    left_out[instance.root if instance.root >= 0 else top] = False
    cost = float(cost + instance.prize[left_out].sum())
    bound = max(0.0, cost if cost < bound <= cost * (1.0 + ROUNDING) + ROUNDING else float(bound))
    distance = (cost - bound) / cost if cost > 0.0 else 0.0
    status: Status = "time limit"
    if distance <= PROVED:
        status = "optimal"
    elif distance <= asked[0]:
        status = "gap reached"
    design = NetworkDesign(cost, bound, distance, built, connected, source_load, status, 0.0)
    check_design(design, tables)
    return replace(design, seconds=asked[1].spent())
