"""A county nobody here has seen: a policy file, its layers and what its document prints, and no line of code.

青山县 is invented. Three routes by rule: gas along a main with a small day volume, heat pumps, and
biomass in the hills; two levels of subsidy; money in two scopes; an annex with a two-level heading.
Every number expected below is worked out by hand beside it.
"""

from __future__ import annotations

import json
from dataclasses import replace

import openpyxl
import pytest

import geoplan
from geoplan.annex import annex_table
from geoplan.funding import funding_table, scope_totals
from geoplan.reconcile import unexplained
from tests.test_cli import run

#: Metres per degree near the county, near enough to place things.
LON0, LAT0, LON_M, LAT_M = 112.0, 36.5, 89_500.0, 111_000.0

POLICY = """
title = "青山县2024年清洁取暖规划"
county = "青山县"
document = "青政发〔2024〕3号"
issued = "2024-03-20"
year = 2024
# 三「有管网、有气量的地方用气，其余用电，山区用生物质」
order = ["gas", "heat_pump", "biomass"]

[targets]
source = "青政发〔2024〕3号 二：「2024年完成1180户」"
confidence = "S-H"
households = 1180
by_year = { "2024" = 1180 }
by_town = { "河口镇" = 750, "石桥镇" = 300, "云岭乡" = 130 }

[rules.hills]
source = "青政发〔2024〕3号 三：「海拔1000米以上的村推广生物质」"
confidence = "S-H"
routes = ["heat_pump"]
column = "elevation_m"
max = 1000

[routes.gas.capex.boiler]
cny_per_unit = { value = 4000, source = "青政发〔2024〕3号 四", confidence = "S-H" }
[routes.heat_pump.capex.device]
cny_per_unit = { value = 8000, source = "青政发〔2024〕3号 四", confidence = "S-H" }
[routes.biomass.capex.stove]
cny_per_unit = { value = 3000, source = "青政发〔2024〕3号 四", confidence = "S-H" }

[subsidies.central_gas]
source = "青政发〔2024〕3号 四：「煤改气每户2000元」"
confidence = "S-H"
level = "central"
routes = ["gas"]
cny_per_household = 2000
[subsidies.central_power]
source = "青政发〔2024〕3号 四：「煤改电补助设备费的60%，最高5000元」"
confidence = "S-H"
level = "central"
routes = ["heat_pump"]
of = ["device"]
share = 0.6
cap_cny_per_household = 5000
[subsidies.central_biomass]
source = "青政发〔2024〕3号 四：「生物质每户1000元」"
confidence = "S-H"
level = "central"
routes = ["biomass"]
cny_per_household = 1000
[subsidies.county_gas]
source = "青政发〔2024〕3号 四：「县级补助壁挂炉的30%，最高1000元」"
confidence = "S-H"
level = "district"
routes = ["gas"]
share = 0.3
cap_cny_per_household = 1000
[subsidies.county_power]
source = "青政发〔2024〕3号 四：「县级每户1500元」"
confidence = "S-H"
level = "district"
routes = ["heat_pump"]
cny_per_household = 1500
[subsidies.running]
source = "青政发〔2024〕3号 五：「每度补0.1元，最高4000度，两年」"
confidence = "S-H"
level = "district"
kind = "operating"
routes = ["heat_pump"]
cny_per_kwh = 0.1
cap_units = 4000
years = 2

[funding.gas]
source = "青政发〔2024〕3号 六"
confidence = "S-H"
item = "煤改气"
scope = ["设备", "总投资"]
routes = ["gas"]
from_plan = ["central", "district", "household"]
[funding.power]
source = "青政发〔2024〕3号 六"
confidence = "S-H"
item = "煤改电"
scope = ["设备", "总投资"]
routes = ["heat_pump"]
from_plan = ["central", "district", "household"]
[funding.biomass]
source = "青政发〔2024〕3号 六"
confidence = "S-H"
item = "生物质"
scope = ["设备", "总投资"]
routes = ["biomass"]
from_plan = ["central", "district", "household"]
[funding.grid]
source = "青政发〔2024〕3号 六：「电网改造300万元由供电公司承担」"
confidence = "S-H"
item = "电网改造"
scope = ["总投资"]
wan_cny = { enterprise = 300 }

[milestones.works]
source = "青政发〔2024〕3号 七"
confidence = "S-H"
stage = "施工"
start = "2024-05-01"
end = "2024-09-30"

[annexes.tasks]
mark = "附表"
title = "青山县清洁取暖任务与资金表"
unit = "户、万元"
order = ["云岭乡", "河口镇", "石桥镇"]
total = "总计"
columns = [
  { head = ["序号"], cell = "number" },
  { head = ["乡镇"], cell = "row" },
  { head = ["改造方式", "煤改气"], sum = "households", where = { route = ["gas"] } },
  { head = ["改造方式", "煤改电"], sum = "households", where = { route = ["heat_pump"] } },
  { head = ["改造方式", "生物质"], sum = "households", where = { route = ["biomass"] } },
  { head = ["合计"], sum = "households" },
  { head = ["资金", "中央"], sum = "subsidy_central_cny", scale = 0.0001, decimals = 1 },
  { head = ["资金", "县级"], sum = "subsidy_district_cny", scale = 0.0001, decimals = 1 },
  { head = ["责任单位"], cell = "responsible_agency" },
]
"""

