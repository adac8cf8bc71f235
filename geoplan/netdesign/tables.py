"""The tables of a network problem, and everything that is wrong with them at once."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd

from geoplan.errors import InputError, Problem
from geoplan.netdesign.graph import Bools, Floats


@dataclass(frozen=True)
class Tables:
    """The tables a design is made from and checked against; see `design_network`."""

    edges: pd.DataFrame
    demands: pd.DataFrame
    sources: pd.DataFrame | None
    pipes: pd.DataFrame | None


#: Units of the columns, as messages print them.
UNIT = {
    "fixed_cost": "cost",
    "cost_per_load": "cost per load",
    "capacity": "load",
    "length_m": "m",
    "load": "load",
    "prize": "cost",
    "cost_per_m": "cost/m",
}


def numbers(table: pd.DataFrame, column: str, default: float = np.nan) -> Floats:
    """A column as numbers; `default` where it is empty or absent, NaN where it is no number.

    Examples
    --------
    >>> numbers(pd.DataFrame({"capacity": [3, None]}), "capacity", np.inf).tolist()
    [3.0, inf]
    """
    if column not in table:
        return np.full(len(table), default)
    values: Floats = (
        pd.to_numeric(table[column], errors="coerce").to_numpy(np.float64, na_value=np.nan).copy()
    )
    values[table[column].isna().to_numpy()] = default
    return values


def flags(table: pd.DataFrame, column: str) -> Bools:
    """A column as true or false; false where it is empty or absent."""
    if column not in table:
        return np.zeros(len(table), dtype=np.bool_)
    return table[column].eq(other=True).fillna(value=False).to_numpy(dtype=np.bool_)


def priced(tables: Tables) -> Bools:
    """Edges with a price of their own; the others are priced by the pipe table."""
    if tables.pipes is None:
        return np.ones(len(tables.edges), dtype=np.bool_)
    return ~np.isnan(numbers(tables.edges, "fixed_cost")) & np.isnan(numbers(tables.edges, "length_m"))


def check_tables(tables: Tables) -> None:
    """Raise if the tables do not describe a network.

    Raises
    ------
    InputError
        With every problem found, each naming table, column, rows and remedy.
    """
    problems = [*_missing(tables)] or [*_repeats(tables), *_wrong_numbers(tables), *_wrong_meaning(tables)]
    if problems:
        raise InputError(problems)


def _named(tables: Tables) -> Iterator[tuple[str, pd.DataFrame]]:
    for name in ("edges", "demands", "sources", "pipes"):
        table = getattr(tables, name)
        if table is not None:
            yield name, table


def _missing(tables: Tables) -> Iterator[Problem]:
    needed = {
        "edges": ["u", "v", "fixed_cost" if tables.pipes is None else "length_m"],
        "demands": ["node", "load"] + ([] if "required" in tables.demands else ["prize"]),
        "sources": ["node"],
        "pipes": ["capacity", "cost_per_m"],
    }
    for name, table in _named(tables):
        for column in needed[name]:
            if column not in table:
                message = f"column {column} is missing; columns are {', '.join(map(str, table.columns))}"
                yield Problem(message, name, name, column, (), "add it")
        if name == "demands" and table.empty and tables.edges.empty and tables.sources is None:
            yield Problem("neither edges nor demands name a node", name, remedy="add a demand")
        if name in {"sources", "pipes"} and table.empty:
            remedy = "add a row, or pass None (unrooted)" if name == "sources" else "add a size"
            yield Problem("the table has no row", layer=name, remedy=remedy)


def _rows(table: pd.DataFrame, wrong: Bools) -> tuple[str, ...]:
    return tuple(f"row {label}" for label in table.index[wrong])


def _repeats(tables: Tables) -> Iterator[Problem]:
    for name, table in _named(tables):
        twice = table.index.duplicated()
        if twice.any():
            remedy = "call reset_index(drop=True)"
            yield Problem("row labels repeat", layer=name, ids=_rows(table, twice), remedy=remedy)
        for column in {"edges": ("u", "v"), "pipes": ()}.get(name, ("node",)):
            empty = table[column].isna().to_numpy()
            if empty.any():
                yield Problem(f"{column} is empty", name, name, column, _rows(table, empty), "name the node")
        if "node" in table:
            twice = table["node"].duplicated().to_numpy()
            if twice.any():
                ids = tuple(str(node) for node in table["node"][twice].unique())
                yield Problem("node repeats", name, name, "node", ids, "add its rows up to one")


def _number_columns(tables: Tables) -> Iterator[tuple[str, pd.DataFrame, str, Bools, bool]]:
    """Table, column, the rows in which a number is needed, and whether it may be infinite."""
    edges, demands, sources, pipes = tables.edges, tables.demands, tables.sources, tables.pipes
    own = priced(tables)
    none = np.zeros(len(edges), dtype=np.bool_)
    yield "edges", edges, "fixed_cost", own, False
    yield "edges", edges, "cost_per_load", none, False
    yield "edges", edges, "capacity", none, True
    if pipes is not None:
        yield "edges", edges, "length_m", ~own, False
        whole = np.ones(len(pipes), dtype=np.bool_)
        yield "pipes", pipes, "capacity", whole, True
        yield "pipes", pipes, "cost_per_m", whole, False
    yield "demands", demands, "load", np.ones(len(demands), dtype=np.bool_), False
    yield "demands", demands, "prize", ~flags(demands, "required"), False
    if sources is not None:
        none = np.zeros(len(sources), dtype=np.bool_)
        yield "sources", sources, "capacity", none, True
        yield "sources", sources, "fixed_cost", none, False
        yield "sources", sources, "cost_per_load", none, False


def _wrong_numbers(tables: Tables) -> Iterator[Problem]:
    for name, table, column, needed, may_be_infinite in _number_columns(tables):
        if column not in table:
            continue
        values = numbers(table, column)
        given = table[column].notna().to_numpy() | needed
        wrong = given & ~((values >= 0.0) & (np.isfinite(values) | may_be_infinite))
        if wrong.any():
            got = table[column].to_numpy()[wrong][0]
            finite = "" if may_be_infinite else " and finite"
            message = f"{column} must be >= 0{finite} [{UNIT[column]}]; got {got}"
            yield Problem(message, name, name, column, _rows(table, wrong), "correct the value")


def _wrong_meaning(tables: Tables) -> Iterator[Problem]:
    if "required" in tables.demands:
        asked = tables.demands["required"]
        wrong = ~(asked.isin([True, False]) | asked.isna()).to_numpy()
        if wrong.any():
            message = f"required must be true or false; got {asked.to_numpy()[wrong][0]!r}"
            yield Problem(
                message, "demands", "demands", "required", _rows(tables.demands, wrong), "correct it"
            )
    slope = numbers(tables.edges, "cost_per_load", 0.0) > 0.0
    if tables.sources is None and slope.any():
        message = "cost_per_load needs a source; the unrooted problem has no flow"
        remedy = "name the sources or drop the column"
        yield Problem(message, "edges", "edges", "cost_per_load", _rows(tables.edges, slope), remedy)
