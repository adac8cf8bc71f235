"""The hydraulic check against sums by hand, and the graph it is made on."""

from __future__ import annotations

import math
import sys
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner

import geoplan
from geoplan.cli import cli
from geoplan.errors import CertificateError, GeoplanError
from geoplan.hydraulics import NODE_COLUMNS, PIPE_COLUMNS, SOURCE_COLUMNS, check_hydraulics
from geoplan.model import Plan
from geoplan.pipework import pipework
from geoplan.policy import load_policy

from .worlds import CRS, at, corridor, heat_source, line, main

ROOT = Path(__file__).parents[1]
solved = pytest.mark.skipif(find_spec("pandapipes") is None, reason="geoplan[hydraulics] is not installed")

DELTA_T, DENSITY, ROUGHNESS_M, INNER_M = 60.0, 958.0, 0.0005, {150: 0.150, 200: 0.207, 250: 0.259}
LOCAL, STATION_KPA, SOURCE_KPA, RESERVE_KPA = 0.3, 100.0, 120.0, 150.0


def kg_per_s(mw):
    return mw * 1000.0 / (4.187 * DELTA_T)


def friction(mw, dn):
    """Darcy and Weisbach with Nikuradse's friction for rough pipes and the laminar part. [Pa/m]"""
    d = INNER_M[dn]
    v = kg_per_s(mw) / (DENSITY * math.pi * d**2 / 4.0)
    reynolds = v * d * DENSITY / 2.8e-4
    factor = 64.0 / reynolds + (2.0 * math.log10(3.71 * d / ROUGHNESS_M)) ** -2
    return factor / d * DENSITY * v**2 / 2.0


def by_cjj34(mw, dn):
    """The closed form that sizes the plan's pipes. [Pa/m]"""
    tonnes = kg_per_s(mw) * 3.6
    return 6.88e-3 * ROUGHNESS_M**0.25 * tonnes**2 / (DENSITY * INNER_M[dn] ** 5.25)


def frame(rows, columns):
    rows = [dict(zip(columns, row, strict=True)) for row in rows]
    return gpd.GeoDataFrame(pd.DataFrame(rows, columns=columns), geometry="geometry", crs=CRS)


def plan_of(villages, links, sources, *, mains=(), policy="", heights=None):
    """A plan's tables by hand: villages (id, x, y, MW, source), links (from, to, DN, MW, points).

    Sources are (id, x, y); a link is as long as its line.
    """
    places = frame(
        [
            (v, f"村{v}", "district_heating", s, (heights or {}).get(v), at(x, y))
            for v, x, y, _, s in villages
        ],
        ["village_id", "name", "route", "source_id", "elevation_m", "geometry"],
    )
    options = pd.DataFrame(
        [(v, "district_heating", mw) for v, _, _, mw, _ in villages],
        columns=["village_id", "route", "capacity_use"],
    )
    pipes = frame(
        [
            ("district_heating", start, end, line(*points).length, dn, mw, line(*points))
            for start, end, dn, mw, points in links
        ],
        ["route", "from_id", "to_id", "length_m", "dn_mm", "flow_mw", "geometry"],
    )
    outlets = frame(
        [(s, f"热源{s}", "district_heating", at(x, y)) for s, x, y in sources],
        ["source_id", "name", "route", "geometry"],
    )
    layers = {
        "heat_sources": gpd.GeoDataFrame(
            [heat_source(99.0, x, y, s) | {"elevation_m": (heights or {}).get(s)} for s, x, y in sources],
            crs=CRS,
        )
    }
    if mains:
        layers["heat_mains"] = gpd.GeoDataFrame(list(mains), crs=CRS)
    merged = load_policy([("policy.toml", policy)] if policy else [])
    return Plan("world", places, options, pipes, outlets, merged, layers)


def single(**more):
    return plan_of(
        [("V1", 1000, 0, 5.0, "H1")],
        [("H1", "V1", 200, 5.0, [(0, 0), (1000, 0)])],
        [("H1", 0, 0)],
        **more,
    )


