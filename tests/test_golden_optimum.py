"""The optimum of every county in ``maps/`` is proved, beside its cascade, and still what comes out."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import geoplan
from geoplan.folder import MANIFEST

ROOT = Path(__file__).parents[1]
OPTIMA = sorted(p.parent for p in (ROOT / "maps").glob(f"*-optimum/{MANIFEST}"))


@pytest.fixture(scope="module", params=OPTIMA, ids=lambda p: p.name)
def pair(request):
    """The manifest that ships and the plan made anew."""
    county = request.param.name.removesuffix("-optimum")
    plan = geoplan.assign(geoplan.read_county(ROOT / "layers" / county), method="optimum")
    return json.loads((request.param / MANIFEST).read_text("utf-8")), plan


def test_the_optimum_is_proved_and_as_shipped(pair):
    shipped, plan = pair
    old, new = shipped["summary"]["optimum"], plan.summary["optimum"]
    for found in (old, new):
        assert found["gap"] <= 0.01
        assert found["first_goals_proved"]
        assert found["bound_cny_per_a"] <= found["optimum"]["cost_cny_per_a"] * (1 + 1e-9)
        assert found["optimum"]["cost_cny_per_a"] <= found["cascade"]["cost_cny_per_a"] * (1 + 1e-9)
    # Of several choices that cost the same any may come out; what they cost may not differ.
    assert new["optimum"]["cost_cny_per_a"] == pytest.approx(old["optimum"]["cost_cny_per_a"], rel=2e-6)
    assert shipped["bound"] == pytest.approx(old["bound_cny_per_a"])
    cascade = json.loads((ROOT / "maps" / plan.name / MANIFEST).read_text("utf-8"))["summary"]
    assert old["cascade"]["households_by_route"] == cascade["households_by_route"]
    assert old["cascade"]["cost_cny_per_a"] == pytest.approx(cascade["annual_cost_cny"])


def test_the_plan_costs_what_the_optimum_says(pair):
    shipped, plan = pair
    assert shipped["summary"]["annual_cost_cny"] == pytest.approx(
        shipped["summary"]["optimum"]["optimum"]["cost_cny_per_a"]
    )
    assert plan.villages["annual_cost_cny"].sum() == pytest.approx(
        plan.summary["optimum"]["optimum"]["cost_cny_per_a"]
    )
