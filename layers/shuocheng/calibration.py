"""Made numbers of the district: capacities, sizes of villages, ways of the pipes.

The document gives households, villages and towns of every route, but no village,
pipe or capacity. The bands below share its households so that the rules of
``policy.toml`` give every route its own back: villages large or small, on the
gas corridor or off it. That shows that the rules can express the document, not
that they predict it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

HEAT_CAPACITY_MW, HEAT_YEAR = {"H1": 49.0, "H2": 33.0}, 2020
"""Heat each plant can give to the places of this plan (illustrative), and since when. [MW]"""

GAS_STATIONS = {  # id: name, place, day volume for the villages of this plan [m3/d], year
    "G1": ("朔城天然气门站（示例）", (112.3560, 39.3434), 245_000, 2018),
}

SUBSTATIONS = {  # id: name, place, spare [kVA], upgrade [kVA]
    "K1": ("35 kV 下团堡变（示例）", (112.3839, 39.3448), 400, 0),
    "K2": ("110 kV 城北变（示例）", (112.4269, 39.3470), 450, 0),
    "K3": ("35 kV 小平易变（示例）", (112.4821, 39.3805), 400, 0),
    "K4": ("110 kV 神头变（示例）", (112.5739, 39.3865), 450, 0),
    "K5": ("35 kV 担水沟变（示例）", (112.5275, 39.3863), 400, 0),
    "K6": ("110 kV 城东变（示例）", (112.4286, 39.3191), 450, 0),
    "L1": ("110 kV 团堡西变（示例）", (112.3059, 39.3917), 20_000, 20_000),
    "L2": ("110 kV 团堡北变（示例）", (112.3970, 39.4194), 15_000, 10_000),
    "L3": ("110 kV 平易北变（示例）", (112.4888, 39.4255), 15_000, 10_000),
    "L4": ("110 kV 马邑变（示例）", (112.5981, 39.4276), 15_000, 10_000),
    "L5": ("35 kV 神头东变（示例）", (112.6539, 39.3845), 15_000, 10_000),
    "L6": ("110 kV 司马泊变（示例）", (112.5451, 39.3455), 15_000, 10_000),
    "L7": ("110 kV 崔家窑变（示例）", (112.5006, 39.3245), 20_000, 20_000),
    "L8": ("35 kV 滋润变（示例）", (112.6809, 39.3004), 3_000, 2_000),
    "L9": ("35 kV 南榆林变（示例）", (112.6833, 39.2067), 3_000, 2_000),
    "L10": ("35 kV 沙塄河变（示例）", (112.5110, 39.2154), 3_000, 2_000),
    "L11": ("35 kV 窑子头变（示例）", (112.3498, 39.2029), 3_000, 2_000),
    "L12": ("35 kV 张蔡庄变（示例）", (112.3155, 39.2853), 3_000, 2_000),
    "L13": ("35 kV 利民变（示例）", (112.1130, 39.3036), 3_000, 2_000),
}
FULL = ("K1", "K2", "K3", "K4", "K5", "K6")
"""Substations of the gas corridor: less spare than the smallest village on electricity would take."""
UPGRADE_COST_CNY_PER_KVA = 900.0

BIOMASS = {  # id: name, place, pellets for the villages of this plan [t/a], year
    "W1": ("利民成型燃料配送点（示例）", (112.2600, 39.2950), 8_000, 2020),
    "W2": ("窑子头成型燃料厂（示例）", (112.3948, 39.1943), 6_500, 2020),
    "W3": ("滋润成型燃料厂（示例）", (112.6797, 39.2491), 8_000, 2020),
    "W4": ("小平易成型燃料配送点（示例）", (112.4975, 39.3957), 6_500, 2020),
}


class Place(NamedTuple):
    """A place that the document names, with its households or its share of them."""

    name: str
    town: str
    area_class: str
    dwelling: str
    floor_area_m2: float
    note: str


STREET = "no code of its own: that of the street office"
NAMED = {  # by id
    "140602001000-P1": Place("东兴街片区", "北城街道", "built_up", "apartment", 90.0, STREET),
    "140602001000-P2": Place("西兴街片区", "北城街道", "built_up", "apartment", 90.0, STREET),
    "140602002000-P1": Place("西街八小南片区", "南城街道", "built_up", "apartment", 90.0, STREET),
    "140602002000-P2": Place("育新街片区", "南城街道", "built_up", "apartment", 90.0, STREET),
    "140602002000-P3": Place("西关路片区", "南城街道", "built_up", "apartment", 90.0, STREET),
    "140602002000-P4": Place("操场街片区", "南城街道", "built_up", "apartment", 90.0, STREET),
    "140602002000-P5": Place("南关小康村片区", "南城街道", "built_up", "apartment", 90.0, STREET),
    "140602004016": Place("贺家河村", "北旺庄街道", "built_up", "bungalow", 100.0, "code: 贺家河社区"),
    "140602004212": Place("七里河村", "北旺庄街道", "rural", "bungalow", 90.0, ""),
    "140602004219": Place("北旺庄村", "北旺庄街道", "built_up", "bungalow", 100.0, ""),
    "140602004220": Place("照什八庄村", "北旺庄街道", "built_up", "bungalow", 100.0, ""),
    "140602004222": Place("南邢家河片区", "北旺庄街道", "rural", "apartment", 90.0, "code: 南邢家河村"),
}
TOGETHER = (  # the document's households of several named places; the split is made: total, ids, least, most
    (2_083, ("140602004016", "140602004219", "140602004220"), 500, 900),
    (1_462, tuple(f"140602002000-P{i}" for i in range(1, 6)), 200, 400),
    (1_973, ("140602001000-P1", "140602001000-P2"), 850, 1_150),
)
ALONE = {"140602004212": 1_400, "140602004222": 6_651}
"""The document's households of these two places."""