def tree(**more):
    """A main east from the source, tapped at 1000 m and 2000 m; the second branch forks."""
    return plan_of(
        [("V1", 1000, 300, 3.0, "H1"), ("V2", 2000, 500, 2.0, "H1"), ("V3", 2400, 500, 1.0, "H1")],
        [
            ("T7", "V1", 150, 3.0, [(1000, 0), (1000, 300)]),
            ("T8", "V2", 150, 3.0, [(2000, 0), (2000, 500)]),
            ("V2", "V3", 150, 1.0, [(2000, 500), (2400, 500)]),
        ],
        [("H1", 0, 0)],
        mains=[main((0, 0), (3000, 0), dn_mm=250)],
        **more,
    )


def limits(**values):
    """Policy text with other limits of the check."""
    return "\n".join(["[network.heat.hydraulics]", *(f"{key} = {value}" for key, value in values.items())])


def by(frame, key, value):
    return frame.set_index(key)[value]


# --- sums by hand -----------------------------------------------------------------------------------


@solved
def test_a_single_pipe_by_hand():
    checked = check_hydraulics(single())
    (pipe,) = checked.pipes.to_dict("records")
    assert pipe["flow_t_per_h"] == pytest.approx(5000.0 / (4.187 * 60.0) * 3.6, rel=1e-9)
    assert pipe["velocity_m_per_s"] == pytest.approx(71.651 / 3.6 / 958 / (math.pi * 0.207**2 / 4), rel=1e-4)
    assert pipe["friction_pa_per_m"] == pytest.approx(friction(5.0, 200), rel=2e-3)
    assert pipe["friction_pa_per_m"] == pytest.approx(by_cjj34(5.0, 200), rel=0.03)
    assert pipe["drop_kpa"] == pytest.approx(pipe["friction_pa_per_m"] * 1000 * (1 + LOCAL) / 1000, rel=1e-9)
    (source,) = checked.sources.to_dict("records")
    kpa = 2 * pipe["drop_kpa"] + STATION_KPA + SOURCE_KPA
    assert source["pump_head_m"] == pytest.approx(kpa * 1000 / (DENSITY * 9.81), rel=1e-9)
    assert by(checked.nodes, "node_id", "available_kpa")["V1"] == pytest.approx(STATION_KPA, rel=1e-9)
    assert checked.violations == ()


@solved
def test_a_tree_adds_up_along_every_path():
    checked = check_hydraulics(tree())
    pipes = checked.pipes.set_index(["from_id", "to_id"])
    # The main carries 6 MW as far as the first tap, 3 MW to the second; beyond it there is nothing.
    want = {
        ("H1", "T7"): (1000.0, 6.0, 250),
        ("T7", "T8"): (1000.0, 3.0, 250),
        ("T7", "V1"): (300.0, 3.0, 150),
        ("T8", "V2"): (500.0, 3.0, 150),
        ("V2", "V3"): (400.0, 1.0, 150),
    }
    assert set(pipes.index) == set(want)
    drop = {}
    for key, (length, mw, dn) in want.items():
        row = pipes.loc[key]
        assert row["length_m"] == pytest.approx(length)
        assert row["dn_mm"] == dn
        assert row["flow_t_per_h"] == pytest.approx(kg_per_s(mw) * 3.6, rel=1e-6)
        drop[key] = friction(mw, dn) * length * (1 + LOCAL) / 1000.0
        assert row["drop_kpa"] == pytest.approx(drop[key], rel=2e-3)
    loss = by(checked.nodes, "node_id", "loss_kpa")
    far = drop["H1", "T7"] + drop["T7", "T8"] + drop["T8", "V2"] + drop["V2", "V3"]
    assert loss["V1"] == pytest.approx(2 * (drop["H1", "T7"] + drop["T7", "V1"]), rel=2e-3)
    assert loss["V3"] == pytest.approx(2 * far, rel=2e-3)
    assert checked.critical_village == {"H1": "V3"}
    available = by(checked.nodes, "node_id", "available_kpa")
    assert available["V3"] == pytest.approx(STATION_KPA)
    assert available["H1"] == pytest.approx(STATION_KPA + 2 * far, rel=2e-3)
    assert (available + loss).to_numpy() == pytest.approx(available["H1"])


