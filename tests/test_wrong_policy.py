"""A wrong policy is refused with the file, the key, the value and the remedy."""

from __future__ import annotations

import pytest

from geoplan.errors import PolicyError
from geoplan.policy import load_policy

SUBSIDY = '[subsidies.a]\nlevel = "city"\nroutes = ["gas"]\n'
PAID = SUBSIDY + "cny_per_household = 1\n"
OPERATING = SUBSIDY + 'kind = "operating"\ncny_per_unit = 1\n'
DAY, NIGHT = 'hours = ["08:00-20:00"]\nprice_cny = 0.6', 'hours = ["20:00-08:00"]\nprice_cny = 0.3'
ANNEX = '[annexes.t]\ntitle = "任务表"\n[[annexes.t.columns]]\nhead = ["乡镇"]\ncell = "row"\n'
MILESTONE = '[milestones.done]\nstage = "竣工验收"\n'
WRITE_SHARE = "a share is a fraction of 1: write"


def tariff(day=DAY, night=NIGHT, more=""):
    return (
        f'[tariffs.t]\ncarrier = "electricity"\nroutes = ["heat_pump"]\n{more}\n'
        f"[tariffs.t.periods.day]\n{day}\n[tariffs.t.periods.night]\n{night}\n"
    )


def targets(more):
    return f"[targets]\nhouseholds = 100\n{more}"


def stated(more):
    """Targets without a total of their own."""
    return f"[targets]\n{more}"


def funding(more):
    return f'[funding.f]\nitem = "管网"\n{more}'


def column(more):
    return f'{ANNEX}[[annexes.t.columns]]\nhead = ["户数"]\n{more}\n'


