"""The coverage map as text: what panel and sheet need, packed, embedded, and under a strict policy."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from geoplan.folder import read_plan
from geoplan.made import layer_labels, made_layers, made_said
from geoplan.mapdata import page_data
from geoplan.policy import load_policy
from geoplan.qgis import styles
from geoplan.report import report_tables
from geoplan.webmap import coverage_html
from tests import worlds_map
from tests.pagetext import Markup, embedded

MAPS = Path(__file__).parents[1] / "maps"


@pytest.fixture(scope="module")
def plan():
    return worlds_map.plan()


@pytest.fixture(scope="module")
def html(plan):
    return coverage_html(plan)


# What the panel and the sheet need


def test_a_near_tie_is_one_by_the_policy_s_own_share(plan):
    margins = [5.0, 5.01, -4.9, -5.2, 0.0, np.nan]
    villages = plan.villages.head(len(margins)).assign(
        margin_pct=margins, runner_up=["gas"] * 4 + ["", "gas"]
    )
    few = replace(plan, villages=villages)
    assert page_data(few)["villages"]["tie"] == [1, 0, 1, 0, 0, 0]
    policy = load_policy([("p.toml", "[selection]\nnear_tie_pct = 0.0")])
    assert sum(page_data(replace(few, policy=policy))["villages"]["tie"]) == 0


def test_every_output_draws_the_same_near_ties():
    plan = read_plan(MAPS / "litong")
    villages = plan.villages.copy()
    task = villages.index[(villages["households"] > 0) & (villages["runner_up"] != "")]
    villages.loc[task[:2], "margin_pct"] = [20.0, 20.01]
    selection = plan.policy.selection.model_copy(update={"near_tie_pct": 20.0})
    wide = replace(plan, villages=villages, policy=plan.policy.model_copy(update={"selection": selection}))
    near = (
        (villages["margin_pct"].abs() <= 20.0) & (villages["runner_up"] != "") & (villages["households"] > 0)
    )
    page = page_data(wide)["villages"]
    rows = zip(page["village_id"], page["tie"], page["households"], strict=True)
    tied = {village_id for village_id, tie, households in rows if tie and households}
    assert tied == set(villages["village_id"][near])
    assert villages["village_id"][task[0]] in tied
    assert villages["village_id"][task[1]] not in tied
    assert report_tables(wide)["ties"].cell("合计", "村数") == str(len(tied))
    assert "margin_pct&quot;) &lt;= 20" in styles(wide)["villages"]
    assert "20%" in styles(wide)["villages"]


def test_every_output_names_the_same_made_layers_in_the_same_words(plan):
    idle = plan.villages.assign(provenance="surveyed")
    idle.loc[idle.index[-1], ["provenance", "households"]] = ["illustrative（示意点位）", 0]
    one = replace(plan, villages=idle, layers={}, sources=plan.sources.head(0))
    assert list(made_layers(one)) == ["villages"]
    assert page_data(one)["made"] == ["村庄"]
    assert made_said(one) == "村庄（示意点位）"
    assert page_data(plan)["layers"] == dict(layer_labels())
    assert page_data(plan, lang="en")["layers"] == dict(layer_labels("en"))


def test_the_three_purses_of_every_option(plan):
    levels = [f"subsidy_{level}_cny" for level in ("central", "province", "city", "district")]
    options = plan.options.assign(
        **{name: [1000.0 * (i + 1)] * len(plan.options) for i, name in enumerate(levels)}
    )
    options.loc[options["route"] == "gas", "subsidy_city_cny"] = np.nan
    data = page_data(replace(plan, options=options))
    shown = data["options"]
    gas = [r["id"] for r in data["routes"]].index("gas")
    for route, amount in zip(shown["route"], shown["subsidy_capital_cny"], strict=True):
        assert amount == (None if route == gas else 10_000)
    assert {"household_capex_cny", "household_cost_cny_per_season", "annual_cost_cny"} <= set(shown)


def test_the_sheet_says_who_and_when_and_never_the_clock(plan):
    assert page_data(plan)["sheet"] == {"maker": "", "date": "", "document": ""}
    policy = load_policy([("p.toml", 'maker = "某县清洁取暖办"\nmap_date = "2024-05-01"')])
    named = page_data(replace(plan, policy=policy))["sheet"]
    assert (named["maker"], named["date"]) == ("某县清洁取暖办", "2024-05-01")


def test_what_was_measured_is_said_once(plan):
    said = [
        {
            "code": "far",
            "text": "距干管 4,268 m，高于 2,000 m",
            "measured": 4268.4,
            "limit": 2000.0,
            "unit": "m",
        }
    ]
    options = plan.options.assign(infeasible_because=json.dumps(said, ensure_ascii=False))
    data = page_data(replace(plan, options=options))["options"]
    assert data["texts"] == ["距干管 4,268 m，高于 2,000 m"]
    assert data["because"] == [[[0, None, None, None]]] * len(options)


# Packed


def test_a_packed_page_holds_what_the_plain_one_would(plan, monkeypatch):
    plain = embedded(coverage_html(plan))
    monkeypatch.setattr("geoplan.mapdata.packing.LARGE", 1)
    page = coverage_html(plan)
    assert page == coverage_html(plan)
    assert '"gzip":"' in page
    assert plan.villages["name"].iloc[0] not in page
    assert embedded(page) == plain


def test_a_large_plan_is_packed_and_keeps_four_digits_of_its_options():
    plan = worlds_map.plan(n_villages=3000)
    data = page_data(plan)
    page = coverage_html(plan)
    assert len(page.encode()) < 1_800_000
    assert embedded(page)["villages"]["reason"] == data["villages"]["reason"]
    costs = [cost for cost in data["options"]["annual_cost_cny"] if cost]
    assert all(cost == float(f"{cost:.4g}") for cost in costs)
    exact = plan.options.groupby("village_id")["annual_cost_cny"].sum().sum()
    assert sum(costs) == pytest.approx(exact, rel=1e-3)
    assert data["villages"]["annual_cost_cny"] == page_data(plan)["villages"]["annual_cost_cny"]


@pytest.mark.parametrize("n_villages", [500])
def test_a_county_of_500_villages_is_small(n_villages):
    assert len(coverage_html(worlds_map.plan(n_villages=n_villages)).encode()) < 1_500_000


# Embedded, and under a strict content-security policy


def test_a_fragment_is_no_page_and_names_nothing_outside(plan):
    fragment = coverage_html(plan, embed=True)
    markup = Markup(fragment)
    assert not {"html", "head", "body", "meta", "title", "link", "img"} & set(markup.tags)
    assert fragment == coverage_html(plan, embed=True)
    outside = re.sub("<template>.*</template>", "", fragment, flags=re.DOTALL)
    assert [value for _, name, value in Markup(outside).attributes if name == "id"] == []
    other = coverage_html(replace(plan, villages=plan.villages.head(5)), embed=True)
    assert Markup(other).attributes[1] != markup.attributes[1]


def test_no_name_is_left_in_the_page(plan, html):
    script = Markup(html).texts["script"][-1]
    assert script.startswith("(function (ROOT, HOST, DATA, MAP) {")
    assert script.endswith("textContent);")
    assert not re.search(r"window\.L\b", script)


@pytest.mark.parametrize("embed", [True, False])
def test_nothing_inline_that_a_strict_policy_forbids(plan, embed):
    attributes = Markup(coverage_html(plan, embed=embed, strict_csp=True)).attributes
    assert not [a for a in attributes if a[1] == "style" or a[1].startswith("on")]


def test_a_strict_policy_names_script_and_style_by_their_hash(plan, html):
    page = coverage_html(plan, strict_csp=True)
    markup = Markup(page)
    policy = next(v for t, n, v in markup.attributes if t == "meta" and "default-src" in v)
    assert "unsafe-inline" not in policy
    for tag, text in (("script", markup.texts["script"][-1]), ("style", markup.texts["style"][0])):
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert f"{tag}-src 'sha256-{digest}'" in policy
    assert re.sub('content="default-src[^"]*"', "", page) == re.sub('content="default-src[^"]*"', "", html)


def test_every_text_of_every_table_stays_data(plan, html):
    """Not only the texts that are shown today."""
    payload = "</script><img src=x onerror=alert(1)>"
    codes = {"village_id", "route", "geometry"}

    def all_of(frame):
        texts = [c for c in frame if c not in codes and not pd.api.types.is_numeric_dtype(frame[c])]
        return frame.assign(**dict.fromkeys(texts, payload))

    hostile = replace(
        plan,
        villages=all_of(plan.villages),
        options=all_of(plan.options),
        links=all_of(plan.links),
        sources=all_of(plan.sources),
        layers={stem: all_of(layer) for stem, layer in plan.layers.items()},
        policy=SimpleNamespace(
            title=payload, year=payload, maker=payload, map_date=payload, document=payload, disclaimer=payload
        ),
        summary={"optimum": payload},
    )
    page = coverage_html(hostile)
    assert Markup(page).tags == Markup(html).tags
    assert payload not in page
    fragment = coverage_html(hostile, embed=True)
    assert Markup(fragment).tags == Markup(coverage_html(plan, embed=True)).tags
