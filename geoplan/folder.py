"""The plan's folder: written beside, read back, and swapped in whole."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import platform
import shutil
import sqlite3
import tempfile
import zipfile
from collections.abc import Mapping
from importlib import metadata
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pyogrio
import shapely

from geoplan.errors import InputError, Problem
from geoplan.excel import workbook
from geoplan.model import Plan
from geoplan.policy import Origin, Policy
from geoplan.tables import flat
from geoplan.webmap import coverage_html

MAP, GEOPACKAGE, WORKBOOK, MANIFEST = "coverage.html", "plan.gpkg", "tables.xlsx", "manifest.json"
FILES = (MAP, GEOPACKAGE, WORKBOOK, MANIFEST)
#: Marks a folder as ours to replace.
KIND = "geoplan plan"
#: Stands in for the clock in the GeoPackage: same input, same bytes.
GEOPACKAGE_DATE = "2000-01-01T00:00:00.000Z"
#: Significant digits written; what lies below differs between processors.
DIGITS = 9
#: Coordinates are written to the millimetre. [m]
GRID_M = 0.001
#: Libraries whose version can change a file.
LIBRARIES = (
    "folium",
    "branca",
    "geopandas",
    "networkx",
    "numpy",
    "pandas",
    "pydantic",
    "pyogrio",
    "pyproj",
    "scipy",
    "shapely",
    "xlsxwriter",
)


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
    _refuse_foreign(folder)
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        beside = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    except OSError as error:
        why = error.strerror or type(error).__name__
        raise InputError(
            Problem(f"cannot be written: {why}", file=str(folder), remedy="choose another folder with -o")
        ) from error
    try:
        html = coverage_html(plan, lang=plan.provenance.get("lang", "zh"), tianditu_token=tianditu_token)
        (beside / MAP).write_bytes(html.encode())
        _write_geopackage(plan, beside / GEOPACKAGE)
        (beside / WORKBOOK).write_bytes(workbook(plan))
        written = {name: _sha256(beside / name) for name in FILES[:-1]}
        text = json.dumps(
            manifest(plan, written), ensure_ascii=False, indent=1, sort_keys=True, allow_nan=False
        )
        (beside / MANIFEST).write_bytes((text + "\n").encode())
        _read_back(plan, beside)
        beside.chmod(0o755)
        _swap(beside, folder)
    except OSError as error:
        raise InputError(Problem(f"cannot write: {error}", file=str(folder))) from error
    finally:
        shutil.rmtree(beside, ignore_errors=True)
    return folder


def _refuse_foreign(folder: Path) -> None:
    """Stop before anything is written if the folder is not an earlier plan, alone."""
    if folder.is_symlink() or (folder.exists() and not folder.is_dir()):
        raise InputError(Problem("is not a folder", file=str(folder), remedy="choose another with -o"))
    if not folder.exists() or not any(folder.iterdir()):
        return
    names = {p.name for p in folder.iterdir()}
    kind = None
    with contextlib.suppress(OSError, ValueError, AttributeError):
        kind = json.loads((folder / MANIFEST).read_text("utf-8")).get("kind")
    if kind != KIND or names - set(FILES):
        other = ", ".join(sorted(names - set(FILES))[:5]) or "files"
        raise InputError(
            Problem(
                f"holds {other} and is not a plan of ours alone",
                file=str(folder),
                remedy="move them away or choose another folder with -o",
            )
        )


def _swap(beside: Path, folder: Path) -> None:
    """Put the new folder in the place of the old one; the old one is gone only when the new one is there."""
    for path in beside.iterdir():
        with path.open("rb") as file:
            os.fsync(file.fileno())
    if not folder.exists():
        beside.rename(folder)
        return
    old = Path(tempfile.mkdtemp(prefix=f".{folder.name}-old-", dir=folder.parent))
    folder.rename(old / folder.name)
    try:
        beside.rename(folder)
    except OSError:
        (old / folder.name).rename(folder)
        raise
    shutil.rmtree(old)


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


# --- GeoPackage -------------------------------------------------------------------------------------


def _geopackage_layers(plan: Plan) -> dict[str, pd.DataFrame]:
    """The layers in the order they are written."""
    layers: dict[str, pd.DataFrame] = {
        "villages": plan.villages,
        "options": plan.options,
        "links": plan.links,
        "sources": plan.sources,
    }
    return layers | {stem: plan.layers[stem] for stem in sorted(plan.layers) if stem not in layers}


def _write_geopackage(plan: Plan, path: Path) -> None:
    pyogrio.set_gdal_config_options({"OGR_CURRENT_DATE": GEOPACKAGE_DATE})
    for name, frame in _geopackage_layers(plan).items():
        rounded = significant(frame)
        if isinstance(rounded, gpd.GeoDataFrame):
            rounded = rounded.set_geometry(
                shapely.set_precision(rounded.geometry.array, GRID_M, mode="pointwise")
            )
        else:
            rounded = pd.DataFrame(rounded)
        kind = _geometry_type(rounded)
        options = {"layer_options": {"GEOMETRY_NAME": "geom"}} if kind else {}
        pyogrio.write_dataframe(rounded, path, layer=name, driver="GPKG", geometry_type=kind, **options)
    with contextlib.closing(sqlite3.connect(path)) as base:
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
            frame[column] = [_rounded(v) for v in frame[column].astype(float)]
    return frame


def _rounded(value: float) -> float:
    return float(f"{value:.{DIGITS}g}") if np.isfinite(value) else np.nan


# --- manifest ---------------------------------------------------------------------------------------


def manifest(plan: Plan, written: Mapping[str, str]) -> dict[str, Any]:
    """What the plan was made of and what it says in sum; no clock, no path."""
    provenance = plan.provenance
    return {
        "kind": KIND,
        "name": plan.name,
        "title": plan.policy.title,
        "method": provenance["method"],
        "bound": None,
        "comparison_basis": provenance["comparison_basis"],
        "inputs": dict(provenance["files"]),
        "outputs": dict(written),
        "versions": versions(),
        "warnings": list(provenance["notes"]),
        "summary": _plain(plan.summary),
        "policy": policy_with_origins(plan.policy),
    }


def versions() -> dict[str, str]:
    """Versions of the package, of Python and of every library that can change a file."""
    found = {name: metadata.version(name) for name in ("geoplan", *LIBRARIES)}
    return found | {"python": ".".join(platform.python_version_tuple()[:2])}


def policy_with_origins(policy: Policy) -> dict[str, Any]:
    """Every value of the merged policy with file, source and confidence."""
    found = {}
    for path, value in flat(policy.model_dump(by_alias=True, exclude_none=True)):
        origin = policy.origins.get(path, Origin("schema"))
        about = {"file": origin.file, "source": origin.source, "confidence": origin.confidence}
        found[path] = {"value": _plain(value)} | {k: v for k, v in about.items() if v}
    return found


def _plain(value: Any) -> Any:
    """Numbers as they are written, tuples as lists."""
    if isinstance(value, Mapping):
        return {str(k): _plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(v) for v in value]
    if isinstance(value, float | np.floating):
        return _rounded(float(value))
    return int(value) if isinstance(value, np.integer) else value


# --- reading back -----------------------------------------------------------------------------------


def _read_back(plan: Plan, folder: Path) -> None:
    """Open what was written: a full disk does not always raise."""
    wanted = {name: len(frame) for name, frame in _geopackage_layers(plan).items()}
    names = [str(name) for name in pyogrio.list_layers(folder / GEOPACKAGE)[:, 0]]
    got = {name: int(pyogrio.read_info(folder / GEOPACKAGE, layer=name)["features"]) for name in names}
    with contextlib.closing(sqlite3.connect(folder / GEOPACKAGE)) as base:
        sound = base.execute("PRAGMA integrity_check").fetchone()[0] == "ok" and _indexed(plan, base)
    with zipfile.ZipFile(folder / WORKBOOK) as book:
        whole = book.testzip() is None
    json.loads((folder / MANIFEST).read_text("utf-8"))
    if got != wanted or not sound or not whole:
        raise OSError("the files read back are not what was written; is the disk full?")


def _indexed(plan: Plan, base: sqlite3.Connection) -> bool:
    """Whether every spatial layer has its index, as long as the layer: GDAL loses it first on a full disk."""
    for name, frame in _geopackage_layers(plan).items():
        if isinstance(frame, gpd.GeoDataFrame):
            placed = int((~(frame.geometry.is_empty | frame.geometry.isna())).sum())
            try:
                rows = base.execute(f'SELECT count(*) FROM "rtree_{name}_geom"').fetchone()[0]  # noqa: S608
            except sqlite3.Error:
                return False
            if rows != placed:
                return False
    return True
