"""A county, read from its files and checked as a whole."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from pyproj import CRS

from geoplan.budgets import planned_years
from geoplan.columns import ROUTES, listed
from geoplan.crs import metric_crs
from geoplan.errors import InputError, PolicyError, Problem
from geoplan.finance import in_force
from geoplan.io.cells import visible
from geoplan.io.formats import read_raw
from geoplan.io.locate import Found, find
from geoplan.io.place import Declared, Placed, contradictions, crs_of, declared, place, project
from geoplan.io.sniff import Unreadable
from geoplan.io.surroundings import surroundings
from geoplan.io.validate import ID_COLUMNS, Layer, typed
from geoplan.misnamed import check_published, unmatched
from geoplan.model import County
from geoplan.policy import Policy, load_policy
from geoplan.published import Published, load_published

Path = str | os.PathLike[str]

#: Reason written for a route that the command line locks.
LOCK_REASON = "--lock"
#: How far the county may lie from the central meridian of its CRS; further off lengths are false. [degree]
FROM_MERIDIAN = 3.0


@dataclass
class Reading:
    """What was read of a county, and every problem with it."""

    name: str
    layers: dict[str, Layer] = field(default_factory=dict)
    policy: Policy | None = None
    published: Published | None = None
    crs: CRS | None = None
    files: dict[str, str] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)

    @property
    def errors(self) -> list[Problem]:
        """The problems that stop a run."""
        return [p for p in self.problems if p.severity == "error"]


def read_county(
    path: Path,
    *,
    layers_dir: Path | None = None,
    policy: Path | None = None,
    overlays: Sequence[Path] = (),
    datum: str | Mapping[str, str] | None = None,
    crs: str | None = None,
    locks: Mapping[str, str] | None = None,
) -> County:
    """Read a county: every layer, the policy and the published numbers, checked and in one metric CRS.

    Parameters
    ----------
    path : path
        The villages file, a GeoPackage with a layer ``villages``, or the
        folder that holds one.
    layers_dir : path, optional
        Folder of the other layers and the policy, if not beside the villages.
    policy : path, optional
        The policy, if it is not ``policy.toml`` there. Without one the
        defaults hold.
    overlays : sequence of str or path
        Names of ``scenarios/<NAME>.toml`` beside the policy, or files; merged
        in order.
    datum : {"wgs84", "cgcs2000", "gcj02", "bd09"} or mapping, optional
        Datum of the layers that have none or say WGS 84; a mapping gives it by
        layer. A layer on CGCS2000 keeps its own.
    crs : str, optional
        CRS of the files that have none, such as ``EPSG:4544``.
    locks : mapping of str to str, optional
        Route by village id; it replaces ``locked_route``.

    Returns
    -------
    County
        Villages sorted by id; its notes hold the warnings and repairs.

    Raises
    ------
    InputError
        With every error of every layer and of the policy.
    """
    reading = examine(
        path, layers_dir=layers_dir, policy=policy, overlays=overlays, datum=datum, crs=crs, locks=locks
    )
    if reading.errors or reading.policy is None or reading.crs is None:
        raise InputError(reading.errors)
    tables = {stem: _table(layer, reading.crs) for stem, layer in reading.layers.items()}
    villages = tables.pop("villages")
    return County(
        name=reading.name,
        villages=_locked(villages, locks or {}),
        policy=reading.policy,
        layers=tables,
        published=reading.published,
        files=dict(sorted(reading.files.items())),
        notes=tuple(reading.problems),
    )


def check_county(
    path: Path,
    *,
    layers_dir: Path | None = None,
    policy: Path | None = None,
    overlays: Sequence[Path] = (),
    datum: str | Mapping[str, str] | None = None,
    crs: str | None = None,
    locks: Mapping[str, str] | None = None,
) -> tuple[Problem, ...]:
    """Every error, warning and repair of every layer, of the policy and of the published numbers at once.

    Parameters are those of :func:`read_county`. Nothing is raised for wrong
    input, and nothing is changed.

    Parameters
    ----------
    path, layers_dir, policy, overlays, datum, crs, locks
        See :func:`read_county`.

    Returns
    -------
    tuple of Problem
        Empty when there is nothing to say.
    """
    return tuple(
        examine(
            path, layers_dir=layers_dir, policy=policy, overlays=overlays, datum=datum, crs=crs, locks=locks
        ).problems
    )


def examine(
    path: Path,
    *,
    layers_dir: Path | None,
    policy: Path | None,
    overlays: Sequence[Path],
    datum: str | Mapping[str, str] | None,
    crs: str | None,
    locks: Mapping[str, str] | None,
) -> Reading:
    """Read everything, and collect every problem on the way."""
    found = find(path, layers_dir=layers_dir, policy=policy, overlays=overlays)
    user, doubts = declared(datum, crs)
    reading = Reading(found.name, files=dict(found.files), problems=[*found.problems, *doubts])
    placed = _read_layers(found, user, reading) if not doubts else {}
    if len(placed) == len(found.sources) and not any(p.severity == "error" for p in found.problems):
        reading.problems += contradictions(list(placed.values()), user)
    reading.policy = _policy(found, reading)
    reading.published = _published(found, reading)
    reading.crs = _metric(placed, reading)
    if reading.crs is not None:
        for stem, layer in reading.layers.items():
            reading.layers[stem] = replace(layer, shapes=project(layer.shapes, reading.crs))
        access = reading.policy.access if reading.policy else None
        reading.problems += surroundings(reading.layers, access=access)
    reading.problems += _wrong_locks(locks or {}, reading)
    return reading


def _read_layers(found: Found, user: Declared, reading: Reading) -> dict[str, Placed]:
    placed = {}
    for stem, source in found.sources.items():
        try:
            raw, hashes = read_raw(source)
        except Unreadable as error:
            reading.problems.append(source.problem(error.message, remedy=error.remedy))
            continue
        reading.files |= hashes
        placed[stem] = place(typed(raw), raw, user)
        reading.layers[stem] = placed[stem].layer
        reading.problems += placed[stem].layer.problems
    return placed


def _policy(found: Found, reading: Reading) -> Policy | None:
    try:
        policy = load_policy(found.documents)
    except PolicyError as error:
        reading.problems += error.problems
        return None
    try:
        in_force(policy, years=planned_years(policy))
    except PolicyError as error:
        reading.problems += error.problems
    return policy


def _published(found: Found, reading: Reading) -> Published | None:
    """What the document prints, checked against the policy where there is one."""
    if found.published is None:
        return None
    file, text = found.published
    try:
        published = load_published(file, text)
    except PolicyError as error:
        reading.problems += error.problems
        return None
    if reading.policy is not None:
        reading.problems += check_published(published, reading.policy, file=file)
    if "villages" in reading.layers:
        reading.problems += unmatched(published, reading.layers["villages"].frame, file=file)
    return published


def _metric(placed: Mapping[str, Placed], reading: Reading) -> CRS | None:
    """The county's CRS: the policy's, else the zone of the median village."""
    villages = placed.get("villages")
    if villages is None or villages.failed or not len(villages.layer.shapes):
        return None
    lonlat = shapely.get_coordinates(villages.layer.shapes)
    if not len(lonlat):
        if not any(p.severity == "error" for p in villages.layer.problems):
            message, remedy = "no village has a place on the map", "give at least one village its coordinates"
            reading.problems.append(villages.layer.source.problem(message, remedy=remedy))
        return None
    lon, lat = np.median(lonlat, axis=0)
    text = reading.policy.crs if reading.policy else None
    if text is None:
        return metric_crs(float(lon), float(lat))
    return _policy_crs(text, float(lon), reading)


def _policy_crs(text: str, lon: float, reading: Reading) -> CRS | None:
    origin = reading.policy.origins.get("crs") if reading.policy else None
    remedy = "name the county's 3-degree zone by central meridian, such as EPSG:4544, or leave crs out"
    try:
        crs = crs_of(text)
        message = _unfit(crs, lon)
    except Unreadable as error:
        crs, message, remedy = None, error.message, error.remedy
    if message:
        file = origin.file if origin else ""
        reading.problems.append(Problem(f"crs: {message}", file=file, column="crs", remedy=remedy))
        return None
    return crs


def _unfit(crs: CRS, lon: float) -> str:
    """Why lengths in a CRS would be false for the county, or an empty text."""
    if not crs.is_projected or crs.axis_info[0].unit_name != "metre":
        return f"{crs.name} is not in metres"
    parameters = {p.name: p.value for p in crs.coordinate_operation.params}
    meridian = parameters.get("Longitude of natural origin")
    if crs.coordinate_operation.method_name != "Transverse Mercator" or meridian is None:
        return f"{crs.name} is not a Gauss-Kruger system"
    if abs(meridian - lon) > FROM_MERIDIAN:
        return f"{crs.name} has its meridian at {meridian:g}° E, the villages lie at {lon:.1f}° E"
    return ""


def _wrong_locks(locks: Mapping[str, str], reading: Reading) -> list[Problem]:
    villages = reading.layers.get("villages")
    frame = villages.frame if villages is not None else pd.DataFrame({"village_id": [], "name": []})
    ids = set(frame["village_id"].dropna())
    problems = []
    for village, route in locks.items():
        if villages is not None and village not in ids:
            named = [
                f"{i}={visible(route)}" for i in frame.loc[frame["name"].eq(village), "village_id"].dropna()
            ]
            remedy = "write the village_id as the villages file has it"
            if named:
                remedy = f"that is a name; write its village_id: --lock {' or --lock '.join(named)}"
            problems.append(Problem(f"unknown village {visible(village)!r}", file=LOCK_REASON, remedy=remedy))
        if route not in ROUTES:
            remedy = f"choose one of {listed(ROUTES)}"
            problems.append(Problem(f"unknown route {visible(route)!r}", file=LOCK_REASON, remedy=remedy))
    return problems


def _table(layer: Layer, crs: CRS) -> gpd.GeoDataFrame:
    """A layer as the rest of the package takes it, in an order that does not depend on the file's."""
    geometry = gpd.GeoSeries(layer.shapes, index=layer.frame.index, crs=crs)
    frame = gpd.GeoDataFrame(layer.frame, geometry=geometry, crs=crs)
    identity = next((c for c in ID_COLUMNS if c in frame), None)
    order = frame[identity] if identity else pd.Series(shapely.to_wkb(layer.shapes), index=frame.index)
    return frame.loc[order.sort_values(kind="stable").index].reset_index(drop=True)


def _locked(villages: gpd.GeoDataFrame, locks: Mapping[str, str]) -> gpd.GeoDataFrame:
    locked = villages.copy()
    named = locked["village_id"].isin(locks)
    locked.loc[named, "locked_route"] = locked.loc[named, "village_id"].map(locks)
    locked.loc[named, "lock_reason"] = LOCK_REASON
    return locked
