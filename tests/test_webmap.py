"""The coverage map as text: self-contained, deterministic, true to the plan, and deaf to hostile input."""

import hashlib
import json
import re
import tomllib
from dataclasses import replace
from importlib import resources
from types import SimpleNamespace

import folium
import geopandas as gpd
import jinja2
import numpy as np
import pandas as pd
import pytest
import shapely

from geoplan.columns import ROUTES, plan_columns, table
from geoplan.errors import InputError
from geoplan.mapdata import GRID, page_data
from geoplan.policy import load_policy
from geoplan.webmap import SCRIPTS, coverage_html, coverage_map
from tests import worlds_map
from tests.pagetext import Markup, embedded

DATA = resources.files("geoplan").joinpath("data")
LEAFLET_SHA256 = {
    "leaflet.js": "db49d009c841f5ca34a888c96511ae936fd9f5533e90d8b2c4d57596f4e5641a",
    "leaflet.css": "337bfca5cabd03b39815b2700febe2b3b7edf55921c59cd49f88ecb328212303",
}


@pytest.fixture(scope="module")
def plan():
    return worlds_map.plan()


@pytest.fixture(scope="module")
def html(plan):
    return coverage_html(plan)


def unfold(path: list[int]) -> np.ndarray:
    return np.reshape(path, (-1, 2)).cumsum(axis=0) / GRID


# Nothing leaves the page


def test_no_element_or_attribute_fetches(html):
    markup = Markup(html)
    assert not {"link", "img", "iframe", "object", "embed", "base", "form", "a"} & set(markup.tags)
    fetching = {"src", "href", "srcset", "action", "poster", "data", "background"}
    assert not [a for a in markup.attributes if a[1] in fetching or a[1].startswith("on")]


def test_no_address_is_left(html):
    assert set(re.findall(r"https?://[\w./-]*", html)) == {"http://www.w3.org/2000/svg"}
    assert "url(" not in "".join(Markup(html).texts["style"])
    assert "@import" not in html
    assert "sourceMappingURL" not in html
    assert not re.search(r"data:[a-z]+/", html)


def test_the_page_forbids_itself_to_fetch(html):
    policy = next(
        v for t, n, v in Markup(html).attributes if t == "meta" and n == "content" and "default-src" in v
    )
    assert "default-src 'none'" in policy
    assert "img-src" not in policy


def test_tiles_only_with_a_token(plan):
    html = coverage_html(plan, tianditu_token="a&b</script>")
    tiles = embedded(html)["tiles"]
    assert [re.search("LAYER=(...)", t)[1] for t in tiles] == ["vec", "cva"]
    assert all(t.endswith("&tk=a%26b%3C%2Fscript%3E") and "tianditu.gov.cn/" in t for t in tiles)
    assert "img-src https://*.tianditu.gov.cn" in html


def test_only_leaflet_is_kept_of_folium(plan, html):
    assert isinstance(coverage_map(plan), folium.Map)
    assert not re.search("jquery|bootstrap|awesome|glyphicon", html, re.IGNORECASE)


@pytest.mark.parametrize("name", LEAFLET_SHA256)
def test_leaflet_is_the_published_one(name):
    text = DATA.joinpath("leaflet", name).read_bytes()
    assert hashlib.sha256(text).hexdigest() == LEAFLET_SHA256[name]


def test_the_licence_of_leaflet_travels_with_it(html):
    assert "Redistributions in binary form must reproduce the above copyright" in html


def test_size(html):
    assert len(html.encode()) < 700_000


# The same bytes


def test_same_plan_same_bytes(html):
    assert coverage_html(worlds_map.plan()) == html
    assert not re.search(r"_[0-9a-f]{32}\b", html)


def test_order_of_rows_does_not_matter(plan, html):
    def shuffled(frame):
        return frame.sample(frac=1, random_state=3)

    layers = {stem: shuffled(layer) for stem, layer in reversed(plan.layers.items())}
    other = replace(
        plan,
        villages=shuffled(plan.villages),
        options=shuffled(plan.options),
        links=shuffled(plan.links),
        sources=shuffled(plan.sources),
        layers=layers,
    )
    assert embedded(coverage_html(other)) == embedded(html)