@solved
def test_a_ring_of_mains_shares_the_flow():
    """Two equal ways to the tap carry half each."""
    ring = [main((0, 0), (500, 500), (1000, 0), dn_mm=200), main((0, 0), (500, -500), (1000, 0), dn_mm=200)]
    plan = plan_of(
        [("V1", 1200, 0, 4.0, "H1")],
        [("T1", "V1", 200, 4.0, [(1000, 0), (1200, 0)])],
        [("H1", 0, 0)],
        mains=ring,
    )
    pipes = check_hydraulics(plan).pipes
    halves = pipes.loc[~pipes["new"], "flow_t_per_h"]
    assert halves.to_numpy() == pytest.approx([kg_per_s(2.0) * 3.6] * 2, rel=1e-6)


@solved
def test_elevations_make_static_and_working_pressure():
    heights = {"H1": 100.0, "V1": 120.0, "V2": 90.0, "V3": 110.0}
    checked = check_hydraulics(tree(heights=heights))
    nodes = checked.nodes.set_index("node_id")
    per_m = DENSITY * 9.81 / 1000.0
    for name, height in heights.items():
        static = (120.0 - height) * per_m + RESERVE_KPA
        assert nodes.loc[name, "static_kpa"] == pytest.approx(static)
        supply = static + nodes.loc["H1", "available_kpa"] - nodes.loc[name, "loss_kpa"] / 2
        assert nodes.loc[name, "pressure_kpa"] == pytest.approx(supply)
    assert not [note for note in checked.notes if "elevation" in note]


# --- sources, mains and sizes -----------------------------------------------------------------------


def two_sources(**more):
    """A main with a source at each end, a village at each third."""
    return plan_of(
        [("V1", 1000, 200, 5.0, "H1"), ("V2", 2000, 200, 2.0, "H2")],
        [
            ("T1", "V1", 200, 5.0, [(1000, 0), (1000, 200)]),
            ("T2", "V2", 150, 2.0, [(2000, 0), (2000, 200)]),
        ],
        [("H1", 0, 0), ("H2", 3000, 0)],
        mains=[main((0, 0), (3000, 0), dn_mm=250)],
        **more,
    )


@solved
def test_sources_joined_by_a_main_give_what_the_plan_books_on_them():
    checked = check_hydraulics(two_sources())
    flow = by(checked.sources, "source_id", "flow_t_per_h")
    assert flow.to_dict() == pytest.approx({"H1": kg_per_s(5.0) * 3.6, "H2": kg_per_s(2.0) * 3.6})
    for name, mw in (("H1", 5.0), ("H2", 2.0)):
        leaves = checked.pipes.loc[checked.pipes["from_id"] == name, "flow_t_per_h"].sum()
        assert leaves == pytest.approx(kg_per_s(mw) * 3.6, rel=1e-6)
    between = checked.pipes.set_index(["from_id", "to_id"]).filter(items=[("T1", "T2"), ("T2", "T1")], axis=0)
    assert between["flow_t_per_h"].abs().max() == pytest.approx(0.0, abs=1e-4)
    assert checked.critical_village == {"H1": "V1", "H2": "V2"}
    # H2 stands where less is lost, so its own difference of pressure is that at its junction.
    available = by(checked.nodes, "node_id", "available_kpa")
    head = by(checked.sources, "source_id", "pump_head_m")
    for name in ("H1", "H2"):
        assert head[name] * DENSITY * 9.81 / 1000 == pytest.approx(available[name] + SOURCE_KPA)
    assert available[["V1", "V2"]].min() == pytest.approx(STATION_KPA)


