"""The coverage map: one page that opens by double click, without a network.

Two rules make it safe. Nothing of the input ever becomes part of a folium string,
because branca compiles those as templates, twice: the page's parts are written
verbatim by :class:`_Verbatim`. And nothing of the input is ever markup: it travels
as escaped JSON, and the page's script shows it by ``textContent`` only.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

import folium
from branca.element import Element

from geoplan.errors import InputError, Problem
from geoplan.mapdata import LANGS, Lang, asset, page_data
from geoplan.model import Plan

#: The page's own script, in the order in which its parts build on each other.
SCRIPTS = ("symbols.js", "labels.js", "panel.js", "legend.js", "search.js", "page.js")

#: What in Leaflet could fetch something or lead out of the page, and what stands there instead.
CUTS = (
    ("//# sourceMappingURL=leaflet.js.map", ""),
    ('href="https://leafletjs.com" ', ""),
    ("https://leafletjs.com", "leafletjs.com"),
    ("data:image/gif;base64,R0lGODlhAQABAAD/ACwAAAAAAQABAAACADs=", ""),
)


def coverage_map(plan: Plan, *, lang: Lang = "zh", tianditu_token: str | None = None) -> folium.Map:
    """Interactive map of the route of every village, self-contained.

    Parameters
    ----------
    plan : Plan
        Tables in a metric CRS. Layers that are missing are not drawn.
    lang : {"zh", "en"}
        Language of headings and labels; reasons stay Chinese.
    tianditu_token : str, optional
        Own key of 天地图. With it the page asks that server for tiles, and works
        without reaching it; otherwise nothing ever leaves the page.

    Returns
    -------
    folium.Map
        Nothing but Leaflet of folium's assets is kept, and that is inlined.

    Raises
    ------
    InputError
        If `lang` is not known.
    """
    if lang not in LANGS:
        raise InputError(Problem(f"the map speaks zh and en; got {lang!r}", remedy="pass lang='zh'"))
    data = page_data(plan, lang=lang, tianditu_token=tianditu_token)
    south, west, north, east = data["bounds"]
    leaflet = folium.Map(
        location=[(south + north) / 2, (west + east) / 2],
        tiles=None,
        prefer_canvas=True,
        zoom_control=False,
        attribution_control=False,
        zoom_snap=0.25,
        wheel_px_per_zoom_level=100,
    )
    leaflet.options |= {"minZoom": 6, "maxZoom": 18}
    leaflet.default_js, leaflet.default_css = [], []
    leaflet.add_child(_Page(data), name="coverage")
    return leaflet


def coverage_html(plan: Plan, *, lang: Lang = "zh", tianditu_token: str | None = None) -> str:
    """The page of `coverage_map`, the same bytes for the same plan.

    Parameters
    ----------
    plan, lang, tianditu_token
        As for `coverage_map`.

    Returns
    -------
    str
        One HTML document.
    """
    leaflet = coverage_map(plan, lang=lang, tianditu_token=tianditu_token)
    # The name is folium's only random text in the page, and 128 bits long: no input holds it.
    return str(leaflet.get_root().render()).replace(leaflet.get_name(), "coverage_map")


class _Verbatim(Element):  # type: ignore[misc]  # branca has no types
    """A part of the page, written as it is; branca's own strings are compiled as templates."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.text = text

    def render(self, **_: Any) -> str:
        """Return the text."""
        return self.text


class _Page(Element):  # type: ignore[misc]
    """Child of the map that brings style, skeleton, data and script into the document."""

    def __init__(self, data: Mapping[str, Any]) -> None:
        super().__init__()
        self.data = data

    def render(self, **_: Any) -> str:
        """Add the parts to the figure; nothing is left to print here."""
        figure = self.get_root()
        style = f"<style>{_leaflet('leaflet.css')}{asset('webmap/page.css')}</style>"
        library = f"<script>/*!\n{asset('leaflet/LICENSE')}*/\n{_leaflet('leaflet.js')}</script>"
        data = f'<script type="application/json" id="gp-data">{_json(self.data)}</script>'
        policy = f'<meta http-equiv="Content-Security-Policy" content="{_security(self.data["tiles"])}">'
        script = "".join(asset(f"webmap/{name}") for name in SCRIPTS)
        call = f"coverage({self._parent.get_name()}, JSON.parse(byId('gp-data').textContent));"
        for name, text in {"policy": policy, "style": style, "library": library}.items():
            figure.header.add_child(_Verbatim(text), name=f"coverage_{name}")
        figure.html.add_child(_Verbatim(asset("webmap/page.html")), name="coverage_page", index=0)
        figure.html.add_child(_Verbatim(data), name="coverage_data")
        figure.script.add_child(
            _Verbatim(f'(function () {{\n"use strict";\n{script}{call}\n}})();'), name="coverage_script"
        )
        return ""


def _security(tiles: Sequence[str]) -> str:
    """What the page may fetch: nothing, or the images of the tile server."""
    images = "img-src https://*.tianditu.gov.cn; " if tiles else ""
    return (
        f"default-src 'none'; {images}script-src 'unsafe-inline'; style-src 'unsafe-inline'; base-uri 'none'"
    )


def _json(data: Mapping[str, Any]) -> str:
    r"""JSON that stays data inside a script element.

    Examples
    --------
    >>> print(_json({"name": "</script>"}))
    {"name":"\u003c/script\u003e"}
    """
    text = json.dumps(data, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return re.sub("[<>&\u2028\u2029\ud800-\udfff]", lambda m: f"\\u{ord(m[0]):04x}", text)


@cache
def _leaflet(name: str) -> str:
    """Leaflet's script or style without anything that fetches or leads out of the page."""
    text = asset(f"leaflet/{name}")
    if name.endswith(".css"):
        text = re.sub(r"/\*.*?\*/", "", text, flags=re.DOTALL)
        return re.sub(r"[^;{}]*url\([^)]*\)[^;{}]*;?", "", text)
    for found, instead in CUTS:
        text = text.replace(found, instead)
    return text