#: What the document prints: one entry a line.
NUMBERS = """
id = "all"; place = "二"; what = "改造户数"; value = 1180; unit = "户"; column = "households"
id = "gas"; place = "三"; what = "煤改气"; value = 500; column = "households"; where.route = ["gas"]
id = "power"; place = "三"; what = "煤改电"; value = 550; column = "households"; where.route = ["heat_pump"]
id = "bio"; place = "三"; what = "生物质"; value = 130; column = "households"; where.route = ["biomass"]
place = "三"; what = "三种方式之和"; value = 1180; unit = "户"; sum = ["gas", "power", "bio"]
place = "二"; what = "涉及村数"; value = 8; unit = "个"; column = "villages"
place = "二"; what = "涉及乡镇数"; value = 3; unit = "个"; column = "towns"
place = "四"; what = "补助比例"; value = 60; unit = "%"; policy = "subsidies.central_power.share"; scale = 100
place = "五"; what = "运行补助上限"; value = 22; exposure = "running"; where.route = ["heat_pump"]
place = "六"; what = "煤改电中央资金"; value = 264; unit = "万元"; funding = "power.central"
place = "六"; what = "设备投资"; value = 679; unit = "万元"; scope = "设备.total"
place = "六"; what = "总投资"; value = 979; unit = "万元"; scope = "总投资.total"
place = "六"; what = "农户自筹占设备投资"; value = 24.96; unit = "%"; scope = "设备.household.share"
place = "六"; what = "户均设备投资"; value = 5750; unit = "元"; because = "文件按估算数四舍五入印出"
"""

PUBLISHED = """
document = "青政发〔2024〕3号"
issued = "2024-03-20"
dates = [{ place = "七", what = "施工", start = "2024-05-01", end = "2024-09-30" }]

[[tables]]
annex = "tasks"
place = "附表"
rows = [
  [1, "云岭乡", "", "", 130, 130, 13.0, "", "云岭乡人民政府"],
  [2, "河口镇", 500, 250, "", 750, 220.0, 87.5, "河口镇人民政府"],
  [3, "石桥镇", "", 300, "", 300, 144.0, 45.0, "石桥镇人民政府"],
  ["总计", "", 500, 550, 130, 1180, 377.0, 132.5, ""],
]
""" + "".join("[[numbers]]\n" + line.replace("; ", "\n") + "\n" for line in NUMBERS.split("\n") if line)

#: Name, town, households, metres east and north of the main's western end, metres above the sea.
VILLAGES = [
    ("甲", "河口镇", 300, 1_000, 300, 400),
    ("乙", "河口镇", 200, 2_000, 300, 400),
    ("丙", "河口镇", 250, 3_000, 1_500, 420),
    ("丁", "石桥镇", 180, 2_000, 10_000, 450),
    ("戊", "石桥镇", 120, 4_000, 10_500, 460),
    ("己", "云岭乡", 60, 9_000, 9_000, 1_300),
    ("庚", "云岭乡", 40, 10_000, 9_500, 1_350),
    ("辛", "云岭乡", 30, 11_000, 8_500, 1_400),
]


def place(x, y):
    return [round(LON0 + x / LON_M, 6), round(LAT0 + y / LAT_M, 6)]


