"""The graph a pipe may follow, and the network that grows over it."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pytest
from shapely import Point

from geoplan.growth import Growth, nearest_source
from geoplan.network import PipeTable, build_graph, pipe_capacity_mw
from geoplan.policy import default_policy
from tests.worlds import CRS, at, line

ACCESS = default_policy().access


def graph(villages, sources, mains, roads=None, barriers=()):
    points = gpd.GeoSeries(villages, crs=CRS)
    return build_graph(
        points,
        gpd.GeoSeries(sources, crs=CRS),
        mains=gpd.GeoSeries(mains, crs=CRS),
        roads=None if roads is None else gpd.GeoSeries(roads, crs=CRS),
        barriers=barriers,
        access=ACCESS,
    )


def growth(g, capacity=100.0, price=1000.0):
    n_mains = int(g.main.max(initial=-1)) + 2
    return Growth(
        g, PipeTable.of_one_price(price), np.full(len(g.source_node), capacity), np.full(n_mains, np.inf)
    )


def metres(g):
    return dict(zip(g.village_node.index, nearest_source(growth(g)).metres.round(1), strict=True))


def test_pipe_capacities_are_those_of_the_published_table():
    """MW at 50 Pa/m and ΔT 60 K, computed from CJJ 34's formula and checked by hand for DN500."""
    heat = default_policy().network.heat
    found = dict(zip(heat.pipes.dn_mm, pipe_capacity_mw(heat), strict=True))
    published = {
        50: 0.18,
        100: 1.13,
        150: 3.3,
        200: 7.6,
        300: 21.8,
        400: 45.3,
        500: 81.7,
        600: 131,
        1000: 474,
    }
    for dn, mw in published.items():
        assert found[dn] == pytest.approx(mw, rel=0.02), dn


def test_a_main_is_tapped_at_its_nearest_point_not_at_a_vertex():
    g = graph({"V": at(5000, 300)}, {"H": at(0, 0)}, [line((0, 0), (10_000, 0))])
    assert metres(g)["V"] == pytest.approx(300 * ACCESS.detour_factor, abs=0.5)


def test_pipes_follow_roads():
    roads = [line((5000, 0), (5000, 800)), line((5000, 800), (6000, 800))]
    g = graph({"V": at(6000, 800)}, {"H": at(0, 0)}, [line((0, 0), (10_000, 0))], roads)
    assert metres(g)["V"] == pytest.approx(1800, abs=0.5)


def test_a_village_near_the_main_need_not_go_round_by_road():
    roads = [line((5000, 0), (5000, 5000)), line((5000, 5000), (5200, 5000)), line((5200, 5000), (5200, 300))]
    g = graph({"V": at(5200, 300)}, {"H": at(0, 0)}, [line((0, 0), (10_000, 0))], roads)
    assert metres(g)["V"] == pytest.approx(300 * ACCESS.detour_factor, abs=0.5)


def test_a_gap_within_the_tolerance_is_closed_and_a_wider_one_is_not():
    for gap, reached in ((10.0, True), (40.0, False)):
        roads = [line((5000, 0), (5000, 2000)), line((5000, 2000 + gap), (5000, 4000))]
        g = graph({"V": at(5000, 4000)}, {"H": at(0, 0)}, [line((0, 0), (10_000, 0))], roads)
        assert bool(np.isfinite(metres(g)["V"])) is reached


def test_a_main_that_touches_nothing_is_of_no_use():
    """The pipe would have to be laid from the source itself, 9 km across and on."""
    roads = [line((5000, 9000), (6000, 9000))]
    g = graph({"V": at(5500, 9100)}, {"H": at(0, 0)}, [line((0, 5000), (10_000, 5000))], roads)
    assert metres(g)["V"] > 10_000


def test_villages_on_one_line_are_still_neighbours():
    g = graph({"A": at(0, 1000), "B": at(0, 2000), "C": at(0, 3000)}, {"H": at(0, 0)}, [])
    assert metres(g)["C"] == pytest.approx(3000 * ACCESS.detour_factor, abs=1)


def test_a_crossing_costs_and_a_forbidden_zone_closes_the_way():
    villages, sources, mains = {"V": at(5000, 400)}, {"H": at(0, 0)}, [line((0, 0), (10_000, 0))]
    river = gpd.GeoSeries([line((0, 200), (10_000, 200))], crs=CRS)
    g = graph(villages, sources, mains, barriers=[(river, 500_000.0)])
    grown = growth(g)
    quote = grown.quote([g.village_node["V"]], [1.0], source=0)
    assert quote.other_cny == 500_000
    zone = gpd.GeoSeries([Point(0, 0).buffer(1e7)], crs=CRS)
    assert not np.isfinite(metres(graph(villages, sources, mains, barriers=[(zone, np.inf)]))["V"])


def test_a_branch_is_paid_once_and_upsized_for_the_second_village():
    roads = [
        line((5000, 0), (5000, 1000)),
        line((5000, 1000), (4000, 1000)),
        line((5000, 1000), (6000, 1000)),
    ]
    g = graph({"A": at(4000, 1000), "B": at(6000, 1000)}, {"H": at(0, 0)}, [line((0, 0), (10_000, 0))], roads)
    pipes = PipeTable(np.array([1.0, 2.0]), np.array([1000.0, 1500.0]), np.array([50, 80]))
    grown = Growth(g, pipes, np.array([10.0]), np.array([np.inf, np.inf]))
    first = grown.quote([g.village_node["A"]], [1.0], source=0)
    assert first.new_m == pytest.approx(2000, abs=0.5)
    grown.attach(first, 1.0)
    second = grown.quote([g.village_node["B"]], [1.0], source=0)
    assert second.new_m == pytest.approx(1000, abs=0.5)
    assert second.other_cny == pytest.approx(1000 * 500, rel=1e-3)
    assert second.pipe_cny == pytest.approx(1000 * 1000 + 1000 * 500, rel=1e-3)
    assert grown.left[0] == 9.0


def test_an_existing_main_carries_no_more_than_its_diameter():
    g = graph({"V": at(5000, 300)}, {"H": at(0, 0)}, [line((0, 0), (10_000, 0))])
    grown = Growth(g, PipeTable.of_one_price(1.0), np.array([100.0]), np.array([2.0, np.inf]))
    assert grown.quote([g.village_node["V"]], [1.5], source=0).overloaded == ()
    assert grown.quote([g.village_node["V"]], [2.5], source=0).overloaded == (2.0, 2.5)


def test_a_flow_beyond_the_largest_pipe_is_laid_as_several():
    pipes = PipeTable(np.array([1.0, 2.0]), np.array([10.0, 15.0]), np.array([50, 80]))
    assert pipes.price(np.array([5.0])).tolist() == [45.0]
