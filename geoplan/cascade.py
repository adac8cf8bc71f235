"""The cascade: the policy's own order of routes, under capacity.

Villages of one group decide together. In each rank of the order a unit takes
its cheapest eligible route for which its source still has room; a unit that finds
none goes on to the next rank. A capacity is never exceeded.

Money that the budgets of all years name is one more capacity. It goes down the
order like any other; where villages are left without a route for want of it, and
more households get one when the least that each village needs is set aside first, that is
done instead.
"""

from __future__ import annotations

from collections.abc import Sequence

from geoplan.checks import Finding
from geoplan.errors import InfeasibleError
from geoplan.growth import Before, Offer, Quote, fallen
from geoplan.ledger import DEFERRED, Ledger
from geoplan.options import Options
from geoplan.policy import Policy
from geoplan.verdict import Selection, close


def cascade(options: Options, *, policy: Policy) -> Selection:
    """Assign one route to every village by the policy's order.

    Parameters
    ----------
    options : Options
        Priced options. Their networks grow with the selection, so price anew
        for another run.
    policy : Policy

    Returns
    -------
    Selection

    Raises
    ------
    InfeasibleError
        Locks contradict each other, or ask for a route that cannot be supplied.
    """
    ledger = Ledger(options, policy)
    if not ledger.purses.payers:
        return close(_decide(ledger))
    ledger = _decide(Ledger(options.fresh(), policy))
    if ledger.waits_for_money:
        careful = Ledger(options.fresh(), policy)
        ledger = max(ledger, _decide(careful, aside=True), key=lambda made: made.served)
    options.supplies.update(ledger.options.supplies)
    return close(ledger)


def _decide(ledger: Ledger, *, aside: bool = False) -> Ledger:
    """Serve the locks and then every rank, with the least that each unit needs set aside or not."""
    _place_locks(ledger)
    if aside:
        ledger.set_money_aside()
    for rank in ledger.policy.ranks:
        _fill(ledger, rank)
    return ledger


def _place_locks(ledger: Ledger) -> None:
    """Give every locked unit its route before anything else takes capacity."""
    wanted = ledger.read_locks()
    problems = []
    for unit, routes in sorted(wanted.items()):
        if len(routes) > 1:
            said = "; ".join(f"{', '.join(ids)} to {route}" for route, ids in sorted(routes.items()))
            problems.append(f"  * villages of one group are locked to different routes: {said}")
        else:
            problems += _place_lock(ledger, unit, next(iter(routes)))
    if problems:
        raise InfeasibleError("\n".join(["Locks that cannot be obeyed:", *problems]))


def _place_lock(ledger: Ledger, unit: str, route: str) -> list[str]:
    """Book a locked unit whatever the rules say; returns what capacity has against it."""
    if route in (DEFERRED, "existing"):
        ledger.book(route, [unit])
        return []
    ids = ledger.members[unit]
    against = ledger.unlock(unit, route)
    if not against and _take(ledger, route, unit):
        return []
    finding = against[0] if against else ledger.findings[ids[0], route][-1]
    sizes = f", needs {_amount(finding.measured)} {finding.unit}, there is {_amount(finding.limit)}"
    return [f"  * {', '.join(ids)} locked to {route}: {finding.code}{sizes if finding.unit else ''}"]


def _amount(value: float | str | None) -> str:
    return f"{value:,.1f}" if isinstance(value, float) else str(value)


def _fill(ledger: Ledger, rank: Sequence[str]) -> None:
    """Serve one rank: each unit tries its eligible routes of the rank from the best on."""
    preference = {u: _preferred(ledger, u, rank) for u in ledger.cost.index if u not in ledger.route}
    while waiting := {u: routes[0] for u, routes in preference.items() if routes}:
        for route in rank:
            wanting = [u for u, first in waiting.items() if first == route]
            taken = _allocate(ledger, route, wanting)
            left = set(wanting) - set(taken)
            ledger.refused |= {(u, route) for u in left if ledger.eligible.at[u, route]}
            for unit in taken:
                del preference[unit]
        preference = {u: routes[1:] for u, routes in preference.items()}


def _preferred(ledger: Ledger, unit: str, rank: Sequence[str]) -> list[str]:
    """Eligible routes of a rank, best first: cheapest, and among near ties the cleanest."""
    costs = {r: ledger.cost.at[unit, r] for r in rank if ledger.eligible.at[unit, r]}
    ordered = sorted(costs, key=lambda r: (costs[r], rank.index(r)))
    if len(ordered) > 1:
        limit = costs[ordered[0]] * (1.0 + ledger.policy.selection.near_tie_pct / 100.0)
        ties = [r for r in ordered if costs[r] <= limit]
        ordered = sorted(ties, key=lambda r: _dirt(ledger, unit, r)) + ordered[len(ties) :]
    return ordered


