"""The network solver beside `pcst_fast` and a plain flow model in HiGHS: cost, bound and CPU seconds.

Run from the repository, with or without the public instances beside it::

    pip install -e . && pip install --no-binary pcst_fast pcst_fast
    python benchmarks/netdesign.py public rooted capacitated town county
    python benchmarks/netdesign.py public --part C05 --limit 60 --against flow

Families:

``public``
    74 unrooted instances (``../shared/benchmarks``; skipped where that folder is not there).
``rooted``
    The same with the node of the largest prize as source, and random graphs of 1,000 and 2,000 nodes.
``capacitated``, ``tight``
    The rooted ones with loads of 1 to 9 and a source that has half of their sum, or half of what it
    would serve without a limit.
``town``, ``county``
    Made worlds of `made_worlds`: linear pipe costs; a pipe table and three sources.

`pcst_fast` knows neither loads nor bounds: its gap is taken to the solver's bound. It must be built
on the spot: its wheels return one number over and over with numpy 2. The flow model is
the one in `plain_flow`, with one big M. All run on one thread; CPU seconds hold compilation where the
kernels are not on disk yet. A problem counts as proved at a gap of 1e-6.
"""

from __future__ import annotations

import argparse
import gzip
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import highspy
import made_worlds
import numpy as np
import pandas as pd

from geoplan.netdesign import design_network

SHARED = Path(__file__).resolve().parents[2] / "shared" / "benchmarks"
TABLES = ("edges", "demands", "sources")
PROVED = 1e-6


class Problem(NamedTuple):
    """Tables of `design_network`, and the best cost known (NaN: none)."""

    name: str
    edges: pd.DataFrame
    demands: pd.DataFrame
    sources: pd.DataFrame | None
    pipes: pd.DataFrame | None = None
    best_known: float = np.nan


class Answer(NamedTuple):
    """Cost and lower bound (NaN: none) of one method."""

    cost: float
    bound: float


