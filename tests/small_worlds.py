"""Random counties small enough to try everything on: a few villages, roads, and every kind of supply.

Each seed gives one county. Prices, lengths and capacities are such that every route is the best
somewhere, and that what limits villages together binds in about half of the counties.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache
from typing import Any

import numpy as np
from shapely import Point

from geoplan.model import County
from geoplan.policy import Policy, load_policy
from tests.worlds import at, gas_station, heat_source, layer, line, main, substation, village, villages_frame

ORDERS = (
    'order = ["district_heating", "gas", ["heat_pump", "electric_storage"], "biomass", "clean_coal"]\n',
    'order = ["district_heating", "heat_pump", "gas", "biomass", "clean_coal"]\n',
    'order = [["district_heating", "gas", "heat_pump", "biomass"]]\n',
    'order = ["gas", "district_heating", "biomass", "heat_pump"]\n',
    'order = ["district_heating", "gas", "clean_coal", "heat_pump", "biomass"]\n',
)
#: Prices of heat [CNY/GJ], gas [CNY/m³], electricity [CNY/kWh] and pellets [CNY/t].
PRICES = (
    (30, 2.6, 0.45, 900),
    (45, 1.8, 0.45, 1250),
    (42, 2.1, 0.36, 900),
    (48, 2.6, 0.55, 720),
    (54, 2.0, 0.45, 800),
)
PRICE = "[carriers.{}]\nprice_cny = {:.2f}\n"
CARRIERS = ("heat", "gas", "electricity", "pellets")
GAS_REACH = "[rules.gas_main_distance]\nmax = {}\n"
MONEY = """
[subsidies.pump]
level = "central"
routes = ["heat_pump", "electric_storage"]
cny_per_household = 5000
[subsidies.stove]
level = "central"
routes = ["biomass", "gas"]
cny_per_household = 1500
[budgets.central]
payer = "central"
[budgets.central.wan_cny_by_year]
2023 = {wan}
"""

#: What a household takes at most of each supply: MW, m³ a day, kVA, t a year.
PER_HOUSEHOLD = {"heat": 0.0112, "gas": 19.8, "grid": 5.42, "biomass": 2.5}


@cache
def _policy(text: str) -> Policy:
    return load_policy([("policy.toml", text)])


@dataclass
class Draft:
    """A county in the making."""

    rng: np.random.Generator
    rows: list[dict[str, Any]] = field(default_factory=list)
    layers: dict[str, list[dict[str, Any]]] = field(default_factory=dict)

    def chance(self, share: float) -> bool:
        return bool(self.rng.random() < share)

    def between(self, low: float, high: float) -> float:
        return float(self.rng.uniform(low, high))

    def capacity(self, supply: str, share: float) -> float:
        """Enough for part of all households, or ample for all of them."""
        households = sum(row["households"] for row in self.rows)
        part = self.between(0.25, 0.8) * share if self.chance(0.8) else 2.0
        return round(households * PER_HOUSEHOLD[supply] * part, 3)


def small_world(seed: int) -> County:
    """The county of a seed: 3 to 8 villages along roads between mains."""
    draft = Draft(np.random.default_rng(seed))
    rng = draft.rng
    roads = np.sort(rng.uniform(500, 5500, int(rng.integers(1, 4))))
    top, bottom = draft.between(2000, 5000), -draft.between(800, 2500)
    n = int(rng.choice([3, 4, 5, 6, 7, 8], p=[0.1, 0.2, 0.2, 0.2, 0.15, 0.15]))
    _villages(draft, n, roads, top, bottom)
    _roads(draft, roads, top, bottom)
    _heat(draft, top, thin=n <= 5 and draft.chance(0.35))
    _gas(draft, top, bottom)
    _grid_and_biomass(draft)
    _barriers(draft)
    prices = zip(CARRIERS, PRICES[int(rng.integers(len(PRICES)))], strict=True)
    text = ORDERS[int(rng.integers(len(ORDERS)))] + "".join(PRICE.format(*pair) for pair in prices)
    text += GAS_REACH.format(float(rng.choice([2000, 6000, 6000])))
    if draft.chance(0.08):
        households = sum(row["households"] for row in draft.rows)
        text = "year = 2023\n" + text + MONEY.format(wan=round(households * draft.between(0.05, 0.35), 1))
    if draft.chance(0.1):
        text = 'comparison_basis = "behaviour"\n' + text
    _locks(draft, text)
    _oddities(draft)
    layers = {stem: layer(found) for stem, found in draft.layers.items()}
    return County(f"world {seed}", villages_frame(draft.rows), _policy(text), layers)


def _villages(draft: Draft, n: int, roads: np.ndarray, top: float, bottom: float) -> None:
    for number in range(n):
        x = float(draft.rng.choice(roads)) + draft.between(40, 250) * draft.rng.choice([-1, 1])
        y = draft.between(0.2 * bottom, top)
        kind = {
            "dwelling": "apartment" if draft.chance(0.25) else "bungalow",
            "insulated": draft.chance(0.4),
            "floor_area_m2": round(draft.between(70, 130), 1),
            "winter_occupancy": 0.4 if draft.chance(0.06) else None,
            "spare_kva": round(draft.between(50, 500)) if draft.chance(0.1) else None,
        }
        households = int(np.exp(draft.between(np.log(40), np.log(900))))
        draft.rows.append(village(number, round(x, 1), round(y, 1), households, **kind))
    if n > 3 and draft.chance(0.35):
        for number in draft.rng.choice(n, int(draft.rng.integers(2, 4)), replace=False):
            draft.rows[number]["group_id"] = "组"


def _roads(draft: Draft, roads: np.ndarray, top: float, bottom: float) -> None:
    """Roads from south to north, perhaps one across; sometimes nobody knows the roads."""
    if len(draft.rows) <= 4 and draft.chance(0.25):
        return
    ways = [{"geometry": line((x, bottom), (x, top))} for x in roads]
    if len(roads) > 1 and draft.chance(0.6):
        y = draft.between(0.3, 0.9) * top
        ways.append({"geometry": line((roads[0], y), (roads[-1], y))})
    draft.layers["roads"] = ways


def _heat(draft: Draft, top: float, *, thin: bool) -> None:
    """Up to two sources, on one main in the south or each on its own; the main is thin sometimes."""
    kinds = draft.rng.choice(["none", "one", "shared", "apart"], p=[0.12, 0.43, 0.2, 0.25])
    if kinds == "none":
        return
    dn = int(draft.rng.choice([100, 150, 200])) if thin else None
    ends = (0.0, 6000.0)
    mains = [main((0, 0), (6000, 0), dn_mm=dn)]
    sources = [heat_source(draft.capacity("heat", 0.6 if kinds != "one" else 1.0), *((ends[0]), 0.0), "H1")]
    if kinds == "shared":
        sources.append(heat_source(draft.capacity("heat", 0.6), ends[1], 0.0, "H2"))
    if kinds == "apart":
        mains.append(main((0, top), (6000, top)))
        sources.append(heat_source(draft.capacity("heat", 0.6), ends[1], top, "H2"))
    draft.layers |= {"heat_sources": sources, "heat_mains": mains}


def _gas(draft: Draft, top: float, bottom: float) -> None:
    kinds = draft.rng.choice(["none", "one", "shared", "apart"], p=[0.2, 0.5, 0.15, 0.15])
    if kinds == "none":
        return
    stations = [gas_station(draft.capacity("gas", 1.0 if kinds == "one" else 0.6), 0, bottom)]
    mains = [{"status": "existing", "geometry": line((0, bottom), (6000, bottom))}]
    if kinds != "one":
        y = bottom if kinds == "shared" else top + 600.0
        stations.append(gas_station(draft.capacity("gas", 0.6), 6000, y, "G2"))
        if kinds == "apart":
            mains.append({"status": "existing", "geometry": line((0, y), (6000, y))})
    draft.layers |= {"gas_stations": stations, "gas_mains": mains}


def _grid_and_biomass(draft: Draft) -> None:
    places = [(0.0, 1000.0), (6000.0, 2000.0)]
    if draft.chance(0.75):
        found = []
        several = int(draft.rng.integers(1, 3))
        for number in range(several):
            spare = draft.capacity("grid", 1.0 / several)
            more: dict[str, Any] = {}
            if draft.chance(0.5):
                more["upgrade_kva"] = round(spare * draft.between(0.2, 1.5), 1)
                price = round(draft.between(300, 6000)) if draft.chance(0.9) else None
                more["upgrade_cost_cny_per_kva"] = price
            found.append(substation(spare, *places[number], f"S{number}", **more))
        draft.layers["substations"] = found
    if draft.chance(0.6):
        draft.layers["biomass_supply"] = [
            {
                "source_id": f"B{number}",
                "name": "成型燃料厂",
                "capacity_t_per_a": draft.capacity("biomass", 0.8),
                "geometry": at(draft.between(0, 6000), draft.between(-23_000, -17_500)),
            }
            for number in range(int(draft.rng.integers(1, 3)))
        ]


def _barriers(draft: Draft) -> None:
    if draft.chance(0.25):
        y = draft.between(200, 1800)
        draft.layers["rivers"] = [{"geometry": line((-500, y), (6500, y + draft.between(-150, 150)))}]
    if draft.chance(0.1):
        x, y = draft.between(500, 5500), draft.between(300, 2000)
        box = line((x - 600, y), (x + 600, y)).buffer(60)
        draft.layers["zones"] = [{"kind": "no_dig", "geometry": box}]


def _locks(draft: Draft, text: str) -> None:
    if not draft.chance(0.3):
        return
    routes = [route for rank in _policy(text).ranks for route in rank]
    layers = {"district_heating": "heat_sources", "gas": "gas_stations", "biomass": "biomass_supply"}
    there = [route for route in routes if layers.get(route, "villages") in {*draft.layers, "villages"}]
    for number in draft.rng.choice(len(draft.rows), int(draft.rng.integers(1, 3)), replace=False):
        row = draft.rows[number]
        if row.get("group_id") is None:
            row["locked_route"] = "deferred" if draft.chance(0.15) else str(draft.rng.choice(there))
            row["lock_reason"] = "已定"


def _oddities(draft: Draft) -> None:
    """A village that nobody lives in, or that nobody can place on the map."""
    number = int(draft.rng.integers(len(draft.rows)))
    if draft.chance(0.05):
        draft.rows[number]["households"] = 0
    elif draft.chance(0.05) and not draft.rows[number].get("locked_route"):
        draft.rows[number] |= {"unlocated": True, "geometry": Point()}