def test_the_plan_is_left_alone(plan):
    before = plan.villages.copy(), plan.options.copy(), plan.links.copy(), plan.sources.copy()
    coverage_html(plan)
    for was, now in zip(before, (plan.villages, plan.options, plan.links, plan.sources), strict=True):
        pd.testing.assert_frame_equal(was, now)


# Hostile input


@pytest.mark.parametrize("payload", worlds_map.HOSTILE)
def test_hostile_text_stays_data(plan, html, payload):
    page = coverage_html(worlds_map.hostile(plan, payload))
    assert Markup(page).tags == Markup(html).tags
    assert sorted(Markup(page).attributes) == sorted(Markup(html).attributes)
    data = embedded(page)
    assert data["title"] == payload
    assert set(data["villages"]["name"]) == set(data["villages"]["town"]) == {payload}
    assert set(data["sources"]["name"]) == set(data["towns"]["name"]) == {payload}
    assert payload in data["options"]["texts"]
    assert {payload} == set(data["shapes"]["heat_mains"]["name"]) == set(data["shapes"]["rivers"]["name"])


def test_no_template_ever_sees_the_input(plan, monkeypatch):
    sources = []
    compile_ = jinja2.Environment.compile

    def spy(self, source, *args, **kwargs):
        sources.append(str(source))
        return compile_(self, source, *args, **kwargs)

    monkeypatch.setattr(jinja2.Environment, "compile", spy)
    coverage_map(worlds_map.hostile(plan, "{{ 7*7 }}")).get_root().render()
    assert sources
    assert not [s for s in sources if "7*7" in s]


def test_our_script_never_writes_markup():
    script = "".join(DATA.joinpath("webmap", name).read_text("utf-8") for name in SCRIPTS)
    assert not re.search(
        r"innerHTML|outerHTML|insertAdjacent|document\.write|eval\(|new Function|DOMParser", script
    )
    assert "http" not in script


def test_json_escapes_whatever_could_end_the_script(plan):
    page = coverage_html(worlds_map.hostile(plan, "</script><!--<script>\u2028\u2029&amp;"))
    text = re.search(r'id="gp-data">(.*?)</script>', page, re.DOTALL)[1]
    assert json.loads(text)["bounds"]
    assert not set(text) & set("<>&\u2028\u2029")


# True to the plan


def test_villages_equal_the_plan(plan, html):
    villages = plan.villages.sort_values("village_id").reset_index(drop=True)
    data = embedded(html)
    shown = pd.DataFrame(data["villages"])
    assert shown["village_id"].tolist() == villages["village_id"].tolist()
    assert shown["households"].tolist() == villages["households"].tolist()
    assert [data["routes"][i]["id"] for i in shown["route"]] == villages["route"].tolist()
    for column in ("heat_load_kw", "household_cost_cny_per_season", "break_even_m", "capex_cny"):
        np.testing.assert_allclose(shown[column], villages[column].astype(float), atol=0.0051)
    made = villages["provenance"].str.startswith("illustrative")
    assert shown["made"].astype(bool).tolist() == made.tolist()


def test_places_equal_the_plan(plan, html):
    villages = plan.villages.sort_values("village_id").to_crs(4326)
    shown = pd.DataFrame(embedded(html)["villages"])
    lost = villages.geometry.isna() | villages.is_empty
    assert shown["lon"].isna().tolist() == lost.tolist()
    assert lost.sum() == 3
    np.testing.assert_allclose(shown["lon"][~lost.to_numpy()], villages.geometry[~lost].x, atol=0.51e-5)
    np.testing.assert_allclose(shown["lat"][~lost.to_numpy()], villages.geometry[~lost].y, atol=0.51e-5)


