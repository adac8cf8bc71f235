"""The cascade on worlds small enough to work out by hand."""

from __future__ import annotations

import json

import pytest
import shapely

from geoplan.errors import InfeasibleError
from geoplan.planner import assign
from tests.worlds import (
    at,
    corridor,
    county,
    gas_station,
    heat_source,
    line,
    main,
    substation,
    village,
)

ELECTRIC = 'order = ["district_heating", "heat_pump", "gas"]\n'


def routes(plan):
    return dict(zip(plan.villages["village_id"], plan.villages["route"], strict=True))


def row(plan, village_id):
    return plan.villages.set_index("village_id").loc[village_id]


def option(plan, village_id, route):
    return plan.options.set_index(["village_id", "route"]).loc[(village_id, route)]


def codes(plan, village_id, route):
    text = option(plan, village_id, route)["infeasible_because"]
    return [found["code"] for found in json.loads(text)] if text else []


def test_default_order_is_heat_then_gas_then_electricity():
    plan = assign(
        county(
            [village(1, 2000, 300), village(2, 2000, -2000), village(3, 2000, 30_000)],
            heat_sources=[heat_source(100)],
            heat_mains=[main((0, 0), (5000, 0))],
            gas_stations=[gas_station(1e5, 0, -3000)],
            gas_mains=[{"status": "existing", "geometry": line((0, -3000), (5000, -3000))}],
            roads=[
                {"geometry": line((2000, -3000), (2000, -1000))},
                {"geometry": line((2000, 300), (2000, 0))},
            ],
        )
    )
    assert routes(plan) == {"V01": "district_heating", "V02": "gas", "V03": "heat_pump"}
    assert set(plan.villages["decision"]) == {"first choice"}


def test_demand_by_hand():
    """300 households × 100 m² × 105 W/m² = 3,150 kW; × 2,372.2 h = 7,472 MWh."""
    plan = assign(county([village(1, 0, 0)]))
    assert row(plan, "V01")["heat_load_kw"] == pytest.approx(3150.0)
    assert row(plan, "V01")["heat_demand_mwh_per_a"] == pytest.approx(7472.5, abs=0.5)
    # 3,150 kW / 2.0394 × 0.8 / (0.95 × 0.8) kVA; 3,150 kW × 24 h × 0.7 / (9.9 kWh/m³ × 0.9) m³ a day
    assert option(plan, "V01", "heat_pump")["capacity_use"] == pytest.approx(1625.9, abs=0.1)
    assert option(plan, "V01", "gas")["capacity_use"] == pytest.approx(5939.4, abs=0.1)
    # 3.15 MW × 0.9 / (0.96 × 0.88)
    assert option(plan, "V01", "district_heating")["capacity_use"] == pytest.approx(3.3558, abs=1e-3)


def test_break_even_decides_not_a_buffer():
    """The same village is connected just inside its break-even length and not just outside."""

    def world(gap_m):
        rows = [village(0, 600, gap_m)]
        return county(rows, heat_sources=[heat_source(500)], heat_mains=[main((0, 0), (10_000, 0))])

    limit = row(assign(world(400)), "V00")["break_even_m"]
    detour = world(400).policy.access.detour_factor
    for factor, route in ((0.98, "district_heating"), (1.02, "heat_pump")):
        plan = assign(world(limit / detour * factor))
        assert row(plan, "V00")["route"] == route
        found = option(plan, "V00", "district_heating")
        assert (found["connection_m"] <= found["break_even_m"]) == (route == "district_heating")


def test_break_even_by_hand():
    """L = (cost of the other route − cost of heat) / (annuity + upkeep) / price of the pipe for the load."""
    plan = assign(corridor([300]))
    heat = option(plan, "V00", "district_heating")
    other = plan.options[
        (plan.options.village_id == "V00")
        & plan.options.route.isin(["gas", "heat_pump", "electric_direct", "electric_storage"])
    ]
    rate = 0.0782267 + 0.01
    pipe_a = heat["connection_m"] * 3100 * rate  # 3.36 MW needs DN200: DN150 carries 3.3 MW
    saving = other["annual_cost_cny"].min() - (heat["annual_cost_cny"] - pipe_a)
    assert heat["break_even_m"] == pytest.approx(saving / rate / 3100, rel=1e-4)


def test_a_longer_branch_pays_when_it_is_shared():
    """A village too far alone is connected once a neighbour's branch passes it."""
    roads = [{"geometry": line((3000, 0), (3000, 6000))}]
    far = village(2, 3000, 2600, 60)
    big = village(1, 3000, 2500, 1500)
    common = {
        "heat_sources": [heat_source(100)],
        "heat_mains": [main((0, 0), (5000, 0))],
        "roads": roads,
    }
    assert routes(assign(county([far], **common)))["V02"] != "district_heating"
    plan = assign(county([big, far], **common))
    assert routes(plan) == {"V01": "district_heating", "V02": "district_heating"}
    assert row(plan, "V02")["connection_m"] == pytest.approx(100, abs=1)
    assert plan.links["length_m"].sum() == pytest.approx(2600, abs=1)


