"""What the optimum says beside the cascade: who moved and why, prices of capacity, shares of pipes."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

import geoplan
from geoplan.cli import cli
from geoplan.excel import workbook
from geoplan.tables import said_of_optimum, sheets
from tests.worlds import at, county, heat_source, line, main, substation, village

ORDER = 'order = ["district_heating", "heat_pump"]\n'
#: CNY/m of the pipe that carries one such village, and of the one that carries both (DN200).
DN200 = 3100.0


def biomass_supply(tonnes):
    return {"source_id": "B1", "name": "成型燃料点", "capacity_t_per_a": tonnes, "geometry": at(0, 300)}


def fork(metres):
    """Two equal villages 400 m to either side of the end of a road from the main."""
    roads = [line((5000, 0), (5000, metres)), line((4600, metres), (5000, metres), (5400, metres))]
    return county(
        [village(0, 4600, metres, 300), village(1, 5400, metres, 300)],
        ORDER,
        heat_sources=[heat_source(100)],
        heat_mains=[main((0, 0), (10_000, 0))],
        roads=[{"geometry": road} for road in roads],
    )


def scarce(spare_kva):
    """A large old village and a small insulated one at a substation that cannot feed both; else straw."""
    rows = [village(0, 0, 0, 200), village(1, 500, 0, 200, insulated=True)]
    return county(
        rows,
        'order = ["heat_pump", "biomass"]\n[carriers.pellets]\nprice_cny = 1900.0\n',
        substations=[substation(spare_kva)],
        biomass_supply=[biomass_supply(1e5)],
    )


def test_villages_that_only_pay_together_are_joined_by_the_optimum_alone():
    world = fork(3200.0)
    assert geoplan.assign(world).villages["route"].tolist() == ["heat_pump", "heat_pump"]
    plan = geoplan.assign(world, method="optimum")
    found = plan.summary["optimum"]
    assert plan.villages["route"].tolist() == ["district_heating", "district_heating"]
    assert found["status"] == "optimal"
    assert found["cascade"]["households_by_route"] == {"heat_pump": 600}
    assert [row["because"] for row in found["moved"]] == ["cheaper", "cheaper"]
    moved = sum(row["saving_cny_per_a"] for row in found["moved"])
    assert moved == pytest.approx(found["saving_cny_per_a"])


@pytest.mark.parametrize("method", ["cascade", "optimum"])
def test_shares_sum_to_the_pipes_and_marginals_are_what_falls_away(method):
    plan = geoplan.assign(fork(1500.0), method=method)
    pipes = plan.links["capex_cny"].sum()
    assert pipes == pytest.approx((1500 + 800) * DN200)
    assert plan.villages["pipe_share_cny"].tolist() == pytest.approx([pipes / 2] * 2)
    assert plan.villages["pipe_marginal_cny"].tolist() == pytest.approx([400 * DN200] * 2)


def test_unequal_loads_share_a_pipe_in_proportion():
    world = county(
        [village(0, 3000, 800, 400), village(1, 3000, 1600, 100)],
        ORDER,
        heat_sources=[heat_source(100)],
        heat_mains=[main((0, 0), (10_000, 0))],
        roads=[{"geometry": line((3000, 0), (3000, 1600))}],
    )
    villages = geoplan.assign(world, method="optimum").villages
    near, far = villages["pipe_share_cny"]
    links = geoplan.assign(world, method="optimum").links.set_index("to_id")["capex_cny"]
    assert near == pytest.approx(links["V00"] * 0.8)
    assert far == pytest.approx(links["V00"] * 0.2 + links["V01"])


def test_who_gets_scarce_power_is_one_number():
    ample = geoplan.assign(scarce(1e6), method="optimum")
    assert ample.villages["route"].tolist() == ["heat_pump", "heat_pump"]
    assert ample.sources["shadow_price_cny_per_unit"].tolist() == pytest.approx([0.0, 0.0])
    use = ample.options.query("route == 'heat_pump'").set_index("village_id")["capacity_use"]
    plan = geoplan.assign(scarce(float(use.max()) * 1.01), method="optimum")
    assert sorted(plan.villages["route"]) == ["biomass", "heat_pump"]
    value = plan.options.query("route == 'heat_pump'").set_index("village_id")["capacity_value_cny_per_unit"]
    loser = plan.villages.query("route == 'biomass'").iloc[0]
    price = plan.sources.set_index("source_id").at["S1", "shadow_price_cny_per_unit"]
    assert price == pytest.approx(value.min(), rel=1e-6) or price == pytest.approx(value.max(), rel=1e-6)
    assert loser["decision"] == "no capacity left"
    # Most is saved by whoever stays on power, whatever its share of the substation.
    saved = (value * use)[plan.villages.query("route == 'heat_pump'")["village_id"].iloc[0]]
    assert saved == pytest.approx((value * use).max())


def test_a_village_whose_capacity_is_worth_more_elsewhere_is_told_so():
    rows = [village(i, 100.0 * i, 0, 200) for i in range(5)] + [village(9, 900, 0, 60, floor_area_m2=40.0)]
    policy = (
        'order = ["heat_pump", "biomass"]\n[carriers.pellets]\nprice_cny = 1900.0\n'
        '[subsidies.x]\nlevel = "central"\nroutes = ["heat_pump"]\ncny_per_household = 1.0\n'
    )
    layers = {"biomass_supply": [biomass_supply(1e5)]}
    use = geoplan.assign(county(rows, policy, substations=[substation(1e6)], **layers)).options
    kva = use.query("route == 'heat_pump'").set_index("village_id")["capacity_use"]
    tight = county(rows, policy, substations=[substation(float(kva.iloc[:2].sum()) * 1.2)], **layers)
    plan = geoplan.assign(tight, method="optimum")
    left_out = plan.villages.query("route == 'biomass'")
    assert len(left_out) >= 3
    waiting = plan.options.set_index("village_id").query("route == 'heat_pump'")["infeasible_because"]
    for text in waiting[left_out["village_id"]]:
        assert "source_full" in {f["code"] for f in json.loads(text)}
        assert "轮到" not in text  # nobody has a turn where all are decided at once
    price = plan.sources.set_index("source_id").at["S1", "shadow_price_cny_per_unit"]
    assert price > 0


def test_other_objectives_are_least_by_their_own_measure():
    world = scarce(300.0)
    plans = {o: geoplan.assign(world, method="optimum", objective=o) for o in OBJECTIVES}
    for name, column in (("household", "household_annual_cost_cny"), ("society", "annual_cost_cny")):
        total = {o: _taken(plan, column) for o, plan in plans.items()}
        assert total[name] <= min(total.values()) * (1 + 1e-3)
    priced = {o: _taken(p, "annual_cost_cny") + _emissions(p) for o, p in plans.items()}
    assert priced["emissions-priced"] <= min(priced.values()) * (1 + 1e-6)


OBJECTIVES = ("society", "household", "emissions-priced")


def _taken(plan, column):
    key = plan.villages[["village_id", "route"]]
    return float(key.merge(plan.options, on=["village_id", "route"])[column].sum())


def _emissions(plan):
    key = plan.villages[["village_id", "route"]]
    return float(plan.policy.economics.emission_prices.of(key.merge(plan.options)).sum())


@pytest.mark.parametrize("wrong", [{"method": "best"}, {"method": "optimum", "objective": "cheapest"}])
def test_an_unknown_method_or_objective_is_refused(wrong):
    with pytest.raises(ValueError, match="must be one of"):
        geoplan.assign(scarce(300.0), **wrong)


def test_the_comparison_stands_in_workbook_and_terminal(tmp_path):
    plan = geoplan.assign(fork(3200.0), method="optimum")
    names = [sheet.name for sheet in sheets(plan)]
    assert {"方案比较", "换方式的村", "能力的价值"} <= set(names)
    assert len(workbook(plan)) > 1000
    lines = said_of_optimum(plan.summary["optimum"])
    assert "2 个村换了方式" in lines[0]
    assert "已证明最优" in lines[1]
    again = geoplan.read_plan(plan.write(tmp_path / "plan"))
    old, new = (p.summary["optimum"]["moved"] for p in (plan, again))
    assert [row | {"saving_cny_per_a": 0} for row in new] == [row | {"saving_cny_per_a": 0} for row in old]
    assert {"方案比较", "换方式的村"} <= {sheet.name for sheet in sheets(again)}


def test_the_command_writes_the_optimum_beside_the_cascade(tmp_path, monkeypatch):
    folder = tmp_path / "world"
    folder.mkdir()
    world = fork(3200.0)
    world.villages.to_file(folder / "villages.geojson")
    for stem, layer in world.layers.items():
        layer.to_file(folder / f"{stem}.geojson")
    (folder / "policy.toml").write_text(ORDER, "utf-8")
    monkeypatch.chdir(tmp_path)
    asked = ["assign", str(folder / "villages.geojson"), "--method", "optimum"]
    done = CliRunner().invoke(cli, asked, prog_name="geoplan")
    assert done.exit_code == 0, done.output
    assert "规则方案" in done.output
    assert (tmp_path / "maps" / "world-optimum" / "coverage.html").exists()


def test_an_optimum_that_costs_more_says_what_for():
    side = {"households_deferred": 0, "households_transition": 0, "cost_cny_per_a": 1.2e6}
    found = {
        "objective": "society", "status": "time limit", "gap": 0.05, "bound_cny_per_a": 1.1e6,
        "cascade": side | {"households_transition": 80, "cost_cny_per_a": 1e6}, "optimum": side,
        "saving_cny_per_a": -2e5, "moved": [], "first_goals_proved": True,
    }  # fmt: skip
    said = said_of_optimum(found)
    assert "优化方案高 20 万元/年（16.7 %），用于减少暂缓和过渡的户数" in said[0]
    assert "-" not in said[0]
    assert any("离下界还远" in line for line in said)
    assert not any("离下界还远" in line for line in said_of_optimum(found | {"gap": 0.01}))