def _dirt(ledger: Ledger, unit: str, route: str) -> tuple[float, float]:
    """PM2.5 and CO2 of a route for a unit. [kg/a, t/a]"""
    rows = [(v, route) for v in ledger.members[unit]]
    emitted = ledger.options.table.loc[rows, ["pm25_kg_per_a", "co2_t_per_a"]].sum()
    return float(emitted.iloc[0]), float(emitted.iloc[1])


def _allocate(ledger: Ledger, route: str, units: list[str]) -> list[str]:
    """Give a route to those of the units that its sources can supply; returns them."""
    network = ledger.network(route)
    if not units or ((network is None or not network.limited) and not ledger.purses.payers):
        ledger.book(route, units)
        return units
    if ledger.policy.routes[route].supply == "heat":
        return _attach_heat(ledger, route, units)
    return [u for u in _by_regret(ledger, route, units) if _take(ledger, route, u)]


def _by_regret(ledger: Ledger, route: str, units: list[str]) -> list[str]:
    """Units by what they would lose without the route, per unit of what is scarce: its capacity, or money."""
    supply, network = ledger.policy.routes[route].supply, ledger.network(route)
    alike = [r for r in ledger.cost.columns if supply and ledger.policy.routes[r].supply == supply] or [route]
    limited = network is not None and network.limited

    def key(unit: str) -> tuple[float, str]:
        regret = ledger.alternative(unit, but=alike, strict=True) - ledger.cost.at[unit, route]
        scarce = ledger.use.at[unit, route] if limited else ledger.purses.asked(unit, route).sum()
        return -regret / max(float(scarce), 1e-12), unit

    return sorted(units, key=key)


def _take(ledger: Ledger, route: str, unit: str) -> bool:
    """Book a unit if there is room and money, whatever the connection costs; note what stands against it."""
    network = ledger.network(route)
    quote = None
    if network is not None and network.growth is not None:
        quote, finding = ledger.quote(route, unit)
        if quote is None:
            ledger.eligible.at[unit, route] = False
            finding = Finding("unreachable", subject=str(ledger.policy.routes[route].supply))
    else:
        finding = ledger.short(route, unit)
    finding = finding or ledger.purses.short(unit, route)
    if finding is not None:
        ledger.fail(ledger.members[unit], route, finding)
        return False
    if quote is not None:
        ledger.attach(route, unit, quote)
    else:
        ledger.draw(route, unit)
    return True


def _attach_heat(ledger: Ledger, route: str, units: list[str]) -> list[str]:
    """Attach units by decreasing net benefit per metre of new trench, while it pays and there is room."""
    growth = ledger.pipes_of(route)[2]
    rate = ledger.pipe_rate(route)
    benefit = {u: ledger.benefit(route, u) for u in units}
    offers: dict[str, Offer] = {}
    open_: dict[str, tuple[float, Quote]] = {}
    attached: list[str] = []
    asking = units
    while True:
        for unit, offer in zip(asking, ledger.offers(route, asking), strict=True):
            offers[unit] = offer
            open_.pop(unit, None)
            if offer.quote is not None and offer.finding is None:
                net = benefit[unit] - rate * offer.quote.pipe_cny
                open_[unit] = net / max(offer.quote.new_m, 1.0), offer.quote
        payable = (u for u in open_ if ledger.purses.short(u, route) is None)
        best = min(payable, key=lambda u: (-open_[u][0], u), default=None)
        if best is None or open_[best][0] < 0:
            break
        before = Before.of(growth)
        ledger.attach(route, best, open_.pop(best)[1])
        del offers[best]
        attached.append(best)
        asking = fallen(offers, growth, before=before)
    for unit, offer in offers.items():
        _explain_heat(ledger, route, unit, offer)
    return attached


def _explain_heat(ledger: Ledger, route: str, unit: str, offer: Offer) -> None:
    """Say why a unit stayed off the pipe: no way, too far to pay, or no room."""
    if offer.quote is None:
        finding: Finding | None = Finding("unreachable", subject="heat")
    else:
        finding = ledger.too_far(route, unit, offer.quote)
    if finding is not None:
        ledger.eligible.at[unit, route] = False
    else:
        finding = offer.finding or ledger.purses.short(unit, route)
    if finding is not None:
        ledger.fail(ledger.members[unit], route, finding)
