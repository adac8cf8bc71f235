"""The coverage map: one page that opens by double click, or a fragment of another page, without a network.

Nothing of the input ever becomes markup or script: it travels as escaped JSON in
an element of data, and the page's script shows it by ``textContent`` only. The
page's script and its copy of Leaflet live inside one function, so that a fragment
leaves no name in the page that it becomes part of.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any, Unpack

import folium
from branca.element import Element

from geoplan.mapdata import PageOptions, asset, packed, page_data
from geoplan.model import Plan

#: The page's own script, in the order in which its parts build on each other.
SCRIPTS = (
    "symbols.js", "sheet.js", "pipes.js", "base.js", "marks.js", "labels.js", "filter.js", "totals.js",
    "panel.js", "legend.js", "search.js", "measure.js", "export.js", "print.js", "page.js", "start.js",
)  # fmt: skip

#: What in Leaflet could fetch something, lead out of the page or stay in it, and what stands there instead.
CUTS = (
    ("//# sourceMappingURL=leaflet.js.map", ""),
    ('href="https://leafletjs.com" ', ""),
    ("https://leafletjs.com", "leafletjs.com"),
    ("data:image/gif;base64,R0lGODlhAQABAAD/ACwAAAAAAQABAAACADs=", ""),
    # Listeners are kept on the window, where a second map would take those of the first for its own.
    ('E="_leaflet_events"', 'E=Symbol("listeners")'),
    (",window.L);t.noConflict=function(){return window.L=Xi,this},window.L=t", ",null)"),
)


class MapOptions(PageOptions, total=False):
    """What a map may be told; see `coverage_html`."""

    embed: bool
    strict_csp: bool


#: What the page itself hands to its function.
OWN = "document, document.body, document.getElementById('gp-data').textContent"


def coverage_html(
    plan: Plan, *, embed: bool = False, strict_csp: bool = False, **options: Unpack[PageOptions]
) -> str:
    """The map of the route of every village, the same bytes for the same plan.

    Parameters
    ----------
    plan : Plan
        Tables in a metric CRS. Layers that are missing are not drawn.
    embed : bool
        A fragment instead of a page: put it into any page as it is. It lives in
        a shadow tree of its own, takes the width it is given and the height that
        the page sets for ``.geoplan-map``, and touches neither styles nor names
        around it; several, also equal ones, may share a page. In an
        ``<iframe src>`` both the page and the fragment work.
    strict_csp : bool
        The page names the SHA-256 of its script and its style instead of
        allowing any that stand in it. Of a fragment, whose page decides, the
        hash of the script is named in a comment.
    lang : {"zh", "en"}
        Language of headings and labels; reasons keep that of the plan.
    tianditu_token : str, optional
        Own key of 天地图. With it the page asks that server for tiles, and works
        without reaching it; otherwise nothing ever leaves the page.
    public : bool
        The version for the public, see `geoplan.public.public_plan`.

    Returns
    -------
    str
        One HTML document, or a fragment.

    Raises
    ------
    InputError
        If `lang` is not known.
    TypeError
        `plan` is no plan, or there is no such option.
    """
    _refuse(plan, options, known=MapOptions, name="coverage_html")
    data = page_data(plan, **options)
    return _fragment(data, strict=strict_csp) if embed else _document(data, strict=strict_csp)


def coverage_map(plan: Plan, **options: Unpack[PageOptions]) -> folium.Map:
    """The map as one of folium, to show in a notebook or to add to.

    Parameters
    ----------
    plan, lang, tianditu_token, public
        As for `coverage_html`.

    Returns
    -------
    folium.Map
        Nothing but Leaflet of folium's assets is kept, and that is inlined.

    Raises
    ------
    InputError
        If the language is not known.
    TypeError
        `plan` is no plan, or there is no such option.
    """
    _refuse(plan, options, known=PageOptions, name="coverage_map")
    data = page_data(plan, **options)
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


def _refuse(plan: Any, options: Mapping[str, Any], *, known: type, name: str) -> None:
    """Stop at what is no plan, and at an option that there is not, in the words of the caller."""
    if not isinstance(plan, Plan):
        remedy = "read one with geoplan.read_plan(folder), or make one with geoplan.assign(county)"
        raise TypeError(f"{name}() draws a Plan, got {type(plan).__name__} {plan!r:.60}; {remedy}")
    names = known.__annotations__
    wrong = [option for option in options if option not in names]
    if wrong:
        raise TypeError(f"{name}() has no option {wrong[0]!r}; it knows {', '.join(sorted(names))}")


class _Verbatim(Element):  # type: ignore[misc]  # branca has no types
    """A part of the page, written as it is; branca's own strings are compiled as templates, twice."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.text = text

    def render(self, **_: Any) -> str:
        """Return the text."""
        return self.text


