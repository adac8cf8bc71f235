"""``geoplan describe``: nothing undocumented, nothing stale, and every number with its origin."""

from __future__ import annotations

import re
from importlib import resources
from pathlib import Path

import pytest
from click.testing import CliRunner

from geoplan.cli import cli
from geoplan.columns import table
from geoplan.glossary import TABLES, described_columns, described_keys, keys, meanings
from geoplan.policy import Policy, load_policy
from geoplan.published import Published

LITONG = Path(__file__).parents[1] / "layers" / "litong" / "policy.toml"


def run(*arguments):
    done = CliRunner().invoke(cli, ["describe", *map(str, arguments)], prog_name="geoplan")
    assert done.exit_code == 0, done.output
    return [line.split("\t") for line in done.stdout.splitlines()]


@pytest.mark.parametrize(("what", "model"), [("keys", Policy), ("published", Published)])
def test_every_key_is_explained_once_in_order_and_none_is_stale(what, model):
    assert list(meanings(what)) == [path for path, _ in keys(model)]


@pytest.mark.parametrize(("what", "key"), [(w, k) for w in ("keys", "published") for k in meanings(w)])
def test_an_explanation_is_one(what, key):
    zh, description = meanings(what)[key]
    assert re.search(r"[\u4e00-\u9fff]", zh)
    assert len(description) > len("One word")
    assert description.lower().replace(" ", "_") != key.rpartition(".")[2]


def test_every_declared_table_can_be_described():
    files = resources.files("geoplan").joinpath("data/columns").iterdir()
    assert {f.name.removesuffix(".csv") for f in files} == set(TABLES)


@pytest.mark.parametrize("name", TABLES)
def test_every_column_has_a_name_and_a_description(name):
    frame = described_columns(name)
    assert list(frame["column"]) == list(table(name))
    assert frame["description"].str.len().min() > 5
    assert frame["zh"].str.contains(r"[\u4e00-\u9fff]|PM2.5|CO2|SO2|NOx|DN").all()


def test_bounds_of_columns_are_those_that_input_is_checked_with():
    bounds = described_columns("villages").set_index("column")["bounds"]
    assert bounds["households"] == "0 to 100000"
    assert bounds["dwelling"] == "bungalow or apartment"
    assert bounds["name"] == "-"
    assert (
        described_columns("heat_mains").set_index("column").loc["status", "bounds"] == "existing or planned"
    )


def test_a_key_comes_with_type_bounds_value_and_origin():
    row = described_keys().set_index("key").loc["network.heat.friction_pa_per_m"]
    assert row["type"] == "number >= 5 <= 500"
    assert row["value"] == "50"
    assert (row["file"], row["confidence"]) == ("default.toml", "M-H")
    assert "30~70 Pa/m" in row["source"]


def test_bounds_of_what_a_list_or_a_table_holds_are_said():
    types = dict(keys())
    assert types["subsidies.<name>.taper"] == "list of number >= 0 <= 1 (optional)"
    assert types["equipment.<name>.devices"] == "table of whole number >= 1"


def test_every_number_of_the_default_stands_in_one_listing_with_its_source():
    named = described_keys().set_index("key")
    bare = named[(named["file"] != "") & named["type"].str.startswith("number") & (named["source"] == "")]
    assert list(bare.index) == []
    assert (named["file"] == "default.toml").sum() > 40


def test_values_of_a_county_replace_those_of_the_default():
    policy = load_policy([("policy.toml", LITONG.read_text("utf-8"))])
    frame = described_keys(policy).set_index("key")
    assert frame.loc["climate.station", ["value", "file"]].tolist() == ["银川 53614", "policy.toml"]
    assert frame.loc["targets.households", "value"] == "28500"
    assert frame.loc["demand.coincidence", "file"] == "default.toml"
    assert run("keys", "-p", LITONG) == [
        [*map(str, row)] for row in described_keys(policy).itertuples(index=False)
    ]


def test_what_a_document_prints_is_described_like_the_policy():
    rows = {row[0]: row[1:] for row in run("published")}
    assert rows["numbers.<number>.pick"][:2] == ["'sum' or 'least' or 'most' (optional)", "sum"]
    assert rows["remarks.<name>.because"][0] == "text"


def test_a_key_under_a_name_shows_what_an_entry_without_it_takes():
    frame = described_keys().set_index("key")
    assert frame.loc["routes.<name>.diversity", "value"] == "1"
    assert frame.loc["subsidies.<name>.threshold_mode", "value"] == "deductible"
    assert frame.loc["subsidies.<name>.level", "value"] == "-"


def test_without_a_subject_everything_is_described():
    lines = run()
    heads = [line[0] for line in lines if line[0].startswith("# ")]
    assert heads == [f"# {name}" for name in (*TABLES, "published", "keys", "policy")]
    columns = sum(len(table(name)) for name in TABLES)
    numbers = len(run("policy"))
    assert len(lines) == len(heads) + columns + len(meanings("published")) + len(meanings()) + numbers


def test_the_merged_policy_is_listed_with_the_origin_of_every_number():
    rows = {row[0]: row[1:] for row in run("policy", "-p", LITONG)}
    assert rows["subsidies.central.cny_per_household"][:2] == ["3500", "policy.toml"]
    assert "3500元/户" in rows["subsidies.central.cny_per_household"][2]
    assert rows["carriers.gas.co2_kg"][1] == "default.toml"
    assert rows.keys() > {row[0] for row in run("policy")}
