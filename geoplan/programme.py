"""The choice of all routes of a county as one integer programme: columns, rows, and what they stand for.

Money stands in 10,000 CNY a year and loads in shares of a supply's largest one, so
that no coefficient is much larger than another.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from geoplan.finance import annuity
from geoplan.growth import Growth
from geoplan.layer import Arc, Layer, add_layer, exclusive
from geoplan.ledger import DEFERRED, Ledger
from geoplan.network import Floats
from geoplan.rows import Rows, Terms
from geoplan.schema import Supply
from geoplan.units import WAN

#: Columns from which systems of mains share one layer: their pipes then may not cross.
CROWDED = 30_000


class Programme:
    """The programme of a county.

    Parameters
    ----------
    ledger : Ledger
        Opened and unused, its locks obeyed.
    cost : mapping of (unit, route) to float
        What each option costs before shared pipes and substation upgrades. [CNY/a]
    weight : float
        How much a unit of money in pipes and upgrades counts.
    money : float
        What counts as 1.
    whole_pipes : bool
        Whether pipes have sizes and make a forest; else they only carry.

    Attributes
    ----------
    rows : Rows
    choice : dict of (unit, route) to int
        Column of each route that a unit may take.
    layers : list of Layer
    piping : list of range
        Rows of each piped supply.
    capacity : dict of (Supply, source id) to (row, load that counts as 1)
        The row that holds each capacity.
    beyond : dict of int to int
        By the row that lets it: the column of what is drawn beyond a spare capacity.
    choosing : list of int
        The rows that give each unit one route.
    """

    def __init__(
        self,
        ledger: Ledger,
        cost: Mapping[tuple[str, str], float],
        *,
        weight: float,
        money: float = WAN,
        whole_pipes: bool = True,
    ) -> None:
        self.ledger, self.rows, self.weight, self.money = ledger, Rows(), weight, money
        self.whole_pipes = whole_pipes
        self.layers: list[Layer] = []
        self.piping: list[range] = []
        self.choosing: list[int] = []
        self.beyond: dict[int, int] = {}
        self.capacity: dict[tuple[Supply, str], tuple[int, float]] = {}
        self.choice = {
            (unit, route): self.rows.column(cost.get((unit, route), 0.0) / money, whole=True)
            for unit in ledger.members
            for route in open_routes(ledger, unit)
        }
        for unit in ledger.members:
            mine = {self.choice[unit, r]: 1.0 for r in open_routes(ledger, unit)}
            self.choosing.append(self.rows.row(mine, lower=1.0, upper=1.0))
        for supply, network in ledger.options.supplies.items():
            if network.growth is not None:
                first = len(self.rows.rows)
                self._add_pipes(supply)
                self.piping.append(range(first, len(self.rows.rows)))
            elif network.limited:
                self._add_sources(supply)
        self._add_purses()

    def takers(self, supply: Supply) -> dict[tuple[str, str], int]:
        """Columns of the units and routes that would draw on a supply."""
        routes = self.ledger.policy.routes
        return {k: c for k, c in self.choice.items() if k[1] in routes and routes[k[1]].supply == supply}

    # --- supplies without pipes -------------------------------------------------------------------

    def _add_sources(self, supply: Supply) -> None:
        """Every source gives at most what it has; beyond its spare capacity at the price of the upgrade."""
        ledger, rows = self.ledger, self.rows
        network = ledger.options.supplies[supply]
        drawn: dict[str, Terms] = {}
        for (unit, route), column in self.takers(supply).items():
            for village in ledger.members[unit]:
                if source := str(network.nearest[village]):
                    terms = drawn.setdefault(source, {})
                    terms[column] = terms.get(column, 0.0) + ledger.need[village, route]
        for source, terms in sorted(drawn.items()):
            unit_load = max(terms.values(), default=1.0) or 1.0
            scaled = {c: need / unit_load for c, need in terms.items()}
            row = network.sources.loc[source]
            limit = float(row["capacity"]) / unit_load
            self.capacity[supply, source] = rows.row(scaled, upper=limit), unit_load
            price = _upgrade_price(row) if supply == "grid" else 0.0
            if self.weight > 0 and price > 0:
                economics, grid = ledger.policy.economics, ledger.policy.network.grid
                yearly = price * annuity(economics.discount_rate, grid.upgrade_lifetime_a)
                column = rows.column(
                    self.weight * yearly * unit_load / self.money, upper=sum(scaled.values())
                )
                self.beyond[rows.row(scaled | {column: -1.0}, upper=float(row["spare_kva"]) / unit_load)] = (
                    column
                )

    def _add_purses(self) -> None:
        """No payer gives more than its budgets of all years; what nobody states cannot be paid."""
        purses = self.ledger.purses
        for i, left in enumerate(purses.left if purses.payers else ()):
            asked = {key: float(purses.asked(*key)[i]) / WAN for key in self.choice if key[1] != DEFERRED}
            for key, amount in asked.items():
                if np.isinf(amount):
                    self.rows.upper[self.choice[key]] = 0.0
            terms = {self.choice[k]: a for k, a in asked.items() if np.isfinite(a) and a > 0}
            self.rows.row(terms, upper=float(left) / WAN)

    # --- pipes ------------------------------------------------------------------------------------

    def _add_pipes(self, supply: Supply) -> None:
        """A layer for each system of mains, and the capacity of their sources."""
        rows, takers = self.rows, self.takers(supply)
        network = self.ledger.options.supplies[supply]
        growth = network.growth
        if growth is None or not takers:
            return
        systems = self._systems(growth)
        price = self._rate(supply) / self.money
        layers = []
        for sources in systems:
            joins = takers
            if len(systems) > 1:
                joins = {key: rows.column(whole=True) for key in takers}
            layers.append(
                add_layer(
                    rows, self.ledger, supply, joins, sources, price=price, whole_pipes=self.whole_pipes
                )
            )
        if len(layers) != 1:
            # A unit on the supply is on one of its systems.
            for key, column in takers.items():
                rows.row({column: -1.0} | {layer.joins[key]: 1.0 for layer in layers}, lower=0.0, upper=0.0)
        if self.whole_pipes and len(layers) > 1:
            exclusive(rows, layers)
        for layer in layers:
            for position, column in layer.given.items():
                room = max(float(growth.capacity[position]), 0.0) / layer.unit
                # Wider than the row, so that the row has the price.
                rows.upper[column] = 1.0 + room
                row = rows.row({column: 1.0}, upper=room)
                self.capacity[supply, str(network.sources.index[position])] = row, layer.unit
        self.layers += layers

    @staticmethod
    def _systems(growth: Growth) -> list[tuple[int, ...]]:
        """Sources by the mains that join them; all in one where a layer for each would be too many."""
        label = growth.network_of
        placed = np.flatnonzero(label >= 0)
        systems = [tuple(placed[label[placed] == s].tolist()) for s in dict.fromkeys(label[placed].tolist())]
        edges = int((growth.graph.main < 0).sum())
        crowded = len(systems) * edges * len(growth.pipes.capacity) > CROWDED
        return [tuple(placed.tolist())] if crowded else systems

    def _rate(self, supply: Supply) -> float:
        routes = [r for r, p in self.ledger.policy.routes.items() if p.supply == supply]
        return self.weight * self.ledger.pipe_rate(routes[0])

    # --- reading ----------------------------------------------------------------------------------

    def hold(self, count: Mapping[tuple[str, str], float], most: float) -> None:
        """Let at most so many of what is counted be chosen."""
        terms = {self.choice[key]: n for key, n in count.items() if key in self.choice and n}
        largest = max(terms.values(), default=1.0)
        self.rows.row({c: n / largest for c, n in terms.items()}, upper=most / largest)

    def upgrades(self, x: Floats) -> float:
        """What the substation upgrades for a choice cost, in the programme's money."""
        total = 0.0
        for number, column in self.beyond.items():
            terms, _, spare = self.rows.rows[number]
            drawn = sum(x[c] * factor for c, factor in terms.items() if c != column)
            total += self.rows.cost[column] * max(drawn - spare, 0.0)
        return total

    def rooms(self, arc: Arc) -> list[tuple[int, float]]:
        """Column and capacity of every size of an arc, the smallest first."""
        terms = self.rows.rows[arc.row][0]
        return sorted(((c, -terms[c]) for c in arc.sizes), key=lambda pair: pair[1])

    def prices(self, duals: Floats) -> dict[tuple[Supply, str], float]:
        """What one more unit of each capacity would save, by the duals of the rows. [CNY/a per unit]"""
        if len(duals) == 0:
            return {}
        return {
            key: max(-float(duals[row]), 0.0) * self.money / load
            for key, (row, load) in self.capacity.items()
        }


def open_routes(ledger: Ledger, unit: str) -> list[str]:
    """Routes a unit may take: its lock, or all that are eligible and the wait."""
    locked = {ledger.locked[v] for v in ledger.members[unit] if v in ledger.locked}
    if locked:
        return sorted(locked)
    return [r for r in ledger.cost.columns if ledger.eligible.at[unit, r]] + [DEFERRED]


def _upgrade_price(source: pd.Series) -> float:
    """Price of a kVA beyond the spare ones. [CNY/kVA]"""
    price = source.get("upgrade_cost_cny_per_kva")
    return 0.0 if price is None or pd.isna(price) else float(price)
