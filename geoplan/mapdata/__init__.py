"""What the coverage map shows, as plain data: no markup, no script, nothing that fetches."""

from geoplan.mapdata.packing import packed
from geoplan.mapdata.page import PageOptions, page_data
from geoplan.mapdata.places import GRID, LEAST_SHARE, SOURCE_LAYERS
from geoplan.mapdata.values import is_made
from geoplan.mapdata.words import LANGS, Lang, asset, said, toml

__all__ = [
    "GRID",
    "LANGS",
    "LEAST_SHARE",
    "SOURCE_LAYERS",
    "Lang",
    "PageOptions",
    "asset",
    "is_made",
    "packed",
    "page_data",
    "said",
    "toml",
]
