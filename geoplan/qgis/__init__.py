"""A plan in QGIS: a style for every table of its GeoPackage, and a project that groups them.

Styles stand where QGIS looks for them, in the table ``layer_styles``; the project
stands in ``qgis_projects`` and names its layers relative to the file.
"""

from geoplan.qgis.project import project
from geoplan.qgis.store import add_styles, styles

__all__ = ["add_styles", "project", "styles"]