@solved
def test_networks_apart_have_a_pump_each():
    plan = plan_of(
        [("V1", 1000, 0, 5.0, "H1"), ("V2", 9000, 0, 5.0, "H2")],
        [
            ("H1", "V1", 200, 5.0, [(0, 0), (1000, 0)]),
            ("H2", "V2", 200, 5.0, [(7000, 0), (9000, 0)]),
        ],
        [("H1", 0, 0), ("H2", 7000, 0)],
    )
    checked = check_hydraulics(plan)
    assert checked.critical_village == {"H1": "V1", "H2": "V2"}
    lost = by(checked.sources, "source_id", "critical_loss_kpa")
    assert lost["H2"] == pytest.approx(2 * lost["H1"])
    assert by(checked.nodes, "node_id", "available_kpa")[["V1", "V2"]].tolist() == pytest.approx([100, 100])


@solved
def test_a_main_without_a_diameter_takes_the_smallest_size_that_carries_its_flow():
    plan = tree()
    layers = {**plan.layers, "heat_mains": gpd.GeoDataFrame([main((0, 0), (3000, 0))], crs=CRS)}
    checked = check_hydraulics(replace(plan, layers=layers))
    mains = checked.pipes[~checked.pipes["new"]].set_index("from_id")
    assert mains["assumed"].all()
    assert mains["dn_mm"].to_dict() == {"H1": 200, "T7": 150}
    assert not checked.pipes.loc[checked.pipes["new"], "assumed"].any()
    assert any("2000 m of mains have no dn_mm" in note for note in checked.notes)


@solved
def test_a_size_between_those_of_the_table_lies_between_them():
    def lost(dn_mm):
        plan = tree()
        layers = {
            **plan.layers,
            "heat_mains": gpd.GeoDataFrame([main((0, 0), (3000, 0), dn_mm=dn_mm)], crs=CRS),
        }
        return check_hydraulics(replace(plan, layers=layers)).pipes.set_index("from_id").loc["H1", "drop_kpa"]

    assert lost(250) < lost(225) < lost(200)


@solved
def test_pipes_side_by_side_share_the_flow():
    table = (
        "[network.heat.pipes]\nsource = 'test'\ndn_mm = [200]\ninner_diameter_m = [0.207]\ncny_per_m = [3100]"
    )
    plan = plan_of(
        [("V1", 1000, 0, 15.0, "H1")],
        [("H1", "V1", 200, 15.0, [(0, 0), (1000, 0)])],
        [("H1", 0, 0)],
        policy=table,
    )
    (pipe,) = check_hydraulics(plan).pipes.to_dict("records")
    assert pipe["parallel"] == 2
    assert pipe["flow_t_per_h"] == pytest.approx(kg_per_s(15.0) * 3.6)
    assert pipe["friction_pa_per_m"] == pytest.approx(friction(7.5, 200), rel=2e-3)


@solved
def test_a_village_at_its_source_loses_nothing():
    plan = plan_of([("V1", 0, 0, 5.0, "H1")], [], [("H1", 0, 0)])
    checked = check_hydraulics(plan)
    assert checked.pipes.empty
    assert by(checked.nodes, "node_id", "available_kpa").to_dict() == {"H1": STATION_KPA, "V1": STATION_KPA}
    both = replace(
        single(),
        villages=pd.concat([single().villages, plan.villages.assign(village_id="V0")]),
        options=pd.concat([single().options, plan.options.assign(village_id="V0")]),
    )
    loss = by(check_hydraulics(both).nodes, "node_id", "loss_kpa")
    assert loss["V0"] == pytest.approx(0.0, abs=1e-9)
    assert check_hydraulics(both).critical_village == {"H1": "V1"}


@solved
def test_neither_the_order_of_rows_nor_the_direction_of_lines_matters():
    plan = tree()
    turned = plan.links.iloc[::-1].reset_index(drop=True)
    turned = turned.set_geometry(turned.geometry.reverse())
    mains = plan.layers["heat_mains"]
    other = replace(
        plan,
        links=turned,
        villages=plan.villages.iloc[::-1],
        layers={**plan.layers, "heat_mains": mains.set_geometry(mains.geometry.reverse())},
    )
    one, two = (check_hydraulics(p).nodes.set_index("node_id")["available_kpa"] for p in (plan, other))
    pd.testing.assert_series_equal(one.sort_index(), two.sort_index(), rtol=1e-6)


