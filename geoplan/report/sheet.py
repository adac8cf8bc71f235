"""The sheet of paper: page, styles and page numbers of official documents, or those of the user's own."""

from __future__ import annotations

import copy
import io
import math
import zipfile
from dataclasses import dataclass, replace
from typing import Any, Literal

import docx
from docx.document import Document
from docx.opc.exceptions import OpcError
from docx.oxml import parse_xml
from docx.oxml.ns import nsdecls, qn

from geoplan.errors import InputError, Problem

#: Twips of a point and of a millimetre.
PT, MM = 20, 1440 / 25.4
#: A4, and its margins: top, right, bottom and left of the printed area of 156 by 225 mm. [mm]
PAPER_MM, MARGINS_MM = (210.0, 297.0), (37.0, 26.0, 35.0, 28.0)
#: Margins of a fold-out, and where its header and page number stand. [mm]
FOLD_MARGIN_MM, FOLD_ENDS_MM = 15.0, 6.0
#: Characters of a line; where header and page number stand. [mm]
CHARACTERS, HEADER_MM, FOOTER_MM = 28, 15.0, 24.0
#: What the space between letters is changed by for that many on a line of 156 mm. [twips]
TIGHT = math.floor(156.0 * MM / CHARACTERS - 16.0 * PT)
#: Font of letters and figures.
LATIN = "Times New Roman"
#: How a page lies: as it is, on its side, or as a fold-out of twice its width.
Lie = Literal["upright", "turned", "folded"]


@dataclass(frozen=True)
class Style:
    """A style of the report where the user's template has none of its name.

    Attributes
    ----------
    name : str
        As Word stores it.
    font, size_pt : str, float
        Font of Chinese characters. [pt]
    line_pt : float
        Fixed line spacing; 0 for that of the font. [pt]
    outline : int
        Level of a heading; 0 for none.
    tight : bool
        Whether letters stand so close that 28 of them make a line.
    """

    name: str
    font: str = "仿宋_GB2312"
    size_pt: float = 16.0
    line_pt: float = 28.0
    align: str = "both"
    indent_characters: float = 0.0
    before_pt: float = 0.0
    after_pt: float = 0.0
    keep_next: bool = False
    outline: int = 0
    tight: bool = False
    base: str = "Normal"

    @property
    def id(self) -> str:
        """Its id in a document of ours."""
        return IDS.get(self.name, self.name.title().replace(" ", ""))


#: Ids of styles with Chinese names.
IDS = {
    "表格文字": "TableText", "单位行": "UnitLine", "表注": "TableNote", "图片": "Picture",
    "附件标记": "AnnexMark", "附件标题": "AnnexTitle", "目录标题": "ContentsTitle", "toc 1": "TOC1",
    "封面说明": "CoverNote",
}  # fmt: skip

_HEADING = Style("heading 1", indent_characters=2, keep_next=True, align="left")
_SMALL = Style("表格文字", size_pt=12, line_pt=0, align="center")
STYLES = (
    Style("Normal"),
    Style("Title", font="方正小标宋简体", size_pt=22, line_pt=36, align="center", before_pt=28, after_pt=14),
    replace(_HEADING, name="heading 1", font="黑体", outline=1),
    replace(_HEADING, name="heading 2", font="楷体_GB2312", outline=2),
    replace(_HEADING, name="heading 3", outline=3),
    Style("Body Text", indent_characters=2, tight=True),
    Style("caption", font="黑体", size_pt=12, line_pt=22, align="center", before_pt=6),
    _SMALL,
    replace(_SMALL, name="单位行", align="right", keep_next=True),
    replace(_SMALL, name="表注", size_pt=10.5, align="left", before_pt=2, after_pt=2),
    replace(_SMALL, name="图片", before_pt=8, keep_next=True),
    Style("附件标记", font="黑体", align="left", keep_next=True),
    Style(
        "附件标题",
        font="方正小标宋简体",
        size_pt=18,
        line_pt=32,
        align="center",
        after_pt=6,
        keep_next=True,
        outline=1,
    ),
    Style("封面说明", font="黑体", line_pt=0, align="center", after_pt=6),
    Style("目录标题", font="黑体", align="center", before_pt=14, after_pt=6),
    Style("toc 1", line_pt=24, align="left"),
)


