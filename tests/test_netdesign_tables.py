"""Tables that describe no network, and networks that cannot be: what, where and what to do."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from geoplan.errors import InfeasibleError, InputError
from geoplan.netdesign import design_network

EDGES = pd.DataFrame({"u": ["s", "a"], "v": ["a", "b"], "fixed_cost": [1.0, 1.0]}, index=["e1", "e2"])
DEMANDS = pd.DataFrame({"node": ["a", "b"], "load": [1.0, 2.0], "prize": [9.0, 9.0]})
SOURCES = pd.DataFrame({"node": ["s"], "capacity": [3.0]})
LENGTHS = EDGES[["u", "v"]].assign(length_m=5.0)
PIPES = pd.DataFrame({"capacity": [2.0, 5.0], "cost_per_m": [1.0, 2.0]}, index=["DN50", "DN80"])


def refused(edges=EDGES, demands=DEMANDS, sources=SOURCES, pipes=None, **how) -> str:
    with pytest.raises(InputError) as error:
        design_network(edges, demands, sources, pipes=pipes, **how)
    assert all(p.remedy for p in error.value.problems)
    return str(error.value)


@pytest.mark.parametrize(
    ("tables", "message"),
    [
        ({"edges": EDGES.drop(columns="u")}, "column u is missing; columns are v, fixed_cost"),
        ({"edges": LENGTHS}, "column fixed_cost is missing"),
        ({"pipes": PIPES}, "column length_m is missing"),
        ({"edges": LENGTHS, "pipes": PIPES[["capacity"]]}, "column cost_per_m is missing"),
        (
            {"edges": LENGTHS, "pipes": PIPES.iloc[:0]},
            "pipes: 1 problem\n  * the table has no row; add a size",
        ),
        ({"sources": SOURCES.iloc[:0]}, "add a row, or pass None"),
        ({"demands": DEMANDS.drop(columns="prize")}, "column prize is missing"),
        ({"edges": EDGES.assign(fixed_cost=[-1.0, 2.0])}, r">= 0 and finite [cost]; got -1.0 at row e1"),
        ({"edges": EDGES.assign(fixed_cost=["cheap", 2.0])}, "got cheap at row e1"),
        ({"edges": EDGES.assign(fixed_cost=[np.nan, np.inf])}, "got nan at row e1, row e2"),
        (
            {"edges": EDGES.assign(capacity=[-2.0, np.nan])},
            "capacity must be >= 0 [load]; got -2.0 at row e1",
        ),
        ({"edges": EDGES.assign(u=["s", None])}, "u is empty at row e2; name the node"),
        ({"edges": EDGES.set_axis(["e", "e"])}, "row labels repeat at row e"),
        ({"edges": LENGTHS, "pipes": PIPES.set_axis(["DN50", "DN50"])}, "row labels repeat at row DN50"),
        ({"edges": LENGTHS.assign(length_m=-5.0), "pipes": PIPES}, "length_m must be >= 0 and finite [m]"),
        ({"demands": DEMANDS.assign(node="a")}, "node repeats at a; add its rows up to one"),
        (
            {"demands": DEMANDS.assign(load=[1.0, np.nan])},
            "load must be >= 0 and finite [load]; got nan at row 1",
        ),
        ({"demands": DEMANDS.assign(prize=[np.inf, 1.0])}, "prize must be >= 0 and finite [cost]; got inf"),
        ({"demands": DEMANDS.assign(required=["yes", "no"])}, "required must be true or false; got 'yes'"),
        ({"sources": pd.concat([SOURCES, SOURCES], ignore_index=True)}, "node repeats at s"),
        ({"sources": SOURCES.assign(capacity=-1.0)}, "capacity must be >= 0 [load]; got -1.0"),
        ({"edges": EDGES.assign(cost_per_load=1.0), "sources": None}, "cost_per_load needs a source"),
        (
            {"edges": EDGES[:0], "demands": DEMANDS[:0], "sources": None},
            "neither edges nor demands name a node",
        ),
        ({"gap": -0.1}, "gap must be >= 0; got -0.1"),
        ({"time_limit_s": 0.0}, "time_limit_s must be > 0 [s]; got 0.0"),
    ],
)
def test_a_table_that_is_wrong_says_so(tables, message):
    assert message in refused(**tables)


def test_all_problems_come_at_once():
    text = refused(
        edges=EDGES.assign(fixed_cost=-1.0),
        demands=DEMANDS.assign(load=-1.0),
        sources=SOURCES.assign(capacity=-1.0),
    )
    assert [f"{name}: 1 problem" in text for name in ("edges", "demands", "sources")] == [True] * 3


def test_a_required_node_without_a_way_is_named():
    demands = DEMANDS.assign(node=["a", "island"], required=True)
    with pytest.raises(InfeasibleError, match=r"island.*add edges or lift 'required'"):
        design_network(EDGES, demands, SOURCES)


def test_required_loads_above_the_supply_are_said_in_numbers():
    with pytest.raises(InfeasibleError, match="ask for 3, the sources have 2; add capacity"):
        design_network(EDGES, DEMANDS.assign(required=True), SOURCES.assign(capacity=2.0))