def test_options_equal_the_plan(plan, html):
    data = embedded(html)
    ids = data["villages"]["village_id"]
    options = data["options"]
    shown = {
        (ids[v], data["routes"][r]["id"]): (bool(f), cost)
        for v, r, f, cost in zip(
            options["village"], options["route"], options["feasible"], options["annual_cost_cny"], strict=True
        )
    }
    expected = plan.options.set_index(["village_id", "route"])
    assert set(shown) == set(expected.index)
    for key, (feasible, cost) in shown.items():
        row = expected.loc[key]
        assert feasible == row["feasible"]
        assert (
            cost is None
            if pd.isna(row["annual_cost_cny"])
            else cost == pytest.approx(row["annual_cost_cny"], rel=6e-5, abs=0.006)
        )


def test_reasons_against_an_option_keep_their_numbers(plan, html):
    options = embedded(html)["options"]
    row = (
        plan.options[plan.options["infeasible_because"].notna()].sort_values(["village_id", "route"]).iloc[0]
    )
    finding = json.loads(row["infeasible_because"])[0]
    shown = next(b for b in options["because"] if b)[0]
    assert [options["texts"][shown[0]], *shown[1:]] == [
        finding[k] for k in ("text", "measured", "limit", "unit")
    ]


def test_text_that_is_no_json_is_shown_as_it_is(plan):
    options = plan.options.assign(infeasible_because="too far")
    data = page_data(replace(plan, options=options))
    assert data["options"]["texts"] == ["too far"]


def test_links_keep_their_course(plan, html):
    data = embedded(html)["links"]
    links = plan.links.sort_values(["route", "from_id", "to_id"]).to_crs(4326)
    assert data["dn_mm"] == links["dn_mm"].tolist()
    for path, line in zip(data["path"], links.geometry, strict=True):
        drawn = unfold(path[0])
        assert shapely.hausdorff_distance(shapely.linestrings(drawn), line) < 1e-5


def test_context_is_close_to_the_truth(plan, html):
    shape = embedded(html)["shapes"]["boundary"]
    ring = gpd.GeoSeries([shapely.linestrings(unfold(shape["path"][0][0]))], crs=4326).to_crs(worlds_map.CRS)
    truth = plan.layers["boundary"].geometry.iloc[0].exterior
    assert shapely.hausdorff_distance(ring.iloc[0], truth) < 7.0


def test_every_layer_travels(plan, html):
    data = embedded(html)
    assert set(data["shapes"]) == {
        "boundary", "zones", "towns", "rivers", "railways", "roads", "gas_mains", "heat_mains",
    }  # fmt: skip
    assert sorted(data["towns"]["name"]) == sorted(plan.layers["towns"]["name"])
    assert set(data["shapes"]["heat_mains"]["status"]) == {"existing", "planned"}


def test_made_layers_are_named(plan, html):
    assert embedded(html)["made"] == ["村庄", "热源", "供热管网", "气源", "燃气管网", "生物质供应点"]
    honest = replace(
        plan,
        villages=plan.villages.assign(provenance="surveyed"),
        sources=plan.sources.assign(provenance=None),
        layers={stem: layer.assign(provenance="surveyed") for stem, layer in plan.layers.items()},
    )
    assert page_data(honest)["made"] == []


def test_a_source_the_plan_leaves_out_is_drawn(plan):
    fewer = replace(plan, sources=plan.sources[plan.sources["source_id"] != "H2"])
    data = page_data(fewer)["sources"]
    place = data["source_id"].index("H2")
    assert (data["capacity"][place], data["used"][place], data["unit"][place]) == (40, None, "MW")


def test_notes_under_the_title(plan):
    assert page_data(plan)["notes"] == [
        "2022 年",
        "坐标系：2000 国家大地坐标系 3° 带，中央经线 105°E (EPSG:4544)",
        "工作底图，不作为划界依据",
    ]
    undated = replace(plan, policy=SimpleNamespace(title="x", year=None))
    assert page_data(undated, lang="en")["notes"][0].startswith(
        "CRS: CGCS2000 / 3-degree Gauss-Kruger CM 105E"
    )


# Small and odd plans


