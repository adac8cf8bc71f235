"""Reading a county: any of six formats, checked as a whole, in one metric CRS."""

from __future__ import annotations

from geoplan.io.county import check_county, read_county

__all__ = ["check_county", "read_county"]