@dataclass(frozen=True)
class Paper:
    """An empty document with its page and its styles.

    Attributes
    ----------
    document : Document
    ids : mapping of str to str
        Id of each style by its name.
    section : element
        Page setup that every part of the report starts from.
    """

    document: Document
    ids: dict[str, str]
    section: Any

    def laid(self, lie: Lie) -> Any:
        """Page setup of a part: as it is, on its side with its margins, or a fold-out with narrow ones."""
        section = copy.deepcopy(self.section)
        size, margins = section.find(qn("w:pgSz")), section.find(qn("w:pgMar"))
        width, height = size.get(qn("w:w")), size.get(qn("w:h"))
        if lie != "upright":
            size.set(qn("w:orient"), "landscape")
        if lie == "turned":
            size.set(qn("w:w"), height)
            size.set(qn("w:h"), width)
            sides = ("top", "right", "bottom", "left")
            old = {side: margins.get(qn(f"w:{side}")) for side in sides}
            for side, other in zip(sides, ("left", "top", "right", "bottom"), strict=True):
                margins.set(qn(f"w:{side}"), old[other])
            footer = int(margins.get(qn("w:footer")) or 0)
            margins.set(qn("w:footer"), str(min(footer, round(int(old["right"]) * 0.6))))
        if lie == "folded":
            short, long = sorted((int(width), int(height)))
            size.set(qn("w:w"), str(2 * short))
            size.set(qn("w:h"), str(long))
            for side in ("top", "right", "bottom", "left"):
                margins.set(qn(f"w:{side}"), str(round(FOLD_MARGIN_MM * MM)))
            for end in ("header", "footer"):
                margins.set(qn(f"w:{end}"), str(round(FOLD_ENDS_MM * MM)))
        return section

    def room(self, lie: Lie = "upright") -> tuple[float, float]:
        """Width and height of the printed area. [pt]"""
        section = self.laid(lie)
        size, margins = section.find(qn("w:pgSz")), section.find(qn("w:pgMar"))
        width, height = (int(size.get(qn(f"w:{side}"))) for side in ("w", "h"))
        top, right, bottom, left = (
            abs(int(margins.get(qn(f"w:{side}")))) for side in ("top", "right", "bottom", "left")
        )
        return (width - left - right) / PT, (height - top - bottom) / PT


def official_paper() -> Paper:
    """An empty document as GB/T 9704 lays it out."""
    document = docx.Document()
    _empty(document)
    ids = {style.name: style.id for style in STYLES}
    for style in STYLES:
        _put(document, style, ids)
    section = document.sections[0]._sectPr
    for child in list(section):
        if child.tag in (qn("w:pgSz"), qn("w:pgMar"), qn("w:cols"), qn("w:docGrid")):
            section.remove(child)
    for text in _page():
        section.append(parse_xml(text))
    _page_numbers(document)
    _language(document)
    return Paper(document, ids | {"Table Grid": "TableGrid"}, copy.deepcopy(section))


def template_paper(content: bytes, *, file: str = "") -> Paper:
    """The user's own document without its body: her page, headers, footers and styles.

    Parameters
    ----------
    content : bytes
        A .docx file.
    file : str
        Its name, for the refusal.

    Raises
    ------
    InputError
        It is no Word document that can be read.
    """
    try:
        document = docx.Document(io.BytesIO(content))
    except (OpcError, KeyError, ValueError, zipfile.BadZipFile, OSError, SyntaxError) as error:
        raise InputError(
            Problem(
                "is not a Word document that can be read",
                file=file,
                remedy="open it in Word or WPS, save it as .docx and name that file",
            )
        ) from error
    section = copy.deepcopy(document.sections[-1]._sectPr)
    _complete(section)
    _empty(document)
    hers = {
        style.find(qn("w:name")).get(qn("w:val")).lower(): style.get(qn("w:styleId"))
        for style in document.styles.element.findall(qn("w:style"))
        if style.find(qn("w:name")) is not None
    }
    ids = {style.name: hers.get(style.name.lower(), style.id) for style in STYLES}
    for style in STYLES:
        if style.name.lower() not in hers:
            _put(document, style, ids)
    if "table grid" not in hers:
        document.styles.element.append(parse_xml(_GRID))
    return Paper(document, ids | {"Table Grid": hers.get("table grid", "TableGrid")}, section)


