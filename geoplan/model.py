"""The two things that travel through the package: a county and its plan."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import geopandas as gpd
import pandas as pd

from geoplan.errors import Problem
from geoplan.policy import Policy
from geoplan.published import Published


@dataclass(frozen=True)
class County:
    """One planning area, read and checked: tables in one metric CRS, and the policy.

    Attributes
    ----------
    name : str
        Name of the folder; the default name of the plan's folder.
    villages : GeoDataFrame
        One row per village, with every column of the column table (absent
        optional columns are there, empty), sorted by ``village_id``.
    layers : mapping of str to GeoDataFrame
        The other layers that were found, by stem.
    policy : Policy
        Merged policy.
    published : Published, optional
        What the document prints, for the reconciliation.
    files : mapping of str to str
        SHA-256 of every file read, by name relative to the county folder.
    notes : tuple of Problem
        Warnings and repairs of the reading.
    """

    name: str
    villages: gpd.GeoDataFrame
    policy: Policy
    layers: Mapping[str, gpd.GeoDataFrame] = field(default_factory=dict)
    published: Published | None = None
    files: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[Problem, ...] = ()

    def layer(self, stem: str) -> gpd.GeoDataFrame | None:
        """A layer by its stem, or None when the county has none."""
        return self.layers.get(stem)


@dataclass(frozen=True)
class Plan:
    """What was decided, and everything a map, a table or a report needs to say it.

    Attributes
    ----------
    villages, options, links, sources
        The tables of the design, section 4; geometry in the county's metric CRS.
    layers : mapping of str to GeoDataFrame
        Existing networks and base map as read.
    policy : Policy
        The policy the plan was made with.
    summary : mapping
        Totals by route and town, capacity used per source.
    provenance : mapping
        Input hashes, versions, warnings.
    """

    name: str
    villages: gpd.GeoDataFrame
    options: pd.DataFrame
    links: gpd.GeoDataFrame
    sources: gpd.GeoDataFrame
    policy: Policy
    layers: Mapping[str, gpd.GeoDataFrame] = field(default_factory=dict)
    summary: Mapping[str, Any] = field(default_factory=dict)
    provenance: Mapping[str, Any] = field(default_factory=dict)

    def write(self, folder: str | Path) -> Path:
        """Write the plan's folder: map, GeoPackage, workbook and manifest.

        Parameters
        ----------
        folder : path
            Replaced as a whole when it holds an earlier plan; any other
            folder with files in it is left alone and refused.

        Returns
        -------
        Path
            The folder.
        """
        # The one call that points up: the plan is the public handle of its own writer.
        from geoplan.folder import write_plan  # noqa: PLC0415

        return write_plan(self, Path(folder))