def read_stp(path: Path) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Edges and demands of an unrooted instance in STP format."""
    edges: list[tuple[int, int, float]] = []
    prizes: list[tuple[int, float]] = []
    with gzip.open(path, "rt") as lines:
        for line in lines:
            words = line.split()
            if words and words[0].upper() == "E":
                edges.append((int(words[1]), int(words[2]), float(words[3])))
            elif len(words) > 2 and words[0].upper() in {"T", "TP"}:
                prizes.append((int(words[1]), float(words[2])))
    demands = pd.DataFrame(prizes, columns=["node", "prize"]).assign(load=0.0)
    return pd.DataFrame(edges, columns=["u", "v", "fixed_cost"]), demands


def public() -> Iterator[Problem]:
    """The public instances, unrooted."""
    if not SHARED.exists():
        print(f"skipped: no public instances in {SHARED}")
        return
    for row in pd.read_csv(SHARED / "index.csv").itertuples():
        edges, demands = read_stp(SHARED / row.file)
        yield Problem(row.file.removesuffix(".stp.gz"), edges, demands, None, None, float(row.best_known))


def rooted() -> Iterator[Problem]:
    """Public instances with a source, and random graphs of 1,000 and 2,000 nodes."""
    for problem in public():
        yield Problem(problem.name, *made_worlds.rooted(problem.edges, problem.demands))
    for nodes in (1000, 2000):
        for seed in range(3):
            for degree, share in ((2, 6), (5, 4), (10, 2)):
                tables = made_worlds.graph(nodes, degree * nodes, nodes // share, seed)
                yield Problem(f"random/{nodes}.{degree}.{seed}", *tables)
            tables = made_worlds.graph(nodes, 3 * nodes, nodes // 4, seed, plane=True)
            yield Problem(f"plane/{nodes}.{seed}", *tables)


def loaded(problem: Problem) -> Problem:
    """The problem with loads of 1 to 9 and a source that has half of their sum."""
    tables = (problem.edges, problem.demands, problem.sources)
    return problem._replace(
        **dict(zip(TABLES, made_worlds.capacitated(tables, len(problem.edges)), strict=True))
    )


def tightened(problem: Problem) -> Problem:
    """The problem with loads and a source that has half of what it would serve without a limit."""
    problem = loaded(problem)
    free = design_network(problem.edges, problem.demands, problem.sources.assign(capacity=np.nan), gap=0.0)
    return problem._replace(sources=problem.sources.assign(capacity=np.floor(0.5 * free.source_load.sum())))


def town() -> Iterator[Problem]:
    """Made towns, with and without a limit on the source."""
    for size, share in ((200, None), (200, 0.5), (500, None), (500, 0.4), (950, None), (950, 0.4)):
        name = f"town/{size}." + ("unlimited" if share is None else f"{share:.0%}")
        yield Problem(name, *made_worlds.town(size, 1, share=share))


def county() -> Iterator[Problem]:
    """Made counties with the pipe table and three sources that have 60 % of the load."""
    for villages in (30, 100, 300, 600):
        yield Problem(f"county/{villages}", *made_worlds.county(villages, 1), made_worlds.PIPES)


def as_it_is(problem: Problem) -> Problem:
    """The problem itself."""
    return problem


FAMILIES: dict[str, tuple[Callable[[], Iterator[Problem]], Callable[[Problem], Problem]]] = {
    "public": (public, as_it_is),
    "rooted": (rooted, as_it_is),
    "capacitated": (rooted, loaded),
    "tight": (rooted, tightened),
    "town": (town, as_it_is),
    "county": (county, as_it_is),
}


def ours(problem: Problem, gap: float, limit_s: float) -> Answer:
    """The network solver."""
    design = design_network(
        problem.edges, problem.demands, problem.sources, pipes=problem.pipes, gap=gap, time_limit_s=limit_s
    )
    return Answer(design.cost, design.bound)


def pcst_missing() -> str:
    """Why `pcst_fast` cannot be used; empty if it can."""
    try:
        from pcst_fast import pcst_fast  # noqa: PLC0415 - optional
    except ImportError:
        return "pcst_fast is not installed"
    line = np.array([[0, 1], [1, 2]])
    nodes, _ = pcst_fast(line, np.full(3, 9.0), np.ones(2), -1, 1, "strong", 0)
    return "" if set(nodes) == {0, 1, 2} else "this build of pcst_fast is broken"


def pcst(problem: Problem, _gap: float, _limit_s: float) -> Answer | None:
    """Goemans and Williamson's method with strong pruning; None where loads matter."""
    from pcst_fast import pcst_fast  # noqa: PLC0415 - optional

    if problem.pipes is not None or float(problem.demands["load"].sum()) > 0.0:
        return None
    edges, demands = problem.edges, problem.demands
    labels = pd.Index(pd.unique(pd.concat([edges["u"], edges["v"], demands["node"]])))
    prize = np.zeros(len(labels))
    prize[labels.get_indexer(demands["node"])] = demands["prize"]
    root = -1 if problem.sources is None else int(labels.get_loc(problem.sources["node"].iloc[0]))
    ends = np.c_[labels.get_indexer(edges["u"]), labels.get_indexer(edges["v"])]
    cost = edges["fixed_cost"].to_numpy()
    nodes, built = pcst_fast(ends, prize, cost, root, 1, "strong", 0)
    return Answer(float(cost[built].sum() + prize.sum() - prize[nodes].sum()), np.nan)


