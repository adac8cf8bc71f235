"""A linear program that grows by rows, solved warm by HiGHS, its bound re-computed here."""

from __future__ import annotations

from typing import NamedTuple

import highspy
import numpy as np

from geoplan.errors import CertificateError
from geoplan.netdesign.graph import Bools, Floats, Ints

INFINITY = highspy.kHighsInf


class LpResult(NamedTuple):
    """Solution of a relaxation.

    Attributes
    ----------
    bound : float
        Lower bound computed from the duals by weak duality; infinite if infeasible.
    x : array, shape (n_columns,)
    reduced_cost : array, shape (n_columns,)
        Objective less what the duals price, as used in `bound`.
    duals : array, shape (n_rows,)
        What one unit more on the side of each row that holds would change; empty if infeasible.
    """

    bound: float
    x: Floats
    reduced_cost: Floats
    duals: Floats


class GrowingLp:
    """Minimise ``cost @ x`` over boxed columns and rows that are added as they are violated.

    Parameters
    ----------
    cost, lower, upper : array, shape (n_columns,)
        Objective and finite bounds of the columns.

    Examples
    --------
    >>> lp = GrowingLp(np.array([1.0, 2.0]), np.zeros(2), np.ones(2))
    >>> lp.add_rows([(np.array([0, 1]), np.ones(2), 1.5, np.inf)])
    >>> round(lp.solve().bound, 6)
    2.0
    """

    def __init__(self, cost: Floats, lower: Floats, upper: Floats) -> None:
        self.cost = cost.astype(np.float64)
        self.lower = lower.astype(np.float64).copy()
        self.upper = upper.astype(np.float64).copy()
        self._rows: list[tuple[Ints, Floats, float, float]] = []
        self._kept = 0
        self._h = highspy.Highs()
        for option, value in (("output_flag", False), ("threads", 1), ("random_seed", 0)):
            self._h.setOptionValue(option, value)
        n = len(cost)
        none = np.array([], dtype=np.int32)
        self._h.addCols(n, self.cost, self.lower, self.upper, 0, none, none, np.array([]))

    @property
    def n_rows(self) -> int:
        """Number of rows."""
        return len(self._rows)

    def add_rows(self, rows: list[tuple[Ints, Floats, float, float]], *, permanent: bool = False) -> None:
        """Add rows ``lower <= coefficients @ x[columns] <= upper``.

        Parameters
        ----------
        rows : list of (columns, coefficients, lower, upper)
        permanent : bool
            Rows that `purge` keeps; to be added before all others.
        """
        if not rows:
            return
        starts = np.cumsum([0] + [len(row[0]) for row in rows[:-1]]).astype(np.int32)
        index = np.concatenate([row[0] for row in rows]).astype(np.int32)
        value = np.concatenate([row[1] for row in rows]).astype(np.float64)
        low = np.array([max(row[2], -INFINITY) for row in rows])
        high = np.array([min(row[3], INFINITY) for row in rows])
        if (
            self._h.addRows(len(rows), low, high, len(index), starts, index, value)
            == highspy.HighsStatus.kError
        ):
            raise CertificateError("HiGHS refused rows of a linear program")
        self._rows.extend(rows)
        if permanent:
            self._kept = len(self._rows)

    def set_cost(self, cost: Floats) -> None:
        """Replace the objective."""
        self.cost = cost.astype(np.float64)
        self._h.changeColsCost(len(cost), np.arange(len(cost), dtype=np.int32), self.cost)

    def set_bounds(self, lower: Floats, upper: Floats) -> None:
        """Replace the bounds of all columns."""
        self.lower, self.upper = lower.copy(), upper.copy()
        n = len(lower)
        self._h.changeColsBounds(n, np.arange(n, dtype=np.int32), self.lower, self.upper)

    def solve(self, time_limit_s: float = 1e9) -> LpResult:
        """Solve from the last basis."""
        self._h.setOptionValue("time_limit", max(self._h.getRunTime() + time_limit_s, 0.01))
        self._h.run()
        status = self._h.getModelStatus()
        n = len(self.cost)
        if status == highspy.HighsModelStatus.kInfeasible:
            return LpResult(np.inf, np.zeros(n), np.zeros(n), np.zeros(0))
        solution = self._h.getSolution()
        x = np.array(solution.col_value, dtype=np.float64)
        duals = np.array(solution.row_dual, dtype=np.float64)
        bound, reduced = self._safe_bound(duals)
        return LpResult(bound, x, reduced, duals)

    def _safe_bound(self, duals: Floats) -> tuple[float, Floats]:
        """Bound that any row duals give, whatever their quality."""
        reduced = self.cost.copy()
        if not self._rows or len(duals) != len(self._rows):
            reduced = self.cost.copy()
            return float(np.where(reduced > 0, reduced * self.lower, reduced * self.upper).sum()), reduced
        low = np.array([row[2] for row in self._rows])
        high = np.array([row[3] for row in self._rows])
        duals = np.where(np.isneginf(low), np.minimum(duals, 0.0), duals)
        duals = np.where(np.isposinf(high), np.maximum(duals, 0.0), duals)
        side = np.where(duals > 0.0, low, high)
        used = np.flatnonzero(duals)
        value = float((duals[used] * side[used]).sum())
        if len(used):
            index = np.concatenate([self._rows[r][0] for r in used])
            weight = np.concatenate([self._rows[r][1] * duals[r] for r in used])
            reduced -= np.bincount(index, weights=weight, minlength=len(reduced))
        value += float(np.where(reduced > 0.0, reduced * self.lower, reduced * self.upper).sum())
        return value - 1e-11 * (1.0 + abs(value)), reduced

    def solve_whole(
        self, whole: Ints, start: Floats | None, gap: float, time_limit_s: float
    ) -> tuple[float, Floats | None]:
        """Solve with the columns `whole` integer; lower bound and best solution (None if none was found).

        The bound is the branch and bound's own, less its tolerance; it can only be trusted
        where no coefficient is much larger than it must be.
        """
        h = self._h
        n = len(self.cost)
        h.changeColsIntegrality(
            len(whole), whole.astype(np.int32), np.full(len(whole), highspy.HighsVarType.kInteger)
        )
        for option, value in (
            ("time_limit", max(h.getRunTime() + time_limit_s, 0.01)),
            ("mip_rel_gap", gap),
            ("mip_abs_gap", 1e-9),
            ("mip_feasibility_tolerance", 1e-7),
        ):
            h.setOptionValue(option, value)
        if start is not None:
            # The solver completes what is not known.
            known = np.flatnonzero(~np.isnan(start)).astype(np.int32)
            h.setSolution(len(known), known, start[known])
        h.run()
        info = h.getInfo()
        bound = float(info.mip_dual_bound)
        if h.getModelStatus() == highspy.HighsModelStatus.kInfeasible:
            return np.inf, None
        x = (
            np.array(h.getSolution().col_value, dtype=np.float64)
            if info.primal_solution_status == 2
            else None
        )
        return bound - 1e-7 * abs(bound), x if x is None or len(x) == n else None

    def purge(self, x: Floats, slack: float = 1e-6) -> None:
        """Delete rows that are not tight at `x`, the permanent ones excepted."""
        loose: Bools = np.array(
            [
                r >= self._kept and min(abs(c @ x[i] - lo), abs(hi - c @ x[i])) > slack
                for r, (i, c, lo, hi) in enumerate(self._rows)
            ],
            dtype=np.bool_,
        )
        if loose.any():
            self._h.deleteRows(int(loose.sum()), np.flatnonzero(loose).astype(np.int32))
            self._rows = [row for row, out in zip(self._rows, loose, strict=True) if not out]