# --- violations -------------------------------------------------------------------------------------

HIGH = {"H1": 0.0, "V1": 40.0, "V2": 10.0, "V3": 0.0}


@solved
@pytest.mark.parametrize(
    ("policy", "heights", "what", "where", "limit", "unit"),
    [
        (limits(branch_friction_max_pa_per_m=10), None, "friction", ["T7 > V1", "T8 > V2"], 10.0, "Pa/m"),
        (limits(trunk_friction_max_pa_per_m=5), None, "friction", ["H1 > T7"], 5.0, "Pa/m"),
        ("[network.heat]\nvelocity_max_m_per_s = 0.5", None, "velocity", ["T7 > V1", "T8 > V2"], 0.5, "m/s"),
        (limits(pump_head_max_m=20), None, "pump head", ["H1"], 20.0, "m"),
        (limits(pressure_max_kpa=500), HIGH, "static pressure", ["H1", "V3"], 500.0, "kPa"),
        (limits(pressure_max_kpa=650), HIGH, "working pressure", ["H1", "V3"], 650.0, "kPa"),
    ],
)
def test_every_kind_of_violation_is_named(policy, heights, what, where, limit, unit):
    checked = check_hydraulics(tree(policy=policy, heights=heights))
    found = [v for v in checked.violations if v.what == what]
    assert [v.where for v in found] == where
    for violation in found:
        assert violation.measured > violation.limit == limit
        assert violation.unit == unit
        assert violation.where in str(violation)


@solved
def test_a_pressure_is_said_once():
    places = [
        v.where for v in check_hydraulics(tree(policy=limits(pressure_max_kpa=500), heights=HIGH)).violations
    ]
    assert len(places) == len(set(places)) > 0


@solved
def test_within_its_limits_a_network_has_no_violation():
    assert check_hydraulics(tree(heights=HIGH)).violations == ()


# --- nothing, wrong and missing ---------------------------------------------------------------------


def empty_plan():
    return geoplan.assign(corridor([300], policy='order = ["heat_pump"]'))


def test_a_plan_without_district_heating_is_empty_and_says_so():
    checked = check_hydraulics(empty_plan())
    for found, columns in zip(
        (checked.pipes, checked.nodes, checked.sources),
        (PIPE_COLUMNS, NODE_COLUMNS, SOURCE_COLUMNS),
        strict=True,
    ):
        assert list(found.columns) == list(columns)
        assert found.empty
    assert (checked.violations, dict(checked.critical_village)) == ((), {})
    assert checked.notes == ("no village is on a heat network",)


def test_without_the_extra_the_error_names_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "pandapipes", None)
    with pytest.raises(GeoplanError, match=r"pip install geoplan\[hydraulics\]"):
        check_hydraulics(single())


def test_a_link_from_nowhere_is_a_fault_of_the_plan():
    plan = plan_of(
        [("V1", 1000, 0, 5.0, "H1")],
        [("T5", "V1", 200, 5.0, [(400, 0), (1000, 0)])],
        [("H1", 0, 0)],
        mains=[main((0, 0), (300, 0), dn_mm=250)],
    )
    with pytest.raises(CertificateError, match="T5"):
        pipework(plan)
    with pytest.raises(CertificateError, match="H1, T5"):
        pipework(replace(plan, layers={}))


def test_a_village_that_no_pipe_reaches_is_a_fault_of_the_plan():
    plan = single()
    with pytest.raises(CertificateError, match="V1"):
        pipework(replace(plan, links=plan.links.iloc[:0]))


