"""Rounding that adds up: parts, shares and whole tables."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from geoplan.units import apportion, apportion_table, shares_pct

amounts = st.floats(-1e6, 1e6, allow_subnormal=False)
positive = st.floats(0.01, 1e6)


@given(st.lists(amounts, min_size=1, max_size=30))
def test_apportioned_parts_make_the_rounded_sum(values):
    parts = apportion(values)
    assert abs(parts.sum() - sum(values)) <= 0.5 + 1e-6
    assert (parts == np.round(parts)).all()
    assert (np.abs(parts - values) < 1 + 1e-6).all()


@given(st.lists(positive, min_size=1, max_size=30))
def test_shares_make_exactly_100(values):
    shares = shares_pct(values)
    assert round(float(shares.sum()), 6) == 100.0
    assert (np.abs(shares - np.array(values) / sum(values) * 100) < 0.01 + 1e-9).all()


def test_of_equal_remainders_the_first_is_rounded_up():
    assert apportion([0.5, 0.5, 0.5, 0.5]).tolist() == [1, 1, 0, 0]
    assert apportion([1, 2, 1], total=2).tolist() == [1, 1, 0]


@pytest.mark.parametrize("values", [[1.0, np.nan], [np.inf, 1.0]])
def test_what_is_no_number_is_not_apportioned(values):
    with pytest.raises(ValueError, match="must be numbers"):
        apportion(values)


def test_nothing_gives_no_shares():
    with pytest.raises(ValueError, match="nothing to share 100 by"):
        shares_pct([0.0, 0.0])


@given(st.data(), st.integers(1, 6), st.integers(1, 5))
def test_a_rounded_table_is_true_in_rows_columns_and_total(data, rows, columns):
    cells = st.floats(0, 1e4).map(lambda v: round(v, 3))
    amounts = np.array(data.draw(st.lists(cells, min_size=rows * columns, max_size=rows * columns)))
    amounts = amounts.reshape(rows, columns)
    whole = apportion_table(amounts, blocks=[np.ones(rows, dtype=bool)])
    assert (whole == np.round(whole)).all()
    assert (np.abs(whole - amounts) < 1).all()
    for axis in (0, 1):
        assert (np.abs(whole.sum(axis=axis) - amounts.sum(axis=axis)) < 1).all()
    assert abs(whole.sum() - amounts.sum()) <= 0.5 + 1e-6


def test_overlapping_blocks_without_a_true_rounding_give_way():
    """Three rows of 0.5, every two in a block: no whole rows make 1 in all three blocks."""
    amounts = np.full((3, 1), 0.5)
    blocks = [np.array(b) for b in ([True, True, False], [False, True, True], [True, False, True])]
    whole = apportion_table(amounts, blocks=blocks)
    assert set(whole.ravel()) <= {0.0, 1.0}
    assert all(abs(whole[b].sum() - 1.0) <= 1 for b in blocks)


def test_only_the_totals_that_cannot_be_true_give_way():
    """The three blocks of one column cannot; the fourth row and the second column stay within one unit."""
    amounts = np.array([[0.5, 0.0], [0.5, 0.0], [0.5, 0.0], [0.4, 0.4]])
    blocks = [np.array(b, dtype=bool) for b in ([1, 1, 0, 0], [0, 1, 1, 0], [1, 0, 1, 0], [0, 0, 0, 1])]
    whole = apportion_table(amounts, blocks=blocks)
    assert whole[3].sum() == 1
    assert sorted(abs(whole[b].sum() - 1.0) for b in blocks[:3]) == [0, 0, 1]