#: The plain table with all its lines, for a template that has none.
_GRID = (
    f'<w:style {nsdecls("w")} w:type="table" w:styleId="TableGrid"><w:name w:val="Table Grid"/><w:tblPr>'
    "<w:tblBorders>"
    + "".join(
        f'<w:{side} w:val="single" w:sz="4" w:space="0" w:color="auto"/>'
        for side in ("top", "left", "bottom", "right", "insideH", "insideV")
    )
    + "</w:tblBorders></w:tblPr></w:style>"
)


def _empty(document: Document) -> None:
    """Take the body away, down to the page setup of its last part."""
    body = document.element.body
    for child in list(body):
        if child.tag != qn("w:sectPr"):
            body.remove(child)


def _complete(section: Any) -> None:
    """A part of a template starts a page and counts on; a page setup that says nothing gets ours."""
    for tag in ("w:type", "w:titlePg"):
        for child in section.findall(qn(tag)):
            section.remove(child)
    for child in section.findall(qn("w:pgNumType")):
        child.attrib.pop(qn("w:start"), None)
    if section.find(qn("w:pgSz")) is None or section.find(qn("w:pgMar")) is None:
        for child in (*section.findall(qn("w:pgSz")), *section.findall(qn("w:pgMar"))):
            section.remove(child)
        size, margins, *_ = _page()
        section.append(parse_xml(size))
        section.append(parse_xml(margins))
    for ours in map(parse_xml, _page()[:2]):
        hers = section.find(ours.tag)
        for key, length in ours.attrib.items():
            hers.set(key, _twips(hers.get(key), otherwise=length))


def _twips(length: str | None, *, otherwise: str) -> str:
    """A length as a whole number, which some programs do not write; ours where it is none. [twip]

    Examples
    --------
    >>> _twips("1133.85", otherwise="0"), _twips("2cm", otherwise="2098"), _twips(None, otherwise="2098")
    ('1134', '2098', '2098')
    """
    try:
        return str(round(float(length or "")))
    except (ValueError, OverflowError):
        return otherwise


def _page() -> tuple[str, ...]:
    """Paper, margins, columns and grid of an official page."""
    width, height = (round(mm * MM) for mm in PAPER_MM)
    top, right, bottom, left = (round(mm * MM) for mm in MARGINS_MM)
    ends = f'w:header="{round(HEADER_MM * MM)}" w:footer="{round(FOOTER_MM * MM)}" w:gutter="0"'
    w = nsdecls("w")
    return (
        f'<w:pgSz {w} w:w="{width}" w:h="{height}"/>',
        f'<w:pgMar {w} w:top="{top}" w:right="{right}" w:bottom="{bottom}" w:left="{left}" {ends}/>',
        f'<w:cols {w} w:space="425"/>',
    )


def _put(document: Document, style: Style, ids: dict[str, str]) -> None:
    """Write a style in the place of one of the same name."""
    styles = document.styles.element
    for old in styles.findall(qn("w:style")):
        name = old.find(qn("w:name"))
        if name is not None and name.get(qn("w:val")).lower() == style.name.lower():
            styles.remove(old)
    styles.append(parse_xml(_style_xml(style, ids)))