class Flow:
    """Columns and rows of a flow model."""

    def __init__(self) -> None:
        self.h = highspy.Highs()
        for option, value in (("output_flag", False), ("threads", 1)):
            self.h.setOptionValue(option, value)

    def columns(self, cost: np.ndarray, upper: float, *, whole: bool) -> np.ndarray:
        """Add a column per cost; their numbers."""
        first, n = self.h.getNumCol(), len(cost)
        none = np.array([], dtype=np.int32)
        self.h.addCols(n, cost, np.zeros(n), np.full(n, upper), 0, none, none, np.array([]))
        numbers = np.arange(first, first + n, dtype=np.int32)
        if whole:
            self.h.changeColsIntegrality(n, numbers, np.full(n, highspy.HighsVarType.kInteger))
        return numbers

    def row(self, lower: float, upper: float, columns: np.ndarray, values: np.ndarray) -> None:
        """Add one row."""
        self.h.addRow(lower, upper, len(columns), np.asarray(columns, np.int32), np.asarray(values, float))


def arcs_of(problem: Problem) -> pd.DataFrame:
    """Each edge and size in both directions, and an arc from ``root`` to each source (unrooted: node)."""
    edges = problem.edges
    if problem.pipes is not None:
        edges = edges.merge(problem.pipes, how="cross").assign(
            fixed_cost=lambda t: t["length_m"] * t["cost_per_m"]
        )
    there = edges.rename(columns={"u": "tail", "v": "head"})
    back = edges.rename(columns={"v": "tail", "u": "head"})
    if problem.sources is None:
        heads = pd.unique(pd.concat([edges["u"], edges["v"], problem.demands["node"]]))
        feeders = pd.DataFrame({"head": heads})
    else:
        feeders = problem.sources.rename(columns={"node": "head"})
    table = pd.concat([there, back, feeders.assign(tail="root")], ignore_index=True)
    for column, empty in (("fixed_cost", 0.0), ("cost_per_load", 0.0), ("capacity", np.inf)):
        table[column] = table[column].astype(float).fillna(empty) if column in table else empty
    return table[["tail", "head", "fixed_cost", "cost_per_load", "capacity"]]


def plain_flow(problem: Problem, gap: float, limit_s: float) -> Answer:
    """Single-commodity flow with one big M in HiGHS; each node is fed by at most one arc."""
    arcs, demands = arcs_of(problem), problem.demands
    load = demands["load"].to_numpy()
    loads_matter = float(load.sum()) > 0.0
    load = load if loads_matter else np.ones(len(demands))
    most = float(load.sum())
    model = Flow()
    built = model.columns(arcs["fixed_cost"].to_numpy(), 1.0, whole=True)
    flow = model.columns(arcs["cost_per_load"].to_numpy(), most, whole=False)
    served = model.columns(-demands["prize"].to_numpy(), 1.0, whole=True)
    room = arcs["capacity"].clip(upper=most) if loads_matter else np.full(len(arcs), most)
    for x, f, big_m in zip(built, flow, room, strict=True):
        model.row(0.0, np.inf, np.array([x, f]), np.array([big_m, -1.0]))
    entering, leaving = arcs.groupby("head").indices, arcs.groupby("tail").indices
    demand_at = dict(zip(demands["node"], range(len(demands)), strict=True))
    nothing = np.array([], dtype=int)
    for node in sorted({*entering, *leaving, *demand_at} - {"root"}, key=str):
        into, out = entering.get(node, nothing), leaving.get(node, nothing)
        at = [demand_at[node]] if node in demand_at else []
        columns = np.concatenate([flow[into], flow[out], served[at]])
        model.row(0.0, 0.0, columns, np.concatenate([np.ones(len(into)), -np.ones(len(out)), -load[at]]))
        model.row(0.0, 1.0, built[into], np.ones(len(into)))
    if problem.sources is None:
        feeders = leaving["root"]
        model.row(0.0, 1.0, built[feeders], np.ones(len(feeders)))
    model.h.setOptionValue("time_limit", limit_s)
    model.h.setOptionValue("mip_rel_gap", gap)
    model.h.run()
    info, paid = model.h.getInfo(), float(demands["prize"].sum())
    found = info.primal_solution_status == 2
    return Answer(
        paid + info.objective_function_value if found else paid, max(0.0, paid + info.mip_dual_bound)
    )


