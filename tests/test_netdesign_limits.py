"""Short time limits, nothing compiled yet, and no place to keep what is compiled."""

from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
import pytest
from numba.core import caching

from geoplan.netdesign.graph import is_compiled, kernel
from tests.worlds_netdesign import least_cost, random_world

COLD = """
from tests.worlds_netdesign import grid_world
for kind in ("unrooted", "pipes"):
    world = grid_world(12, kind)
    design = world.solve(time_limit_s=1.0)
    assert 0.0 <= design.bound <= design.cost < 0.95 * world.demands["prize"].sum()
    print(design.seconds)
"""


def test_one_second_is_enough_for_a_design_where_nothing_is_compiled(tmp_path):
    env = {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path)}
    done = subprocess.run([sys.executable, "-c", COLD], env=env, check=True, capture_output=True, text=True)
    assert max(map(float, done.stdout.split())) < 3.0
    assert not list(tmp_path.rglob("*.nbi"))


@pytest.mark.parametrize("kind", ["priced", "pipes", "classical", "unrooted"])
@pytest.mark.parametrize("limit", [0.01, 0.5])
def test_a_short_time_gives_a_feasible_design_and_a_true_bound(kind, limit):
    world = random_world(5, kind)
    design = world.solve(time_limit_s=limit)
    assert design.bound <= least_cost(world) + 1e-6 <= design.cost + 2e-6
    assert design.status in {"optimal", "time limit"}


DEAR = """
import pandas as pd
from geoplan.netdesign.loads import solve
from tests.worlds_netdesign import grid_world
solve.COMPILE_S = 0.0  # the ascent runs also where nothing is compiled yet
world = grid_world(8, "pipes", seed=2)
demands = world.demands.sample(frac=0.5, random_state=2).assign(required=True)
load = demands["load"].sum()
sources = world.sources.assign(capacity=[0.612 * load, 0.408 * load])
dear = pd.DataFrame({"capacity": [1e3, 1e4], "cost_per_m": [1e6, 1e9]}, index=["XL", "XXL"])
pipes = pd.concat([world.pipes, dear])
design = world.with_(demands=demands, sources=sources, pipes=pipes).solve(time_limit_s=2.0)
assert design.connected.all() and 0.0 < design.bound <= design.cost < 1e3
"""


def test_required_demands_beside_a_size_nobody_can_pay_end_in_time():
    subprocess.run([sys.executable, "-c", DEAR], check=True, timeout=300.0)


def test_kernels_work_where_nothing_can_be_kept(monkeypatch):
    monkeypatch.setattr(caching.CacheImpl, "_locator_classes", [])
    double = kernel(lambda x: x + x)
    assert not is_compiled(double)
    assert double(np.float64(2.0)) == 4.0
    assert is_compiled(double)
