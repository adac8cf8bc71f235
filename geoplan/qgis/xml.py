"""Symbols, labels and renderers in the XML of QGIS."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from xml.etree import ElementTree as ET

Element = ET.Element

#: Text and thin outlines.
INK = "#2f3b45"
#: One pixel of the coverage map. [mm]
PX_MM = 25.4 / 96.0
#: Font of Chinese Windows; elsewhere QGIS takes its own.
FONT = "Microsoft YaHei"
#: Where labels go, as QGIS numbers it.
PLACEMENTS = {"around": "6", "inside": "1", "along": "3"}


def element(tag: str, *children: Element, text: str | None = None, **attributes: str) -> Element:
    """An element with children, a text and attributes.

    Examples
    --------
    >>> ET.tostring(element("a", element("b", text="<"), id="1"), encoding="unicode")
    '<a id="1"><b>&lt;</b></a>'
    """
    made = ET.Element(tag, attributes)
    made.extend(children)
    made.text = text
    return made


def text_of(root: Element) -> str:
    """An element and all below it as text."""
    return ET.tostring(root, encoding="unicode") + "\n"


def quoted(text: str) -> str:
    """A text in an expression of QGIS.

    Examples
    --------
    >>> quoted("it's")
    "'it''s'"
    """
    return "'" + text.replace("'", "''") + "'"


def mixed(colour: str, other: str, share: float) -> str:
    """A colour on its way to another, from 0 to 1.

    Examples
    --------
    >>> mixed("#000000", "#ffffff", 0.5)
    '#808080'
    """
    parts = [(int(colour[i : i + 2], 16), int(other[i : i + 2], 16)) for i in (1, 3, 5)]
    return "#" + "".join(f"{int(a * (1 - share) + b * share + 0.5):02x}" for a, b in parts)


def rgba(colour: str | None, opacity: float = 1.0) -> str:
    """A colour as QGIS writes it; None cannot be seen.

    Examples
    --------
    >>> rgba("#ff0080", 0.5), rgba(None)
    ('255,0,128,128', '0,0,0,0')
    """
    if colour is None:
        return "0,0,0,0"
    red, green, blue = (int(colour[i : i + 2], 16) for i in (1, 3, 5))
    return f"{red},{green},{blue},{round(opacity * 255)}"


def pale(colour: str) -> bool:
    """Whether white on a colour cannot be read.

    Examples
    --------
    >>> pale("#9cc6f0"), pale("#d3231c")
    (True, False)
    """
    return sum(int(colour[i : i + 2], 16) for i in (1, 3, 5)) > 480


def symbol(kind: str, *layers: Element) -> Element:
    """A symbol of the kind ``marker``, ``line`` or ``fill``, the lower layer first."""
    return element("symbol", *layers, type=kind, alpha="1", clip_to_extent="1", force_rhr="0")


def marker(
    *,
    shape: str,
    colour: str | None,
    size: float,
    outline: str,
    width: float,
    angle: float = 0.0,
    dynamic: Mapping[str, str] | None = None,
) -> Element:
    """A sign on a point; size and width of the outline in mm, `dynamic` holds expressions by property."""
    fixed = {
        "name": shape,
        "angle": f"{angle:g}",
        "color": rgba(colour),
        "size": f"{size:g}",
        "size_unit": "MM",
        "outline_color": rgba(outline),
        "outline_style": "solid",
        "outline_width": f"{width:g}",
        "outline_width_unit": "MM",
        "joinstyle": "miter",
    }
    return _layer("SimpleMarker", fixed, dynamic or {})


def line(
    *,
    colour: str,
    width: float,
    dash: Sequence[float] | None = None,
    level: int = 0,
    widths: str = "",
) -> Element:
    """A stroke; widths and dashes in pixels of the coverage map, `widths` is an expression for them."""
    flat = bool(dash)
    fixed = {
        "line_color": rgba(colour),
        "line_style": "solid",
        "line_width": f"{width * PX_MM:.3f}",
        "line_width_unit": "MM",
        "capstyle": "flat" if flat else "round",
        "joinstyle": "round",
        **_dashes(dash),
    }
    dynamic = {"outlineWidth": f"({widths}) * {PX_MM:.5f}"} if widths else {}
    return _layer("SimpleLine", fixed, dynamic, level=level)


def fill(
    *,
    colour: str,
    width: float,
    dash: Sequence[float] | None,
    inside: str | None,
    opacity: float,
) -> Element:
    """An area with an outline; a dashed outline without an inside is a line."""
    if inside is None:
        outline = {
            "line_color": rgba(colour),
            "line_style": "solid",
            "line_width": f"{width * PX_MM:.3f}",
            "line_width_unit": "MM",
            "joinstyle": "round",
            **_dashes(dash),
        }
        return _layer("SimpleLine", outline, {})
    fixed = {
        "color": rgba(inside, opacity),
        "style": "solid",
        "outline_color": rgba(colour),
        "outline_style": "dot" if dash else "solid",
        "outline_width": f"{width * PX_MM:.3f}",
        "outline_width_unit": "MM",
        "joinstyle": "round",
    }
    return _layer("SimpleFill", fixed, {})


def _dashes(dash: Sequence[float] | None) -> dict[str, str]:
    if not dash:
        return {"use_custom_dash": "0"}
    pattern = ";".join(f"{part * PX_MM:.3f}" for part in dash)
    return {"use_custom_dash": "1", "customdash": pattern, "customdash_unit": "MM"}


def _layer(kind: str, fixed: Mapping[str, str], dynamic: Mapping[str, str], *, level: int = 0) -> Element:
    """One layer of a symbol. The pairs are of the older form, which every QGIS 3 reads."""
    pairs = [element("prop", k=key, v=value) for key, value in fixed.items()]
    rules = [
        element(
            "Option",
            element("Option", name="active", type="bool", value="true"),
            element("Option", name="expression", type="QString", value=expression),
            element("Option", name="type", type="int", value="3"),
            name=key,
            type="Map",
        )
        for key, expression in dynamic.items()
    ]
    layer = element("layer", *pairs, enabled="1", locked="0")
    layer.set("class", kind)
    layer.set("pass", str(level))
    if rules:
        layer.append(
            element(
                "data_defined_properties",
                element(
                    "Option",
                    element("Option", name="name", type="QString", value=""),
                    element("Option", *rules, name="properties", type="Map"),
                    element("Option", name="type", type="QString", value="collection"),
                    type="Map",
                ),
            )
        )
    return layer


def category(value: str, label: str, number: int) -> Element:
    """A row of the legend: a value, its label and the number of its symbol."""
    return element("category", value=value, label=label, symbol=str(number), render="true", type="string")


def renderer(
    symbols: Sequence[Element], categories: Sequence[Element] = (), *, by: str = "", order: str = ""
) -> Element:
    """One symbol for all, or one for each value of a column.

    With an `order` features with larger values are drawn first, else the lower
    strokes of all features, so that crossing lines join.
    """
    for number, one in enumerate(symbols):
        one.set("name", str(number))
    kind = "categorizedSymbol" if by else "singleSymbol"
    made = element(
        "renderer-v2", type=kind, symbollevels="0" if order else "1", enableorderby="1" if order else "0"
    )
    if by:
        made.set("attr", by)
        made.append(element("categories", *categories))
    made.append(element("symbols", *symbols))
    if order:
        made.append(element("orderby", element("orderByClause", text=order, asc="0", nullsFirst="0")))
    return made


def labels(
    expression: str,
    *,
    size: float,
    min_scale: int,
    placement: str,
    bold: bool = False,
    colour: str = INK,
    priority: int = 5,
) -> Element:
    """Labels by an expression, with a white edge, at scales larger than 1 to `min_scale`; size in points."""
    style = element(
        "text-style",
        element(
            "text-buffer",
            bufferDraw="1",
            bufferSize="0.8",
            bufferSizeUnits="MM",
            bufferColor=rgba("#ffffff"),
            bufferOpacity="0.9",
        ),
        fieldName=expression,
        isExpression="1",
        fontFamily=FONT,
        fontSize=f"{size:g}",
        fontSizeUnit="Point",
        fontWeight="75" if bold else "50",
        namedStyle="Bold" if bold else "Regular",
        textColor=rgba(colour),
        textOpacity="1",
    )
    settings = element(
        "settings",
        style,
        element("text-format", multilineAlign="1"),
        element(
            "placement",
            placement=PLACEMENTS[placement],
            dist="0.6",
            distUnits="MM",
            offsetType="1",
            priority=str(priority),
            predefinedPositionOrder="R,L,TSR,BSR,TR,TL,BR,BL",
            placementFlags="9",
        ),
        element(
            "rendering",
            scaleVisibility="1",
            scaleMin="1",
            scaleMax=str(min_scale),
            obstacle="1",
            mergeLines="1" if placement == "along" else "0",
            drawLabels="1",
        ),
        calloutType="simple",
    )
    return element("labeling", settings, type="simple")