def test_villages_alone_are_enough(plan):
    bare = replace(plan, layers={}, links=plan.links.iloc[:0], sources=plan.sources.iloc[:0])
    data = page_data(bare)
    assert data["shapes"] == {}
    assert data["sources"]["source_id"] == data["towns"]["name"] == []
    assert len(coverage_html(bare)) > 0


def test_a_plan_without_any_place(plan):
    nowhere = plan.villages.assign(geometry=None).set_crs(worlds_map.CRS, allow_override=True)
    bare = replace(
        plan, villages=nowhere, sources=plan.sources.iloc[:0], layers={"boundary": plan.layers["boundary"]}
    )
    south, west, north, east = page_data(bare)["bounds"]
    assert (west, south, east, north) == pytest.approx(
        plan.layers["boundary"].to_crs(4326).total_bounds, abs=1e-4
    )
    assert page_data(replace(bare, layers={}))["bounds"] == [18.0, 73.0, 54.0, 135.0]


def test_polygons_and_multilines(plan):
    area = plan.layers["towns"].head(2).copy()
    area["geometry"] = area.buffer(900)
    rivers = plan.layers["rivers"].dissolve()
    data = page_data(replace(plan, layers={"towns": area, "rivers": rivers}))
    assert [len(path) for path in data["shapes"]["towns"]["path"]] == [1, 1]
    assert len(data["shapes"]["rivers"]["path"][0]) == 2
    assert len(data["towns"]["lon"]) == 2


def test_unknown_language(plan):
    with pytest.raises(InputError, match="zh and en; got 'fr'"):
        coverage_html(plan, lang="fr")


# The page's own tables


def test_every_route_and_decision_has_a_style():
    style = tomllib.loads(DATA.joinpath("style.toml").read_text("utf-8"))
    assert tuple(style["routes"]) == ROUTES
    assert set(style["decisions"]) == set(table("plan_villages")["decision"].values)


def test_words_are_complete_and_used():
    text = tomllib.loads(DATA.joinpath("webmap/text.toml").read_text("utf-8"))
    assert all(set(entry) == {"zh", "en"} for section in text.values() for entry in section.values())
    script = "".join(DATA.joinpath("webmap", name).read_text("utf-8") for name in SCRIPTS)
    used = set(re.findall(r"words\.(\w+)", script))
    assert used <= set(text["words"])
    loading = {f"map_loading_{shade}" for shade in ("low", "middle", "high")}
    from_data = {"existing", "planned", "no_coal", "no_dig", "plain", "mountain", *loading}
    from_python = {"brand", "crs", "cgcs2000", "disclaimer", "optimum", "public", "old_browser"}
    assert set(text["words"]) - used == from_data | from_python


def test_facts_are_columns():
    facts = tomllib.loads(DATA.joinpath("webmap/facts.toml").read_text("utf-8"))
    assert {c for names in facts.values() for c in names} <= set(plan_columns())


def test_coded_values_have_words():
    style = tomllib.loads(DATA.joinpath("style.toml").read_text("utf-8"))
    facts = tomllib.loads(DATA.joinpath("webmap/facts.toml").read_text("utf-8"))
    shown = [plan_columns()[c] for names in facts.values() for c in names]
    coded = {v for c in shown for v in c.values if c.values != ROUTES}
    assert coded | {"yes", "no"} == set(style["values"])


def test_the_policy_s_own_disclaimer_is_said(plan):
    policy = load_policy([("p.toml", "disclaimer = '只说明规则能够表达文件'")])
    assert "只说明规则能够表达文件" in page_data(replace(plan, policy=policy))["notes"]


def test_money_that_is_left_open_is_shown_as_open(plan):
    villages = plan.villages.assign(subsidy_central_cny=np.nan)
    data = page_data(replace(plan, villages=villages))
    assert "subsidy_central_cny" in {fact["name"] for fact in data["facts"]["facts_money"]}
    assert set(data["villages"]["subsidy_central_cny"]) == {None}


def test_english(plan):
    data = page_data(plan, lang="en")
    assert data["routes"][0]["label"] == "District heating"
    labels = {fact["name"]: fact["label"] for facts in data["facts"].values() for fact in facts}
    assert labels["break_even_m"] == "Break-even length"