class Band(NamedTuple):
    """Villages of like size and place: the households they share, the bounds of one, how many by town.

    `where` is ``corridor`` (beside a gas main, at a full substation), ``end`` and
    ``beyond`` (just inside and just outside the reach of gas), ``off`` (at a
    substation with room) or ``cell`` (anywhere in the town).
    """

    households: int
    least: int
    most: int
    where: str
    villages: Mapping[str, int]


BANDS = {
    "large on the gas corridor": Band(
        9_922, 300, 1_000, "corridor",
        {"下团堡乡": 2, "北旺庄街道": 5, "小平易乡": 3, "神头镇": 4, "南城街道": 1},
    ),
    "at the end of the reach of gas": Band(520, 500, 540, "end", {"下团堡乡": 1}),
    "middling on the gas corridor": Band(440, 205, 238, "corridor", {"下团堡乡": 1, "神头镇": 1}),
    "small on the gas corridor": Band(360, 162, 198, "corridor", {"小平易乡": 1, "神头镇": 1}),
    "beyond the reach of gas": Band(220, 205, 235, "beyond", {"下团堡乡": 1}),
    "large off the corridor": Band(
        5_489, 405, 620, "off", {"北旺庄街道": 4, "小平易乡": 2, "神头镇": 3, "下团堡乡": 2}
    ),
    "middling in the north-west": Band(1_863, 255, 395, "off", {"下团堡乡": 6}),
    "smaller in the north-west": Band(1_700, 105, 248, "off", {"下团堡乡": 9}),
    "middling off the corridor": Band(
        6_736, 105, 395, "off", {"北旺庄街道": 8, "小平易乡": 8, "神头镇": 9, "神头街道": 2}
    ),
    "small off the corridor": Band(270, 82, 98, "off", {"下团堡乡": 1, "小平易乡": 1, "神头镇": 1}),
    "in the hills": Band(360, 102, 140, "cell", {"利民镇": 3}),
    "hamlets": Band(
        4_659, 16, 97, "cell", {
            "下团堡乡": 4, "小平易乡": 2, "神头街道": 1, "神头镇": 8, "利民镇": 12, "滋润乡": 18,
            "南榆林乡": 16, "沙塄河乡": 13, "窑子头乡": 14, "张蔡庄乡": 12,
        },
    ),
}  # fmt: skip
SEATED = {  # villages whose place is known, or that their town is named after
    "140602002203": "large on the gas corridor",
    "140602004211": "large on the gas corridor",
    "140602100204": "large on the gas corridor",
    "140602100205": "large on the gas corridor",
    "140602200201": "large on the gas corridor",
    "140602201201": "large on the gas corridor",
    "140602004214": "middling off the corridor",
    "140602201207": "middling off the corridor",
    "140602101201": "in the hills",
    "140602202201": "hamlets",
    "140602202207": "hamlets",
    "140602207201": "hamlets",
    "140602208201": "hamlets",
}

# ------------------------------------------------------------------ the pipes

Waypoint = str | tuple[float, float]
MADE_SEATS = {"北城街道": (112.4254, 39.3308), "神头街道": (112.5465, 39.3563)}

HEAT_MAINS: dict[str, tuple[str, int, list[Waypoint]]] = {  # id: name, DN [mm], way
    "A1": ("华电热电—北旺庄", 800, ["H1", (112.4561, 39.3597), "北旺庄街道"]),
    "A2": ("北旺庄—城北", 600, ["北旺庄街道", (112.4273, 39.3425), "北城街道"]),
    "A3": ("北旺庄村支线", 300, ["北旺庄街道", "北旺庄村"]),
    "B1": ("晋能热电—城南", 800, ["H2", (112.3942, 39.2528), (112.4018, 39.2825), "南城街道"]),
    "B2": ("城南—南邢家河", 600, ["南城街道", (112.4260, 39.3051), "南邢家河村"]),
}
GAS_MAINS: dict[str, tuple[str, str, int, list[Waypoint]]] = {  # id: name, status, year, way
    "C1": ("门站—下团堡", "existing", 2018, ["G1", "下团堡乡"]),
    "C2": ("下团堡—北旺庄", "existing", 2019, ["下团堡乡", (112.4095, 39.3486), "北旺庄街道"]),
    "C3": ("北旺庄—小平易", "existing", 2020, ["北旺庄街道", (112.4552, 39.3710), "小平易乡"]),
    "C4": ("小平易—神头", "planned", 2021, ["小平易乡", (112.5264, 39.3899), "神头镇", (112.6040, 39.3852)]),
    "C5": (
        "下团堡—城东",
        "existing",
        2019,
        ["下团堡乡", (112.3888, 39.3137), (112.4148, 39.3224), (112.4472, 39.3193)],
    ),
}
