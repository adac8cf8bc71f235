"""Corners of the selection, each found by somebody trying to break it."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
import shapely

from geoplan.errors import InfeasibleError, InputError
from geoplan.model import County
from geoplan.planner import assign
from geoplan.policy import load_policy
from tests.test_cascade import ELECTRIC, codes, option, routes, row
from tests.worlds import (
    at,
    county,
    gas_station,
    heat_source,
    layer,
    line,
    main,
    substation,
    village,
    villages_frame,
)


@pytest.mark.parametrize("what", ["source", "village"])
def test_a_point_on_its_main_is_joined_to_it_whatever_the_bearing(what):
    rng = np.random.default_rng(5)
    for bearing in [*np.linspace(0, math.tau, 13), *rng.uniform(0, math.tau, 12), math.pi / 4]:
        end = (3000 * math.cos(bearing), 3000 * math.sin(bearing))
        pipe = line((0, 0), end)
        on = pipe.interpolate(float(rng.uniform(500, 2500)))
        source = heat_source(100) | ({"geometry": on} if what == "source" else {})
        beside = village(1, end[0], end[1] + 50)
        beside |= {"geometry": on} if what == "village" else {}
        plan = assign(
            county([beside], heat_sources=[source], heat_mains=[{"status": "existing", "geometry": pipe}])
        )
        assert routes(plan)["V01"] == "district_heating", bearing


def test_sources_on_one_main_share_its_branches():
    """A has room for the first village only; B feeds the second through the same spur."""
    spur = [{"geometry": line((3000, 0), (3000, 3000))}]
    rows = [village(1, 3000, 1500, 600), village(2, 3000, 2000, 600)]
    sources = [heat_source(8, 0, 0, "A"), heat_source(100, 6000, 0, "B")]
    plan = assign(county(rows, heat_sources=sources, heat_mains=[main((0, 0), (6000, 0))], roads=spur))
    assert set(routes(plan).values()) == {"district_heating"}
    assert sorted(plan.villages["source_id"]) == ["A", "B"]
    assert plan.links["length_m"].sum() == pytest.approx(2000, abs=1)


def test_a_way_round_a_full_main_is_found():
    small = main((0, 0), (0, -300), (5000, -300), dn_mm=50)
    large = main((0, 0), (0, 300), (5000, 300), dn_mm=500)
    plan = assign(
        county([village(1, 3000, 0, 600)], heat_sources=[heat_source(100)], heat_mains=[small, large])
    )
    assert routes(plan)["V01"] == "district_heating"


def test_a_crossing_costs_but_is_no_distance():
    river = [{"geometry": line((0, 100), (10_000, 100))}]
    plan = assign(
        county(
            [village(1, 5000, 200)],
            'order = ["gas", "heat_pump"]',
            gas_stations=[gas_station(1e5)],
            gas_mains=[{"status": "existing", "geometry": line((0, 0), (10_000, 0))}],
            rivers=river,
        )
    )
    assert routes(plan)["V01"] == "gas"
    assert plan.links["capex_cny"].sum() == pytest.approx(260 * 525 + 1_000_000, rel=1e-3)


def test_each_crossing_costs():
    rivers = [{"geometry": line((4000, y), (6000, y))} for y in (500, 1000, 1500)]
    rivers.append({"geometry": line((4000, 2000), (6000, 2000), (6000, 2200), (4000, 2200))})
    world = {
        "heat_sources": [heat_source(100)],
        "heat_mains": [main((0, 0), (10_000, 0))],
        "roads": [{"geometry": line((5000, 0), (5000, 2500))}],
    }
    dry = assign(county([village(1, 5000, 2500, 3000)], **world))
    wet = assign(county([village(1, 5000, 2500, 3000)], rivers=rivers, **world))
    assert wet.links["capex_cny"].sum() - dry.links["capex_cny"].sum() == pytest.approx(5e6)


def test_a_group_named_after_another_village_does_not_take_it_in():
    rows = [village(1, 0, 0, group_id="V02"), village(2, 50_000, 0), village(3, 500, 0, group_id="V02")]
    mains = [{"status": "existing", "geometry": line((0, -300), (3000, -300))}]
    plan = assign(county(rows, gas_stations=[gas_station(1e5)], gas_mains=mains))
    assert routes(plan) == {"V01": "gas", "V02": "heat_pump", "V03": "gas"}


def test_contradicting_locks_of_a_group_are_refused():
    rows = [
        village(1, 0, 0, group_id="G", locked_route="gas"),
        village(2, 500, 0, group_id="G", locked_route="heat_pump"),
    ]
    with pytest.raises(InfeasibleError, match="locked to different routes: V01 to gas; V02 to heat_pump"):
        assign(county(rows))


def test_a_lock_takes_its_group_along_and_only_the_locked_one_says_locked():
    rows = [village(1, 0, 0, group_id="G", locked_route="electric_direct"), village(2, 500, 0, group_id="G")]
    plan = assign(county(rows))
    assert set(routes(plan).values()) == {"electric_direct"}
    assert plan.villages["decision"].tolist() == ["locked", "group"]


def test_a_group_across_two_networks_is_unreachable_not_full():
    rows = [village(1, 0, 0, group_id="G"), village(2, 50_000, 0, group_id="G")]
    stations = [gas_station(1e5, 0, -300), gas_station(1e5, 50_000, -300, "G2")]
    mains = [{"status": "existing", "geometry": line((x, -300), (x + 900, -300))} for x in (0, 50_000)]
    roads = [{"geometry": line((x, -300), (x, 0))} for x in (0, 50_000)]
    plan = assign(county(rows, gas_stations=stations, gas_mains=mains, roads=roads))
    assert set(routes(plan).values()) == {"heat_pump"}
    assert set(plan.villages["decision"]) == {"first choice"}
    assert plan.villages["reason"].str.contains("无法接到燃气管网").all()


def test_an_unlocated_village_may_have_electricity():
    lost = village(1, 0, 0, unlocated=True) | {"geometry": shapely.Point()}
    plan = assign(county([lost, village(2, 0, 0)], ELECTRIC, substations=[substation(2000)]))
    assert routes(plan) == {"V01": "heat_pump", "V02": "heat_pump"}
    assert plan.sources.loc[0, "used"] == pytest.approx(1625.9, abs=0.1)


@pytest.mark.parametrize("order", ["district_heating", "gas", "heat_pump", "biomass"])
def test_a_village_where_nobody_winters_waits(order):
    rows = [village(1, 600, 400, winter_occupancy=0.0), village(2, 900, 400, winter_occupancy=0.9)]
    plan = assign(
        county(
            rows,
            f'order = ["{order}", "electric_direct"]',
            heat_sources=[heat_source(100)],
            heat_mains=[main((0, 0), (5000, 0))],
            gas_stations=[gas_station(1e6)],
            gas_mains=[{"status": "existing", "geometry": line((0, 0), (5000, 0))}],
            substations=[substation(1e5)],
            biomass_supply=[{"source_id": "B", "capacity_t_per_a": 1e5, "geometry": at(0, 0)}],
        )
    )
    assert routes(plan) == {"V01": "deferred", "V02": order}
    assert "冬季无人居住" in row(plan, "V01")["reason"]
    assert plan.summary["households"] == 600


def test_few_at_home_in_winter_get_no_network():
    rows = [village(1, 600, 400, winter_occupancy=0.3)]
    plan = assign(county(rows, heat_sources=[heat_source(100)], heat_mains=[main((0, 0), (5000, 0))]))
    assert codes(plan, "V01", "district_heating") == ["occupancy"]


def test_every_number_in_a_reason_is_that_of_its_route():
    rows = [village(1, 0, 0)]
    plan = assign(
        county(rows, 'order = ["heat_pump", "electric_direct", "clean_coal"]', substations=[substation(100)])
    )
    text = row(plan, "V01")["reason"]
    assert "空气源热泵、直热式电暖不可行：“变电站”轮到本村时余量 100 kVA，需 1,626、3,109 kVA" in text


def test_a_lock_beyond_break_even_does_not_claim_to_pay():
    rows = [village(1, 600, 20_000, locked_route="district_heating")]
    plan = assign(county(rows, heat_sources=[heat_source(100)], heat_mains=[main((0, 0), (5000, 0))]))
    assert "新建接入 26,000 m，超过盈亏平衡长度" in row(plan, "V01")["reason"]


def test_a_village_locked_to_wait_says_only_that():
    plan = assign(county([village(1, 0, 0, locked_route="deferred", lock_reason="等规划")]))
    assert row(plan, "V01")["reason"] == "指定为暂缓：等规划。"


def test_sources_of_different_layers_may_share_an_id():
    world = county(
        [village(1, 0, 0)],
        'order = ["heat_pump"]',
        substations=[substation(1e5, source_id="1")],
        biomass_supply=[
            {"source_id": "1", "name": "生物质厂", "capacity_t_per_a": 1.0, "geometry": at(0, 0)}
        ],
    )
    assert "变电站" in row(assign(world), "V01")["reason"]


def test_a_rule_may_be_called_anything():
    text = """
