"""Cascade and optimum of made counties: cost, bound, gap and seconds.

Run ``python -m benchmarks.county 100 300 --seconds 120`` from the repository root.
"""

from __future__ import annotations

import argparse
from time import perf_counter, process_time

from benchmarks.made_county import made_county
from geoplan.optimum import optimum
from geoplan.options import price_options


def main() -> None:
    """Print one line per size."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("villages", type=int, nargs="*", default=[100, 300])
    parser.add_argument("--seconds", type=float, default=120.0)
    parser.add_argument("--tightness", type=float, default=0.6)
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    print(
        "villages  cascade  optimum    bound  gap %   wall s   CPU s   (10,000 CNY/a; * fewer on clean coal)"
    )
    for n in asked.villages:
        county = made_county(n, seed=asked.seed, tightness=asked.tightness)
        options = price_options(county)
        wall, cpu = perf_counter(), process_time()
        _, proof = optimum(options, policy=county.policy, time_limit_s=asked.seconds)
        wall, cpu = perf_counter() - wall, process_time() - cpu
        first, best = proof.cascade, proof.worth
        fewer = "*" if (best.deferred, best.transition) < (first.deferred, first.transition) else " "
        costs = [c / 1e4 for c in (first.cost_cny_per_a, best.cost_cny_per_a, proof.bound_cny_per_a)]
        print(
            f"{n:8}{costs[0]:9.0f}{costs[1]:9.0f}{fewer}{costs[2]:8.0f}"
            f"{100 * proof.gap:7.2f}{wall:9.1f}{cpu:8.1f}"
        )


if __name__ == "__main__":
    main()
