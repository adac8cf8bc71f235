"""Four layouts of an annex, one of each kind that plan documents print, and villages to fill them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import pandas as pd

from geoplan.columns import plan_columns
from geoplan.policy import load_policy
from geoplan.provisions import Annex

#: Towns in rows, urban fringe and rural in columns.
TOWNS = """
[annexes.tasks]
mark = "附件"
title = "某某区清洁取暖建设任务表"
unit = "户"
order = ["乙镇", "甲镇"]
columns = [
  { head = ["序号"], cell = "number" },
  { head = ["镇（街道、开发区）"], cell = "row" },
  { head = ["城乡结合部"], sum = "households", where = { urban_fringe = [true] } },
  { head = ["农村地区"], sum = "households", where = { area_class = ["rural"] } },
  { head = ["总计"], sum = "households" },
  { head = ["备注"], cell = "blank" },
]
"""

#: Villages in rows, numbers and sub-totals by town.
VILLAGES = """
[annexes.plan]
mark = "附件2"
title = "某年度清洁取暖工作计划表"
rows = "village"
subtotal = "小  计"
total = "合  计"
restart_numbers = true
columns = [
  { head = ["序号"], cell = "number" },
  { head = ["镇"], cell = "town" },
  { head = ["村名"], cell = "name" },
  { head = ["计划户数"], sum = "households" },
  { head = ["电代煤"], sum = "households", where = { route = ["heat_pump", "electric_direct"] } },
  { head = ["备注"], text = "计划拆迁村", filled = "demolition_year" },
]
"""

#: Two-level heading, rows of departments after those of towns, a numbered total.
TWO_LEVELS = """
[annexes.tasks]
mark = "附件"
title = "某某县某年冬季清洁取暖改造任务分解表"
unit = "户"
order = ["沟 南 乡", "甲镇", "交 警 队", "住房和城乡建设管理局"]
number_total = true
columns = [
  { head = ["序号"], cell = "number" },
  { head = ["乡（镇）"], cell = "row" },
  { head = ["煤改电", "小计"], sum = "households", where = { route = ["heat_pump"] } },
  { head = ["煤改电", "居民户"], sum = "households", where = { user_kind = ["household"] } },
  { head = ["煤改电", "集体户"], sum = "households", where = { user_kind = ["institution"] } },
  { head = ["集中供暖", "小计"], sum = "households", where = { route = ["district_heating"] } },
  { head = ["集中供暖", "县城"], sum = "households", where = { area_class = ["built_up"] } },
  { head = ["集中供暖", "农村"], sum = "households", where = { area_class = ["rural"] } },
  { head = ["合计"], sum = "households" },
]
"""

#: Village by route, area, year and agency.
WIDE = """
[annexes.tasks]
mark = "附件1"
title = "某某区农村清洁取暖项目任务分配表"
unit = "户、万㎡"
rows = "village"
subtotal = "小计"
columns = [
  { head = ["序号"], cell = "number" },
  { head = ["乡镇"], cell = "town" },
  { head = ["村（庄点）"], cell = "name" },
  { head = ["改造方式"], cell = "route" },
  { head = ["户数"], sum = "households" },
  { head = ["面积（万㎡）"], sum = "total_area_m2", scale = 0.0001, decimals = 2 },
  { head = ["实施年限", "2021"], sum = "households", where = { year = [2021] } },
  { head = ["实施年限", "2022"], sum = "households", where = { year = [2022] } },
  { head = ["实施年限", "2023"], sum = "households", where = { year = [2023] } },
  { head = ["牵头单位"], cell = "lead_agency" },
  { head = ["责任单位"], cell = "responsible_agency" },
  { head = ["备注"], cell = "blank" },
]
"""


def layout(text: str) -> Annex:
    """The one annex of a policy text."""
    (annex,) = load_policy([("policy.toml", text)]).annexes.values()
    return annex


def plan_villages(rows: Iterable[Mapping[str, Any]]) -> pd.DataFrame:
    """Rows of a plan's villages; columns that a row does not name are empty."""
    frame = pd.DataFrame(list(rows))
    frame["village_id"] = [f"V{i:03d}" for i in range(1, len(frame) + 1)]
    if "name" not in frame:
        frame["name"] = "村" + frame["village_id"].str[1:]
    for name in plan_columns():
        if name not in frame:
            frame[name] = None
    return frame
