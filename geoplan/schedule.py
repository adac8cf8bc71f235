"""Which unit in which year: whole units, yearly goals, and money that ends with its year."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.optimize import Bounds, LinearConstraint, milp
from scipy.sparse import csr_array, hstack, vstack

from geoplan.units import WAN

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int_]

#: Units on either side of the goal among which the best sum is sought. [units]
WINDOW = 200
#: Work of the search under money: nodes of its tree times its unknowns, and the fewest nodes.
EFFORT, NODES = 60_000, 100
#: Slack on money: a fen, so that a sum of parts that equals it fits. [CNY]
SLACK_CNY = 0.01


@dataclass(frozen=True)
class Limit:
    """Money of one purse in one year.

    Attributes
    ----------
    purse : str
    year : int
        Position of the year.
    amount : float
        [CNY]
    cost : ndarray, shape (n_units, n_years)
        What the purse pays in this year for a unit that is done in each year. [CNY]
    """

    purse: str
    year: int
    amount: float
    cost: Floats

    def spent(self, years: Ints) -> float:
        """Money that a schedule takes. [CNY]"""
        done = np.flatnonzero(years >= 0)
        return float(self.cost[done, years[done]].sum())

    def holds(self, years: Ints) -> bool:
        """Whether a schedule stays within the money."""
        return self.spent(years) <= self.amount + SLACK_CNY


@dataclass(frozen=True)
class Task:
    """What is to be spread over which years.

    Attributes
    ----------
    units : DataFrame
        One row per unit by position: ``households``, ``supply_year``, ``town`` and more.
    years : tuple of int
        The years that are planned.
    targets : tuple of float or None
        Households wanted in each year.
    limits : tuple of Limit
        Money of the purses in the years.
    order : ndarray of int
        Units from the first to the last.
    whole_towns : bool
        A town is finished before the next is opened.
    tolerance : float
        Misfit of the targets that is still good. [share]
    """

    units: pd.DataFrame
    years: tuple[int, ...]
    targets: tuple[float | None, ...]
    limits: tuple[Limit, ...]
    order: Ints
    whole_towns: bool = False
    tolerance: float = 0.0

    @property
    def households(self) -> Ints:
        """Households of each unit."""
        found: Ints = self.units["households"].to_numpy(dtype=int)
        return found

    @property
    def ready(self) -> Ints:
        """Position of the first year in which the supply of each unit is there."""
        found: Ints = np.searchsorted(self.years, self.units["supply_year"].fillna(0.0).to_numpy())
        return found

    @property
    def goals(self) -> list[float]:
        """Households to be done by the end of each year; infinite where no year has a target."""
        if all(target is None for target in self.targets):
            return [np.inf] * len(self.years)
        return [float(goal) for goal in np.cumsum([target or 0.0 for target in self.targets])]


def scheduled(task: Task) -> Ints:
    """Position of the year of every unit: by the targets; where that overspends, as the money allows.

    Where money is short the order, of towns as well, is only a preference: it
    weighs as much as the tolerance of the targets.
    """
    if not task.years:
        return np.full(len(task.units), -1)
    towns = pd.factorize(task.units["town"])[0] if task.whole_towns else None
    years = by_goals(task.households, task.ready, goals=task.goals, order=task.order, block=towns)
    if all(limit.holds(years) for limit in task.limits):
        return years
    return within_money(
        task.households,
        task.ready,
        goals=task.goals,
        order=task.order,
        limits=task.limits,
        # Never nothing: without targets the years would be anyhow.
        delay=max(task.tolerance, 0.001) * float(task.households.mean()),
    )


def closest(sizes: Sequence[int], need: int) -> list[int]:
    """Positions of the sizes whose sum is nearest to a need; of two as near the larger sum.

    Of all selections with that sum the one that takes the first sizes first.

    Examples
    --------
    >>> closest([50, 40, 30, 20], 60)
    [1, 3]
    >>> closest([50, 40], 60), closest([50], 0)
    ([0], [])
    """
    if need <= 0:
        return []
    reach = [1]  # bit s is set where the sizes from here on can make the sum s
    for size in reversed(sizes):
        reach.append(reach[-1] | reach[-1] << size)
    sums = reach[-1]
    below = (sums & ((1 << need + 1) - 1)).bit_length() - 1
    above = sums >> need
    left = need + (above & -above).bit_length() - 1 if above else below
    left = below if need - below < left - need else left
    taken = []
    for position, size in enumerate(sizes):
        if size <= left and reach[len(sizes) - 1 - position] >> (left - size) & 1:
            taken.append(position)
            left -= size
    return taken


def _in_order(sizes: Ints, need: float) -> list[int]:
    """As :func:`closest`, for any number of sizes: the first ones that fit, and the best end."""
    before = int(np.searchsorted(np.cumsum(sizes), need, side="right"))
    start = int(np.clip(before - WINDOW // 2, 0, max(len(sizes) - WINDOW, 0)))
    rest = closest(sizes[start : start + WINDOW].tolist(), round(need - sizes[:start].sum()))
    return [*range(start), *(start + position for position in rest)]


def by_goals(
    households: Ints, ready: Ints, *, goals: Sequence[float], order: Ints, block: Ints | None = None
) -> Ints:
    """Fill each year to its goal, as near as whole units allow; the last year takes what is left.

    A year is filled exactly as near as its units allow, but the years one after
    the other, once from the first and once from the last; the better of both is
    the nearest of all in 98 of 100 small random cases, and off by 0.04 % of the
    households on average.

    Parameters
    ----------
    households : ndarray, shape (n_units,)
        [household]
    ready : ndarray
        Position of the first year a unit may have; the number of years where none is possible.
    goals : sequence of float
        Households that are to be done by the end of each year. [household]
    order : ndarray
        Units from the first to the last.
    block : ndarray, optional
        Units of one block are done before the next block (in `order`) is opened.

    Returns
    -------
    ndarray
        Position of the year of each unit; -1 for none.

    Examples
    --------
    >>> households, ready, order = np.array([60, 50, 40]), np.array([0, 0, 0]), np.arange(3)
    >>> by_goals(households, ready, goals=[90, 150], order=order).tolist()
    [1, 0, 0]
    """
    forwards = _forwards(households, ready, goals=goals, order=order, block=block)
    if block is not None or np.isinf(goals).any():
        return forwards
    backwards = _backwards(households, ready, goals=goals, order=order)
    return min(forwards, backwards, key=lambda years: _misfit(years, households, goals))


def _misfit(years: Ints, households: Ints, goals: Sequence[float]) -> float:
    """How far the years are from their goals, all together. [household]"""
    done = [households[(years >= 0) & (years <= year)].sum() for year in range(len(goals))]
    return float(np.abs(np.array(done) - np.array(goals)).sum())


def _forwards(
    households: Ints, ready: Ints, *, goals: Sequence[float], order: Ints, block: Ints | None
) -> Ints:
    """Each year takes of the units that wait the sum nearest to its goal."""
    years = np.full(len(households), -1)
    for year, goal in enumerate(goals):
        waiting = order[(years[order] < 0) & (ready[order] <= year)]
        if year == len(goals) - 1 or np.isinf(goal):
            years[waiting] = year
            continue
        for part in _blocks(waiting, block):
            need = goal - households[years >= 0].sum()
            years[part[_in_order(households[part], need)]] = year
            if (years[part] < 0).any():
                break
    return years


def _backwards(households: Ints, ready: Ints, *, goals: Sequence[float], order: Ints) -> Ints:
    """All in the last year; each year before takes of those done after it the sum nearest to its goal."""
    years = np.where(ready < len(goals), len(goals) - 1, -1)
    for year in reversed(range(len(goals) - 1)):
        possible = order[(years[order] == year + 1) & (ready[order] <= year)]
        years[possible[_in_order(households[possible], goals[year])]] = year
    return years


def _blocks(units: Ints, block: Ints | None) -> list[Ints]:
    """Units cut, in their order, where the block changes."""
    if block is None or not len(units):
        return [units]
    return list(np.split(units, np.flatnonzero(np.diff(block[units])) + 1))


def within_money(
    households: Ints,
    ready: Ints,
    *,
    goals: Sequence[float],
    order: Ints,
    limits: Sequence[Limit],
    delay: float = 0.0,
) -> Ints:
    """The most households that the money of the years can pay, as near to the goals as that allows.

    Solved as a mixed-integer program. It is exact as long as the tree stays
    small (some twenty units); beyond, the number of nodes is limited and the
    best schedule found is returned: it keeps the money, and misses the most
    households by less than 0.4 % in random counties of up to 500 units.

    Parameters
    ----------
    households, ready, goals, order
        As in :func:`by_goals`.
    limits : sequence of Limit
    delay : float
        What one year's delay of the first unit weighs beside the misfit; of the
        last unit it weighs nothing. [household]

    Returns
    -------
    ndarray
        Position of the year of each unit; -1 for none.

    Examples
    --------
    >>> cost = np.array([[9.0], [5.0], [5.0]])
    >>> within_money(np.array([80, 50, 50]), np.zeros(3, dtype=int), goals=[np.inf], order=np.arange(3),
    ...              limits=[Limit("central", 0, 10.0, cost)]).tolist()
    [-1, 0, 0]
    """
    count, span = len(households), len(goals)
    unit, year = np.nonzero(np.arange(span)[None, :] >= ready[:, None])
    years = np.full(count, -1)
    if not len(unit):
        return years
    steered = [y for y, goal in enumerate(goals) if np.isfinite(goal)]
    place = np.empty(count)
    place[order] = np.arange(count)
    largest = max([float(households.sum()), *(goals[y] for y in steered)])
    # Less than one household, whatever the misfits and delays add up to.
    weight = 0.4 / (span * (largest + delay * count))
    late = weight * delay * (1.0 - place[unit] / count) * year
    objective = np.concatenate([late - households[unit], np.full(len(steered), weight)])
    found = milp(
        objective,
        constraints=_constraints(unit, year, households, goals, steered, limits),
        # Misfits are whole as well: a solution rounded to whole units then keeps every row.
        integrality=np.ones(len(objective)),
        bounds=Bounds(0.0, np.repeat([1.0, np.inf], [len(unit), len(steered)])),
        options={"mip_rel_gap": 0.0, "node_limit": max(NODES, EFFORT // len(unit))},
    )
    taken = np.round(found.x[: len(unit)]) == 1 if found.x is not None else np.zeros(len(unit), dtype=bool)
    years[unit[taken]] = year[taken]
    return years


def _constraints(
    unit: Ints,
    year: Ints,
    households: Ints,
    goals: Sequence[float],
    steered: Sequence[int],
    limits: Sequence[Limit],
) -> LinearConstraint:
    """One year for a unit at most; money is kept; a misfit is at least the distance to its goal."""
    columns = len(unit)
    once = csr_array((np.ones(columns), (unit, np.arange(columns))), shape=(len(households), columns))
    money = np.array([limit.cost[unit, year] / WAN for limit in limits])
    done = np.array([np.where(year <= y, households[unit], 0.0) for y in steered])
    goal = np.round([goals[y] for y in steered])
    money, done = money.reshape(-1, columns), done.reshape(-1, columns)
    misfit = -np.eye(len(steered))
    rows = vstack(
        [
            hstack([once, csr_array((len(households), len(steered)))]),
            hstack([csr_array(money), csr_array((len(limits), len(steered)))]),
            hstack([csr_array(done), csr_array(misfit)]),
            hstack([csr_array(-done), csr_array(misfit)]),
        ]
    )
    amounts = np.array([limit.amount / WAN for limit in limits])
    most = np.concatenate([np.ones(len(households)), amounts, goal, -goal])
    return LinearConstraint(rows.tocsr(), -np.inf, most)
