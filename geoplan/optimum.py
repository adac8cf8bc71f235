"""The optimum: the cheapest way within the same rules, and by how much the cascade is not.

Routes of all units, shared pipes, capacities and upgrades are one integer
programme, solved by HiGHS. First the fewest households wait, then the fewest
burn clean coal for a time, then the cost a year is least. Every result is priced
again from the tables; the cascade is the start, so the optimum is never worse.
"""

from __future__ import annotations

from dataclasses import dataclass

from geoplan.cascade import cascade
from geoplan.errors import InfeasibleError
from geoplan.ledger import Ledger
from geoplan.netdesign import NetworkDesign, design_network
from geoplan.options import Options
from geoplan.policy import Policy
from geoplan.schema import Supply
from geoplan.search import Clock, book, search
from geoplan.verdict import Selection
from geoplan.worth import Judge, Objective, Worth

__all__ = ["NetworkDesign", "Objective", "Proof", "Worth", "design_network", "optimum"]

#: Relative distance between cost and bound that counts as proved.
PROVED = 1e-6
#: Wall time of a run unless said otherwise. [s]
TIME_LIMIT_S = 120.0


@dataclass(frozen=True)
class Proof:
    """How good a selection is, and what capacity is worth.

    Attributes
    ----------
    objective : str
    worth : Worth
        Of the selection.
    cascade : Worth or None
        Of the cascade by the same objective; None where the cascade cannot obey the locks.
    bound_cny_per_a : float
        No selection that keeps the first goals costs less.
    gap : float
        (cost - bound) / cost.
    status : {"optimal", "gap reached", "time limit"}
    first_goals_proved : bool
        Whether no selection leaves fewer households waiting or on clean coal.
    price : dict of (supply, source id) to float
        What one more unit of a capacity would save in the relaxation. [CNY/a per MW, m³/d, kVA or t/a]
    by_rule : Selection or None
        The cascade's.
    """

    objective: str
    worth: Worth
    cascade: Worth | None
    bound_cny_per_a: float
    gap: float
    status: str
    first_goals_proved: bool
    price: dict[tuple[Supply, str], float]
    by_rule: Selection | None


def optimum(
    options: Options,
    *,
    policy: Policy,
    objective: Objective = "society",
    gap: float = PROVED,
    time_limit_s: float = TIME_LIMIT_S,
) -> tuple[Selection, Proof]:
    """Assign the cheapest set of routes that the rules and capacities allow.

    Parameters
    ----------
    options : Options
        Priced options. Their networks grow with the selection, so price anew
        for another run.
    policy : Policy
    objective : {"society", "household", "emissions-priced"}
    gap : float
        Relative distance between cost and bound at which to stop.
    time_limit_s : float
        Wall time. Runs that end by it may differ between machines. [s]

    Returns
    -------
    Selection, Proof

    Raises
    ------
    InfeasibleError
        Locks contradict each other, or ask for a route that cannot be supplied.

    Examples
    --------
    >>> import geopandas as gpd, shapely
    >>> from geoplan.model import County
    >>> from geoplan.options import price_options
    >>> from geoplan.policy import default_policy
    >>> frame = gpd.GeoDataFrame(
    ...     {"village_id": ["V1"], "name": ["甲村"], "town": ["乙镇"], "households": [100]},
    ...     geometry=[shapely.Point(500000, 4200000)], crs="EPSG:4544")
    >>> county = County("demo", frame, default_policy())
    >>> selection, proof = optimum(price_options(county), policy=county.policy)
    >>> selection.route["V1"], proof.status
    ('heat_pump', 'optimal')
    """
    clock = Clock(time_limit_s)
    first = options.fresh()
    by_rule, failure = _by_rule(first, policy)
    ledger = Ledger(options, policy)
    ledger.obey_locks()
    judge = Judge(options, ledger, objective=objective)
    start = None if by_rule is None else judge.worth(by_rule, first)
    found = search(judge, by_rule, first, start, gap=gap, clock=clock)
    selection = book(judge, found)
    reached = None if selection is None else judge.worth(selection, options)
    if start is not None and (reached is None or start.better_than(reached)):
        options.supplies.update(first.supplies)
        selection, reached = by_rule, start
    if selection is None or reached is None:
        raise failure or InfeasibleError("no choice of routes was found in the time given")
    bound = min(found.bound_cny_per_a, reached.cost_cny_per_a)
    distance = (reached.cost_cny_per_a - bound) / max(abs(reached.cost_cny_per_a), 1e-9)
    status = "optimal" if distance <= PROVED else "gap reached" if distance <= gap else "time limit"
    proof = Proof(
        objective, reached, start, bound, distance, status, found.first_goals_proved, found.price, by_rule
    )
    return selection, proof


def _by_rule(options: Options, policy: Policy) -> tuple[Selection | None, InfeasibleError | None]:
    """The cascade; where it cannot obey the locks one after the other, why."""
    try:
        return cascade(options, policy=policy), None
    except InfeasibleError as error:
        return None, error