def test_capacity_goes_to_the_greatest_benefit_per_metre_and_the_loser_says_to_what():
    plan = assign(corridor([300, 900], capacity_mw=11.0))
    assert routes(plan)["V01"] == "district_heating"
    assert row(plan, "V00")["decision"] == "no capacity left"
    assert codes(plan, "V00", "district_heating") == ["source_full"]
    assert "热源H1" in row(plan, "V00")["reason"]
    assert plan.sources.set_index("source_id").loc["H1", "used"] <= 11.0


def test_no_heat_capacity_sends_everyone_elsewhere():
    plan = assign(corridor([300, 300], capacity_mw=0.0))
    assert set(routes(plan).values()) == {"heat_pump"}
    assert set(plan.villages["decision"]) == {"no capacity left"}
    assert plan.villages["reason"].str.contains("“热源H1”轮到本村时余量 0 MW").all()


def test_n_minus_1_limits_what_a_source_may_give():
    """10 MW with one unit of 8 MW: (10 − 8)/0.55 = 3.6 MW may be promised."""
    source = heat_source(10.0) | {"largest_unit_mw": 8.0}
    world = county([village(1, 2000, 300, 400)], heat_sources=[source], heat_mains=[main((0, 0), (5000, 0))])
    plan = assign(world)
    assert plan.sources.loc[0, "capacity"] == pytest.approx(2 / 0.55)
    assert routes(plan)["V01"] != "district_heating"


def test_order_of_routes_decides():
    layers = {
        "gas_stations": [gas_station(1e5)],
        "gas_mains": [{"status": "existing", "geometry": line((0, 0), (5000, 0))}],
        "substations": [substation(1e5)],
    }
    rows = [village(1, 2000, 300)]
    assert routes(assign(county(rows, 'order = ["gas", "heat_pump"]', **layers)))["V01"] == "gas"
    assert routes(assign(county(rows, 'order = ["heat_pump", "gas"]', **layers)))["V01"] == "heat_pump"


def test_a_rank_of_equals_takes_the_cheapest_and_says_so():
    rows = [village(1, 2000, 300)]
    plan = assign(county(rows, 'order = [["electric_direct", "heat_pump"]]', substations=[substation(1e5)]))
    assert routes(plan)["V01"] == "heat_pump"
    assert row(plan, "V01")["decision"] == "cheaper option"


def test_scarce_electricity_goes_to_those_who_have_no_gas():
    """Two alike villages, room for one: the one without gas gets it, the other takes gas."""
    plan = assign(
        county(
            [village(1, 2000, 300), village(2, 2000, 9000)],
            ELECTRIC,
            gas_stations=[gas_station(1e5)],
            gas_mains=[{"status": "existing", "geometry": line((0, 0), (5000, 0))}],
            substations=[substation(1700)],
        )
    )
    assert routes(plan) == {"V01": "gas", "V02": "heat_pump"}
    assert row(plan, "V01")["decision"] == "no capacity left"


def test_upgrade_capacity_is_used_and_paid():
    rows = [village(1, 0, 0)]
    with_upgrade = substation(1000, upgrade_kva=1000, upgrade_cost_cny_per_kva=900)
    plan = assign(county(rows, ELECTRIC, substations=[with_upgrade]))
    assert routes(plan)["V01"] == "heat_pump"
    free = assign(county(rows, ELECTRIC, substations=[substation(2000)]))
    extra = row(plan, "V01")["capex_cny"] - row(free, "V01")["capex_cny"]
    assert extra == pytest.approx((1625.865 - 1000) * 900, rel=1e-4)
    assert row(plan, "V01")["capex_cny"] == option(plan, "V01", "heat_pump")["capex_cny"]
    assert routes(assign(county(rows, ELECTRIC, substations=[substation(1000)])))["V01"] == "deferred"


def test_gas_without_day_volume_serves_nobody():
    layers = {"gas_mains": [{"status": "existing", "geometry": line((0, 0), (5000, 0))}]}
    plan = assign(county([village(1, 2000, 300)], gas_stations=[gas_station(0)], **layers))
    assert routes(plan)["V01"] == "heat_pump"
    assert codes(plan, "V01", "gas") == ["source_full"]


def test_a_group_shares_one_route():
    rows = [village(1, 2000, 300, group_id="G"), village(2, 2000, 9000, group_id="G")]
    plan = assign(
        county(
            rows,
            gas_stations=[gas_station(1e5)],
            gas_mains=[{"status": "existing", "geometry": line((0, 0), (5000, 0))}],
        )
    )
    assert set(routes(plan).values()) == {"heat_pump"}
    assert row(plan, "V01")["decision"] == "group"
    assert codes(plan, "V01", "gas") == ["group"]


