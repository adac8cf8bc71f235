"""What no plan depends on: the order of rows, the CRS, an earlier run; and the input stays as it is."""

from __future__ import annotations

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from geoplan.model import County
from geoplan.planner import assign
from tests.worlds_random import QUICK, rows_, world


@QUICK
@given(rows_, st.randoms(use_true_random=False))
def test_row_order_does_not_change_the_plan(rows, random):
    base = world(rows)
    order = list(range(len(base.villages)))
    random.shuffle(order)
    shuffled = {stem: layer.iloc[::-1].reset_index(drop=True) for stem, layer in base.layers.items()}
    other = County("world", base.villages.iloc[order].reset_index(drop=True), base.policy, shuffled)
    a, b = assign(base), assign(other)
    columns = ["village_id", "route", "decision", "reason", "source_id"]
    pd.testing.assert_frame_equal(pd.DataFrame(a.villages[columns]), pd.DataFrame(b.villages[columns]))
    assert a.villages["annual_cost_cny"].tolist() == pytest.approx(
        b.villages["annual_cost_cny"].tolist(), rel=1e-9
    )


@QUICK
@given(rows_)
def test_a_metric_crs_next_door_gives_the_same_plan(rows):
    base = world(rows)
    moved = {stem: layer.to_crs("EPSG:4490").to_crs("EPSG:4544") for stem, layer in base.layers.items()}
    other = County("world", base.villages.to_crs("EPSG:4490").to_crs("EPSG:4544"), base.policy, moved)
    a, b = assign(base), assign(other)
    assert a.villages["route"].tolist() == b.villages["route"].tolist()
    assert a.villages["connection_m"].tolist() == pytest.approx(b.villages["connection_m"].tolist(), abs=0.1)


def test_input_is_not_changed():
    base = world([(10, 5, 300, "a"), (20, 5, 200, "a"), (50, -20, 100, None)])
    before = base.villages.copy(deep=True)
    layers = {k: v.copy(deep=True) for k, v in base.layers.items()}
    assign(base)
    pd.testing.assert_frame_equal(pd.DataFrame(before), pd.DataFrame(base.villages))
    for stem, layer in layers.items():
        pd.testing.assert_frame_equal(pd.DataFrame(layer), pd.DataFrame(base.layers[stem]))


def test_the_same_county_gives_the_same_plan_twice():
    base = world([(10, 5, 300, None), (20, 5, 200, None)])
    a, b = assign(base), assign(base)
    pd.testing.assert_frame_equal(a.options, b.options)