def write(folder, stem, rows):
    features = [
        {"type": "Feature", "properties": row, "geometry": {"type": kind, "coordinates": coordinates}}
        for row, kind, coordinates in rows
    ]
    text = json.dumps({"type": "FeatureCollection", "features": features}, ensure_ascii=False)
    (folder / f"{stem}.geojson").write_text(text, "utf-8")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    home = tmp_path_factory.mktemp("counties") / "青山县"
    home.mkdir()
    (home / "policy.toml").write_text(POLICY, "utf-8")
    (home / "published.toml").write_text(PUBLISHED, "utf-8")
    rows = [
        (
            {
                "village_id": f"14999900{number}",
                "name": f"{name}村",
                "town": town,
                "households": households,
                "floor_area_m2": 100,
                "elevation_m": height,
                "responsible_agency": f"{town}人民政府",
                "provenance": "illustrative",
            },
            "Point",
            place(x, y),
        )
        for number, (name, town, households, x, y, height) in enumerate(VILLAGES, 1)
    ]
    write(home, "villages", rows)
    # One household takes 105 W/m² × 100 m² × 24 h × 0.7 / (9.9 kWh/m³ × 0.9) = 19.80 m³ on the stress
    # day: 500 households 9,899 m³, 750 households 14,848 m³.
    write(home, "gas_stations", [({"source_id": "G1", "capacity_m3_per_day": 10_000}, "Point", place(0, 0))])
    write(home, "gas_mains", [({"status": "existing"}, "LineString", [place(0, 0), place(5_000, 0)])])
    write(
        home,
        "biomass_supply",
        [({"source_id": "B1", "capacity_t_per_a": 5_000}, "Point", place(9_500, 9_000))],
    )
    write(home, "substations", [({"source_id": "S1", "spare_kva": 9_000}, "Point", place(2_500, 5_000))])
    return home


@pytest.fixture(scope="module")
def plan(folder):
    return geoplan.assign(geoplan.read_county(folder))


def test_the_folder_is_sound(folder):
    done = run("check", folder / "villages.geojson")
    assert done.exit_code == 0, done.output
    assert "no errors" in done.stdout or "no problems" in done.stdout


def test_three_routes_by_rule_and_capacity(plan):
    """The near gas villages fill the day volume; the far one takes heat pumps; the hills take biomass."""
    routes = plan.villages.set_index("name")["route"].to_dict()
    assert routes == {
        "甲村": "gas",
        "乙村": "gas",
        "丙村": "heat_pump",
        "丁村": "heat_pump",
        "戊村": "heat_pump",
        "己村": "biomass",
        "庚村": "biomass",
        "辛村": "biomass",
    }
    reasons = plan.villages.set_index("name")[["decision", "reason"]]
    assert reasons.at["丙村", "decision"] == "no capacity left"
    assert "高程 1,300 m，高于 1,000 m" in reasons.at["己村", "reason"]
    households = {"gas": 300 + 200, "heat_pump": 250 + 180 + 120, "biomass": 60 + 40 + 30}
    assert plan.summary["households_by_route"] == households


def test_two_levels_of_subsidy(plan):
    """Per household, central and county: gas 2,000 and min(30 % of 4,000, 1,000) = 1,000; heat pump
    60 % of 8,000 = 4,800 (below 5,000) and 1,500; biomass 1,000 and nothing.
    """
    each = plan.villages.set_index("name")
    by_hand = (("甲村", 2_000, 1_000, 1_000), ("丁村", 4_800, 1_500, 1_700), ("己村", 1_000, 0, 2_000))
    for name, central, county, own in by_hand:
        row = each.loc[name]
        assert row["subsidy_central_cny"] == pytest.approx(row["households"] * central)
        assert row["subsidy_district_cny"] == pytest.approx(row["households"] * county)
        assert row["household_capex_cny"] == pytest.approx(row["households"] * own)
    money = plan.summary["money_cny"]
    assert money["subsidy_central_cny"] == pytest.approx(500 * 2_000 + 550 * 4_800 + 130 * 1_000)
    assert money["subsidy_district_cny"] == pytest.approx(500 * 1_000 + 550 * 1_500)
    assert money["household_capex_cny"] == pytest.approx(500 * 1_000 + 550 * 1_700 + 130 * 2_000)


def test_money_by_scope(plan):
    """Equipment 500 × 4,000 + 550 × 8,000 + 130 × 3,000 = 679 万元; with the grid's 300, 979 万元."""
    table = funding_table(plan.villages, plan.policy)
    payers = ["central", "district", "household", "total"]
    assert table.loc["power", payers].tolist() == pytest.approx([264, 82.5, 93.5, 440])
    totals = scope_totals(table)
    assert totals.loc["设备", payers].tolist() == pytest.approx([377, 132.5, 169.5, 679])
    assert totals.at["总投资", "total"] == pytest.approx(979)
    assert totals.at["总投资", "enterprise"] == pytest.approx(300)
    # 377 / 679 = 55.523, 132.5 / 679 = 19.514, 169.5 / 679 = 24.963: the largest remainder goes up.
    shares = ["central_pct", "district_pct", "household_pct"]
    assert totals.loc["设备", shares].tolist() == pytest.approx([55.52, 19.52, 24.96])