#: What is wrong: text, the key, the value, the remedy.
WRONG = {
    "share over 1": (SUBSIDY + "share = 1.5", "subsidies.a.share", "got 1.5", WRITE_SHARE),
    "percent for a share": (SUBSIDY + "share = 85", "subsidies.a.share", "got 85", f"{WRITE_SHARE} 0.85"),
    "percent sign": (SUBSIDY + 'share = "85%"', "subsidies.a.share", "got '85%'", f"{WRITE_SHARE} 0.85"),
    "percent for the low-cost share": (
        "[low_cost]\nthreshold_cny = 6000\nshare = 80",
        "low_cost.share",
        "got 80",
        f"{WRITE_SHARE} 0.8",
    ),
    "percent in a taper": (
        OPERATING + "taper = [1, 50]",
        "subsidies.a.taper.1",
        "got 50",
        f"{WRITE_SHARE} 0.5",
    ),
    "percent for a loss": (
        "[network.heat]\nprimary_loss = 4",
        "network.heat.primary_loss",
        "got 4",
        f"{WRITE_SHARE} 0.04",
    ),
    "percent for a rate": (
        "[economics]\ndiscount_rate = 6",
        "economics.discount_rate",
        "got 6",
        f"{WRITE_SHARE} 0.06",
    ),
    "hundredfold percent": (
        "[selection]\nargue_pct = 1500",
        "selection.argue_pct",
        "got 1500",
        "write a number <= 100",
    ),
    "shares of a tariff in percent": (
        tariff(more="use = { heat_pump = { day = 60, night = 40 } }"),
        "tariffs.t.use.heat_pump.day",
        "got 60",
        f"{WRITE_SHARE} 0.6",
    ),
    "shares of a tariff not one": (
        tariff(more="use = { heat_pump = { day = 0.6, night = 0.3 } }"),
        "tariffs.t: use.heat_pump",
        "heat_pump",
        "one share per period is needed, together 1",
    ),
    "subsidy for an unknown route": (
        PAID.replace('"gas"', '"gass"'),
        "subsidies.a.routes",
        "'gass'",
        "did you mean 'gas'?",
    ),
    "subsidy for a route in Chinese": (
        PAID.replace('"gas"', '"煤改气"'),
        "subsidies.a.routes",
        "'煤改气'",
        "known are district_heating",
    ),
    "subsidy for an unknown item": (
        SUBSIDY + 'of = ["boilr"]\nshare = 0.7',
        "subsidies.a.of",
        "'boilr'",
        "did you mean 'boiler'?",
    ),
    "subsidy of an unknown level": (
        SUBSIDY.replace('"city"', '"county"'),
        "subsidies.a.level",
        "got 'county'",
        "'city' or 'district'",
    ),
    "share in an operating subsidy": (
        OPERATING + "share = 0.5",
        "subsidies.a",
        "share cannot stand",
        "take it away or write kind = 'capital'",
    ),
    "taper of another length": (
        OPERATING + "years = 3\ntaper = [1, 0.5]",
        "subsidies.a",
        "2 seasons, years says 3",
        "as many of each",
    ),
    "negative amount": (
        SUBSIDY + "cny_per_household = -1",
        "subsidies.a.cny_per_household",
        "got -1",
        "write a number >= 0",
    ),
    "unstated misspelt": (
        SUBSIDY + 'cny_per_household = "unstatd"',
        "subsidies.a.cny_per_household",
        "got 'unstatd'",
        "or 'unstated' if the document leaves it open",
    ),
    "unstated where a number is needed": (
        SUBSIDY + 'share = "unstated"',
        "subsidies.a.share",
        "got 'unstated'",
        "write a number without quotes",
    ),
    "towns do not add up": (
        targets('by_town = { "甲镇" = 60, "乙镇" = 30 }'),
        "targets: by_town",
        "makes 90, but households is 100",
        "mend the one that is wrong",
    ),
    "years do not add up": (
        targets('by_year = { "2024" = 60, "2025" = 50 }'),
        "targets: by_year",
        "makes 110",
        "mend the one",
    ),
    "area classes do not add up": (
        targets("by_area_class = { rural = 60 }"),
        "targets: by_area_class",
        "makes 60",
        "mend the one",
    ),
    "routes are more than all": (
        targets("by_route = { gas = 160 }"),
        "targets: by_route",
        "makes 160",
        "mend the one that is wrong",
    ),
    "target for an unknown route": (
        targets("by_route = { gass = 60 }"),
        "targets.by_route.gass",
        "'gass'",
        "did you mean 'gas'?",
    ),
    "target years backwards": (
        targets('by_year = { "2025" = 60, "2024" = 40 }'),
        "targets: by_year",
        "2025, 2024",
        "write the years ascending",
    ),
    "phasing years backwards": (
        "[phasing]\nyears = [2025, 2024]",
        "phasing",
        "2025, 2024",
        "write them ascending",
    ),
    "funding years backwards": (
        '[funding.f]\nitem = "管网"\nwan_cny = { central = 1 }\nyears = [2025, 2024]',
        "funding.f",
        "2025, 2024",
        "write them ascending",
    ),
    "budget years backwards": (
        '[budgets.b]\npayer = "central"\nwan_cny_by_year = { "2025" = 1, "2024" = 2 }',
        "budgets.b: wan_cny_by_year",
        "2025, 2024",
        "write four digits, in order",
    ),
    "budget years short": (
        '[budgets.b]\npayer = "central"\nwan_cny_by_year = { "24" = 1 }',
        "budgets.b: wan_cny_by_year",
        "24",
        "write four digits",
    ),
    "payer twice": (
        '[funding.f]\nitem = "管网"\nroutes = ["gas"]\nwan_cny = { central = 1 }\nfrom_plan = ["central"]',
        "funding.f",
        "central is given twice",
        "say it once",
    ),
    "tariff with a gap": (
        tariff(night=NIGHT.replace("20:00", "21:00")),
        "tariffs.t: hours",
        "no period covers 20:00-21:00",
        "give them to one",
    ),
    "tariff with an overlap": (
        tariff(night=NIGHT.replace("20:00", "19:30")),
        "tariffs.t: hours",
        "19:30-20:00 is covered twice",
        "take it from one",
    ),
    "tariff with hours in words": (
        tariff(day=DAY.replace("08:00-20:00", "8时-20时")),
        "tariffs.t: hours",
        "'8时-20时'",
        "write for example 20:00-08:00",
    ),
    "tariff of another carrier": (
        tariff().replace('["heat_pump"]', '["gas"]'),
        "tariffs.t.routes",
        "'gas' uses gas, not electricity",
        "not electricity",
    ),
    "a day that no calendar has": (
        MILESTONE + 'end = "2022-04-31"',
        "milestones.done.end",
        "got '2022-04-31'",
        "write a day that the calendar has, as YYYY-MM-DD",
    ),
    "a native day that no calendar has": (
        MILESTONE + "end = 2022-04-31",
        "not a TOML document",
        "2022-04-31",
        "mend the line 'end = 2022-04-31'",
    ),
    "a day as a number": (
        MILESTONE + "end = 20220430",
        "milestones.done.end",
        "got 20220430",
        "write a day as YYYY-MM-DD",
    ),
    "a month that no year has": (
        'issued = "2021-13-01"',
        "issued",
        "got '2021-13-01'",
        "write a day that the calendar has",
    ),
    "milestone ends before it starts": (
        MILESTONE + 'start = "2022-05-01"\nend = "2022-04-30"',
        "milestones.done",
        "starts on 2022-05-01, after its end on 2022-04-30",
        "mend the one that is wrong",
    ),
    "season that ends on no day": (
        '[old_stove]\nroutes = ["heat_pump"]\nseasons = 1\nseason_end = "04-31"',
        "old_stove: season_end",
        "'04-31'",
        "write MM-DD",
    ),
    "unknown column in an annex": (
        column('sum = "housholds"'),
        "annexes.t.columns.1",
        "'housholds'",
        "did you mean 'households'?",
    ),
    "unknown column in an annex's where": (
        column('sum = "households"\nwhere = { rute = ["gas"] }'),
        "annexes.t.columns.1",
        "'rute'",
        "did you mean 'route'?",
    ),
    "two contents of an annex column": (
        column('sum = "households"\ncell = "town"'),
        "annexes.t.columns.1",
        "got cell and sum",
        "exactly one of cell, sum, text",
    ),
    "sum of a text": (
        column('sum = "town"'),
        "annexes.t.columns.1.sum",
        "'town' holds text",
        "name a column of numbers",
    ),
    "misspelt key": (
        SUBSIDY + "cny_per_houshold = 1",
        "subsidies.a.cny_per_houshold",
        "unknown key",
        "did you mean 'cny_per_household'?",
    ),
    "missing key": ('[subsidies.a]\nroutes = ["gas"]', "subsidies.a.level", "Field required", "add the key"),
    "unknown route for what is not on the map": (
        'unlocated_route = "heatpump"',
        "unlocated_route",
        "'heatpump'",
        "did you mean 'heat_pump'?",
    ),
    "no amount at all": (
        SUBSIDY,
        "subsidies.a",
        "it has no amount",
        "write cny_per_household, cny_per_m2 or share, or cny_per_household = 'unstated'",
    ),
    "no amount at all each season": (
        SUBSIDY + 'kind = "operating"',
        "subsidies.a",
        "it has no amount",
        "write cny_per_household, cny_per_kwh or cny_per_unit, or cny_per_household = 'unstated'",
    ),
    "subsidy for no route": (
        PAID.replace('"gas"', ""),
        "subsidies.a.routes",
        "no route is named; ",
        "name those that are meant",
    ),
    "subsidy for a route twice": (
        PAID.replace('"gas"', '"gas", "gas"'),
        "subsidies.a.routes",
        "gas stands here twice",
        "name it once",
    ),
    "subsidy for an item twice": (
        PAID + 'of = ["boiler", "boiler"]',
        "subsidies.a.of",
        "boiler stands here twice",
        "name it once",
    ),
    "rule for no route": (
        '[rules.a]\nroutes = []\ncolumn = "households"\nmin = 1',
        "rules.a.routes",
        "no route is named",
        "name those that are meant",
    ),
    "cap below the threshold": (
        OPERATING + "threshold_units = 5000\ncap_units = 500",
        "subsidies.a",
        "cap_units 500 is below threshold_units 5000",
        "exchange or mend them",
    ),
    "threshold of no energy": (
        SUBSIDY + 'kind = "operating"\ncny_per_household = 1\nthreshold_units = 500',
        "subsidies.a",
        "threshold_units limits energy",
        "write cny_per_kwh or cny_per_unit beside it",
    ),
    "cap of no energy": (
        SUBSIDY + 'kind = "operating"\ncny_per_household = 1\ncap_units = 5000',
        "subsidies.a",
        "cap_units limits energy",
        "write cny_per_kwh or cny_per_unit beside it",
    ),
    "greatest area of no area": (
        PAID + "area_max_m2 = 60",
        "subsidies.a",
        "area_max_m2 60 limits an area",
        "write cny_per_m2 beside it",
    ),
    "amount that is no number": (
        SUBSIDY + "cny_per_household = nan",
        "subsidies.a.cny_per_household",
        "got nan",
        "write a number; take the key away if there is none",
    ),
    "amount without end": (
        "[climate]\nseason_days = inf",
        "climate.season_days",
        "got inf",
        "write a number; take the key away if there is none",
    ),
    "towns and years of different totals": (
        stated('by_year = { "2024" = 60 }\nby_town = { "甲镇" = 100 }'),
        "targets: by_town",
        "makes 100, but by_year is 60",
        "mend the one that is wrong",
    ),
    "area classes and towns of different totals": (
        stated('by_town = { "甲镇" = 100 }\nby_area_class = { rural = 60 }'),
        "targets: by_area_class",
        "makes 60, but by_town is 100",
        "mend the one that is wrong",
    ),
    "routes are more than all years": (
        stated('by_year = { "2024" = 60 }\nby_route = { gas = 160 }'),
        "targets: by_route",
        "makes 160, more than by_year 60",
        "mend the one that is wrong",
    ),
    "all routes are less than all": (
        'order = ["gas", "heat_pump"]\n' + targets("by_route = { gas = 60, heat_pump = 30 }"),
        "targets.by_route",
        "together make 90, but households is 100",
        "mend the one that is wrong",
    ),
    "target of a year of three digits": (
        stated('by_year = { "202" = 60 }'),
        "targets: by_year",
        "'202' is not a year",
        "write four digits, such as 2024",
    ),
    "target of a year that is not planned": (
        stated('by_year = { "2021" = 60 }\n[phasing]\nyears = [2022, 2023]'),
        "targets.by_year.2021",
        "'2021' is no year of phasing.years (2022, 2023)",
        "mend the one that is wrong",
    ),
    "target of an unknown area class": (
        stated('by_area_class = { "built-up" = 60 }'),
        "targets.by_area_class",
        "'built-up'",
        "did you mean 'built_up'?",
    ),
    "efficiency years backwards": (
        '[efficiency.a]\nitem = "墙"\nyears = [2022, 2021]',
        "efficiency.a.years",
        "2022, 2021",
        "write them ascending",
    ),
    "a year twice": (
        funding("wan_cny = { central = 1 }\nyears = [2024, 2024]"),
        "funding.f.years",
        "2024, 2024",
        "write them ascending, each once",
    ),
    "green above red": (
        "[affordability]\nincome_share_green = 0.3\nincome_share_red = 0.1",
        "affordability",
        "income_share_green 0.3 is above income_share_red 0.1",
        "exchange or mend them",
    ),
    "funding without money": (
        funding('scope = ["总投资"]'),
        "funding.f",
        "it counts in 总投资 and has no money",
        "write from_plan, cny_per_household or wan_cny",
    ),
    "scope twice": (
        funding('scope = ["总投资", "总投资"]\nwan_cny = { central = 1 }'),
        "funding.f.scope",
        "总投资 stands here twice",
        "name it once",
    ),
    "scope without a name": (
        funding('scope = [" "]\nwan_cny = { central = 1 }'),
        "funding.f.scope",
        "a name here is blank; ",
        "write it or take it away",
    ),
    "tariff past midnight": (
        tariff(night=NIGHT.replace("20:00-08:00", "20:00-24:30")),
        "tariffs.t: hours",
        "'20:00-24:30'",
        "write for example 20:00-08:00",
    ),
    "tariff that covers an hour twice in one period": (
        tariff(day=DAY.replace('"08:00-20:00"', '"08:00-20:00", "09:00-10:00"')),
        "tariffs.t: hours",
        "09:00-10:00 is covered twice",
        "take it from one",
    ),
    "confidence without a code": (
        '[low_cost]\nconfidence = "sure"\nthreshold_cny = 6000\nshare = 0.8',
        "low_cost.confidence",
        "'sure' is no code",
        "write S, V, M or E, a hyphen, and H, M or L, such as S-H",
    ),
    "range backwards": (
        "[climate]\nseason_days = { value = 145, range = [150, 140] }",
        "climate.season_days.range",
        "[150, 140] is no range",
        "write the least and the greatest value",
    ),
    "range of one number": (
        "[climate]\nseason_days = { value = 145, range = 150 }",
        "climate.season_days.range",
        "150 is no range",
        "write the least and the greatest value",
    ),
    "two milestones of one stage": (
        MILESTONE + 'end = 2022-04-30\n[milestones.again]\nstage = "竣工验收"\nend = 2022-05-30',
        "milestones.again.stage",
        "'竣工验收' is that of milestones.done too",
        "give each its own",
    ),
    "subsidy where a class is misspelt": (
        PAID + 'where = { area_class = ["built-up"] }',
        "subsidies.a.where.area_class",
        "'built-up'",
        "did you mean 'built_up'?",
    ),
    "equipment for an unknown dwelling": (
        '[equipment.a]\nroutes = ["gas"]\ndevices = { "壁挂炉" = 1 }\nwhere = { dwelling = ["flat"] }',
        "equipment.a.where.dwelling",
        "'flat'",
        "known are bungalow, apartment",
    ),
    "funding for an unknown route's villages": (
        funding('where = { route = ["heatpump"] }\nfrom_plan = ["central"]'),
        "funding.f.where.route",
        "'heatpump'",
        "did you mean 'heat_pump'?",
    ),
    "annex of an unknown user": (
        column('sum = "households"\nwhere = { user_kind = ["households"] }'),
        "annexes.t.columns.1.where.user_kind",
        "'households'",
        "did you mean 'household'?",
    ),
    "first an unknown class": (
        '[phasing]\nfirst = { area_class = ["town"] }',
        "phasing.first.area_class",
        "'town'",
        "known are built_up, urban_fringe, rural",
    ),
    "rule for an unknown dwelling": (
        '[rules.a]\nroutes = ["gas"]\ncolumn = "dwelling"\nin = ["apartement"]',
        "rules.a.in",
        "'apartement'",
        "did you mean 'apartment'?",
    ),
    "item of investment for a year in words": (
        "[routes.gas.capex.boiler]\nwhere = { demolition_year = ['2024年'] }",
        "routes.gas.capex.boiler.where.demolition_year",
        "got '2024年'",
        "write a number without quotes",
    ),
    "yes for true": (
        PAID + 'where = { urban_fringe = ["yes"] }',
        "subsidies.a.where.urban_fringe",
        "got 'yes'",
        "write true or false",
    ),
    "number for a name": (
        PAID + "where = { town = [1] }",
        "subsidies.a.where.town",
        "got 1",
        "write a text in quotes",
    ),
    "condition without a value": (
        PAID + "where = { town = [] }",
        "subsidies.a.where.town",
        "names no value",
        "write those that are meant",
    ),
}