def _style_xml(style: Style, ids: dict[str, str]) -> str:
    normal = style.name == "Normal"
    default = 'w:default="1" ' if normal else "" if style.name.isascii() else 'w:customStyle="1" '
    line = (
        f'w:line="{round(style.line_pt * PT)}" w:lineRule="exact"'
        if style.line_pt
        else 'w:line="240" w:lineRule="auto"'
    )
    indent = round(style.indent_characters * 100)
    twips = round(style.indent_characters * style.size_pt * PT)
    before, after = round(style.before_pt * PT), round(style.after_pt * PT)
    latin = f'w:ascii="{LATIN}" w:hAnsi="{LATIN}" w:cs="{LATIN}"'
    parts = [
        f'<w:style {nsdecls("w")} w:type="paragraph" {default}w:styleId="{ids[style.name]}">',
        f'<w:name w:val="{style.name}"/>',
        "" if normal else f'<w:basedOn w:val="{ids[style.base]}"/>',
        "<w:qFormat/><w:pPr>",
        "<w:keepNext/>" if style.keep_next else "",
        "" if style.line_pt else '<w:snapToGrid w:val="0"/>',
        f'<w:spacing w:before="{before}" w:after="{after}" {line}/>',
        f'<w:ind w:firstLineChars="{indent}" w:firstLine="{twips}"/>' if indent else "",
        f'<w:jc w:val="{style.align}"/>',
        f'<w:outlineLvl w:val="{style.outline - 1}"/>' if style.outline else "",
        f'</w:pPr><w:rPr><w:rFonts {latin} w:eastAsia="{style.font}"/>',
        '<w:color w:val="000000"/>',
        f'<w:spacing w:val="{TIGHT}"/>' if style.tight else "",
        f'<w:kern w:val="2"/><w:sz w:val="{round(style.size_pt * 2)}"/>',
        f'<w:szCs w:val="{round(style.size_pt * 2)}"/></w:rPr></w:style>',
    ]
    return "".join(parts)


def _page_numbers(document: Document) -> None:
    """— 1 —, outside: right on odd pages, left on even ones, one character from the edge."""
    document.settings.odd_and_even_pages_header_footer = True
    section = document.sections[0]
    for footer, align, side in (
        (section.footer, "right", "right"),
        (section.even_page_footer, "left", "left"),
    ):
        footer.is_linked_to_previous = False
        paragraph = footer.paragraphs[0]._p
        old = paragraph.getparent()
        new = parse_xml(
            f'<w:p {nsdecls("w")}><w:pPr><w:snapToGrid w:val="0"/><w:spacing w:line="240" w:lineRule="auto"/>'
            f'<w:ind w:{side}Chars="100" w:{side}="280"/><w:jc w:val="{align}"/></w:pPr>'
            + "".join(_footer_run(text) for text in ("— ", "", " —"))
            + "</w:p>"
        )
        old.replace(paragraph, new)


def _footer_run(text: str) -> str:
    """A piece of the page number; an empty one is the number itself."""
    font = '<w:rPr><w:rFonts w:ascii="宋体" w:hAnsi="宋体" w:eastAsia="宋体"/><w:sz w:val="28"/></w:rPr>'
    if text:
        return f'<w:r>{font}<w:t xml:space="preserve">{text}</w:t></w:r>'
    parts = (
        '<w:fldChar w:fldCharType="begin"/>',
        '<w:instrText xml:space="preserve"> PAGE </w:instrText>',
        '<w:fldChar w:fldCharType="separate"/>',
        "<w:t>1</w:t>",
        '<w:fldChar w:fldCharType="end"/>',
    )
    return "".join(f"<w:r>{font}{part}</w:r>" for part in parts)


def _language(document: Document) -> None:
    """Chinese for the spelling, and no fonts of the theme in the place of ours."""
    defaults = document.styles.element.find(qn("w:docDefaults"))
    for run in defaults.iter(qn("w:rPr")):
        for child in list(run):
            if child.tag in (qn("w:lang"), qn("w:rFonts")):
                run.remove(child)
        run.append(parse_xml(f'<w:lang {nsdecls("w")} w:val="en-US" w:eastAsia="zh-CN" w:bidi="ar-SA"/>'))