def test_the_annex_in_its_own_layout(plan):
    table = annex_table(plan.villages, plan.policy.annexes["tasks"])
    assert table.head[2:8] == (
        ("改造方式", "煤改气"),
        ("改造方式", "煤改电"),
        ("改造方式", "生物质"),
        ("合计",),
        ("资金", "中央"),
        ("资金", "县级"),
    )
    assert table.rows == (
        (1, "云岭乡", None, None, 130, 130, 13.0, None, "云岭乡人民政府"),
        (2, "河口镇", 500, 250, None, 750, 220.0, 87.5, "河口镇人民政府"),
        (3, "石桥镇", None, 300, None, 300, 144.0, 45.0, "石桥镇人民政府"),
        ("总计", None, 500, 550, 130, 1_180, 377.0, 132.5, None),
    )


def test_nothing_is_left_unexplained(plan):
    rows = plan.summary["reconciliation"]
    assert plan.summary["unexplained"] == unexplained(rows) == 0
    status = {row["what"]: row["status"] for row in rows}
    assert status.pop("户均设备投资") == "not stated"
    assert set(status.values()) == {"equal"}
    assert len(status) == 13 + 1 + 2  # numbers, the table, the stage and the day of issue


def test_a_wrong_number_of_the_document_is_found(folder, tmp_path):
    """One 万元 too many in the total, and one household too many in one cell."""
    changed = PUBLISHED.replace("value = 679", "value = 680")
    changed = changed.replace('[3, "石桥镇", "", 300', '[3, "石桥镇", "", 301')
    home = tmp_path / "青山县"
    home.mkdir()
    for file in folder.iterdir():
        (home / file.name).write_bytes(file.read_bytes())
    (home / "published.toml").write_text(changed, "utf-8")
    found = geoplan.assign(geoplan.read_county(home)).summary
    wrong = {row["what"]: row for row in found["reconciliation"] if unexplained([row])}
    assert found["unexplained"] == len(wrong) == 2
    assert wrong["设备投资"]["difference"] == pytest.approx(-1)
    assert next(row for what, row in wrong.items() if what.startswith("石桥镇"))[
        "difference"
    ] == pytest.approx(-1)


def test_the_plan_is_written_with_the_annex_as_it_is_printed(folder, tmp_path):
    done = run("assign", folder / "villages.geojson", "-o", tmp_path / "out")
    assert done.exit_code == 0, done.output
    manifest = json.loads((tmp_path / "out" / "manifest.json").read_text("utf-8"))
    assert manifest["title"] == "青山县2024年清洁取暖规划"
    assert manifest["summary"]["unexplained"] == 0
    book = openpyxl.load_workbook(tmp_path / "out" / "tables.xlsx")
    page = book["青山县清洁取暖任务与资金表"]
    cells = [[cell.value for cell in row] for row in page.iter_rows()]
    top = next(i for i, row in enumerate(cells) if row[0] == "序号")
    assert cells[top][2] == "改造方式"
    assert cells[top + 1][2:5] == ["煤改气", "煤改电", "生物质"]
    assert cells[top + 2][:8] == [1, "云岭乡", None, None, 130, 130, 13, None]
    assert cells[top + 5][2:8] == [500, 550, 130, 1_180, 377, 132.5]
    merged = {str(area) for area in page.merged_cells.ranges}
    assert {f"C{top + 1}:E{top + 1}", f"G{top + 1}:H{top + 1}", f"A{top + 1}:A{top + 2}"} <= merged
    assert "校核表" in book.sheetnames


def test_more_gas_moves_a_village_and_the_reconciliation_says_so(folder):
    """Twice the gas serves the third village too: 750 households on gas, no code touched."""
    county = geoplan.read_county(folder)
    stations = county.layers["gas_stations"].assign(capacity_m3_per_day=20_000.0)
    more = geoplan.assign(replace(county, layers={**county.layers, "gas_stations": stations}))
    assert more.summary["households_by_route"] == {"gas": 750, "heat_pump": 300, "biomass": 130}
    assert more.summary["unexplained"] > 0