def test_a_village_on_the_network_of_another_source_is_a_fault_of_the_plan():
    plan = plan_of(
        [("V1", 1000, 100, 5.0, "H2"), ("V2", 6000, 100, 1.0, "H1")],
        [("T1", "V1", 200, 5.0, [(1000, 0), (1000, 100)]), ("T2", "V2", 100, 1.0, [(6000, 0), (6000, 100)])],
        [("H1", 0, 0), ("H2", 5000, 0)],
        mains=[main((0, 0), (2000, 0), dn_mm=250), main((5000, 0), (7000, 0), dn_mm=250)],
    )
    with pytest.raises(CertificateError, match="V1, V2"):
        pipework(plan)


# --- the graph --------------------------------------------------------------------------------------


def test_what_is_assigned_hangs_together():
    """A source beside its main, a main tapped at any point, a planned main that comes too late."""
    late = {"status": "planned", "dn_mm": 500, "year": 2050, "geometry": line((0, 0), (0, 5000))}
    heat = [heat_source(500.0, -200.0, 0.0)]
    mains = [main((0, 0), (4_000, 0), dn_mm=300), main((4_000, 0), (10_000, 0), dn_mm=300), late]
    world = corridor([800, 900], policy="year = 2030")
    layers = {
        **world.layers,
        "heat_sources": gpd.GeoDataFrame(heat, crs=CRS),
        "heat_mains": gpd.GeoDataFrame(mains, crs=CRS),
    }
    plan = geoplan.assign(replace(world, layers=layers))
    assert (plan.villages["route"] == "district_heating").all()
    work = pipework(plan)
    old = work.pipes[~work.pipes["new"]]
    # 200 m from the source to its main, 600 m to the first tap, 600 m to the second.
    assert sorted(old["length_m"].round(1)) == [200.0, 600.0, 600.0]
    assert old["dn_mm"].isna().sum() == 1
    new = work.pipes[work.pipes["new"]]
    assert new["length_m"].sum() == pytest.approx(plan.links["length_m"].sum())


def test_a_link_that_closes_a_gap_between_mains_feeds_the_second():
    mains = [main((0, 0), (1000, 0), dn_mm=200), main((1010, 0), (2000, 0), dn_mm=200)]
    plan = plan_of(
        [("V1", 1500, 100, 3.0, "H1")],
        [
            ("T1", "J2", 150, 3.0, [(1000, 0), (1010, 0)]),
            ("T3", "V1", 150, 3.0, [(1500, 0), (1500, 100)]),
        ],
        [("H1", 0, 0)],
        mains=mains,
    )
    pipes = pipework(plan).pipes
    assert sorted(pipes["length_m"].round(1)) == [10.0, 100.0, 490.0, 1000.0]


def test_a_line_that_crosses_a_main_is_not_joined_to_it():
    plan = plan_of(
        [("V1", 1000, 500, 3.0, "H1"), ("V2", 2000, 500, 3.0, "H2")],
        [
            ("H1", "V1", 150, 3.0, [(1000, -500), (1000, 500)]),
            ("T2", "V2", 150, 3.0, [(2000, 0), (2000, 500)]),
        ],
        [("H1", 1000, -500), ("H2", 0, 0)],
        mains=[main((0, 0), (3000, 0), dn_mm=200)],
    )
    work = pipework(plan)
    assert work.sources["part"].nunique() == 2


@pytest.mark.parametrize("name", ["litong", "shuocheng", "wutai", "zichuan"])
def test_the_counties_networks_hang_together(name):
    """Every village on the network is there, some of them on the pipe of another."""
    plan = geoplan.read_plan(ROOT / "maps" / name)
    work = pipework(plan)
    on_it = plan.villages["route"] == "district_heating"
    assert sorted(work.villages.index) == sorted(plan.villages.loc[on_it, "village_id"])
    built = plan.links.loc[plan.links["route"] == "district_heating", "length_m"].sum()
    assert work.pipes.loc[work.pipes["new"], "length_m"].sum() == pytest.approx(built, rel=1e-6)
    used = plan.sources.set_index("source_id").loc[work.sources.index, "used"]
    assert work.sources["load_mw"].to_numpy() == pytest.approx(used.to_numpy(), rel=1e-6)


# --- a county, and the command ----------------------------------------------------------------------