METHODS: dict[str, Callable[[Problem, float, float], Answer | None]] = {
    "ours": ours,
    "pcst_fast": pcst,
    "flow": plain_flow,
}


def measure(problem: Problem, method: str, gap: float, limit_s: float) -> dict[str, object] | None:
    """Cost, bound and CPU seconds of one method on one problem."""
    start = time.process_time()
    answer = METHODS[method](problem, gap, limit_s)
    if answer is None:
        return None
    return {
        "problem": problem.name,
        "method": method,
        "nodes": len({*problem.edges["u"], *problem.edges["v"]}),
        "edges": len(problem.edges),
        "cost": answer.cost,
        "bound": answer.bound,
        "cpu_s": time.process_time() - start,
        "best_known": problem.best_known,
    }


def summary(rows: pd.DataFrame) -> pd.DataFrame:
    """Share proved, gaps and CPU seconds of each method."""
    ours_bound = rows[rows["method"] == "ours"].set_index("problem")["bound"]
    bound = rows["bound"].fillna(rows["problem"].map(ours_bound))
    gap = ((rows["cost"] - bound) / rows["cost"].where(rows["cost"] > 0.0)).fillna(0.0)
    least = rows["best_known"].fillna(rows.groupby("problem")["cost"].transform("min"))
    rows = rows.assign(
        gap=100.0 * gap,
        proved=rows["bound"].notna() & (gap <= PROVED),
        false_bound=rows["bound"] > least * (1.0 + PROVED),
        above_best=100.0 * (rows["cost"] / least.where(least > 0.0) - 1.0).fillna(0.0),
    )
    columns = {
        "problems": ("problem", "size"),
        "proved_%": ("proved", lambda p: 100.0 * p.mean()),
        "false_bounds": ("false_bound", "sum"),
        "above_best_%": ("above_best", "mean"),
        "gap_mean_%": ("gap", "mean"),
        "gap_median_%": ("gap", "median"),
        "gap_max_%": ("gap", "max"),
        "cpu_median_s": ("cpu_s", "median"),
        "cpu_90_%_s": ("cpu_s", lambda s: s.quantile(0.9)),
        "cpu_max_s": ("cpu_s", "max"),
    }
    return rows.groupby("method", sort=False).agg(**columns).round(3)


def main() -> None:
    """Run the families asked for and print every problem and a summary."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("families", nargs="*", choices=[*FAMILIES, []], default=["public"])
    parser.add_argument("--part", default="", help="only problems whose name holds this")
    parser.add_argument("--every", type=int, default=1, help="only every n-th problem")
    parser.add_argument("--limit", type=float, default=60.0, help="wall seconds a problem")
    parser.add_argument("--gap", type=float, default=0.0, help="gap at which to stop")
    parser.add_argument("--against", nargs="*", choices=[*METHODS, []], default=["pcst_fast", "flow"])
    asked = parser.parse_args()
    if "pcst_fast" in asked.against and (why := pcst_missing()):
        print(f"skipped: {why}")
        asked.against.remove("pcst_fast")
    for family in asked.families:
        made, changed = FAMILIES[family]
        rows = []
        for problem in map(changed, [p for p in made() if asked.part in p.name][:: asked.every]):
            for method in ("ours", *asked.against):
                row = measure(problem, method, asked.gap, asked.limit)
                if row is None:
                    continue
                rows.append(row)
                cost, bound = row["cost"], row["bound"]
                print(
                    f"{problem.name:22s} {method:9s} {cost:16.2f} {bound:16.2f} {row['cpu_s']:7.2f} s",
                    flush=True,
                )
        if rows:
            print(f"\n{family}\n{summary(pd.DataFrame(rows)).T.to_string()}\n")


if __name__ == "__main__":
    main()