order = ["gas", "heat_pump"]
[rules.unreachable]
routes = ["gas"]
column = "households"
min = 1000
[rules.locked]
routes = ["gas"]
column = "town"
not_in = ["甲镇"]
"""
    layers = {
        "gas_stations": [gas_station(1e5)],
        "gas_mains": [{"status": "existing", "geometry": line((0, 0), (5000, 0))}],
    }
    text_ = row(assign(county([village(1, 600, 100)], text, **layers)), "V01")["reason"]
    assert "改造户数 300 户，低于 1,000 户" in text_
    assert "乡镇“甲镇”不适用" in text_


def test_a_runner_up_can_really_be_had():
    """Behind a small main, beyond break-even, or short of room as a group: none of them is a runner-up."""
    order = 'order = ["heat_pump", "district_heating", "gas"]'
    thin = county(
        [village(1, 600, 300, 3000)],
        order,
        heat_sources=[heat_source(500)],
        heat_mains=[main((0, 0), (5000, 0), dn_mm=50)],
    )
    assert codes(assign(thin), "V01", "district_heating") == ["main_full"]
    far = county(
        [village(1, 600, 60_000)],
        order,
        heat_sources=[heat_source(500)],
        heat_mains=[main((0, 0), (5000, 0))],
    )
    assert codes(assign(far), "V01", "district_heating") == ["beyond_break_even"]
    pair = [village(1, 0, 0, group_id="G"), village(2, 500, 0, group_id="G")]
    both = assign(
        county(
            pair,
            'order = ["gas", "heat_pump"]',
            gas_stations=[gas_station(1e5)],
            gas_mains=[{"status": "existing", "geometry": line((0, 0), (5000, 0))}],
            substations=[substation(2000)],
        )
    )
    assert set(routes(both).values()) == {"gas"}
    assert codes(both, "V01", "heat_pump") == ["source_full"]


def test_density_is_that_of_the_pipe_as_built():
    roads = [{"geometry": line((3000, 0), (3000, 6000))}]
    rows = [village(1, 3000, 2500, 1500), village(2, 3000, 2600, 60)]
    plan = assign(
        county(rows, heat_sources=[heat_source(100)], heat_mains=[main((0, 0), (5000, 0))], roads=roads)
    )
    heat = option(plan, "V02", "district_heating")
    by_hand = row(plan, "V02")["heat_demand_mwh_per_a"] / (60 * 35 + 100)
    assert heat["linear_heat_density_mwh_per_m"] == pytest.approx(by_hand, rel=1e-3)
    assert f"线热密度 {by_hand:.3g}" in row(plan, "V02")["reason"]


def test_capacity_follows_the_climate():
    cold = assign(county([village(1, 0, 0)], "[climate]\noutdoor_design_c = -25"))
    need = option(cold, "V01", "heat_pump")["capacity_use"]
    assert need == pytest.approx(3150 / (1.5 * 0.88) * 0.8 / 0.76, rel=1e-3)


def test_no_village_at_all_is_an_input_error():
    empty = County("none", villages_frame([village(1, 0, 0)]).iloc[:0], load_policy([]))
    with pytest.raises(InputError, match="no village"):
        assign(empty)


def test_every_infeasible_option_of_an_idle_village_says_so():
    plan = assign(county([village(1, 0, 0, 0)]))
    assert not plan.options["feasible"].any()
    assert {json.loads(t)[0]["code"] for t in plan.options["infeasible_because"]} == {"no_task"}


def test_the_plan_is_the_same_in_the_next_zone():
    """The whole county moved 200 km away on the same grid gives the same plan."""

    def moved(geometry):
        return shapely.transform(geometry, lambda xy: xy + 200_000.0)

    rows = [village(1, 600, 400), village(2, 3000, 2000, 500), village(3, 2500, -900, 90)]
    source = heat_source(5)
    near = county(rows, heat_sources=[source], heat_mains=[main((0, 0), (5000, 0))])
    far_layers = {
        "heat_sources": layer([source | {"geometry": moved(source["geometry"])}]),
        "heat_mains": layer(
            [{"status": "existing", "dn_mm": None, "geometry": moved(line((0, 0), (5000, 0)))}]
        ),
    }
    far_rows = villages_frame([r | {"geometry": moved(r["geometry"])} for r in rows])
    far = County("world", far_rows, near.policy, far_layers)
    a, b = assign(near), assign(far)
    assert a.villages["reason"].tolist() == b.villages["reason"].tolist()