@solved
def test_litong_from_end_to_end():
    plan = geoplan.read_plan(ROOT / "maps" / "litong")
    checked = check_hydraulics(plan)
    numbers = ["flow_t_per_h", "velocity_m_per_s", "friction_pa_per_m", "drop_kpa"]
    assert np.isfinite(checked.pipes[numbers]).all(axis=None)
    assert (checked.pipes[["flow_t_per_h", "drop_kpa"]] >= 0).all(axis=None)
    heat = plan.policy.network.heat
    tonnes = 3.6e3 / (4.187 * heat.delta_t_k)
    used = plan.sources.set_index("source_id").loc["H1", "used"]
    leaves = checked.pipes.loc[checked.pipes["from_id"] == "H1", "flow_t_per_h"].sum()
    assert leaves == pytest.approx(used * tonnes, rel=1e-6)
    arrives = checked.pipes.groupby("to_id")["flow_t_per_h"].sum()
    departs = checked.pipes.groupby("from_id")["flow_t_per_h"].sum().reindex(arrives.index).fillna(0.0)
    taken = plan.options[plan.options["route"] == "district_heating"].set_index("village_id")["capacity_use"]
    wanted = taken.reindex(arrives.index).fillna(0.0) * tonnes
    assert (arrives - departs).to_numpy() == pytest.approx(wanted.to_numpy(), rel=1e-5, abs=1e-3)
    links = plan.links[plan.links["route"] == "district_heating"].set_index("to_id")["flow_mw"] * tonnes
    new = checked.pipes[checked.pipes["new"]].set_index("to_id")["flow_t_per_h"]
    pd.testing.assert_series_equal(new.sort_index(), links.sort_index(), check_names=False, rtol=1e-5)
    worst = checked.nodes[checked.nodes["kind"] == "village"].sort_values("loss_kpa")["node_id"].iloc[-1]
    assert dict(checked.critical_village) == {"H1": worst}
    assert 20 < checked.sources["pump_head_m"].iloc[0] < heat.hydraulics.pump_head_max_m
    # New pipes are sized by the closed form; the two formulas differ by a few per cent.
    assert checked.pipes.loc[checked.pipes["new"], "friction_pa_per_m"].max() < 1.05 * heat.friction_pa_per_m


def run(*arguments):
    return CliRunner().invoke(cli, ["hydraulics", *map(str, arguments)], prog_name="geoplan")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    world = corridor([1800, 2000], policy=limits(pump_head_max_m=15))
    return geoplan.assign(world).write(tmp_path_factory.mktemp("plan") / "world")


@solved
def test_the_command_prints_pumps_and_violations_and_writes_the_tables(folder, tmp_path):
    pipes, nodes = tmp_path / "pipes.csv", tmp_path / "nodes.csv"
    done = run(folder, "-o", pipes, "--nodes", nodes)
    assert done.exit_code == 0, done.output
    for text in ("热源H1", "循环泵扬程", "村1", "最大比摩阻", "超限", "pipes.csv"):
        assert text in done.stdout
    assert "note: 1200 m of mains have no dn_mm" in done.stderr
    assert list(pd.read_csv(pipes).columns) == list(PIPE_COLUMNS)
    assert set(pd.read_csv(nodes)["kind"]) == {"source", "village", "junction"}


@solved
def test_the_command_says_that_nothing_is_above_its_limit():
    done = run(ROOT / "maps" / "litong")
    assert done.exit_code == 0, done.output
    assert "没有超限" in done.stdout


def test_the_command_without_the_extra_fails_with_a_sentence(folder, monkeypatch):
    monkeypatch.setitem(sys.modules, "pandapipes", None)
    done = run(folder)
    assert done.exit_code == 1
    assert "pip install geoplan[hydraulics]" in done.stderr


def test_the_command_on_a_plan_without_a_network_says_so():
    done = run(ROOT / "maps" / "jining")
    assert (done.exit_code, done.stdout) == (0, "")
    assert "no village is on a heat network" in done.stderr