def test_a_lock_is_obeyed_and_takes_capacity_first():
    rows = [
        village(1, 600, 400, locked_route="district_heating", lock_reason="示范村"),
        village(2, 1200, 400, 310),
    ]
    plan = assign(county(rows, heat_sources=[heat_source(3.5)], heat_mains=[main((0, 0), (5000, 0))]))
    assert routes(plan)["V01"] == "district_heating"
    assert row(plan, "V01")["decision"] == "locked"
    assert "示范村" in row(plan, "V01")["reason"]
    assert row(plan, "V02")["decision"] == "no capacity left"


def test_a_lock_that_cannot_be_supplied_is_an_error_that_names_it():
    rows = [village(1, 600, 400, locked_route="district_heating")]
    world = county(rows, heat_sources=[heat_source(1.0)], heat_mains=[main((0, 0), (5000, 0))])
    with pytest.raises(InfeasibleError, match="V01 locked to district_heating"):
        assign(world)


def test_a_village_without_households_is_kept_and_takes_nothing():
    plan = assign(corridor([0, 300]))
    assert len(plan.villages) == 2
    assert row(plan, "V00")["route"] == "deferred"
    assert "无改造任务" in row(plan, "V00")["reason"]
    assert row(plan, "V00")["capex_cny"] == 0


def test_density_is_a_warning_unless_the_policy_makes_it_a_test():
    plan = assign(corridor([100], gap_m=100))
    assert row(plan, "V00")["route"] == "district_heating"
    assert "【需论证】线热密度" in row(plan, "V00")["reason"]
    hard = assign(
        county(
            [village(0, 600, 100, 100)],
            '[rules.linear_heat_density]\nlevel = "exclude"\n',
            heat_sources=[heat_source(500)],
            heat_mains=[main((0, 0), (10_000, 0))],
        )
    )
    assert codes(hard, "V00", "district_heating") == ["linear_heat_density"]


def test_both_comparison_bases_stand_in_the_options():
    equal = option(assign(corridor([300])), "V00", "heat_pump")
    assert equal["annual_cost_cny"] == equal["annual_cost_equal_service_cny"]
    assert equal["annual_cost_behaviour_cny"] < equal["annual_cost_equal_service_cny"]
    world = county([village(0, 0, 0)], 'comparison_basis = "behaviour"')
    other = option(assign(world), "V00", "heat_pump")
    assert other["annual_cost_cny"] == other["annual_cost_behaviour_cny"]


def test_sources_of_a_later_year_do_not_count():
    late = heat_source(100) | {"year": 2030}
    rows = [village(1, 600, 400)]
    mains = [main((0, 0), (5000, 0))]
    assert (
        routes(assign(county(rows, "year = 2025", heat_sources=[late], heat_mains=mains)))["V01"]
        == "heat_pump"
    )
    assert (
        routes(assign(county(rows, "year = 2030", heat_sources=[late], heat_mains=mains)))["V01"]
        == "district_heating"
    )


def test_a_village_to_be_demolished_gets_no_pipe():
    rows = [village(1, 600, 400, demolition_year=2025)]
    plan = assign(
        county(rows, "year = 2023", heat_sources=[heat_source(100)], heat_mains=[main((0, 0), (5000, 0))])
    )
    assert routes(plan)["V01"] == "heat_pump"
    assert codes(plan, "V01", "district_heating") == ["demolition"]


def test_biomass_within_radius_and_tonnage():
    order = 'order = ["biomass", "clean_coal"]'
    supply = [{"source_id": "B1", "capacity_t_per_a": 1e6, "geometry": at(0, 0)}]
    assert routes(assign(county([village(1, 15_000, 0)], order, biomass_supply=supply)))["V01"] == "biomass"
    assert codes(assign(county([village(1, 25_000, 0)], order, biomass_supply=supply)), "V01", "biomass") == [
        "beyond_radius"
    ]
    short = [supply[0] | {"capacity_t_per_a": 10.0}]
    assert routes(assign(county([village(1, 15_000, 0)], order, biomass_supply=short)))["V01"] == "clean_coal"


def test_an_unlocated_village_is_counted_and_reaches_no_pipe():
    lost = village(1, 0, 0, unlocated=True) | {"geometry": shapely.Point()}
    world = county(
        [lost, village(2, 600, 400)], heat_sources=[heat_source(100)], heat_mains=[main((0, 0), (5000, 0))]
    )
    plan = assign(world)
    assert routes(plan) == {"V01": "heat_pump", "V02": "district_heating"}
    assert plan.summary["unlocated"] == 1
    assert plan.summary["households"] == 600