class _Page(Element):  # type: ignore[misc]
    """Child of folium's map that brings style, skeleton, data and script into the document."""

    def __init__(self, data: Mapping[str, Any]) -> None:
        super().__init__()
        self.data = data

    def render(self, **_: Any) -> str:
        """Add the parts to the figure; nothing is left to print here."""
        figure = self.get_root()
        # Folium and whatever is added to its map look for Leaflet outside of our function.
        library = f"<script>var L = {_leaflet()};</script>"
        head = {"policy": _security(self.data["tiles"]), "style": f"<style>{_style()}</style>"}
        for name, text in {**head, "library": library}.items():
            figure.header.add_child(_Verbatim(text), name=f"coverage_{name}")
        figure.html.add_child(_Verbatim(asset("webmap/page.html")), name="coverage_page", index=0)
        figure.html.add_child(_Verbatim(_embedded(self.data)), name="coverage_data")
        script = _program(f"{OWN}, {self._parent.get_name()}", library="window.L")
        figure.script.add_child(_Verbatim(script), name="coverage_script")
        return ""


def _document(data: Mapping[str, Any], *, strict: bool) -> str:
    """A page of its own."""
    style, script = _style(), _program(OWN, library=_leaflet())
    hashes = (script, style) if strict else ()
    return (
        f'<!DOCTYPE html>\n<html lang="{"zh-CN" if data["lang"] == "zh" else "en"}">\n<head>\n'
        '<meta charset="utf-8">\n<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"{_security(data['tiles'], *hashes)}\n<title>{data['words']['brand']}</title>\n"
        f"<style>{style}</style>\n</head>\n<body>\n{asset('webmap/page.html')}"
        f'<div id="gp-map" class="folium-map"></div>\n{_embedded(data)}\n'
        f"<script>{script}</script>\n</body>\n</html>\n"
    )


def _fragment(data: Mapping[str, Any], *, strict: bool) -> str:
    """A part of another page."""
    # No id of the fragment's own: it may stand twice in a page.
    content = f'<script type="application/json">{packed(data)}</script>'
    key = hashlib.sha256(content.encode()).hexdigest()[:12]
    script = _program(f"...{_arrow('embed.js')}('{key}')", library=_leaflet())
    said = f"<!-- Content-Security-Policy: script-src {_sha256(script)} -->\n" if strict else ""
    style = _style() + asset("webmap/embed.css")
    return (
        f'<div class="geoplan-map" data-map="{key}">\n<template><style>{style}</style>\n'
        f'<div class="gp gp-inline">\n{asset("webmap/page.html")}'
        f'<div id="gp-map" class="folium-map"></div>\n</div></template>\n{content}\n</div>\n'
        f"{said}<script>{script}</script>\n"
    )


def _program(arguments: str, *, library: str) -> str:
    """The one function of the page, called."""
    scripts = "".join(asset(f"webmap/{name}") for name in SCRIPTS)
    return (
        f'(function (ROOT, HOST, DATA, MAP) {{\n"use strict";\nconst L = {library};\n{scripts}'
        f"start(DATA, MAP);\n}})({arguments});"
    )


def _arrow(name: str) -> str:
    """A script that is a single function, as an expression."""
    return f"({asset(f'webmap/{name}').strip()})"


def _embedded(data: Mapping[str, Any]) -> str:
    return f'<script type="application/json" id="gp-data">{packed(data)}</script>'


def _security(tiles: Sequence[str], *hashed: str) -> str:
    """What the page may fetch: nothing, or the images of the tile server; and which script may run."""
    images = "img-src https://*.tianditu.gov.cn; " if tiles else ""
    script, style = map(_sha256, hashed) if hashed else ("'unsafe-inline'", "'unsafe-inline'")
    rules = f"default-src 'none'; {images}script-src {script}; style-src {style}; base-uri 'none'"
    return f'<meta http-equiv="Content-Security-Policy" content="{rules}">'


def _sha256(text: str) -> str:
    """The hash of an element's text, as a content-security policy names it."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


@cache
def _leaflet() -> str:
    """Leaflet as an expression, without anything that fetches, leads out of the page or stays in it."""
    text = asset("leaflet/leaflet.js")
    for found, instead in CUTS:
        text = text.replace(found, instead)
    licence = asset("leaflet/LICENSE")
    return f"(function (exports, module) {{\n/*!\n{licence}*/\n{text}\nreturn exports;\n}})({{}}, {{}})"


@cache
def _style() -> str:
    """Leaflet's style, without its images, and the page's own."""
    text = re.sub(r"/\*.*?\*/", "", asset("leaflet/leaflet.css"), flags=re.DOTALL)
    return re.sub(r"[^;{}]*url\([^)]*\)[^;{}]*;?", "", text) + asset("webmap/page.css")
