"""The plan's folder: written beside, read back, and swapped in whole; and read again as a plan.

Map, GeoPackage, workbook and manifest are made of the same rounded tables, so
that a plan read from its folder writes the same folder.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
import sqlite3
import tempfile
import zipfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Unpack

import geopandas as gpd
import numpy as np
import pandas as pd
import pyogrio
import shapely
from pydantic import ValidationError

from geoplan.columns import LAYER_GEOMETRY, Column, plan_columns, table
from geoplan.errors import InputError, Problem
from geoplan.excel import workbook
from geoplan.files import move, named, unwritten, write_whole
from geoplan.manifest import (
    FORMAT,
    KIND,
    MANIFEST,
    is_plan,
    manifest,
    plain,
    policy_of,
    provenance_of,
    refuse_inside,
    rounded,
)
from geoplan.model import Plan
from geoplan.policy import Policy
from geoplan.qgis import add_styles
from geoplan.refusals import validation_problems
from geoplan.webmap import MapOptions, coverage_html

MAP, GEOPACKAGE, WORKBOOK = "coverage.html", "plan.gpkg", "tables.xlsx"
FILES = (MAP, GEOPACKAGE, WORKBOOK, MANIFEST)
#: Stands in for the clock in the GeoPackage: same input, same bytes.
GEOPACKAGE_DATE = "2000-01-01T00:00:00.000Z"
#: Coordinates are written to the millimetre. [m]
GRID_M = 0.001
#: Where plans go that are not told where; made where it is missing.
PLANS = Path("maps")
#: Tables of every plan.
PLAN_TABLES = ("villages", "options", "links", "sources")
#: The first bytes of every GeoPackage; anything else would be opened by what it holds, not by its name.
SQLITE = b"SQLite format 3\x00"
#: dtype of the columns of a plan; truth values and whole numbers keep their empty cells.
DTYPES = {"text": object, "integer": "Int64", "number": "float64", "boolean": "boolean"}


def write_plan(plan: Plan, folder: Path, *, tianditu_token: str | None = None) -> Path:
    """Write map, GeoPackage, workbook and manifest of a plan.

    Parameters
    ----------
    plan : Plan
    folder : Path
        Made where it is missing. An earlier plan there is replaced as a whole;
        a folder that holds anything else is refused.
    tianditu_token : str, optional
        The user's own key for the Tianditu base map.

    Returns
    -------
    Path
        `folder`.

    Raises
    ------
    InputError
        The folder is not ours to replace, or the disk did not take the files.
    """
    refuse_place(folder)
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        beside = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    except OSError as error:
        why = error.strerror or type(error).__name__
        raise InputError(
            Problem(f"cannot be written: {why}", file=str(folder), remedy="choose another folder with -o")
        ) from error
    plan = as_written(plan)
    try:
        html = coverage_html(plan, lang=plan.provenance.get("lang", "zh"), tianditu_token=tianditu_token)
        (beside / MAP).write_bytes(html.encode())
        _write_geopackage(plan, beside / GEOPACKAGE)
        (beside / WORKBOOK).write_bytes(workbook(plan))
        outputs = {name: _sha256(beside / name) for name in FILES[:-1]}
        found = manifest(plan, outputs=outputs, content=_digests(_tables(plan)))
        text = json.dumps(found, ensure_ascii=False, indent=1, allow_nan=False)
        (beside / MANIFEST).write_bytes((text + "\n").encode())
        _read_back(plan, beside)
        beside.chmod(0o755)
        _swap(beside, folder)
    except (OSError, sqlite3.Error) as error:
        raise InputError(unwritten(error, folder)) from error
    finally:
        shutil.rmtree(beside, ignore_errors=True)
    return folder


def write_tables(plan: Plan, file: str | Path) -> Path:
    """Write the workbook of a plan alone.

    Parameters
    ----------
    plan : Plan
    file : path
        Ends in ``.xlsx``; a file that is there is replaced as a whole.

    Returns
    -------
    Path
        `file`.

    Raises
    ------
    InputError
        The path is a folder, has another ending or lies in the folder of a plan,
        whose files are counted; or the disk did not take the file.
    """
    file = named(file, ending=".xlsx", what="a workbook")
    refuse_inside(file)
    return write_whole(file, workbook(as_written(plan)))


def write_map(plan: Plan, file: str | Path, **options: Unpack[MapOptions]) -> Path:
    """Write the interactive map of a plan alone.

    Parameters
    ----------
    plan : Plan
    file : path
        Ends in ``.html``; a file that is there is replaced as a whole.
    **options
        As for :func:`geoplan.webmap.coverage_html`.

    Returns
    -------
    Path
        `file`.

    Raises
    ------
    InputError
        The path is a folder, has another ending or lies in the folder of a plan,
        whose files are counted; or the disk did not take the file.
    """
    file = named(file, ending=".html", what="a page")
    refuse_inside(file)
    return write_whole(file, coverage_html(as_written(plan), **options).encode())


def refuse_place(folder: Path) -> None:
    """Stop before anything is worked out where a plan cannot be written.

    Parameters
    ----------
    folder : Path

    Raises
    ------
    InputError
        It is not an earlier plan alone, or the folder that the program runs in.
    """
    if Path.cwd().is_relative_to(folder.resolve()):
        # Replacing it would leave the terminal, and on Windows the program, in a folder that is gone.
        message = "is the folder you are in, which cannot be replaced"
        remedy = "name another folder with -o, for example ./plan"
        raise InputError(Problem(message, file=str(folder), remedy=remedy))
    if folder.is_symlink() or (folder.exists() and not folder.is_dir()):
        raise InputError(Problem("is not a folder", file=str(folder), remedy="choose another with -o"))
    if not folder.exists() or not any(folder.iterdir()):
        return
    names = {p.name for p in folder.iterdir()}
    if not is_plan(folder) or names - set(FILES):
        other = ", ".join(sorted(names - set(FILES))[:5]) or "files"
        raise InputError(
            Problem(
                f"holds {other} and is not a plan of ours alone",
                file=str(folder),
                remedy="move them away or choose another folder with -o",
            )
        )


def refuse_sheets(folder: Path) -> None:
    """Stop where still maps cannot be written.

    Parameters
    ----------
    folder : Path
        Is made where it is missing.

    Raises
    ------
    InputError
        It is a file, or is or lies in the folder of a plan.
    """
    if folder.exists() and not folder.is_dir():
        remedy = "still maps are several files: name a folder with -o"
        raise InputError(Problem("is a file", file=str(folder), remedy=remedy))
    if is_plan(folder):
        raise InputError(
            Problem("is the folder of a plan", file=str(folder), remedy="choose another with -o")
        )
    refuse_inside(folder)


def _swap(beside: Path, folder: Path) -> None:
    """Put the new folder in the place of the old one; the old one is gone only when the new one is there."""
    for path in beside.iterdir():
        # Windows syncs only a file that may be written.
        with path.open("rb+") as file:
            os.fsync(file.fileno())
    if not folder.exists():
        move(beside, folder)
        return
    kept = Path(tempfile.mkdtemp(prefix=f".{folder.name}-old-", dir=folder.parent)) / folder.name
    try:
        move(folder, kept)
        try:
            move(beside, folder)
        except OSError:
            move(kept, folder)
            raise
        shutil.rmtree(kept, ignore_errors=True)
    finally:
        with contextlib.suppress(OSError):  # not empty: all that is left of the old plan
            kept.parent.rmdir()


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


# --- GeoPackage -------------------------------------------------------------------------------------


def _tables(plan: Plan) -> dict[str, pd.DataFrame]:
    """The tables of a plan in the order they are written."""
    return {name: getattr(plan, name) for name in PLAN_TABLES} | dict(plan.layers)


def _write_geopackage(plan: Plan, path: Path) -> None:
    pyogrio.set_gdal_config_options({"OGR_CURRENT_DATE": GEOPACKAGE_DATE})
    for name, frame in _tables(plan).items():
        kind = _geometry_type(frame)
        options = {"layer_options": {"GEOMETRY_NAME": "geom"}} if kind else {}
        pyogrio.write_dataframe(frame, path, layer=name, driver="GPKG", geometry_type=kind, **options)
    with contextlib.closing(sqlite3.connect(path)) as base:
        add_styles(base, plan, file=path.name, lang=plan.provenance.get("lang", "zh"))
        base.execute("VACUUM")


def _geometry_type(frame: pd.DataFrame) -> str | None:
    """Geometry type of a layer: multi where the parts differ."""
    if not isinstance(frame, gpd.GeoDataFrame):
        return None
    kinds = sorted({k for k in frame.geometry.geom_type.dropna() if k})
    if len(kinds) <= 1:
        return kinds[0] if kinds else "Unknown"
    bases = {k.removeprefix("Multi") for k in kinds}
    return f"Multi{bases.pop()}" if len(bases) == 1 else "Unknown"


# --- what is written ----------------------------------------------------------------------------------


def as_written(plan: Plan) -> Plan:
    """The plan in the digits, types and shapes that its folder keeps.

    Examples
    --------
    >>> from geoplan.planner import assign
    >>> import geopandas as gpd, shapely
    >>> from geoplan.model import County
    >>> from geoplan.policy import default_policy
    >>> frame = gpd.GeoDataFrame(
    ...     {"village_id": ["V1"], "name": ["甲村"], "town": ["乙镇"], "households": [3]},
    ...     geometry=[shapely.Point(500000.00012, 4200000)], crs="EPSG:4544")
    >>> as_written(assign(County("demo", frame, default_policy()))).villages.geometry[0].x
    500000.0
    """
    return replace(
        plan,
        villages=_written(plan.villages, plan_columns()),
        options=_written(plan.options, table("options")),
        links=_written(plan.links, table("links")),
        sources=_written(plan.sources, table("sources")),
        layers={stem: _written(plan.layers[stem], table(stem)) for stem in sorted(plan.layers)},
        summary=plain(plan.summary),
    )


def _written(frame: pd.DataFrame, columns: Mapping[str, Column]) -> Any:
    """A table with rounded numbers and places."""
    frame = significant(_typed(frame, columns)).reset_index(drop=True)
    if not isinstance(frame, gpd.GeoDataFrame):
        return frame
    shapes = np.asarray(_simple(frame.geometry.array))
    return frame.set_geometry(
        gpd.GeoSeries(shapely.set_precision(shapes, GRID_M, mode="pointwise"), crs=frame.crs)
    )


def _typed(frame: pd.DataFrame, columns: Mapping[str, Column]) -> pd.DataFrame:
    """A copy whose columns have the declared types; an empty text cell is None or an empty text."""
    frame = frame.copy()
    for name, column in columns.items():
        if name in frame:
            values = frame[name].astype(object)
            if column.dtype == "boolean":
                values = values.map(lambda v: pd.NA if pd.isna(v) else bool(v))
            values = values.where(values.notna(), None)
            frame[name] = pd.Series(values, index=frame.index, dtype=DTYPES[column.dtype])
    return frame


def _simple(shapes: Any) -> Any:
    """Shapes of a single part as plain ones: where a layer has several kinds, all are written as multi."""
    several = shapely.get_type_id(shapes) >= shapely.GeometryType.MULTIPOINT
    one = several & (shapely.get_num_geometries(shapes) == 1)
    return np.where(one, shapely.get_geometry(shapes, 0), shapes)


def significant(frame: pd.DataFrame) -> pd.DataFrame:
    """A copy with every float rounded to the digits that are written.

    Examples
    --------
    >>> significant(pd.DataFrame({"a": [1 / 3, 0.0]}))["a"].tolist()
    [0.333333333, 0.0]
    """
    frame = frame.copy()
    for column in frame.columns:
        if pd.api.types.is_float_dtype(frame[column].dtype):
            numbers = [rounded(v) for v in frame[column].astype(float)]
            frame[column] = pd.Series(numbers, index=frame.index, dtype=float)
    return frame


def _digests(tables: Mapping[str, pd.DataFrame]) -> dict[str, str]:
    """What each table holds, whatever the bytes of its file."""
    found = {}
    for name, frame in tables.items():
        digest = hashlib.sha256()
        if isinstance(frame, gpd.GeoDataFrame):
            digest.update(b"".join(shape or b"" for shape in shapely.to_wkb(frame.geometry.array)))
        digest.update(
            frame.drop(columns="geometry", errors="ignore").to_csv(index=False, lineterminator="\n").encode()
        )
        found[name] = digest.hexdigest()
    return found


# --- reading back -----------------------------------------------------------------------------------


def _read_back(plan: Plan, folder: Path) -> None:
    """Open what was written: a full disk does not always raise."""
    wanted = {name: len(frame) for name, frame in _tables(plan).items()}
    there = wanted.keys() & set(pyogrio.list_layers(folder / GEOPACKAGE)[:, 0])
    got = {name: int(pyogrio.read_info(folder / GEOPACKAGE, layer=name)["features"]) for name in there}
    with contextlib.closing(sqlite3.connect(folder / GEOPACKAGE)) as base:
        sound = base.execute("PRAGMA integrity_check").fetchone()[0] == "ok" and _indexed(plan, base)
    with zipfile.ZipFile(folder / WORKBOOK) as book:
        whole = book.testzip() is None
    json.loads((folder / MANIFEST).read_text("utf-8"))
    if got != wanted or not sound or not whole:
        raise OSError("the files read back are not what was written; is the disk full?")


def _indexed(plan: Plan, base: sqlite3.Connection) -> bool:
    """Whether every spatial layer has its index, as long as the layer: GDAL loses it first on a full disk."""
    for name, frame in _tables(plan).items():
        if isinstance(frame, gpd.GeoDataFrame):
            placed = int((~(frame.geometry.is_empty | frame.geometry.isna())).sum())
            try:
                rows = base.execute(f'SELECT count(*) FROM "rtree_{name}_geom"').fetchone()[0]  # noqa: S608
            except sqlite3.Error:
                return False
            if rows != placed:
                return False
    return True


def read_plan(folder: str | Path) -> Plan:
    """Read the folder of a plan.

    Parameters
    ----------
    folder : path
        As `geoplan assign` or :meth:`Plan.write` left it.

    Returns
    -------
    Plan
        With the numbers that were written, so that it writes the same folder.

    Raises
    ------
    InputError
        The folder holds no plan, one of another format, or one that was
        damaged or changed after it was written.
    """
    folder = Path(folder)
    found = _manifest_of(folder)
    try:
        policy = policy_of(found["policy"])
    except ValidationError as error:
        problems = validation_problems(error, model=Policy, file_of=lambda _: MANIFEST)
        why = "; ".join(map(str, problems))
        raise InputError(_damaged(folder, f"the policy in {MANIFEST}: {why}")) from None
    except (KeyError, TypeError, AttributeError) as error:
        raise InputError(_damaged(folder, f"{MANIFEST}: {type(error).__name__}: {error}")) from error
    try:
        provenance, summary, content = provenance_of(found), found["summary"], found["content"]
        intact = _sha256(folder / GEOPACKAGE) == found["outputs"][GEOPACKAGE]
        tables = {name: _read_table(folder / GEOPACKAGE, name) for name in content}
        layers = {stem: tables[stem] for stem in tables if stem in LAYER_GEOMETRY and stem != "villages"}
        villages, options, links, sources = (tables[name] for name in PLAN_TABLES)
    except (KeyError, TypeError, ValueError, OSError, sqlite3.Error, pyogrio.errors.DataSourceError) as error:
        raise InputError(_damaged(folder, f"{type(error).__name__}: {error}")) from error
    if not intact:
        _refuse_changes(folder, tables, content)
    return Plan(
        name=found["name"],
        villages=villages,
        options=options,
        links=links,
        sources=sources,
        policy=policy,
        layers=layers,
        summary=summary,
        provenance=provenance,
    )


def _manifest_of(folder: Path) -> dict[str, Any]:
    """The manifest of a plan that this version can read."""
    if folder.is_file():
        remedy = "name the folder that `geoplan assign` wrote, for example maps/<county>"
        raise InputError(Problem("is a file, not the folder of a plan", file=str(folder), remedy=remedy))
    try:
        found = json.loads((folder / MANIFEST).read_text("utf-8"))
    except FileNotFoundError:
        found = None
    except (OSError, ValueError, RecursionError) as error:
        raise InputError(_damaged(folder, f"{MANIFEST}: {error}")) from error
    if not isinstance(found, dict) or found.get("kind") != KIND:
        remedy = "name the folder that `geoplan assign` wrote"
        raise InputError(
            Problem(f"is not a plan: it has no {MANIFEST} of ours", file=str(folder), remedy=remedy)
        )
    if found.get("format") != FORMAT:
        newer = isinstance(found.get("format"), int) and found["format"] > FORMAT
        age, remedy = ("a newer", "install that one") if newer else ("an older", "run `geoplan assign` again")
        version = found.get("versions", {}).get("geoplan", "of unknown number")
        raise InputError(Problem(f"was written by {age} geoplan, {version}", file=str(folder), remedy=remedy))
    return found


def _damaged(folder: Path, why: str) -> Problem:
    return Problem(f"is damaged: {why}", file=str(folder), remedy="run `geoplan assign` again")


def _read_table(path: Path, name: str) -> Any:
    """One table of the GeoPackage with the types it was written with."""
    with path.open("rb") as file:
        if file.read(len(SQLITE)) != SQLITE:
            raise ValueError(f"{path.name} is not a GeoPackage")
    columns = plan_columns() if name == "villages" else table(name)
    frame = _typed(pyogrio.read_dataframe(path, layer=name), columns)
    if isinstance(frame, gpd.GeoDataFrame):
        frame = frame.set_geometry(gpd.GeoSeries(_simple(frame.geometry.array), crs=frame.crs))
    return frame


def _refuse_changes(folder: Path, tables: Mapping[str, pd.DataFrame], content: Mapping[str, str]) -> None:
    """Stop where a table is not what was written; a program that only opened the file may leave its bytes."""
    found = _digests(tables)
    changed = [name for name in content if found[name] != content[name]]
    if changed:
        message = f"{', '.join(changed)} changed after the plan was written"
        remedy = "change the county's layers or its policy instead (locked_route), and run `geoplan assign`"
        raise InputError(Problem(message, file=str(folder / GEOPACKAGE), remedy=remedy))
