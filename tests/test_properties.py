"""What holds for every world: capacities, conservation, indifference to order and CRS, monotonicity."""

from __future__ import annotations

import json

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from geoplan.cascade import cascade
from geoplan.model import County
from geoplan.options import price_options
from geoplan.planner import assign
from tests.worlds import (
    county,
    gas_station,
    heat_source,
    line,
    main,
    substation,
    village,
)

POLICY = 'order = ["district_heating", "heat_pump", "gas", "biomass", "clean_coal"]\n'
QUICK = settings(max_examples=25, deadline=None)

rows_ = st.lists(
    st.tuples(
        st.integers(0, 90),
        st.integers(-40, 40),
        st.integers(0, 800),
        st.sampled_from([None, None, None, "a", "b"]),
    ),
    min_size=1,
    max_size=9,
    unique_by=lambda t: t[:2],
)


def world(rows, *, heat=20.0, heat2=5.0, kva=4000.0, gas=15_000.0, roads=True):
    villages = [village(i, x * 100.0, y * 100.0, n, group_id=g) for i, (x, y, n, g) in enumerate(rows)]
    ways = [{"geometry": line((x, -4000), (x, 4000))} for x in range(0, 9001, 1500)]
    ways += [{"geometry": line((0, y), (9000, y))} for y in (-3000, 3000)]
    return county(
        villages,
        POLICY,
        heat_sources=[heat_source(heat), heat_source(heat2, 9000, 3000, "H2")],
        heat_mains=[main((0, 0), (6000, 0), dn_mm=300)],
        gas_stations=[gas_station(gas, 0, -4000)],
        gas_mains=[{"status": "existing", "geometry": line((0, -4000), (9000, -4000))}],
        substations=[substation(kva, 2000, 1000), substation(kva / 2, 7000, -1000, "S2", upgrade_kva=500.0)],
        biomass_supply=[
            {"source_id": "B1", "capacity_t_per_a": 500.0, "geometry": line((0, 0), (1, 1)).centroid}
        ],
        **({"roads": ways} if roads else {}),
    )


@QUICK
@given(rows_, st.floats(0, 60), st.floats(0, 20_000), st.floats(0, 60_000), st.booleans())
def test_no_capacity_is_exceeded_and_nothing_is_lost(rows, heat, kva, gas, roads):
    county_ = world(rows, heat=heat, kva=kva, gas=gas, roads=roads)
    plan = assign(county_)
    villages = plan.villages
    assert villages["village_id"].tolist() == sorted(county_.villages["village_id"])
    assert villages["households"].sum() == sum(r[2] for r in rows) == plan.summary["households"]
    assert (villages["reason"].str.len() > 0).all()
    assert (plan.sources["used"] <= plan.sources["capacity"] * (1 + 1e-9)).all()
    for _, group in villages[villages.households > 0].dropna(subset="group_id").groupby("group_id"):
        assert group["route"].nunique() == 1
    heat_rows = plan.options[plan.options.route == "district_heating"].set_index("village_id")
    taken = villages[villages.route == "district_heating"]["village_id"]
    assert (heat_rows.loc[taken, "connection_m"] <= heat_rows.loc[taken, "break_even_m"] + 1e-6).all()


@QUICK
@given(rows_, st.randoms(use_true_random=False))
def test_row_order_does_not_change_the_plan(rows, random):
    base = world(rows)
    order = list(range(len(base.villages)))
    random.shuffle(order)
    shuffled = {stem: layer.iloc[::-1].reset_index(drop=True) for stem, layer in base.layers.items()}
    other = County("world", base.villages.iloc[order].reset_index(drop=True), base.policy, shuffled)
    a, b = assign(base), assign(other)
    columns = ["village_id", "route", "decision", "reason", "source_id"]
    pd.testing.assert_frame_equal(pd.DataFrame(a.villages[columns]), pd.DataFrame(b.villages[columns]))
    assert a.villages["annual_cost_cny"].tolist() == pytest.approx(
        b.villages["annual_cost_cny"].tolist(), rel=1e-9
    )


@QUICK
@given(rows_, st.floats(0, 30), st.floats(0, 30))
def test_more_heat_never_removes_the_first_ranked_village(rows, low, more):
    def select(capacity):
        base = world([(x, y, n, None) for x, y, n, _ in rows], heat=capacity, heat2=0.0)
        return cascade(price_options(base), policy=base.policy)

    everyone = select(1e6)
    ranked = [unit for unit in everyone.order if everyone.route[unit] == "district_heating"]
    if ranked:
        first = ranked[0]
        need = everyone.table.loc[(first, "district_heating"), "capacity_use"]
        for capacity in (low, low + more):
            assert (select(capacity).route[first] == "district_heating") == (need <= capacity)


@QUICK
@given(
    st.lists(st.tuples(st.integers(0, 60), st.integers(-20, 20)), min_size=2, max_size=8, unique=True),
    st.integers(0, 20),
    st.integers(0, 20),
)
def test_with_equal_loads_more_heat_never_serves_fewer(places, low, more):
    rows = [(x, y, 300, None) for x, y in places]

    def served(capacity):
        plan = assign(world(rows, heat=capacity, heat2=0.0))
        return plan.summary["households_by_route"].get("district_heating", 0)

    assert served(float(low)) <= served(float(low + more))


@QUICK
@given(rows_)
def test_a_metric_crs_next_door_gives_the_same_plan(rows):
    base = world(rows)
    moved = {stem: layer.to_crs("EPSG:4490").to_crs("EPSG:4544") for stem, layer in base.layers.items()}
    other = County("world", base.villages.to_crs("EPSG:4490").to_crs("EPSG:4544"), base.policy, moved)
    a, b = assign(base), assign(other)
    assert a.villages["route"].tolist() == b.villages["route"].tolist()
    assert a.villages["connection_m"].tolist() == pytest.approx(b.villages["connection_m"].tolist(), abs=0.1)


@QUICK
@given(rows_)
def test_every_infeasible_option_says_why_and_every_feasible_one_is_ranked(rows):
    plan = assign(world(rows))
    task = plan.villages.set_index("village_id")["households"] > 0
    options = plan.options[plan.options["village_id"].map(task)]
    infeasible = options[~options["feasible"]]
    assert (infeasible["infeasible_because"] != "").all()
    for text in infeasible["infeasible_because"]:
        assert all(found["code"] and found["text"] for found in json.loads(text))
    assert options.loc[options["feasible"], "rank"].notna().all()


def test_input_is_not_changed():
    base = world([(10, 5, 300, "a"), (20, 5, 200, "a"), (50, -20, 100, None)])
    before = base.villages.copy(deep=True)
    layers = {k: v.copy(deep=True) for k, v in base.layers.items()}
    assign(base)
    pd.testing.assert_frame_equal(pd.DataFrame(before), pd.DataFrame(base.villages))
    for stem, layer in layers.items():
        pd.testing.assert_frame_equal(pd.DataFrame(layer), pd.DataFrame(base.layers[stem]))


def test_the_same_county_gives_the_same_plan_twice():
    base = world([(10, 5, 300, None), (20, 5, 200, None)])
    a, b = assign(base), assign(base)
    pd.testing.assert_frame_equal(a.options, b.options)