@pytest.mark.parametrize(("text", "key", "value", "remedy"), WRONG.values(), ids=WRONG)
def test_a_wrong_policy_is_refused_with_file_key_value_and_remedy(text, key, value, remedy):
    with pytest.raises(PolicyError) as caught:
        load_policy([("甲县/policy.toml", text)])
    said = next(str(problem) for problem in caught.value.problems if key in str(problem))
    assert said.startswith(key)
    assert value in said
    assert remedy in said
    assert {problem.file for problem in caught.value.problems} == {"甲县/policy.toml"}
    assert str(caught.value).startswith("甲县/policy.toml: ")


@pytest.mark.parametrize(
    "text",
    [
        SUBSIDY + "share = 0.85",
        SUBSIDY + 'cny_per_household = "unstated"',
        SUBSIDY + "cny_per_household = 0",
        SUBSIDY + "cny_per_m2 = 40\narea_max_m2 = 60",
        PAID
        + 'where = { area_class = ["built_up", ""], demolition_year = [2024, ""], urban_fringe = [true] }',
        OPERATING + 'threshold_units = 500\ncap_units = 500\nthreshold_mode = "trigger"',
        SUBSIDY + 'of = ["boiler"]\nshare = 0.7\ncap_cny_per_household = 2700',
        OPERATING + "years = 2\ntaper = [1, 0.5]",
        targets('by_town = { "甲镇" = 60, "乙镇" = 40 }'),
        targets('by_year = { "2024" = 60, "2025" = 40 }\nby_route = { gas = 100 }'),
        stated('by_year = { "2024" = 60 }\nby_town = { "甲镇" = 60 }\n[phasing]\nyears = [2024, 2025]'),
        'order = ["gas", "heat_pump"]\n' + targets('by_route = { gas = 60, heat_pump = "unstated" }'),
        'order = ["gas", "heat_pump"]\n' + targets("by_route = { gas = 60 }"),
        'order = ["gas", "heat_pump"]\n' + targets("by_route = { gas = 60, heat_pump = 40 }"),
        funding('scope = ["总投资"]\nwan_cny = { central = "unstated" }'),
        tariff(),
        tariff(night=NIGHT.replace('"20:00-08:00"', '"20:00-24:00", "00:00-08:00"')),
        tariff(more="use = { heat_pump = { day = 0.6, night = 0.4 } }"),
        MILESTONE + 'start = "2022-04-30"\nend = 2022-04-30',
        column('sum = "households"\nwhere = { route = ["gas"] }'),
        '[budgets.b]\npayer = "central"\nwan_cny_by_year = { "2024" = 1, "2025" = 2 }',
        '[old_stove]\nroutes = ["heat_pump"]\nseasons = 1\nseason_end = "04-30"',
    ],
)
def test_the_right_one_beside_it_is_taken(text):
    load_policy([("policy.toml", text)])


def test_each_problem_names_the_file_that_said_it():
    with pytest.raises(PolicyError) as caught:
        load_policy([("policy.toml", PAID.replace("gas", "gass")), ("情景.toml", 'unlocated_route = "gass"')])
    found = {problem.column: problem.file for problem in caught.value.problems}
    assert found == {"subsidies.a.routes": "policy.toml", "unlocated_route": "情景.toml"}


def test_all_problems_of_all_sections_are_said_at_once():
    with pytest.raises(PolicyError) as caught:
        load_policy(
            [
                (
                    "policy.toml",
                    SUBSIDY
                    + 'confidence = "sure"\nshare = 85\n'
                    + targets('by_year = { "24" = 1 }')
                    + "\n"
                    + tariff(night=DAY),
                )
            ]
        )
    text = str(caught.value)
    assert text.startswith("policy.toml: 4 problems")
    for said in (
        "subsidies.a.share",
        "subsidies.a.confidence",
        "'24' is not a year",
        "08:00-20:00 is covered twice",
        "no period covers 00:00-08:00, 20:00-24:00",
    ):
        assert said in text
