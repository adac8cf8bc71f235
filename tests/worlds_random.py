"""Random worlds: villages anywhere beside a heat main, a gas main, two substations and a biomass supply."""

from __future__ import annotations

from hypothesis import settings
from hypothesis import strategies as st

from tests.worlds import (
    county,
    gas_station,
    heat_source,
    line,
    main,
    substation,
    village,
)

POLICY = 'order = ["district_heating", "heat_pump", "gas", "biomass", "clean_coal"]\n'
QUICK = settings(max_examples=25, deadline=None)

rows_ = st.lists(
    st.tuples(
        st.integers(0, 90),
        st.integers(-40, 40),
        st.integers(0, 800),
        st.sampled_from([None, None, None, "a", "b"]),
    ),
    min_size=1,
    max_size=9,
    unique_by=lambda t: t[:2],
)


def world(rows, *, heat=20.0, heat2=5.0, kva=4000.0, gas=15_000.0, roads=True):
    villages = [village(i, x * 100.0, y * 100.0, n, group_id=g) for i, (x, y, n, g) in enumerate(rows)]
    ways = [{"geometry": line((x, -4000), (x, 4000))} for x in range(0, 9001, 1500)]
    ways += [{"geometry": line((0, y), (9000, y))} for y in (-3000, 3000)]
    return county(
        villages,
        POLICY,
        heat_sources=[heat_source(heat), heat_source(heat2, 9000, 3000, "H2")],
        heat_mains=[main((0, 0), (6000, 0), dn_mm=300)],
        gas_stations=[gas_station(gas, 0, -4000)],
        gas_mains=[{"status": "existing", "geometry": line((0, -4000), (9000, -4000))}],
        substations=[substation(kva, 2000, 1000), substation(kva / 2, 7000, -1000, "S2", upgrade_kva=500.0)],
        biomass_supply=[
            {"source_id": "B1", "capacity_t_per_a": 500.0, "geometry": line((0, 0), (1, 1)).centroid}
        ],
        **({"roads": ways} if roads else {}),
    )
