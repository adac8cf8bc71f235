"""What holds for every world: capacities, conservation, an answer for every option, monotonicity."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from geoplan.cascade import cascade
from geoplan.options import price_options
from geoplan.planner import assign
from tests.worlds_random import QUICK, rows_, world


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
